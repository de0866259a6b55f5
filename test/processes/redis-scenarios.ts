// What becomes of the work when Redis forgets or is gone.
import { q, until } from "@guanxi/testing";
import { expect } from "vitest";
import { sleep } from "../support/processes.ts";
import { body } from "../support.ts";
import { type Cluster, mark } from "./cluster.ts";
import {
  createLeads,
  createTogether,
  exactlyOnce,
  once,
  say,
  settled,
  settleLimitMs,
  since,
  statuses,
} from "./evidence.ts";
import { Load } from "./load.ts";

/** Redis forgets everything while runs wait for their turn and others sleep: all are found and done, once. */
export async function redisEmptied(cluster: Cluster, count: number): Promise<void> {
  const [slow, asleep] = [mark("slow"), mark("once")];
  const names = await createLeads([cluster.on(0), cluster.on(1)], asleep, Math.ceil(count / 10));
  const slowNames = await createTogether(cluster.on(1), slow, count);
  await until(
    "some to be done",
    async () => ((await statuses(cluster, slow))["succeeded"] ?? 0) > count / 10,
    settleLimitMs,
    10,
  );
  expect(await cluster.redis?.command("FLUSHALL")).toBe("+OK");
  const emptied = performance.now();
  const left = (await statuses(cluster, slow))["queued"] ?? 0;
  expect(left, "runs that still wait").toBeGreaterThan(0);
  const noticed = await until(
    "work to be queued again",
    async () => Number((await cluster.redis?.command("DBSIZE"))?.slice(1)) > 3 && since(emptied),
    30_000,
    5,
  );
  await settled(cluster, slow, count);
  await settled(cluster, asleep, names.length);
  await exactlyOnce(cluster, slow, slowNames, ["slow"]);
  await exactlyOnce(cluster, asleep, names, once);
  say(
    `Redis emptied with ${left} of ${count} runs queued: queued again after ${noticed} ms, all done after ${since(emptied)} ms`,
  );
}

/** Redis forgets everything when nothing is under way: who sleeps wakes on time all the same. */
export async function redisEmptiedAtRest(cluster: Cluster): Promise<void> {
  const company = mark("wake");
  const due = Date.now() + 6_000;
  body(
    await cluster.on(0).post("/api/leads", { last_name: "sleeper", first_name: new Date(due).toISOString(), company }),
    201,
  );
  await until("it to sleep", async () => (await statuses(cluster, company))["waiting"] === 1, 20_000, 20);
  await cluster.redis?.command("FLUSHALL");
  await settled(cluster, company, 1);
  const late = Date.now() - due;
  say(`a sleeper of an emptied Redis woke ${late} ms after it was due`);
  expect(late).toBeLessThan(15_000);
}

/** Redis is gone for a while: requests are served meanwhile, workers end cleanly and stay well, and work goes on afterwards. */
export async function redisGone(cluster: Cluster, goneMs: number): Promise<void> {
  const redis = cluster.redis;
  if (!redis) throw new Error("this scenario is about Redis");
  await createLeads([cluster.on(0)], mark("once"), 5);
  await redis.stop();
  const stopped = performance.now();
  const load = new Load(cluster.on("balancer"), 2, 20);
  const lead = body(await cluster.on(0).get(`/api/leads${q({ limit: 1 })}`), 200).data[0].id as string;
  const byHand = { name: "by_hand", object: "lead", on: "manual", script: "export default async () => 1;" };
  body(await cluster.on(0).put("/api/meta/workflows/by_hand", byHand), 201);
  const { run } = body(await cluster.on(1).post("/api/workflows/by_hand/start", { record: lead }), 202);
  say(`without Redis a workflow was started by hand within ${since(stopped)} ms`);
  await until("the worker to say so", async () => !(await cluster.workers[0].healthy()), 20_000, 50);
  expect(await cluster.workers[0].end("SIGTERM"), cluster.workers[0].log()).toEqual({ code: 0, signal: null });
  await sleep(Math.max(0, goneMs - since(stopped)));
  await load.stop();
  expect(load.faults).toEqual([]);
  await redis.start();
  const back = performance.now();
  cluster.workers[0] = await cluster.workers[0].again();
  await settled(cluster, load.company, load.acknowledged.length);
  await exactlyOnce(cluster, load.company, load.acknowledged, once);
  const ended = async (): Promise<boolean> =>
    body(await cluster.on(0).get(`/api/runs/${run}`), 200).status === "succeeded";
  await until("the run that was started by hand", ended, 30_000, 50);
  for (const worker of cluster.workers) await until("the worker to be well", () => worker.healthy(), 30_000, 50);
  say(
    `Redis gone for ${goneMs} ms: ${load.requests} requests answered meanwhile, all effects ${since(back)} ms after its return`,
  );
}
