import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Node, type TenantOf, createDatabase, createNode, createTenant, pause, until } from "./support.ts";

let database: Awaited<ReturnType<typeof createDatabase>>;
let node: Node;
let busy: TenantOf & { user: string };
let calm: TenantOf & { user: string };

beforeAll(async () => {
  database = await createDatabase();
  node = await createNode(database.url);
  [busy, calm] = [await createTenant(node), await createTenant(node)];
  await node.startWorker();
  for (const tenant of [busy, calm])
    await tenant.publish("trivial", { on: "created", when: "stage == 'go'", script: "export default async ({ record }) => record.title.length;" });
});
afterAll(async () => {
  await node.close();
  await database.drop();
});

const counts = async (tenant: TenantOf): Promise<Record<string, number>> => {
  const rows = await node.store.sql<{ status: string; n: number }>(`SELECT status, count(*)::int AS n FROM t_${tenant.id}._run GROUP BY status`);
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
};

async function createMany(tenant: TenantOf, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1_000) {
    const values = Array.from({ length: Math.min(1_000, count - done) }, (_, i) => ({ title: `n${done + i}`, stage: "go" }));
    await node.kernel.records.createMany(await tenant.session(), "deal", values);
  }
}

describe("under load", () => {
  test("a tenant with thousands of runs delays another's single run by less than a second, and loses none", async () => {
    await calm.create({ title: "warm", stage: "go" });
    await calm.ended("trivial");
    const started = performance.now();
    await createMany(busy, 3_000);
    const delays: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { id } = await calm.create({ title: `single ${i}`, stage: "go" });
      const run = await until(async () => (await calm.runs("trivial")).find((r) => r.record === id && r.ended_at !== null));
      delays.push(Date.parse(run.ended_at!) - Date.parse(run.created_at));
    }
    const halfway = (await counts(busy))["succeeded"] ?? 0;
    await until(async () => ((await counts(busy))["succeeded"] ?? 0) === 3_000, 60_000, 50);
    const seconds = (performance.now() - started) / 1_000;
    console.log(`${Math.round(3_000 / seconds)} runs/s; delays of another tenant: ${delays.toSorted((a, b) => a - b).join(" ")} ms; busy had done ${halfway}`);
    expect(await counts(busy)).toEqual({ succeeded: 3_000 });
    expect(halfway).toBeLessThan(3_000);
    expect(delays.toSorted((a, b) => a - b).at(-1)).toBeLessThan(1_000);
  }, 90_000);

  test("positions in the feed are dense and follow the order of each record's changes", async () => {
    const { id } = await calm.create({ title: "f" });
    await Promise.all(Array.from({ length: 60 }, (_, i) => calm.update(id, { count: i })));
    await until(async () => (await node.store.sql(`SELECT FROM t_${calm.id}._change WHERE NOT dispatched LIMIT 1`)).length === 0);
    const rows = await node.store.sql<{ pos: number; version: number; record: string }>(`SELECT pos, version, record FROM t_${calm.id}._change ORDER BY pos`);
    expect(rows.map((row) => row.pos)).toEqual(rows.map((_, i) => i + 1));
    const versions = rows.filter((row) => row.record === id).map((row) => row.version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  test("a sleep ends on time", async () => {
    await calm.publish("nap", { on: "created", when: "stage == 'nap'", script: "export default async ({ crm }) => { await crm.sleep('700ms'); };" });
    await calm.create({ title: "n", stage: "nap" });
    const run = await calm.ended("nap");
    const wait = run.journal.find((call) => call.op === "wait")!;
    const late = Date.parse(wait.at) - (wait.args as { until: number }).until;
    console.log(`late by ${late} ms`);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(300);
  });

  test("an idle process asks the database little", async () => {
    await pause(4_000);
    const statements = async (): Promise<number> => {
      const [row] = await node.store.sql<{ n: number }>("SELECT (xact_commit + xact_rollback)::int AS n FROM pg_stat_database WHERE datname = current_database()");
      return row!.n;
    };
    const before = await statements();
    await pause(6_000);
    const perSecond = ((await statements()) - before - 1) / 6;
    console.log(`${perSecond.toFixed(2)} transactions/s when idle`);
    expect(perSecond).toBeLessThan(2);
  }, 20_000);
});
