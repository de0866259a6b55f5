import { until } from "@guanxi/testing";
import { inTurn, latencies, percentile, rounded } from "../measure.ts";
import { withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { type Workshop, withWorkshop } from "../workshop.ts";

/** Creates of one round, one after the other. */
const creates = 200;
/** ms between two creates, so that each finds an idle queue. */
const idleMs = 60;
/** Runs that are not over by then have stopped. */
const runsLimitMs = 600_000;

const beforeHook: Row = {
  name: "before-hook",
  measures: "what a before_create script adds to a create, p50",
  run: ({ database, settings }) =>
    withServer({ DATABASE_URL: database.url }, ({ base }) =>
      withWorkshop(base, async (workshop): Promise<Figure[]> => {
        const p50 = async (): Promise<number> => (await createThings(base, workshop, creates)).p50;
        const script = "export default async ({ record }) => { record.n = record.n + 1; };\n";
        const plain = async (): Promise<number> => {
          await p50();
          return p50();
        };
        const hooked = async (): Promise<number> => {
          await workshop.publish("hook", "before_create", script);
          await p50();
          const ms = await p50();
          await workshop.remove("hook");
          return ms;
        };
        const { first, second, rounds } = await inTurn(settings.rounds, plain, hooked);
        const detail = { withoutMs: rounded(first), withMs: rounded(second), rounds };
        return [{ row: "before-hook", unit: "ms", ours: second - first, goal: { kind: "most", value: 3 }, detail }];
      }),
    ),
};

const createThings = (base: string, { admin }: Workshop, count: number, pauseMs?: number) =>
  latencies({
    base,
    method: "POST",
    path: "/api/things",
    body: '{"name":"thing","n":1}',
    key: admin.key,
    count,
    ...(pauseMs === undefined ? {} : { pauseMs }),
  });

/** Waits until no run of the tenant is on its way. */
export async function allEnded({ database }: Bench, schema: string, runs: number): Promise<void> {
  await until(
    `${runs} runs`,
    async () => {
      const [row] = await database.sql.unsafe<{ ended: number }[]>(
        `SELECT count(*)::int AS ended FROM "${schema}"._run WHERE ended_at IS NOT NULL`,
      );
      return (row?.ended ?? 0) >= runs;
    },
    runsLimitMs,
    200,
  );
  const [bad] = await database.sql.unsafe<{ error: string }[]>(
    `SELECT error::text AS error FROM "${schema}"._run WHERE status <> 'succeeded' LIMIT 1`,
  );
  if (bad) throw new Error(`a run failed: ${bad.error}`);
}

/**
 * From the change row's time, which is before its commit, to the journal's time of the first call's answer, which is after the script's
 * first line: a little more than what is asked for.
 */
const firstLine: Row = {
  name: "first-line",
  measures: "from the commit to the first call of its workflow, idle queue, p95",
  run: (bench) =>
    withServer({ DATABASE_URL: bench.database.url }, ({ base }) =>
      withWorkshop(base, async (workshop): Promise<Figure[]> => {
        const script = "export default async ({ record, crm }) => { await crm.records('thing').get(record.id); };\n";
        await workshop.publish("first", "created", script);
        await createThings(base, workshop, 20, idleMs);
        await createThings(base, workshop, creates, idleMs);
        await allEnded(bench, workshop.schema, creates + 20);
        const rows = await bench.database.sql.unsafe<{ ms: number }[]>(
          `SELECT j.at - extract(epoch FROM c.at)::float8 * 1000 AS ms FROM "${workshop.schema}"._journal j
           JOIN "${workshop.schema}"._run r ON r.id = j.run JOIN "${workshop.schema}"._change c ON c.seq = r.event
           WHERE j.seq = 1 ORDER BY c.seq OFFSET 20`,
        );
        const ms = rows.map((r) => r.ms);
        const detail = { p50: rounded(percentile(ms, 0.5)), p99: rounded(percentile(ms, 0.99)), runs: ms.length };
        return [
          { row: "first-line", unit: "ms", ours: percentile(ms, 0.95), goal: { kind: "most", value: 60 }, detail },
        ];
      }),
    ),
};

export const scriptRows: readonly Row[] = [beforeHook, firstLine];
