import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import { createApi, createTestApp, q, type TestApp, until, dropDatabase } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postmasterOf } from "./support/data-folder.ts";
import { processes, signal, sleep } from "./support/processes.ts";
import { belongingsOf, boot, endAll, exitOf, launch, type Launch, leftOf, type Server } from "./support/server.ts";

afterAll(endAll);

const cleanExit = { code: 0, signal: null };

/** Answers of `/health`, one every few ms, each status or fault only when it changes, until `done`. */
async function watchHealth(
  base: string,
  done: (seen: readonly (number | "refused")[]) => boolean,
): Promise<(number | "refused")[]> {
  const seen: (number | "refused")[] = [];
  await until(
    "health",
    async () => {
      const status = await fetch(`${base}/health`).then(
        async (answer) => {
          const body = (await answer.json()) as { ok: boolean };
          expect(body.ok).toBe(answer.status === 200);
          return answer.status;
        },
        () => "refused" as const,
      );
      if (seen.at(-1) !== status) seen.push(status);
      return done(seen);
    },
    60_000,
    5,
  );
  return seen;
}

/** One POST on a connection of its own, of which the server has read the head when `begun` is called; resolves to its status. */
function postAlone(server: Server, path: string, body: unknown, begun: () => void): Promise<number | undefined> {
  return new Promise((done, fail) => {
    const sent = request(server.base + path, {
      agent: false,
      method: "POST",
      headers: {
        authorization: `Bearer ${server.keys?.users["admin"]}`,
        "content-type": "application/json",
        expect: "100-continue",
      },
    });
    sent.once("error", fail);
    sent.once("response", (answer) => answer.resume().once("end", () => done(answer.statusCode)));
    sent.once("continue", () => {
      begun();
      sent.end(JSON.stringify(body));
    });
    sent.flushHeaders();
  });
}

const leads = (count: number, company: string): object[] =>
  Array.from({ length: count }, (_, i) => ({ last_name: `L${i}`, company }));

async function countOf(server: Server, company: string): Promise<number> {
  const answer = await server
    .as("admin")
    .get(`/api/leads/aggregate${q({ metrics: "count()", filter: `company == '${company}'` })}`);
  return answer.body.data[0].count as number;
}

/** Has a script run, so that the server has a sandbox process. */
async function useSandbox(server: Server): Promise<void> {
  const admin = server.as("admin");
  await admin.put("/api/meta/workflows/noop", {
    name: "noop",
    object: "contact",
    on: "created",
    script: "export default async () => 1;",
  });
  const contact = await admin.post("/api/contacts", { last_name: "Script" });
  await until(
    "the script",
    async () => (await admin.get(`/api/runs${q({ record: contact.body.id, status: "succeeded" })}`)).body.data[0],
    20_000,
  );
}

