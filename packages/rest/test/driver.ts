import { GuanxiError, type Locale, type Observation, text } from "@guanxi/base";
import type { Kernel, ObjectRight, RecordAnswer, Records, Rights, Route, Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import type { Hono } from "hono";
import { expect } from "vitest";
import { type AppOptions, createApp } from "../src/index.ts";

/*
 * Drives the HTTP edge alone: what it hands to the kernel and what it makes of an answer. Nothing here keeps data; what
 * becomes of records is shown by the scenarios that run on a real database.
 */

export const id = "01890000-0000-7000-8000-000000000001";
export const operatorKey = "op-key";

/** With spaces no serialiser would write: an answer that was parsed on its way does not look like this any more. */
export const recordText = `{ "id" : "${id}",  "price" : 1.50 }`;
export const listText = `{ "data" : [ ],  "next" : null }`;

const record = (created: boolean): RecordAnswer => ({ id, version: 3, text: recordText, created, etag: "3" });

export type Seen = readonly [call: string, ...args: unknown[]];

type Parts = { readonly [M in keyof Records]?: Records[M] };

/** Notes every call without its session and answers as if all were well; `parts` replace single calls. */
function recordsDriver(seen: Seen[], parts: Parts): Records {
  const noting =
    <T>(name: string, result: T) =>
    async (_session: Session, ...args: unknown[]): Promise<T> => {
      seen.push([name, ...args]);
      return result;
    };
  return {
    create: noting("create", record(true)),
    createMany: noting("createMany", listText),
    prepareMany: noting("prepareMany", async () => [id]),
    get: noting("get", record(false)),
    getBy: noting("getBy", record(false)),
    list: noting("list", listText),
    aggregate: noting("aggregate", listText),
    update: noting("update", record(false)),
    updateMany: noting("updateMany", listText),
    upsert: noting("upsert", record(true)),
    delete: noting("delete", undefined),
    restore: noting("restore", record(false)),
    reveal: noting("reveal", { f: "clear" }),
    history: noting("history", listText),
    ...parts,
  };
}

export function rights(
  all: boolean,
  granted: Readonly<Record<string, readonly ObjectRight[]>> = {},
  system: readonly string[] = [],
): Rights {
  const every: readonly ObjectRight[] = ["create", "read", "edit", "delete", "view_all", "edit_all", "purge"];
  return {
    all,
    object: (name) => new Set(all ? every : (granted[name] ?? [])),
    system: new Set(system) as Rights["system"],
  };
}

export interface Caller {
  readonly rights: Rights;
  readonly locale?: Locale;
}

export interface Edge {
  readonly app: Hono;
  readonly seen: Seen[];
  readonly observed: Observation[];
  /** A request with a key, JSON content type and the body as JSON unless it is text already. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

export interface EdgeOptions {
  readonly objects?: readonly ObjectType[];
  /** By credential; `key` has every right where it is not named. */
  readonly callers?: Readonly<Record<string, Caller>>;
  readonly records?: Parts;
  readonly kernel?: Partial<Kernel>;
  readonly routes?: readonly Route[];
  readonly settings?: AppOptions["settings"];
  readonly health?: AppOptions["health"];
}

export function edge(options: EdgeOptions = {}): Edge {
  const seen: Seen[] = [];
  const observed: Observation[] = [];
  const app = createApp({
    kernel: kernelDriver(options, seen),
    operatorKey,
    routes: options.routes ?? [],
    observe: (o) => observed.push(o),
    health: options.health ?? (async () => ({ ok: true, ready: true, checks: { database: "ok" } })),
    ...(options.settings ? { settings: options.settings } : {}),
  });
  const send: Edge["send"] = async (method, path, body, headers = {}) =>
    app.request(path, {
      method,
      headers: {
        authorization: "Bearer key",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  return { app, seen, observed, send };
}

const bare = (name: string, plural: string): ObjectType =>
  ({
    name,
    plural,
    title: text(name, name, name),
    history: true,
    uniques: [],
    fields: new Map(),
  }) as unknown as ObjectType;

function kernelDriver(options: EdgeOptions, seen: Seen[]): Kernel {
  const callers: Readonly<Record<string, Caller>> = { key: { rights: rights(true) }, ...options.callers };
  const objects = options.objects ?? [bare("lead", "leads")];
  const snapshot = { version: 7, objects: new Map(objects.map((o) => [o.name, o])) } as unknown as Session["snapshot"];
  const kernel: Partial<Kernel> = {
    records: recordsDriver(seen, options.records ?? {}),
    authenticate: async (credential, requestId) => {
      const caller = callers[credential];
      if (!caller) throw new GuanxiError("UNAUTHENTICATED");
      return sessionOf(caller, snapshot, requestId);
    },
    refresh: async (session) => session,
    objectByPlural: async (session, plural) => {
      const object = objects.find((o) => o.plural === plural);
      if (!object) throw new GuanxiError("NOT_FOUND");
      return { session, object };
    },
    ...options.kernel,
  };
  return kernel as Kernel;
}

const sessionOf = (caller: Caller, snapshot: Session["snapshot"], request: string): Session =>
  ({
    tenant: { id: "demo", name: "Demo", schema: "t_demo", plugins: [], createdAt: "2026-01-01T00:00:00Z" },
    actor: {
      user: id,
      name: "Ada",
      email: "ada@example.com",
      locale: caller.locale ?? "en",
      rights: caller.rights,
      roles: ["admin"],
      positions: [],
    },
    snapshot,
    cause: { request, depth: 0 },
  }) as unknown as Session;

/** The body of a problem answer. */
export const problemOf = async (
  response: Response,
): Promise<Record<string, unknown> & { errors?: Record<string, unknown>[] }> => {
  expect(response.headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  return (await response.json()) as Record<string, unknown>;
};
