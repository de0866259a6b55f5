import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "@guanxi/base";
import { type Kernel, type Session, createKernel } from "@guanxi/kernel";
import { type Sandbox, createSandbox } from "@guanxi/sandbox";
import { type Store, createStore } from "@guanxi/store";
import { createScriptTypes } from "@guanxi/testing";
import pg from "pg";
import {
  type Automation,
  type AutomationSettings,
  type AutomationWorker,
  type Queue,
  automationTables,
  createAutomation,
  createQueue,
  scriptPrelude,
  workflowsPart,
} from "../src/index.ts";

/** The server of the test run. */
function serverUrl(): string {
  const url = process.env["GUANXI_TEST_DATABASE_URL"];
  if (!url)
    throw new Error("GUANXI_TEST_DATABASE_URL is not set: run the tests with `npm test`, which starts a database");
  return url;
}

async function onServer(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

/** Waits for an autovacuum worker that looks at the database just then: it is the superuser's, and not ours to end. */
async function drop(name: string): Promise<void> {
  const dropped = (): Promise<boolean> =>
    onServer(`DROP DATABASE ${name} WITH (FORCE)`).then(
      () => true,
      (e: { code?: string }) => {
        if (e.code !== "42501") throw e;
        return false;
      },
    );
  await until(dropped, 20_000, 200);
}

/** A database of its own, since workers look after every tenant of theirs. → its URL, and its removal. */
export async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = unique("automation_");
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => drop(name) };
}

