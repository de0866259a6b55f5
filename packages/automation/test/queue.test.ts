import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Queue, type QueueJob, createQueue } from "../src/index.ts";
import { createDatabase, pause, until } from "./support.ts";

const backends = [
  { name: "PostgreSQL", redisUrl: undefined },
  ...(process.env["GUANXI_TEST_REDIS_URL"] ? [{ name: "Redis", redisUrl: process.env["GUANXI_TEST_REDIS_URL"] }] : []),
];

describe.each(backends)("queue on $name", ({ redisUrl }) => {
  const opened: Queue[] = [];
  let database: Awaited<ReturnType<typeof createDatabase>>;
  beforeAll(async () => {
    database = await createDatabase();
  });
  afterAll(() => database.drop());

  let count = 0;
  const namespace = () => `queue_${process.pid}_${Date.now().toString(36)}_${count++}`;

  function open(name: string): Queue {
    const queue = createQueue({
      postgres: database.url,
      ...(redisUrl === undefined ? {} : { redisUrl }),
      namespace: name,
      observe: (o) => (o.kind === "background_failed" ? undefined : expect(o).toBeUndefined()),
    });
    opened.push(queue);
    return queue;
  }

  afterEach(async () => {
    for (const queue of opened.splice(0)) await queue.close();
  });

  const noGap = () => expect.unreachable("the queue has lost nothing");
  const work = (tenant: string): QueueJob => ({ kind: "work", tenant });

  test("hands every job to one handler of one process", async () => {
    const name = namespace();
    const [a, b] = [open(name), open(name)];
    const seen: string[] = [];
    for (const queue of [a, b])
      await queue.process(
        async (job) => {
          seen.push(job.tenant);
        },
        2,
        noGap,
      );
    const tenants = Array.from({ length: 40 }, (_, i) => `t${i}`);
    await a.add(tenants.map(work));
    await until(() => seen.length >= 40);
    expect(seen.toSorted()).toEqual(tenants.toSorted());
  });

  test("a job that waits is not added again; one added while its handler runs is not lost", async () => {
    const queue = open(namespace());
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    await queue.add([work("busy"), work("busy"), work("busy")]);
    await queue.process(
      async (job) => {
        seen.push(job.tenant);
        if (seen.length === 1) await gate.promise;
      },
      1,
      noGap,
    );
    await until(() => seen.length === 1);
    await queue.add([work("busy")]);
    await queue.add([work("busy")]);
    gate.resolve();
    await until(() => seen.length === 2);
    await pause(200);
    expect(seen).toEqual(["busy", "busy"]);
  });

  test("first come, first served, however often one tenant asks", async () => {
    const queue = open(namespace());
    const seen: string[] = [];
    const gate = Promise.withResolvers<void>();
    await queue.process(
      async (job) => {
        if (job.tenant === "gate") return gate.promise;
        seen.push(job.tenant);
        if (job.tenant === "hog" && seen.length < 20) await queue.add([work("hog")]);
      },
      1,
      noGap,
    );
    await queue.add([work("gate")]);
    await queue.add([work("hog"), work("hog"), work("hog"), work("small")]);
    gate.resolve();
    await until(() => seen.includes("small") && seen.length >= 4);
    expect(seen.indexOf("small")).toBe(1);
  });

  /** ms by which checks come after their time. The machine may be busy with other tests, so the best of them tells what the queue can do. */
  async function lateness(queue: Queue, seen: Map<string, number>, delays: readonly number[]): Promise<number[]> {
    const due = new Map(delays.map((ms) => [`d${ms}`, Date.now() + ms]));
    const jobs = [...due].map(([tenant, at]): QueueJob => ({ kind: "check", tenant, at }));
    for (const job of [...jobs, ...jobs]) await queue.add([job]);
    await until(() => jobs.every(({ tenant }) => seen.has(tenant)));
    return [...due].map(([tenant, at]) => seen.get(tenant)! - at);
  }

  test("checks come on time, never early and once, also while everything else is idle or far away", async () => {
    const queue = open(namespace());
    const seen = new Map<string, number>();
    let calls = 0;
    await queue.add([{ kind: "check", tenant: "far", at: Date.now() + 3_600_000 }]);
    await queue.process(
      async ({ tenant }) => {
        calls++;
        seen.set(tenant, Date.now());
      },
      2,
      noGap,
    );
    await pause(300);
    const late = await lateness(queue, seen, [400, 900, 1_500]);
    await pause(150);
    expect(Math.min(...late)).toBeGreaterThanOrEqual(-1);
    expect(Math.min(...late)).toBeLessThan(1_000);
    expect(Math.max(...late)).toBeLessThan(10_000);
    expect(calls).toBe(3);
    expect(seen.has("far")).toBe(false);
  });

  test("a handler that throws gets its job again", async () => {
    const queue = open(namespace());
    let calls = 0;
    await queue.process(
      async () => {
        calls++;
        if (calls === 1) throw new Error("not now");
      },
      1,
      noGap,
    );
    await queue.add([work("a")]);
    await until(() => calls === 2);
    expect(calls).toBe(2);
  });

  test.skipIf(redisUrl === undefined)("tells once that it was emptied, and goes on", async () => {
    const name = namespace();
    const [queue, other] = [open(name), open(name)];
    let gaps = 0;
    const seen: string[] = [];
    await queue.process(
      async (job) => void seen.push(job.tenant),
      1,
      () => void gaps++,
    );
    await other.add([{ kind: "check", tenant: "far", at: Date.now() + 3_600_000 }]);
    await pause(1_500);
    expect(gaps).toBe(0);
    const redis = new Redis(redisUrl ?? "");
    await redis.del(...(await redis.keys(`${name}:*`)));
    redis.disconnect();
    await until(() => gaps > 0, 5_000);
    await other.add([work("a")]);
    await until(() => seen.length === 1);
    await pause(1_500);
    expect([gaps, seen]).toEqual([1, ["a"]]);
  });

  test("stop waits for the handler under way and takes no further job", async () => {
    const queue = open(namespace());
    const events: string[] = [];
    const worker = await queue.process(
      async (job) => {
        events.push(`start ${job.tenant}`);
        await pause(200);
        events.push(`end ${job.tenant}`);
      },
      1,
      noGap,
    );
    await queue.add([work("a"), work("b")]);
    await until(() => events.length === 1);
    await worker.stop();
    expect(events).toEqual(["start a", "end a"]);
  });
});

