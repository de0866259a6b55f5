// What many processes must do as if they were one. Each scenario is run small with every test run and large in test/long.
import { q, until } from "@guanxi/testing";
import { expect } from "vitest";
import { body, problem } from "../support.ts";
import { type Cluster, mark } from "./cluster.ts";
import {
  createLeads,
  createTogether,
  effects,
  exactlyOnce,
  once,
  say,
  settled,
  settleLimitMs,
  since,
} from "./evidence.ts";
import { Load } from "./load.ts";
import type { Node } from "./node.ts";

/** What one node defines is used by the next request of the other, in turns. */
export async function metadataEverywhere(cluster: Cluster, rounds: number): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    const [a, b] = i % 2 === 0 ? [cluster.on(0), cluster.on(1)] : [cluster.on(1), cluster.on(0)];
    const name = `shared_${i}`;
    const path = `/api/${name}s`;
    const define = async (properties: object, more: object = {}, status = 200): Promise<void> =>
      void body(await a.put(`/api/meta/objects/${name}`, { name, type: "object", properties, ...more }), status);
    await define({ n: { type: "integer" } }, {}, 201);
    const { id } = body(await b.post(path, { n: 1 }), 201);
    await define({ n: { type: "integer" }, m: { type: "integer" } });
    expect(body(await b.patch(`${path}/${id}`, { m: i }), 200).m).toBe(i);
    const rules = { rules: [{ name: "few", when: "n > 10", message: "Too many" }] };
    await define({ n: { type: "integer" }, m: { type: "integer" } }, rules);
    problem(await b.post(path, { n: 11 }), 422, "VALIDATION");
    const script =
      "export default async ({ record, crm }) => void (await crm.records('" +
      name +
      "').update(record.id, { m: 77 }));";
    body(await a.put(`/api/meta/workflows/${name}`, { name, object: name, on: "created", script }), 201);
    const started = body(await b.post(path, { n: 2 }), 201).id;
    await until("the workflow's effect", async () => body(await a.get(`${path}/${started}`), 200).m === 77, 30_000, 20);
    expect(body(await a.get(`/api/runs${q({ workflow: name })}`), 200).data).toHaveLength(1);
  }
}

/** ms that a key which one node has revoked may still serve on the other, on a loaded machine; the message takes a few. */
const revokedWithinMs = 2_000;

/** A key that is revoked on one node is soon refused by the other; → the longest time that took, ms. */
export async function keysRevoked(cluster: Cluster, rounds: number): Promise<void> {
  const took: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const [a, b] = i % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    const { id, key } = body(await cluster.on(a).post("/api/keys", { name: `brief ${i}` }), 201);
    body(await cluster.apis[b].as(key).get("/api/me"), 200);
    body(await cluster.on(a).delete(`/api/keys/${id}`), 204);
    const revoked = performance.now();
    problem(await cluster.apis[a].as(key).get("/api/me"), 401, "UNAUTHENTICATED");
    const refused = async (): Promise<boolean> => (await cluster.apis[b].as(key).get("/api/me")).status === 401;
    await until("the key to be refused everywhere", refused, revokedWithinMs, 1);
    took.push(since(revoked));
  }
  say(`a revoked key was refused by the other node's request after ${Math.max(...took)} ms at most`);
}

const runsOf = (worker: Node): Promise<number> => worker.metric("guanxi_run_duration_seconds_count");

/** Creates by both nodes, each with a workflow that sleeps: each effect once, and both workers have had their share. */
export async function createdOnce(cluster: Cluster, count: number): Promise<void> {
  const before = await Promise.all(cluster.workers.map(runsOf));
  const company = mark("once");
  const started = performance.now();
  const names = await createLeads([cluster.on(0), cluster.on(1)], company, count);
  const created = since(started);
  await settled(cluster, company, count);
  await exactlyOnce(cluster, company, names, once);
  const after = await Promise.all(cluster.workers.map(runsOf));
  const shares = after.map((now, i) => now - (before[i] ?? 0));
  say(
    `${count} creates in ${created} ms, all effects after ${since(started)} ms, stretches of runs by worker: ${shares.join(", ")}`,
  );
  for (const share of shares) expect(share, "each worker works").toBeGreaterThan(count / 20);
}

/** Sleepers that are due at the same moment wake once, and not before. */
export async function sleepersWake(cluster: Cluster, count: number): Promise<void> {
  const company = mark("wake");
  const due = Math.ceil(Date.now() / 1_000) * 1_000 + 3_000 + count * 20;
  const leads = Array.from({ length: count }, (_, i) => ({
    last_name: `lead ${i}`,
    first_name: new Date(due).toISOString(),
    company,
  }));
  body(await cluster.on(0).post("/api/leads", leads), 200);
  await settled(cluster, company, count);
  await exactlyOnce(
    cluster,
    company,
    leads.map((lead) => lead.last_name),
    ["awake"],
  );
  const [late] = await cluster.app.store.sql<{ first: number; last: number }>(
    `SELECT (extract(epoch FROM min(t.created_at)) * 1000 - $2::float8)::float8 AS first, (extract(epoch FROM max(t.created_at)) * 1000 - $2::float8)::float8 AS last
     FROM t_demo.task t JOIN t_demo.lead l ON l.id = t.lead WHERE l.company = $1`,
    [company, due],
  );
  say(
    `${count} sleepers woke ${Math.round(late?.first ?? 0)} to ${Math.round(late?.last ?? 0)} ms after they were due`,
  );
  expect(late?.first).toBeGreaterThanOrEqual(0);
  expect(late?.last).toBeLessThan(60_000);
}

