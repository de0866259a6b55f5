import { createApi } from "@guanxi/testing";
import type { CompileCost } from "../compile-cost.ts";
import type { MadeTenants } from "../make-tenants.ts";
import { percentile, rounded } from "../measure.ts";
import { ask, residentMb, withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { kept } from "../world.ts";

/** Tenants that one process makes before what is made is noted, so that a run that is cut off loses little. */
const perBatch = 50;
/** Rounds over all tenants: the first one loads each tenant, later ones load those that are not kept. */
const roundsOfAll = 2;

/** The keys of so many tenants, those of earlier runs first. */
export async function openTenants(
  { database, dataDir, say }: Bench,
  count: number,
): Promise<{ keys: string[]; msEach: number }> {
  const keys: string[] = [];
  const times: number[] = [];
  for (let from = 0; from < count; from += perBatch) {
    const to = from + perBatch;
    const batch = await kept(dataDir, `tenants-${from}`, async () => {
      const made = await ask<MadeTenants>("make-tenants.ts", { url: database.url, from, to });
      say(`${to} tenants, ${Math.round(made.msEach)} ms each`);
      return made;
    });
    keys.push(...batch.keys);
    times.push(batch.msEach);
  }
  return { keys: keys.slice(0, count), msEach: percentile(times, 0.5) };
}

const roundAndRound: Row = {
  name: "tenants",
  measures: "many tenants, one request each, round and round: memory and connections",
  async run(bench): Promise<Figure[]> {
    const { settings, database } = bench;
    const { keys, msEach } = await openTenants(bench, settings.tenants);
    const cost = await ask<CompileCost>("compile-cost.ts", { objects: 30, fields: 12, snapshots: 100 }, [
      "--expose-gc",
    ]);
    return withServer(
      { DATABASE_URL: database.url, GUANXI_DB_CONNECTIONS: String(settings.connections) },
      async ({ base, pid }) => {
        const before = await residentMb(pid);
        let [most, backends] = [before, 0];
        const times: number[] = [];
        const started = performance.now();
        const order = Array.from({ length: roundsOfAll }, () => keys).flat();
        const lane = async (): Promise<void> => {
          for (let key = order.shift(); key !== undefined; key = order.shift()) {
            const asked = performance.now();
            const { status, text } = await createApi((r) => fetch(r), key, base).get("/api/leads?limit=1");
            if (status !== 200) throw new Error(`GET /api/leads: ${status} ${text}`);
            times.push(performance.now() - asked);
            if (times.length % 50 === 0) {
              most = Math.max(most, await residentMb(pid));
              backends = Math.max(backends, await database.backends());
            }
          }
        };
        await Promise.all(Array.from({ length: settings.connections }, lane));
        const perSecond = times.length / ((performance.now() - started) / 1_000);
        const detail = {
          tenants: keys.length,
          msToMakeOne: rounded(msEach),
          perSecond: rounded(perSecond),
          p50: rounded(percentile(times, 0.5)),
          p99: rounded(percentile(times, 0.99)),
          beforeMb: rounded(before),
        };
        return [
          {
            row: "tenants memory",
            unit: "MB",
            ours: Math.max(most, await residentMb(pid)),
            goal: { kind: "most", value: 600 },
            detail,
          },
          {
            row: "tenant in memory",
            unit: "KB",
            ours: cost.kb,
            goal: { kind: "most", value: 100 },
            detail: Object.fromEntries(Object.entries(cost).map(([name, value]) => [name, rounded(value)])),
          },
          // The pool's, and some for queue and signals.
          {
            row: "tenants backends",
            unit: "connections",
            ours: backends,
            goal: { kind: "most", value: settings.connections + 8 },
          },
        ];
      },
    );
  },
};

export const tenantRows: readonly Row[] = [roundAndRound];
