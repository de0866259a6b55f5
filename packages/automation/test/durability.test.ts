import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { killWorkerProcesses, startWorkerProcess } from "./processes.ts";
import { type Node, type TenantOf, createDatabase, createNode, createTenant, pause, until } from "./support.ts";

/** Writes here, works elsewhere: this process has no worker, so every change reaches the workers by NOTIFY. */
let node: Node;
let tenant: TenantOf & { user: string };
let database: Awaited<ReturnType<typeof createDatabase>>;

beforeAll(async () => {
  database = await createDatabase();
  node = await createNode(database.url);
  tenant = await createTenant(node);
  await tenant.publish("long", {
    on: "created",
    when: "stage == 'long'",
    script: script("for (let i = 0; i < 400; i++) await crm.records('deal').update(record.id, { count: i });"),
  });
});
afterEach(killWorkerProcesses);
afterAll(async () => {
  await node.close();
  await database.drop();
});

const script = (body: string): string => `export default async ({ record, crm }) => {\n${body}\n}`;

describe("after kill -9", () => {
  test("a sleep goes on, on time, and what was before it does not happen again", async () => {
    await tenant.publish("sleeper", {
      on: "created",
      when: "stage == 'sleep'",
      script: script(
        "await crm.records('deal').create({ title: 'before' }); await crm.sleep('4s'); await crm.records('deal').create({ title: 'after' }); return crm.now();",
      ),
    });
    const first = await startWorkerProcess(database.url);
    await tenant.create({ title: "s", stage: "sleep" });
    const waiting = await until(async () => (await tenant.runs("sleeper")).find((run) => run.status === "waiting"));
    await first.kill("SIGKILL");
    expect(await tenant.list("title == 'after'")).toHaveLength(0);
    const second = await startWorkerProcess(database.url);
    const run = await tenant.ended("sleeper");
    expect(run).toMatchObject({ id: waiting.id, status: "succeeded" });
    const wait = run.journal.find((call) => call.op === "wait")!;
    const late = Date.parse(wait.at) - (wait.args as { until: number }).until;
    expect(late).toBeGreaterThanOrEqual(0);
    await pause(300);
    expect((await tenant.list("title == 'before' || title == 'after'")).map((d) => d.title)).toEqual([
      "before",
      "after",
    ]);
    await second.kill("SIGTERM");
  });

  test("every effect of every run happens exactly once, wherever the workers die", async () => {
    await tenant.publish("steps", {
      on: "created",
      when: "stage == 'steps'",
      script: script(`
        const deals = crm.records('deal');
        for (let step = 0; step < 4; step++) {
          const { count } = await deals.get(record.id);
          await Promise.all([deals.create({ title: record.title + '/' + step, stage: 'made' }), deals.update(record.id, { count: count + 1 })]);
          if (step === 2) await crm.sleep('100ms');
        }`),
    });
    const total = 30;
    const workers = [await startWorkerProcess(database.url), await startWorkerProcess(database.url)];
    const values = Array.from({ length: total }, (_, i) => ({ title: `r${i}`, stage: "steps", count: 0 }));
    await node.kernel.records.createMany(await tenant.session(), "deal", values);
    for (let death = 0; death < 3; death++) {
      await pause(150 + Math.random() * 250);
      await workers.shift()!.kill("SIGKILL");
      workers.push(await startWorkerProcess(database.url));
    }
    await until(
      async () => (await tenant.runs("steps")).filter((run) => run.ended_at !== null).length === total,
      20_000,
      100,
    );
    const runs = await tenant.runs("steps");
    expect(new Set(runs.map((run) => run.status))).toEqual(new Set(["succeeded"]));
    const made = (await tenant.list("stage == 'made'")).map((d) => d.title);
    expect(made.toSorted()).toEqual(
      values.flatMap(({ title }) => [0, 1, 2, 3].map((step) => `${title}/${step}`)).toSorted(),
    );
    expect(new Set((await tenant.list("stage == 'steps'")).map((d) => d.count))).toEqual(new Set([4]));
    for (const worker of workers) await worker.kill("SIGTERM");
  }, 40_000);

  test("another worker takes up a dead one's run within 5 s", async () => {
    const [first, second] = [await startWorkerProcess(database.url), await startWorkerProcess(database.url)];
    // Asleep, so that it is certain who takes the run first.
    process.kill(second.pid, "SIGSTOP");
    const { id } = await tenant.create({ title: "l", stage: "long" });
    const count = async (): Promise<number> => (await tenant.list(`id == '${id}'`))[0]!.count ?? 0;
    await until(async () => (await count()) > 20);
    await first.kill("SIGKILL");
    process.kill(second.pid, "SIGCONT");
    const killed = Date.now();
    const then = await count();
    await until(async () => (await count()) > then);
    expect(Date.now() - killed).toBeLessThan(15_000);
    const run = await tenant.ended("long");
    expect(run).toMatchObject({ status: "succeeded" });
    expect(run.attempts).toBeGreaterThan(1);
    expect((await tenant.list(`id == '${id}'`))[0]).toMatchObject({ count: 399, version: 401 });
    await second.kill("SIGTERM");
  }, 20_000);

  test("a worker that is stopped gives back what it had", async () => {
    const worker = await startWorkerProcess(database.url);
    const { id } = await tenant.create({ title: "again", stage: "long" });
    await until(async () => ((await tenant.list(`id == '${id}'`))[0]!.count ?? 0) > 20);
    await worker.kill("SIGTERM");
    const [run] = await tenant.runs("long");
    expect(["queued", "succeeded"]).toContain(run!.status);
    const again = await startWorkerProcess(database.url);
    const started = Date.now();
    await until(async () => (await tenant.runs("long"))[0]!.status === "succeeded");
    expect(Date.now() - started).toBeLessThan(15_000);
    expect((await tenant.list(`id == '${id}'`))[0]).toMatchObject({ count: 399, version: 401 });
    await again.kill("SIGTERM");
  }, 20_000);
});