test("a queue whose tables are gone is asked some times a second, not as fast as it can answer", async () => {
  const database = await createDatabase();
  const faults: string[] = [];
  const queue = createQueue({
    postgres: database.url,
    namespace: "gone",
    observe: (o) => void faults.push(o.kind),
  });
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  let gone = false;
  await queue.add(["a", "b", "c"].map((tenant) => ({ kind: "work", tenant })));
  await queue.process(
    async () => {
      if (!gone) await sql`ALTER SCHEMA gone RENAME TO went`;
      gone = true;
    },
    1,
    () => undefined,
  );
  await until(() => faults.length > 0, 20_000);
  const before = faults.length;
  await pause(1_000);
  const seen = faults.length - before;
  await queue.close();
  await sql.end();
  await database.drop();
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThan(20);
});

test("a queue that is not there keeps nobody waiting, and neither does its end", async () => {
  const observed: string[] = [];
  const queue = createQueue({
    postgres: "postgres://127.0.0.1:1/none",
    // Nobody listens on the port that nobody may use.
    redisUrl: "redis://127.0.0.1:1",
    observe: (o) => void observed.push(o.kind),
  });
  const started = performance.now();
  const worker = await queue.process(
    async () => {},
    1,
    () => {},
  );
  expect(worker.fault()).toBeDefined();
  await queue.add([{ kind: "work", tenant: "a" }]);
  await queue.add([{ kind: "work", tenant: "b" }]);
  await worker.stop();
  await queue.close();
  expect(performance.now() - started).toBeLessThan(20_000);
  expect(observed).toContain("connection_lost");
});
