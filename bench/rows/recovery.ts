import { until } from "@guanxi/testing";
import { latencies, percentile, rounded } from "../measure.ts";
import { sleep } from "../../test/support/processes.ts";
import { startServer, withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { type Workshop, withWorkshop } from "../workshop.ts";
import { allEnded } from "./scripts.ts";

const longRuns = 8;
/** Reads one record again and again, some seconds long, well within the limit of calls. */
const long =
  "export default async ({ record, crm }) => { for (let i = 0; i < 1500; i++) await crm.records('thing').get(record.id); };\n";

interface Held {
  readonly id: string;
  readonly attempt: number;
}

const takeOver: Row = {
  name: "take-over",
  measures: "from the death of a worker to the last of its runs going on in another",
  run: (bench) =>
    withServer({ DATABASE_URL: bench.database.url, GUANXI_ROLE: "api" }, ({ base }) =>
      withWorkshop(base, async (workshop): Promise<Figure[]> => {
        const { sql } = bench.database;
        await workshop.publish("long", "created", long);
        const seconds: number[] = [];
        for (let round = 1; round <= bench.settings.rounds; round++) {
          const env = { DATABASE_URL: bench.database.url, GUANXI_ROLE: "worker" };
          const first = await startServer(env);
          await workshop.things(longRuns);
          const held = await until("runs", async () => {
            const rows = await sql.unsafe<Held[]>(
              `SELECT id, attempt FROM "${workshop.schema}"._run WHERE status = 'running'`,
            );
            return rows.length > 0 ? [...rows] : undefined;
          });
          const second = await startServer(env);
          try {
            await first.kill();
            seconds.push(await goneOn(bench, workshop, held));
            await allEnded(bench, workshop.schema, longRuns * round);
          } finally {
            await second.stop();
          }
        }
        const detail = { rounds: seconds.map((s) => rounded(s)) };
        return [{ row: "take-over", unit: "s", ours: Math.max(...seconds), goal: { kind: "most", value: 5 }, detail }];
      }),
    ),
};

/** Seconds from now until each of the runs has ended or is held in a further attempt. */
async function goneOn({ database }: Bench, { schema }: Workshop, held: readonly Held[]): Promise<number> {
  const died = performance.now();
  await until(
    "another worker",
    async () => {
      const rows = await database.sql.unsafe<(Held & { status: string })[]>(
        `SELECT id, attempt, status FROM "${schema}"._run WHERE id = ANY ($1::uuid[])`,
        [held.map((h) => h.id)],
      );
      return rows.every((r) => r.status === "succeeded" || r.attempt > (held.find((h) => h.id === r.id)?.attempt ?? 0));
    },
    60_000,
    20,
  );
  return (performance.now() - died) / 1_000;
}

const sleepers = 200;
const sleepSeconds = 3;

/** Behind the time that the wait was for, by the journal of the wait: when its answer was given to the script. */
const timers: Row = {
  name: "timers",
  measures: `how late crm.sleep ends, ${sleepers} runs that wait ${sleepSeconds} s, p95`,
  run: (bench) =>
    withServer({ DATABASE_URL: bench.database.url }, ({ base }) =>
      withWorkshop(base, async (workshop): Promise<Figure[]> => {
        await workshop.publish(
          "wait",
          "created",
          `export default async ({ crm }) => { await crm.sleep("${sleepSeconds}s"); };\n`,
        );
        await workshop.things(sleepers);
        await allEnded(bench, workshop.schema, sleepers);
        const rows = await bench.database.sql.unsafe<{ ms: number }[]>(
          `SELECT (at - (args::json ->> 'until')::float8)::float8 AS ms FROM "${workshop.schema}"._journal WHERE op = 'wait'`,
        );
        const ms = rows.map((r) => r.ms);
        if (ms.length !== sleepers || Math.min(...ms) < 0)
          throw new Error(`${ms.length} waits, the earliest ${Math.min(...ms)} ms late`);
        const detail = { p50: rounded(percentile(ms, 0.5)), max: rounded(Math.max(...ms)) };
        return [{ row: "timers", unit: "ms", ours: percentile(ms, 0.95), detail }];
      }),
    ),
};

/** What a hostile script may try; each run goes on until a limit ends it, and the next one begins. */
const attacks = {
  loop: "export default async () => { for (;;); };\n",
  memory: "export default async () => { const all = []; for (;;) all.push(new Array(100000).fill(all.length)); };\n",
  calls:
    "export default async ({ crm }) => { for (;;) await Promise.all(Array.from({ length: 32 }, () => crm.records('thing').find({ limit: 1 }))); };\n",
} as const;
/** Runs that the attack has waiting: more than end while the neighbour is measured. */
const attackRuns = 1_000;
const neighbourReads = 300;
/** s that the attack has to begin. */
const attackLeadMs = 2_000;

const neighbours: Row = {
  name: "neighbour",
  measures:
    "a tenant's reads while another tenant's scripts loop, fill memory or flood calls, as a multiple of the usual p50",
  run: (bench) =>
    withServer({ DATABASE_URL: bench.database.url }, ({ base }) =>
      withWorkshop(base, async (victim): Promise<Figure[]> => {
        await victim.things(10);
        const { body } = await victim.admin.get("/api/things?select=id");
        const picks = (body.data as { id: string }[]).map((r) => r.id);
        const read = () =>
          latencies({
            base,
            method: "GET",
            path: "/api/things/{pick}",
            picks,
            key: victim.admin.key,
            count: neighbourReads,
          });
        await read();
        const figures: Figure[] = [];
        for (const [kind, script] of Object.entries(attacks)) {
          const usual = await read();
          const attacked = await withWorkshop(base, async (attacker) => {
            await attacker.publish("attack", "created", script);
            await attacker.things(attackRuns);
            await sleep(attackLeadMs);
            return read();
          });
          const detail = { usual, attacked };
          figures.push({
            row: `neighbour ${kind}`,
            unit: "times",
            ours: attacked.p50 / usual.p50,
            goal: { kind: "most", value: 2 },
            detail,
          });
          await sleep(attackLeadMs);
        }
        return figures;
      }),
    ),
};

export const recoveryRows: readonly Row[] = [takeOver, timers, neighbours];
