import { readFileSync } from "node:fs";
import type { Observation } from "@guanxi/base";
import {
  type Job,
  type Limits,
  type Outcome,
  type Sandbox,
  type SandboxOptions,
  createSandbox,
  runLimits,
} from "../src/index.ts";

/** The smallest prelude: the script's argument is the input with a `crm` that can call and log. */
export const prelude = `(host) => (main, input) => main({
  ...input,
  crm: { call: host.call, log: (...parts) => host.log("info", ...parts) },
})`;

export const startedAt = Date.UTC(2030, 0, 1);

/** Short enough for a test of a breach, long enough for an honest slice on a busy machine. */
export const shortLimits: Limits = { ...runLimits, sliceMs: 200, cpuMs: 400 };

/** A sandbox and all it told its operator. */
export function open(options: Partial<SandboxOptions> = {}): {
  sandbox: Sandbox;
  seen: Observation[];
  pids: () => number[];
} {
  const seen: Observation[] = [];
  const sandbox = createSandbox({
    maxChildren: 4,
    spareChildren: 0,
    runsPerChild: 1_000,
    rssLimitMb: 300,
    prelude,
    observe: (o) => seen.push(o),
    ...options,
  });
  return { sandbox, seen, pids: () => seen.flatMap((o) => (o.kind === "sandbox_started" ? [o.pid] : [])) };
}

/** Answers every call with its own arguments, a second later on the run's clock. */
export const echo: Job["onCall"] = async ({ id, args }) => ({ ok: true, value: args, at: startedAt + id * 1_000 });

let jobs = 0;

export function job(code: string, more: Partial<Job> = {}): Job {
  return {
    tenant: "acme",
    id: `run-${++jobs}`,
    code,
    filename: "flow.ts",
    input: "{}",
    seed: "seed",
    startedAt,
    history: [],
    onCall: echo,
    limits: shortLimits,
    ...more,
  };
}

/** The body of an async script that has `crm`. */
export const script = (body: string): string => `export default async ({ crm, ...input }) => { ${body} }`;

/** The result as a value; throws with the whole outcome when the run did not succeed. */
export function resultOf(outcome: Outcome): unknown {
  if (outcome.status !== "done") throw new Error(`the run ended so: ${JSON.stringify(outcome)}`);
  return JSON.parse(outcome.result);
}

export function errorOf(outcome: Outcome) {
  if (outcome.status !== "failed") throw new Error(`the run should have failed: ${JSON.stringify(outcome)}`);
  return outcome.error;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export async function until(what: string, holds: () => boolean, limitMs = 5_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The processes that a process has started and that still run; undefined where the system does not tell. */
export function childrenOf(pid: number): number[] | undefined {
  if (process.platform !== "linux") return undefined;
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}