/** A worker is told to end, or is killed, with runs under way, waiting for their turn and asleep: the other one finishes all of them. */
export async function workerGone(
  cluster: Cluster,
  which: 0 | 1,
  signal: "SIGTERM" | "SIGKILL",
  count: number,
): Promise<void> {
  const [slow, asleep] = [mark("slow"), mark("once")];
  const names = await createLeads([cluster.on(0), cluster.on(1)], asleep, Math.ceil(count / 2));
  const slowNames = await createTogether(cluster.on(1), slow, count);
  const worker = cluster.workers[which];
  const { exit, held, taken } = await endWhileBusy(cluster, worker, slow, signal);
  await settled(cluster, slow, count);
  await settled(cluster, asleep, names.length);
  await exactlyOnce(cluster, slow, slowNames, ["slow"]);
  await exactlyOnce(cluster, asleep, names, once);
  if (signal === "SIGTERM") expect(exit, worker.log()).toEqual({ code: 0, signal: null });
  say(`${signal} of a worker: ${held} runs were under way at its end, the last of them went on after ${taken} ms`);
  // What a lease and a look at it take, with much to spare for a loaded machine; the promise is 5 s.
  expect(taken).toBeLessThan(20_000);
  cluster.workers[which] = await worker.again();
}

/** Ends the worker while runs are under way; → how many were held by a worker that is gone, and ms until none was. */
async function endWhileBusy({ app }: Cluster, worker: Node, company: string, signal: NodeJS.Signals) {
  await until(
    "both workers to have runs under way",
    async () =>
      (
        await app.store.sql(
          `SELECT DISTINCT r.worker FROM t_demo._run r JOIN t_demo.lead l ON l.id = r.record WHERE r.status = 'running' AND l.company = $1`,
          [company],
        )
      ).length === 2,
    30_000,
    5,
  );
  const ended = worker.end(signal);
  const started = performance.now();
  const exit = await ended;
  // Whose runs these are cannot be told from outside; those whose attempt does not change are at first the dead one's.
  const held = (): Promise<{ id: string; attempt: number }[]> =>
    app.store.sql<{ id: string; attempt: number }>(
      `SELECT r.id, r.attempt FROM t_demo._run r JOIN t_demo.lead l ON l.id = r.record WHERE r.status = 'running' AND l.company = $1`,
      [company],
    );
  const first = await held();
  const still = async (): Promise<boolean> => {
    const now = new Map((await held()).map((run) => [run.id, run.attempt]));
    return first.some((run) => now.get(run.id) === run.attempt);
  };
  await until("the runs to be taken up", async () => !(await still()), 30_000, 50);
  return { exit, held: first.length, taken: since(started) };
}

/** Every process is ended and started again, one after the other, under load and with an import: nothing is lost, doubled or refused. Clients pause for `pauseMs` after each three requests. */
export async function rollingRestart(cluster: Cluster, rows: number, pauseMs: number): Promise<void> {
  const company = mark("imported");
  const file = ["last_name,company", ...Array.from({ length: rows }, (_, i) => `row ${i},${company}`)].join("\n");
  const load = new Load(cluster.on("balancer"), 4, pauseMs);
  const started = performance.now();
  const job = body(
    await cluster.on("balancer").post("/api/import/leads", file, { "content-type": "text/csv" }),
    202,
  ).id;
  const stops: string[] = [];
  for (const nodes of [cluster.apis, cluster.workers])
    for (const which of [0, 1] as const) {
      const node = nodes[which];
      const begun = performance.now();
      expect(await node.end("SIGTERM"), node.log()).toEqual({ code: 0, signal: null });
      stops.push(`${node.role} ${since(begun)} ms`);
      nodes[which] = await node.again();
      if (node.role === "api") await cluster.balancer.takenIn(node.port);
    }
  const restarted = since(started);
  await load.stop();
  expect(load.faults).toEqual([]);
  const imported = async () => body(await cluster.on("balancer").get(`/api/jobs/${job}`), 200);
  const ended = await until(
    "the import to end",
    async () => {
      const now = await imported();
      return now.status === "finished" ? now : undefined;
    },
    settleLimitMs,
    100,
  );
  expect([ended.created, ended.rejected]).toEqual([rows, 0]);
  expect((await effects(cluster, company)).size).toBe(rows);
  await settled(cluster, load.company, load.acknowledged.length);
  await exactlyOnce(cluster, load.company, load.acknowledged, once);
  say(
    `all four restarted in ${restarted} ms under ${load.requests} requests, none of which failed; they ended after: ${stops.join(", ")}`,
  );
}
