import { randomBytes } from "node:crypto";
import { type Api, createApi, createTestApp, type TestApp } from "@guanxi/testing";
import { body } from "../support.ts";
import { type Balancer, startBalancer } from "./balancer.ts";
import { endNodes, type Node, startNode } from "./node.ts";
import { type Redis, startRedis } from "./redis.ts";

/** Two of each role on one database with the demo tenant, and a balancer in front of the APIs. */
export interface Cluster {
  readonly apis: [Node, Node];
  readonly workers: [Node, Node];
  /** Where the queue is, unless it is in PostgreSQL. */
  readonly redis: Redis | undefined;
  readonly balancer: Balancer;
  /** Looks into the database. */
  readonly app: TestApp;
  /** The administrator, by way of one API, of the other one, or of the balancer; connections are kept alive. */
  on(which: 0 | 1 | "balancer"): Api;
  close(): Promise<void>;
}

/** The tests' PostgreSQL has 100 connections for all test files at once. */
const connections = "5";

export async function startCluster(queue: "redis" | "postgres", env: Record<string, string> = {}): Promise<Cluster> {
  const endings: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of endings.splice(0).toReversed()) await end();
  };
  try {
    return { ...(await start(queue, env, endings)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  queue: "redis" | "postgres",
  env: Record<string, string>,
  endings: (() => Promise<void>)[],
): Promise<Omit<Cluster, "close">> {
  const app = await createTestApp();
  endings.push(app.close);
  const redis = queue === "redis" ? await startRedis() : undefined;
  if (redis) endings.push(redis.stop);
  const settings = {
    DATABASE_URL: app.databaseUrl,
    ...(redis ? { REDIS_URL: redis.url } : {}),
    GUANXI_DB_CONNECTIONS: connections,
    ...env,
  };
  endings.push(endNodes);
  const node = (role: "api" | "worker") => startNode({ role, env: settings });
  const apis: [Node, Node] = await Promise.all([node("api"), node("api")]);
  const workers: [Node, Node] = await Promise.all([node("worker"), node("worker")]);
  const balancer = await startBalancer(apis.map((api) => api.port));
  endings.push(balancer.close);
  const key = app.keys["admin"] ?? "";
  const behind = createApi((request) => fetch(request), key, balancer.url);
  return {
    apis,
    workers,
    redis,
    balancer,
    app,
    on: (which) => (which === "balancer" ? behind : apis[which].as(key)),
  };
}

/** Marks what belongs to one scenario. */
export const mark = (name: string): string => `${name} ${randomBytes(4).toString("hex")}`;

export async function publish(api: Api, name: string, when: string, lines: string): Promise<void> {
  const script = `export default async ({ record, crm }) => {\n${lines}\n};`;
  body(await api.put(`/api/meta/workflows/${name}`, { name, object: "lead", on: "created", when, script }), 201);
}
