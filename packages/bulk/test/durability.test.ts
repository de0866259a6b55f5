import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createTestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Bench, body, counts, ended, type Job, send, startBench } from "./support.ts";

const script = fileURLToPath(new URL("./worker-child.ts", import.meta.url));
const running = new Set<ChildProcess>();

function start(...args: string[]): ChildProcess {
  // As `npm start` runs the server.
  const child = spawn(process.execPath, ["--max-semi-space-size=16", script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** What the process says first. */
async function firstWords(child: ChildProcess): Promise<string> {
  const died = once(child, "exit").then(([code]) =>
    Promise.reject(new Error(`the process ended with ${String(code)}`)),
  );
  const said = child.stdout ? await Promise.race([once(child.stdout, "data"), died]) : [];
  died.catch(() => undefined);
  return String(said[0]);
}

let bench: Bench;
beforeAll(async () => {
  bench = await startBench({ worker: false });
});
afterAll(async () => {
  for (const child of running) child.kill("SIGKILL");
  await bench.close();
});

const jobOf = async (id: string): Promise<Job> => body(await bench.admin.get(`/api/jobs/${id}`), 200) as Job;

test("a worker is killed in the middle: another goes on within seconds, and every row is there once", async () => {
  const total = 40_000;
  const refused = total / 1_000;
  const rows = Array.from({ length: total }, (_, i) => (i % 1_000 === 7 ? `,k${i}` : `killed ${i},k${i}`));
  const { id } = body(await send(bench, "deals", `title,external_id\n${rows.join("\n")}\n`), 202) as Job;
  const first = start(bench.databaseUrl);
  const second = start(bench.databaseUrl);
  await Promise.all([firstWords(first), firstWords(second)]);
  await until("the job to be under way", async () => (await jobOf(id)).processed >= 1_000, 20_000, 10);
  // Whichever of the two has it: killing one after the other strikes the holder in the middle of its work once at least.
  first.kill("SIGKILL");
  await once(first, "exit");
  const atFirst = (await jobOf(id)).processed;
  await until(
    "the job to go on",
    async () => (await jobOf(id)).processed >= Math.min(atFirst + 1_000, total),
    10_000,
    10,
  );
  const third = start(bench.databaseUrl);
  await firstWords(third);
  const before = await jobOf(id);
  expect(before.ended_at).toBeNull();
  second.kill("SIGKILL");
  await once(second, "exit");
  const stopped = (await jobOf(id)).processed;
  await until("the survivor to go on", async () => (await jobOf(id)).processed > stopped, 20_000, 20);
  const job = await ended(bench, id);
  third.kill("SIGKILL");
  expect(job.status).toBe("finished");
  expect(counts(job)).toEqual([total, total, total - refused, 0, 0, refused]);
  const [stored] = await bench.store.sql<{ rows: number; names: number; changes: number }>(
    `SELECT count(*) AS rows, count(DISTINCT external_id) AS names,
       (SELECT count(*) FROM t_demo._change WHERE cause ->> 'job' = $1) AS changes FROM t_demo.deal WHERE title LIKE 'killed %'`,
    [id],
  );
  expect(stored).toEqual({ rows: total - refused, names: total - refused, changes: total - refused });
  expect((await bench.admin.get(`/api/jobs/${id}/errors`)).text.trimEnd().split("\r\n")).toHaveLength(refused + 1);
}, 120_000);

test("a running job that is cancelled stops, and what it had done stays", async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `cancelled ${i}`);
  const { id } = body(await send(bench, "deals", `title\n${rows.join("\n")}\n`), 202) as Job;
  const worker = await createTestApp({ worker: true, on: bench });
  await until("the job to be under way", async () => (await jobOf(id)).processed > 0, 10_000, 5);
  const cancelled = body(await bench.admin.post(`/api/jobs/${id}/cancel`), 200) as Job;
  expect(cancelled.status).toBe("cancelled");
  expect(cancelled.processed).toBeLessThan(20_000);
  // The worker is free for the next job, and adds nothing to the cancelled one.
  const next = body(await send(bench, "deals", "title\nafter the cancelled\n"), 202) as Job;
  expect(counts(await ended(bench, next.id))).toEqual([1, 1, 1, 0, 0, 0]);
  const [stored] = await bench.store.sql<{ n: number }>(
    "SELECT count(*) AS n FROM t_demo.deal WHERE title LIKE 'cancelled %'",
  );
  expect(await jobOf(id)).toEqual(cancelled);
  expect(stored?.n).toBe(cancelled.created);
  await worker.close();
}, 40_000);

test("uploads whose process died are removed", async () => {
  await bench.store.sql(
    `INSERT INTO t_demo._job (id, object_id, actor, locale, plan, status, lease_until)
     SELECT gen_random_uuid(), 1, id, 'en', '{}', 'receiving', now() - interval '1 s' FROM t_demo."user" LIMIT 1`,
  );
  expect(
    body(await bench.admin.get("/api/jobs"), 200).data.every((j: Job) => j.status !== ("receiving" as string)),
  ).toBe(true);
  const worker = await createTestApp({ worker: true, on: bench });
  await until(
    "the sweep",
    async () => (await bench.store.sql("SELECT FROM t_demo._job WHERE status = 'receiving'")).length === 0,
    10_000,
  );
  await worker.close();
});

test("memory does not grow with the file: 100,000 rows in and worked off", async () => {
  const child = start(bench.databaseUrl, "demo", "100000");
  const { job, mb } = JSON.parse(await firstWords(child)) as { job: string; mb: number };
  expect(counts(await jobOf(job))).toEqual([100_000, 100_000, 100_000, 0, 0, 0]);
  expect(mb).toBeLessThan(300);
  console.log(`100,000 rows imported in a process of ${mb} MB at most`);
}, 120_000);