describe("a server on its own database", () => {
  let server: Server;

  test("is well only when it is ready", async () => {
    const run = await launch();
    const seen = await watchHealth(run.base, (states) => states.at(-1) === 200);
    expect(seen.filter((state) => state !== "refused")).toEqual([503, 200]);
    expect(run.log()).toContain(run.base);
    expect(run.log()).toContain(join(run.dataDir, "demo-keys.json"));
    signal(-run.group, "SIGTERM");
    expect(await exitOf(run)).toEqual(cleanExit);
    server = await boot({ dataDir: run.dataDir });
  }, 90_000);

  test("keeps data and keys from one start to the next, and leaves nothing running in between", async () => {
    await server.as("admin").post("/api/leads", { last_name: "Kept", company: "kept" });
    await useSandbox(server);
    const before = await belongingsOf(server);
    const commands = before.map(({ command }) => command).join("\n");
    for (const part of [/server\/src\/main\.ts/, /sandbox\/src\/child\/main\.cjs/, /postgres.* -D /, /postgres: /])
      expect(commands).toMatch(part);

    // As Ctrl-C does: npm and the server hear it from the terminal, and the server from npm as well.
    const stopping = performance.now();
    expect(await server.stop("SIGINT")).toEqual(cleanExit);
    const stopMs = performance.now() - stopping;
    expect(await leftOf(server, before), server.log()).toEqual([]);
    expect(existsSync(join(server.dataDir, "server.lock"))).toBe(false);

    const next = await server.restart();
    console.log(`stop ${stopMs.toFixed(0)} ms, next start ${next.bootMs} ms`);
    expect(next.keys?.users).toEqual(server.keys?.users);
    expect(next.keys?.operator).toBe(server.keys?.operator);
    expect(next.keys?.baseUrl).toBe(next.base);
    expect(await countOf(next, "kept")).toBe(1);
    server = next;
  }, 60_000);

  test("drains on SIGTERM: what it has begun, it answers, and idle connections do not hold it up", async () => {
    // A connection that stays open, as those of browsers and load balancers do.
    const idle = await fetch(`${server.base}/health`);
    await idle.text();
    const before = await belongingsOf(server);
    let begun = 0;
    const posts = Array.from({ length: 4 }, (_, i) =>
      postAlone(server, "/api/leads", leads(1_000, `drain ${i}`), () => begun++),
    );
    await until("four requests under way", async () => begun === 4, 5_000, 1);
    // To the server alone, as a service manager does.
    signal(server.pid, "SIGTERM");
    const stopping = performance.now();
    await until(
      "no new connections",
      () =>
        fetch(server.base).then(
          () => false,
          () => true,
        ),
      20_000,
      5,
    );
    expect(await Promise.all(posts)).toEqual([200, 200, 200, 200]);
    expect(await exitOf(server)).toEqual(cleanExit);
    console.log(`drained in ${(performance.now() - stopping).toFixed(0)} ms`);
    expect(await leftOf(server, before), server.log()).toEqual([]);
    server = await server.restart();
    for (let i = 0; i < 4; i++) expect(await countOf(server, `drain ${i}`)).toBe(1_000);
  }, 60_000);

  test("drains while clients go on asking on connections that they keep", async () => {
    let stopped = false;
    const faults: string[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (!stopped) {
        const fault = await server
          .as("admin")
          .get("/api/leads?limit=1")
          .then(
            (answer) => (answer.status === 200 ? undefined : String(answer.status)),
            (error: Error) => String((error.cause as { code?: string } | undefined)?.code),
          );
        if (fault === undefined) continue;
        faults.push(fault);
        stopped = true;
      }
    });
    await sleep(300);
    signal(server.pid, "SIGTERM");
    const stopping = performance.now();
    expect(await exitOf(server)).toEqual(cleanExit);
    stopped = true;
    await Promise.all(clients);
    const ms = performance.now() - stopping;
    console.log(`drained in ${ms.toFixed(0)} ms with busy clients, who saw ${faults.join()}`);
    expect(ms).toBeLessThan(15_000);
    // Nobody was told of an error of ours; a request may meet a connection that has just been closed.
    expect(faults.filter((fault) => !/^(ECONNREFUSED|ECONNRESET|UND_ERR_SOCKET)$/.test(fault))).toEqual([]);
    server = await server.restart();
  }, 60_000);

  test("is unwell while PostgreSQL is down, starts it again and recovers", async () => {
    const killed = postmasterOf(server.dataDir) ?? 0;
    const at = performance.now();
    signal(killed, "SIGKILL");
    const seen = await watchHealth(server.base, (states) => states.includes(503) && states.at(-1) === 200);
    console.log(`well again ${(performance.now() - at).toFixed(0)} ms after PostgreSQL was killed`);
    expect(seen).not.toContain("refused");
    expect(postmasterOf(server.dataDir)).not.toBe(killed);
    expect(await countOf(server, "kept")).toBe(1);
  }, 60_000);

  test("has its folder to itself", async () => {
    const second = await launch({ dataDir: server.dataDir });
    expect(await exitOf(second)).toMatchObject({ code: 1 });
    expect(second.log()).toContain(
      `The data folder ${server.dataDir} is in use by the server with process id ${server.pid}.`,
    );
    expect(second.log()).toContain("GUANXI_DATA_DIR");
    expect(second.log()).not.toMatch(/^\s+at /m);
    expect((await server.as().get("/health")).status).toBe(200);
    expect(await server.stop()).toEqual(cleanExit);
  }, 60_000);
});

describe("a start that cannot be", () => {
  test("for a port that is taken, it says so and leaves nothing running", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const run = await launch({ port });
    expect(await exitOf(run)).toMatchObject({ code: 1 });
    expect(run.log()).toContain(`Port ${port} is taken`);
    expect(run.log()).not.toMatch(/^\s+at /m);
    expect(await leftOf(run, [])).toEqual([]);
    other.close();
  }, 60_000);

  test("for wrong settings, it names every one of them and what to write", async () => {
    const run = await launch({
      env: {
        PORT: "abc",
        GUANXI_ROLE: "boss",
        DATABASE_URL: "mysql://localhost/x",
        REDIS_URL: "localhost",
        GUANXI_SANDBOXES: "0",
        GUANXI_BODY_LIMIT: "1",
        GUANXI_KEYS: "a client's, but misspelled",
        ...{ GUANXI_KEY: "a client's", GUANXI_KEY_TEST: "a client's", GUANXI_URL_PRODUCTION: "a client's" },
        GUANXI_OPERATOR_KEY: "two words",
      },
    });
    expect(await exitOf(run)).toMatchObject({ code: 1 });
    const lines = run.log().split("\n");
    for (const [name, advice] of [
      ["PORT", "a whole number from 0 to 65535"],
      ["GUANXI_ROLE", "all, api or worker"],
      ["DATABASE_URL", "postgres://"],
      ["REDIS_URL", "redis://"],
      ["GUANXI_SANDBOXES", "a whole number from"],
      ["GUANXI_BODY_LIMIT", "is no setting"],
      ["GUANXI_KEYS", "is no setting"],
      ["GUANXI_OPERATOR_KEY", "letters, digits"],
    ] as const) {
      expect(
        lines.find((line) => line.trim().startsWith(`${name} `)),
        `${name} in ${run.log()}`,
      ).toContain(advice);
    }
    expect(run.log()).not.toMatch(/GUANXI_(KEY|URL)(_\w+)? /);
    expect(run.log()).not.toMatch(/^\s+at /m);
    expect(existsSync(join(run.dataDir, "postgres"))).toBe(false);
  }, 30_000);
});

