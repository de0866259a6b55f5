import { ask, cpuSeconds } from "./processes.ts";
import type { LatencyPlan, Latencies, LoadPlan, LoadResult } from "./load.ts";
import type { Bench } from "./row.ts";

/** The value below which `share` of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new Error("no values were measured");
  return value;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** What one side of a comparison is asked, without how long; `pid` is its server's process. */
export type Side = Omit<LoadPlan, "connections" | "seconds"> & { readonly pid: number };

/** One round of one side. CPU in ms per request: that hardly depends on what else the machine does. */
interface Round extends LoadResult {
  readonly serverCpuMs: number;
  readonly databaseCpuMs: number;
}

async function load(
  side: Side,
  bounds: Pick<LoadPlan, "connections" | "seconds">,
  databasePid: number,
): Promise<Round> {
  const used = async () => ({ server: await cpuSeconds(side.pid), database: await cpuSeconds(databasePid) });
  const before = await used();
  const result = await ask<LoadResult>("load.ts", { mode: "load", ...side, ...bounds });
  const after = await used();
  const each = (what: "server" | "database"): number =>
    rounded(((after[what] - before[what]) * 1_000) / (result.perSecond * bounds.seconds), 3);
  return {
    ...result,
    perSecond: rounded(result.perSecond),
    serverCpuMs: each("server"),
    databaseCpuMs: each("database"),
  };
}

/** Latencies of requests sent one after the other. */
export const latencies = (plan: LatencyPlan): Promise<Latencies> =>
  ask<Latencies>("load.ts", { mode: "latency", ...plan });

export interface Compared {
  /** Requests per second, the median of the rounds. */
  readonly ours: number;
  readonly floor: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Warms both sides up, then loads them in turn. */
export async function compare(
  ours: Side,
  floor: Side,
  { settings, database }: Pick<Bench, "settings" | "database">,
  most = settings.connections,
): Promise<Compared> {
  const connections = Math.min(most, settings.connections);
  const run = (side: Side, seconds: number) => load(side, { connections, seconds }, database.pid);
  for (const side of [ours, floor]) await run(side, settings.warmup);
  const rounds: { ours: Round; floor: Round }[] = [];
  for (let round = 0; round < settings.rounds; round++)
    rounds.push({ ours: await run(ours, settings.seconds), floor: await run(floor, settings.seconds) });
  const rate = (side: "ours" | "floor"): number => median(rounds.map((r) => r[side].perSecond));
  return { ours: rate("ours"), floor: rate("floor"), detail: { connections, rounds } };
}

/** Rounds of two kinds of work in turn; → each one's median. */
export async function inTurn(
  rounds: number,
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<{ first: number; second: number; rounds: { first: number; second: number }[] }> {
  const seen: { first: number; second: number }[] = [];
  for (let i = 0; i < rounds; i++) seen.push({ first: await first(), second: await second() });
  return { first: median(seen.map((s) => s.first)), second: median(seen.map((s) => s.second)), rounds: seen };
}