/** Waits until `condition` gives something true; fails after `ms`. */
export async function until<T>(condition: () => T | Promise<T>, ms = 10_000, step = 10): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`did not happen within ${ms} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, step));
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** JSON of a known shape, read without ceremony. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any;

export interface RunView {
  readonly id: string;
  readonly workflow: string;
  readonly status: string;
  readonly object: string;
  readonly record: string;
  readonly attempts: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly error: { code: string; message: string; line?: number; column?: number } | null;
  readonly cost: Record<string, number> | null;
}

export interface RunDetail extends RunView {
  readonly journal: {
    call: number;
    op: string;
    args: unknown;
    ok: boolean;
    value?: unknown;
    error?: { code: string };
    at: string;
  }[];
  readonly log: { text: string }[];
  readonly cause: { depth: number; workflow?: string; run?: string };
  readonly effects: { op: string; object: string; record: string }[];
  readonly result: unknown;
}

export interface Node {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly sandbox: Sandbox;
  readonly queue: Queue;
  readonly automation: Automation;
  readonly observed: Observation[];
  startWorker(): Promise<AutomationWorker>;
  close(): Promise<void>;
}

/** One process's worth of rooms on a database. With Redis, the database's name keeps its queue apart. */
export async function createNode(url: string, settings: Partial<AutomationSettings> = {}): Promise<Node> {
  const observed: Observation[] = [];
  const observe = (o: Observation) => void observed.push(o);
  const store = createStore({
    connection: url,
    maxConnections: 12,
    statementTimeoutMs: 30_000,
    slowStatementMs: 1_000,
    observe,
  });
  await store.registry.migrate();
  const kernel = await createKernel({
    store,
    files: { folder: join(tmpdir(), "guanxi-test-no-files") },
    observe,
    plugins: [],
    components: [automationTables],
    parts: [workflowsPart],
  });
  const sandbox = createSandbox({
    maxChildren: 4,
    spareChildren: 1,
    runsPerChild: 1_000,
    rssLimitMb: 300,
    prelude: scriptPrelude,
    observe,
  });
  const queue = createQueue({
    postgres: url,
    ...(process.env["GUANXI_TEST_REDIS_URL"] ? { redisUrl: process.env["GUANXI_TEST_REDIS_URL"] } : {}),
    namespace: new URL(url).pathname.slice(1),
    observe,
  });
  const automation = createAutomation({
    kernel,
    sandbox,
    queue,
    scriptTypes: createScriptTypes(50),
    settings,
    observe,
  });
  kernel.hooks.register(automation.hook);
  const workers: AutomationWorker[] = [];
  return {
    store,
    kernel,
    sandbox,
    queue,
    automation,
    observed,
    async startWorker() {
      const worker = await automation.startWorker();
      workers.push(worker);
      return worker;
    },
    async close() {
      for (const worker of workers) await worker.stop();
      await queue.close();
      await sandbox.close();
      await kernel.close();
      await store.close();
    },
  };
}

export const unique = (prefix: string): string => prefix + randomBytes(5).toString("hex");

/** An object to try things on. */
export const deal = {
  name: "deal",
  plural: "deals",
  type: "object",
  required: ["title"],
  nameField: "title",
  properties: {
    title: { type: "string" },
    amount: { fieldType: "currency" },
    stage: { type: "string" },
    count: { type: "integer" },
    code: { type: "string", unique: true },
    closes: { type: "string", format: "date" },
  },
} as const;

export interface TenantOf {
  readonly id: string;
  readonly node: Node;
  session(): Promise<Session>;
  publish(name: string, workflow: Record<string, unknown>): Promise<void>;
  call(
    method: string,
    path: string,
    body?: unknown,
    query?: Record<string, string>,
  ): Promise<{ status: number; body: Json }>;
  create(value: Record<string, unknown>, object?: string): Promise<Json>;
  update(id: string, patch: Record<string, unknown>, object?: string): Promise<Json>;
  list(filter?: string, object?: string): Promise<Json[]>;
  runs(workflow: string): Promise<RunView[]>;
  run(id: string): Promise<RunDetail>;
  /** The first run of the workflow, once it has ended. */
  ended(workflow: string, ms?: number): Promise<RunDetail>;
}

/** A tenant as another node sees it. */
export function tenantOn(node: Node, id: string, user: string): TenantOf {
  const { kernel } = node;
  const session = () => kernel.sessionFor(id, user, { request: "test", depth: 0 });
  const tenant: TenantOf = {
    id,
    node,
    session,
    async publish(name, workflow) {
      await tenant.call("PUT", `/api/meta/workflows/${name}`, { name, object: "deal", ...workflow });
    },
    async call(method, path, body, query = {}) {
      const parts = path.split("/");
      const match = (pattern: string[]) =>
        pattern.length === parts.length && pattern.every((p, i) => p.startsWith(":") || p === parts[i]);
      const route = node.automation.routes.find((r) => r.method === method && match(r.path.split("/")));
      if (!route) throw new Error(`no route ${method} ${path}`);
      const params = Object.fromEntries(
        route.path.split("/").flatMap((p, i) => (p.startsWith(":") ? [[p.slice(1), parts[i] ?? ""]] : [])),
      );
      const answer = await route.handle(await session(), {
        params,
        query: new URLSearchParams(query),
        headers: new Headers(body === undefined ? {} : { "content-type": "application/json" }),
        locale: "en",
        ifVersion: async () => undefined,
        json: async () => body,
        body: () => null,
      });
      return { status: answer.status, body: JSON.parse(answer.text ?? JSON.stringify(answer.body ?? null)) };
    },
    create: async (value, object = "deal") =>
      JSON.parse((await kernel.records.create(await session(), object, value)).text),
    update: async (record, patch, object = "deal") =>
      JSON.parse((await kernel.records.update(await session(), object, record, patch)).text),
    list: async (filter, object = "deal") =>
      JSON.parse(
        await kernel.records.list(await session(), object, {
          ...(filter === undefined ? {} : { filter }),
          limit: 500,
          order: "created_at",
        }),
      ).data,
    runs: async (workflow) => (await tenant.call("GET", "/api/runs", undefined, { workflow, limit: "500" })).body.data,
    run: async (run) => (await tenant.call("GET", `/api/runs/${run}`)).body,
    async ended(workflow, ms) {
      const run = await until(async () => (await tenant.runs(workflow)).find((r) => r.ended_at !== null), ms);
      return tenant.run(run.id);
    },
  };
  return tenant;
}

export async function createTenant(node: Node): Promise<TenantOf & { user: string }> {
  const id = unique("a");
  const { admin } = await node.kernel.tenants.create({
    id,
    name: "Test",
    admin: { email: "admin@example.com", name: "Ada" },
    timeZone: "Asia/Shanghai",
  });
  const tenant = tenantOn(node, id, admin.user);
  await node.kernel.metadata.put(await tenant.session(), "deal", deal);
  return { ...tenant, user: admin.user };
}