test("without the demo there are no tenants, and the operator's key is in the data folder", async () => {
  const server = await boot({ env: { GUANXI_DEMO: "0" } });
  expect(server.keys).toBeUndefined();
  const operator = server.as((await readFile(join(server.dataDir, "operator-key"), "utf8")).trim());
  expect((await operator.get("/platform/tenants")).body).toEqual({ data: [] });
  expect(await server.stop()).toEqual(cleanExit);
}, 60_000);

describe("with DATABASE_URL", () => {
  const operatorKey = "operator-key-of-these-tests";
  const database = `guanxi_roles_${process.pid}`;
  let app: TestApp;
  let databaseUrl: string;

  beforeAll(async () => {
    app = await createTestApp();
    await app.store.sql(`CREATE DATABASE ${database}`);
    const url = new URL(app.databaseUrl);
    url.pathname = `/${database}`;
    databaseUrl = url.toString();
  });
  afterAll(async () => {
    await endAll();
    await dropDatabase((text) => app.store.sql(text), database);
    await app.close();
  });

  test("it asks for the operator's key", async () => {
    const run = await launch({ env: { DATABASE_URL: databaseUrl } });
    expect(await exitOf(run)).toMatchObject({ code: 1 });
    expect(run.log()).toContain("GUANXI_OPERATOR_KEY");
  }, 30_000);

  test("a workflow that is triggered in one process runs in another", async () => {
    const env = { DATABASE_URL: databaseUrl, GUANXI_OPERATOR_KEY: operatorKey, GUANXI_DRAIN_MS: "0" };
    const api = await boot({ env: { ...env, GUANXI_ROLE: "api" } });
    expect(existsSync(join(api.dataDir, "postgres"))).toBe(false);
    expect((await api.as().get("/health")).body.checks).not.toHaveProperty("worker");
    const made = await api
      .as(operatorKey)
      .post("/platform/tenants", { id: "roles", name: "Roles", admin: { email: "a@example.com" }, plugins: ["sales"] });
    expect(made.status, made.text).toBe(201);
    const tenant = createApi((sent) => fetch(sent), made.body.admin.key as string, api.base);
    await tenant.put("/api/meta/workflows/far", {
      name: "far",
      object: "lead",
      on: "created",
      script:
        "export default async ({ record, crm }) => { await crm.records('task').create({ title: 'far away', lead: record.id }); };",
    });
    const lead = await tenant.post("/api/leads", { last_name: "Far", company: "Away" });
    const run = async () =>
      (await tenant.get(`/api/runs${q({ record: lead.body.id })}`)).body.data[0] as { status: string } | undefined;
    await sleep(1_000);
    expect(await run()).toBeUndefined();

    const worker = await boot({ env: { ...env, GUANXI_ROLE: "worker" } });
    await until("the run of what was before the worker", async () => (await run())?.status === "succeeded", 20_000);
    expect((await tenant.get(`/api/tasks${q({ filter: `lead == '${lead.body.id}'` })}`)).body.data).toHaveLength(1);
    const started = performance.now();
    const second = await tenant.post("/api/leads", { last_name: "Second", company: "Away" });
    await until(
      "the run of what came after",
      async () => (await tenant.get(`/api/runs${q({ record: second.body.id, status: "succeeded" })}`)).body.data[0],
      20_000,
      10,
    );
    console.log(
      `from a create in one process to the end of its workflow in another: ${(performance.now() - started).toFixed(0)} ms`,
    );
    expect(
      await fetch(worker.base).then(
        () => "listens",
        () => "does not listen",
      ),
    ).toBe("does not listen");
    expect(await childrenOf(worker)).toBeGreaterThan(0);
    expect(await worker.stop()).toEqual(cleanExit);
    expect((await api.as().get("/health")).status).toBe(200);
    expect(await api.stop()).toEqual(cleanExit);
  }, 90_000);
});

async function childrenOf(server: Launch & { pid: number }): Promise<number> {
  return (await processes()).filter(
    ({ parent, command }) => parent === server.pid && command.includes("sandbox/src/child/"),
  ).length;
}
