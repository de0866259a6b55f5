// What scenarios see of their effects.
import { type Api, until } from "@guanxi/testing";
import { expect } from "vitest";
import { body } from "../support.ts";
import { type Cluster, publish } from "./cluster.ts";

/** Everything that a scenario started has ended within this time, on a machine that others load too. */
export const settleLimitMs = 240_000;

export const say = (text: string): void => console.log(`    ${text}`);
export const since = (started: number): number => Math.round(performance.now() - started);

/** Of a workflow on leads: what each lead of this company has for effects, by its name. */
export async function effects({ app }: Cluster, company: string): Promise<Map<string, string[]>> {
  const rows = await app.store.sql<{ name: string; titles: string }>(
    `SELECT l.last_name AS name, coalesce(json_agg(t.title ORDER BY t.title) FILTER (WHERE t.id IS NOT NULL), '[]')::text AS titles
     FROM t_demo.lead l LEFT JOIN t_demo.task t ON t.lead = l.id WHERE l.company = $1 GROUP BY l.id, l.last_name`,
    [company],
  );
  expect(new Set(rows.map((row) => row.name)).size, "leads with the same name").toBe(rows.length);
  return new Map(rows.map(({ name, titles }) => [name, JSON.parse(titles) as string[]]));
}

/** Runs on leads of this company by status. */
export async function statuses({ app }: Cluster, company: string): Promise<Record<string, number>> {
  const rows = await app.store.sql<{ status: string; runs: number }>(
    `SELECT r.status, count(*)::int AS runs FROM t_demo._run r JOIN t_demo.lead l ON l.id = r.record WHERE l.company = $1 GROUP BY r.status`,
    [company],
  );
  return Object.fromEntries(rows.map(({ status, runs }) => [status, runs]));
}

/** Waits until `count` runs have succeeded and none is left; fails when one has failed. */
export async function settled(cluster: Cluster, company: string, count: number): Promise<void> {
  await until(
    `${count} runs of ${company} to succeed`,
    async () => {
      const now = await statuses(cluster, company);
      expect(now["failed"] ?? 0, "failed runs").toBe(0);
      return now["succeeded"] === count && Object.keys(now).length === 1;
    },
    settleLimitMs,
    100,
  );
}

/** Every lead of `names` is there and has had each effect once; nothing else is there. */
export async function exactlyOnce(
  cluster: Cluster,
  company: string,
  names: Iterable<string>,
  titles: string[],
): Promise<void> {
  const found = await effects(cluster, company);
  expect([...found.keys()].toSorted()).toEqual([...names].toSorted());
  const wrong = [...found].filter(([, of]) => JSON.stringify(of) !== JSON.stringify(titles));
  expect(wrong).toEqual([]);
}

/** Creates leads, some at a time, by the callers in turn; none may be refused. */
export async function createLeads(callers: readonly Api[], company: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `lead ${i}`);
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++)
      body(await (callers[i % callers.length] as Api).post("/api/leads", { last_name: names[i], company }), 201);
  };
  await Promise.all(Array.from({ length: 8 }, client));
  return names;
}

/** Creates leads by as few requests as may be, so that their runs wait for their turn. */
export async function createTogether(api: Api, company: string, count: number): Promise<string[]> {
  const leads = Array.from({ length: count }, (_, i) => ({ last_name: `lead ${i}`, company }));
  for (let done = 0; done < count; done += 500) body(await api.post("/api/leads", leads.slice(done, done + 500)), 200);
  return leads.map((lead) => lead.last_name);
}

/** What a lead of the workflow `once` has for effects. */
export const once = ["after", "before"];
const onceLines = (sleepText: string): string => `
  const tasks = crm.records("task");
  await tasks.create({ title: "before", lead: record.id });
  await crm.sleep("${sleepText}");
  await tasks.create({ title: "after", lead: record.id });`;

/** The workflows of all scenarios. */
export async function prepare(cluster: Cluster): Promise<void> {
  const api = cluster.on(0);
  await publish(api, "once", "company.startsWith('once ')", onceLines("1s"));
  await publish(
    api,
    "wake",
    "company.startsWith('wake ')",
    `await crm.until(record.first_name); await crm.records("task").create({ title: "awake", lead: record.id });`,
  );
  // Long enough to be under way when something happens to its worker.
  await publish(
    api,
    "slow",
    "company.startsWith('slow ')",
    `for (let i = 0; i < 8; i++) await crm.records("lead").get(record.id);
     await crm.records("task").create({ title: "slow", lead: record.id });`,
  );
}
