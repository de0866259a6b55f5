import { q, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postmasterOf } from "./support/data-folder.ts";
import { signal, sleep } from "./support/processes.ts";
import { boot, endAll, type Server } from "./support/server.ts";

const clients = 8;
/** From the kill to the last effect of the last workflow, on a machine that is busy with much else; on an idle one it takes 10 s. */
const settleLimitMs = 90_000;
const sleepMs = 5_000;

/** What the clients were told. */
interface Told {
  readonly acknowledged: Set<string>;
  /** Answers that were no success: status and body. */
  readonly refusals: (readonly [status: number, body: string])[];
  /** Requests without any answer. */
  lost: number;
  /** When the first request after the last one that failed succeeded. */
  upAgain: number | undefined;
}

interface Lead {
  readonly id: string;
  readonly last_name: string;
}
interface Task {
  readonly title: string;
  readonly lead: string;
  readonly created_at: string;
}

let server: Server;

beforeAll(async () => {
  server = await boot();
  await publish(
    "task_of_lead",
    "company.startsWith('crash')",
    "await crm.records('task').create({ title: record.last_name, lead: record.id });",
  );
  await publish(
    "sleeper",
    "company.startsWith('sleep')",
    `const tasks = crm.records('task');
     await tasks.create({ title: 'before', lead: record.id });
     await crm.sleep('${sleepMs / 1_000}s');
     await tasks.create({ title: 'after', lead: record.id });`,
  );
});
afterAll(endAll);

async function publish(name: string, when: string, body: string): Promise<void> {
  const script = `export default async ({ record, crm }) => {\n${body}\n};`;
  const answer = await server
    .as("admin")
    .put(`/api/meta/workflows/${name}`, { name, object: "lead", on: "created", when, script });
  expect(answer.status, answer.text).toBe(201);
}

/** Every record of an object that the filter finds. */
async function all<T>(plural: string, filter: string): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const page = await server
      .as("admin")
      .get(`/api/${plural}${q({ filter, limit: 500, ...(cursor === null ? {} : { cursor }) })}`);
    expect(page.status, page.text).toBe(200);
    found.push(...(page.body.data as T[]));
    cursor = page.body.next as string | null;
  } while (cursor !== null);
  return found;
}

/** Creates leads one by one, several clients at a time, over an outage and on after it; `acknowledged` hears of every success. */
async function createLeads(creates: number, company: string, told: Told, acknowledged: () => void): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let i = next++; i < creates; i = next++) {
      const last_name = `lead ${i}`;
      const answer = await server
        .as("admin")
        .post("/api/leads", { last_name, company })
        .catch(() => undefined);
      if (answer?.status === 201) {
        told.acknowledged.add(last_name);
        told.upAgain ??= performance.now();
        acknowledged();
        continue;
      }
      if (answer === undefined) told.lost++;
      else told.refusals.push([answer.status, answer.text]);
      told.upAgain = undefined;
      // So that an outage does not use up the round.
      await sleep(500);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

const killServer = (): void => void expect(signal(server.pid, "SIGKILL")).toBe(true);
function killPostgres(): void {
  const pid = postmasterOf(server.dataDir);
  expect(pid !== undefined && signal(pid, "SIGKILL")).toBe(true);
}

const restart = async (): Promise<void> => {
  await server.exit;
  server = await server.restart();
};

/** The kill comes when a third of the creates has been acknowledged. */
const variants: readonly [what: string, creates: number, kill: () => void, recover: () => Promise<void>][] = [
  ["the server", 400, killServer, restart],
  ["PostgreSQL", 400, killPostgres, async () => {}],
  [
    "both at once",
    1_000,
    () => {
      killPostgres();
      killServer();
    },
    restart,
  ],
];

describe("kill -9 in the middle of many creates", () => {
  test.each(variants)(
    "of %s loses nothing that was acknowledged, and every workflow has its effect once",
    async (what, creates, kill, recover) => {
      const company = `crash: ${what}`;
      const sleeper = await server.as("admin").post("/api/leads", { last_name: "sleeper", company: `sleep: ${what}` });
      await until(
        "the sleeper to sleep",
        async () => (await runs("sleeper", { record: sleeper.body.id, status: "waiting" })).length === 1,
        30_000,
      );

      const told: Told = { acknowledged: new Set(), refusals: [], lost: 0, upAgain: undefined };
      let recovered: Promise<void> | undefined;
      let killedAt = 0;
      await createLeads(creates, company, told, () => {
        if (recovered !== undefined || told.acknowledged.size < creates / 3) return;
        killedAt = performance.now();
        kill();
        recovered = recover();
      });
      await recovered;

      // The outage hit requests under way, and ended while the clients still wrote.
      expect(told.lost + told.refusals.length).toBeGreaterThan(0);
      expect(told.upAgain).toBeDefined();
      expect(
        told.refusals.filter(([status]) => status !== 503),
        server.log().slice(-20_000),
      ).toEqual([]);

      const unfinished = async (): Promise<number> =>
        (await Promise.all(["queued", "running", "waiting"].map((status) => runs("", { status })))).flat().length;
      await until(
        "all workflows to end",
        async () =>
          (await unfinished()) === 0 &&
          (await count("leads", `company == '${company}'`)) === (await count("tasks", `lead.company == '${company}'`)),
        settleLimitMs - (performance.now() - killedAt),
        250,
      );
      const settledMs = performance.now() - killedAt;

      const leads = await all<Lead>("leads", `company == '${company}'`);
      const names = new Set(leads.map((lead) => lead.last_name));
      expect([...told.acknowledged].filter((name) => !names.has(name))).toEqual([]);
      expect(names.size).toBe(leads.length);
      const tasks = await all<Task>("tasks", `lead.company == '${company}'`);
      expect(tasks.map((task) => task.lead).toSorted()).toEqual(leads.map((lead) => lead.id).toSorted());

      const [before, after, ...more] = (await all<Task>("tasks", `lead == '${sleeper.body.id}'`)).toSorted((a, b) =>
        a.created_at.localeCompare(b.created_at),
      );
      expect([before?.title, after?.title, more]).toEqual(["before", "after", []]);
      expect(Date.parse(after?.created_at ?? "") - Date.parse(before?.created_at ?? "")).toBeGreaterThanOrEqual(
        sleepMs,
      );

      const outage = Math.round((told.upAgain ?? 0) - killedAt);
      console.log(
        `killed ${what}: ${told.acknowledged.size} of ${leads.length} kept were acknowledged, ${told.lost} lost, ${told.refusals.length} refused; ` +
          `writes again after ${outage} ms, all effects after ${Math.round(settledMs)} ms`,
      );
    },
    150_000,
  );
});

async function count(plural: string, filter: string): Promise<number> {
  const answer = await server.as("admin").get(`/api/${plural}/aggregate${q({ metrics: "count()", filter })}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data[0].count as number;
}

async function runs(workflow: string, filter: Record<string, string>): Promise<unknown[]> {
  const answer = await server
    .as("admin")
    .get(`/api/runs${q({ ...(workflow === "" ? {} : { workflow }), ...filter, limit: 500 })}`);
  expect(answer.status, answer.text).toBe(200);
  return answer.body.data as unknown[];
}
