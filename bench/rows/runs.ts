import { spawnSync } from "node:child_process";
import { median, rounded } from "../measure.ts";
import { freePort } from "../../test/support/processes.ts";
import { startChild, startServer, withServer } from "../processes.ts";
import type { Bench, Figure, Row } from "../row.ts";
import { deleteTenant } from "../world.ts";
import { openWorkshop, trivial, type Workshop } from "../workshop.ts";
import { allEnded } from "./scripts.ts";

const manyTenants = 100;

/** Workshops whose things start a trivial run each. */
async function workshops(base: string, count: number): Promise<Workshop[]> {
  const made: Workshop[] = [];
  for (let i = 0; i < count; i++) {
    const workshop = await openWorkshop(base);
    await workshop.publish("trivial", "created", trivial);
    made.push(workshop);
  }
  return made;
}

/** Runs of these workshops from the first start to the last end, per second, by the database's clock. */
async function rateOf({ database }: Bench, shops: readonly Workshop[], since: string): Promise<number> {
  const all = shops
    .map(({ schema }) => `SELECT started_at, ended_at FROM "${schema}"._run WHERE created_at >= $1`)
    .join(" UNION ALL ");
  const [row] = await database.sql.unsafe<{ runs: number; seconds: number }[]>(
    `SELECT count(*)::int AS runs, extract(epoch FROM max(ended_at) - min(started_at))::float8 AS seconds FROM (${all}) r`,
    [since],
  );
  return (row?.runs ?? 0) / (row?.seconds ?? 1);
}

/** Lets changes wait while no worker is there, then starts one; → the median rate of several rounds. */
async function measureRuns(
  bench: Bench,
  env: Readonly<Record<string, string>>,
  tenants: number,
): Promise<{ rate: number; rounds: number[] }> {
  const { settings, database } = bench;
  const each = Math.max(1, Math.floor(settings.runs / tenants));
  return withServer({ ...env, GUANXI_ROLE: "api" }, async ({ base }) => {
    const shops = await workshops(base, tenants);
    try {
      const rounds: number[] = [];
      for (let round = 1; round <= settings.rounds; round++) {
        for (const shop of shops) await shop.things(each);
        const [now] = await database.sql<{ now: string }[]>`SELECT now()::text AS now`;
        const worker = await startServer({ ...env, GUANXI_ROLE: "worker" });
        try {
          for (const { schema } of shops) await allEnded(bench, schema, each * round);
        } finally {
          await worker.stop();
        }
        rounds.push(await rateOf(bench, shops, now?.now ?? ""));
      }
      return { rate: median(rounds), rounds: rounds.map((r) => rounded(r)) };
    } finally {
      for (const { tenant } of shops) await deleteTenant(base, tenant);
    }
  });
}

const embedded: Row = {
  name: "runs",
  measures: "trivial workflow runs per second, all waiting when the worker starts, the queue in PostgreSQL",
  async run(bench): Promise<Figure[]> {
    const { rate, rounds } = await measureRuns(bench, { DATABASE_URL: bench.database.url }, 1);
    return [{ row: "runs", unit: "/s", ours: rate, goal: { kind: "least", value: 250 }, detail: { rounds } }];
  },
};

const onRedis: Row = {
  name: "runs-redis",
  measures: "the same with the queue in Redis, where redis-server is installed",
  async run(bench): Promise<Figure[]> {
    const found = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
    if (found.error !== undefined || found.status !== 0) {
      bench.say("runs-redis is left out: there is no redis-server");
      return [];
    }
    const port = await freePort();
    const plain = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    const redis = await startChild("redis-server", plain, {}, /[Rr]eady to accept connections/);
    try {
      const env = { DATABASE_URL: bench.database.url, REDIS_URL: `redis://127.0.0.1:${port}` };
      const { rate, rounds } = await measureRuns(bench, env, 1);
      const detail = { rounds, redis: /v=(\S+)/.exec(found.stdout)?.[1] };
      return [{ row: "runs-redis", unit: "/s", ours: rate, goal: { kind: "least", value: 400 }, detail }];
    } finally {
      await redis.stop();
    }
  },
};

const interleaved: Row = {
  name: "runs-tenants",
  measures: `trivial runs of ${manyTenants} tenants at once, against those of one`,
  async run(bench): Promise<Figure[]> {
    const env = { DATABASE_URL: bench.database.url };
    const one = await measureRuns(bench, env, 1);
    const many = await measureRuns(bench, env, manyTenants);
    return [
      {
        row: "runs-tenants",
        unit: "/s",
        ours: many.rate,
        floor: one.rate,
        goal: { kind: "ratio", value: 0.5 },
        detail: { oneTenant: one.rounds, manyTenants: many.rounds, tenants: manyTenants },
      },
    ];
  },
};

export const runRows: readonly Row[] = [embedded, onRedis, interleaved];
