import type { ApiKey, Kernel, MetadataAnswer, Route, RouteRequest } from "@guanxi/kernel";
import type { ObjectDefinition } from "@guanxi/meta";
import { describe, expect, test } from "vitest";
import { edge, type Edge, operatorKey, problemOf, rights, type Seen } from "./driver.ts";

const definition: ObjectDefinition = { name: "lead", plural: "leads", type: "object", properties: {} };
const stored = (created: boolean): MetadataAnswer => ({ definition, version: 7, created });

function metadataEdge(created = false): Edge & { readonly calls: Seen[] } {
  const calls: Seen[] = [];
  const note =
    <T>(name: string, result: T) =>
    async (_session: unknown, ...args: unknown[]): Promise<T> => {
      calls.push([name, ...args]);
      return result;
    };
  const metadata = {
    list: note("list", { version: 7, definitions: [definition] }),
    get: note("get", stored(false)),
    put: note("put", stored(created)),
    patch: note("patch", stored(false)),
    delete: note("delete", undefined),
    recalculate: note("recalculate", { records: 3, differed: 1 }),
  } satisfies Partial<Kernel["metadata"]>;
  return { ...edge({ kernel: { metadata: metadata as unknown as Kernel["metadata"] } }), calls };
}

describe("metadata", () => {
  const one = "/api/meta/objects/lead";

  test("list and get, with the version as the entity tag", async () => {
    const { send, calls } = metadataEdge();
    const list = await send("GET", "/api/meta/objects");
    expect([list.status, list.headers.get("etag"), await list.json()]).toEqual([200, '"7"', { data: [definition] }]);
    const get = await send("GET", one);
    expect([get.status, get.headers.get("etag"), await get.json()]).toEqual([200, '"7"', definition]);
    expect(calls).toEqual([["list"], ["get", "lead"]]);
    expect((await send("GET", one, undefined, { "if-none-match": '"7"' })).status).toBe(304);
    expect((await send("GET", one, undefined, { "if-none-match": '"6"' })).status).toBe(200);
  });

  test("put creates with 201 and replaces with 200", async () => {
    const made = await metadataEdge(true).send("PUT", one, definition);
    expect([made.status, made.headers.get("location"), made.headers.get("etag")]).toEqual([201, one, '"7"']);
    const replaced = await metadataEdge().send("PUT", one, definition);
    expect([replaced.status, replaced.headers.get("location")]).toEqual([200, null]);
  });

  test("roll-ups are computed anew, all or one", async () => {
    const { send, calls } = metadataEdge();
    const all = await send("POST", `${one}/recalculate`);
    expect([all.status, await all.json()]).toEqual([200, { records: 3, differed: 1 }]);
    expect((await send("POST", `${one}/recalculate?field=viewings`)).status).toBe(200);
    expect((await send("POST", `${one}/recalculate?fields=viewings`)).status).toBe(400);
    expect(calls).toEqual([
      ["recalculate", "lead", undefined],
      ["recalculate", "lead", "viewings"],
    ]);
  });

  test("If-Match and allow go along", async () => {
    const { send, calls } = metadataEdge();
    const ifMatch = { "if-match": '"6"' };
    await send("PUT", `${one}?allow=drop:lead.fee,%20drop:lead.note`, definition, ifMatch);
    await send("PATCH", one, { title: "x" }, { ...ifMatch, "content-type": "application/merge-patch+json" });
    const gone = await send("DELETE", `${one}?allow=drop:lead`);
    expect([gone.status, await gone.text()]).toEqual([204, ""]);
    expect(calls).toEqual([
      ["put", "lead", definition, { ifVersion: 6, allow: ["drop:lead.fee", "drop:lead.note"] }],
      ["patch", "lead", { title: "x" }, { ifVersion: 6 }],
      ["delete", "lead", { allow: ["drop:lead"] }],
    ]);
  });

  test.each([
    ["GET", `${one}?for=me`, 422],
    ["GET", `${one}?allow=x`, 400],
    ["PUT", `${one}?alow=x`, 400],
  ])("%s %s → %d", async (method, path, status) => {
    const { send, calls } = metadataEdge();
    expect((await send(method, path, method === "PUT" ? definition : undefined)).status).toBe(status);
    expect(calls).toEqual([]);
  });
});

describe("keys", () => {
  const key: ApiKey = {
    id: "k1",
    name: "CI",
    user: "u",
    prefix: "gx_demo_ab",
    created_at: "2026-01-01T00:00:00Z",
    expires_at: null,
    last_used_at: null,
  };
  const revoked: string[] = [];
  const keys: Kernel["keys"] = {
    create: async (_session, request) => ({ ...key, ...(request as object), key: "gx_demo_abc" }),
    list: async () => [key],
    revoke: async (_session, id) => void revoked.push(id),
  };

  test("make, list, revoke", async () => {
    const { send } = edge({ kernel: { keys } });
    const made = await send("POST", "/api/keys", { name: "CI" });
    expect([made.status, made.headers.get("location"), await made.json()]).toEqual([
      201,
      "/api/keys/k1",
      { ...key, key: "gx_demo_abc" },
    ]);
    expect(await (await send("GET", "/api/keys")).json()).toEqual({ data: [key] });
    expect((await send("DELETE", "/api/keys/k1")).status).toBe(204);
    expect(revoked).toEqual(["k1"]);
  });
});

describe("platform", () => {
  const tenant = { id: "demo", name: "Demo", schema: "t_demo", plugins: ["sales"], createdAt: "2026-01-01T00:00:00Z" };
  const deleted: string[] = [];
  const opened: string[] = [];
  const restored: unknown[] = [];
  const tenants: Kernel["tenants"] = {
    create: async (t) => ({
      ...(t as { id: string; name: string }),
      admin: { user: "u", email: "a@example.com", key: "gx_two_x" },
    }),
    get: async () => tenant,
    list: async () => [tenant],
    delete: async (id) => void deleted.push(id),
    backup: async (id = "all") => ({
      name: `${id}.guanxi`,
      open: () => {
        opened.push(id);
        return ReadableStream.from([Buffer.from("bytes")]);
      },
    }),
    restore: async (body, options) => {
      restored.push([await new Response(body).text(), options]);
      return [];
    },
    copy: async (from, t) => ({ name: from, ...(t as { id: string }), admin: null }),
    upgrade: async () => undefined,
    rewrapKeys: async () => ({ tenants: 3, rewrapped: 2 }),
    snapshot: () => Promise.reject(new Error("no address asks for it")),
  };
  const operator = { authorization: `Bearer ${operatorKey}` };

  test("the operator makes, sees and removes tenants", async () => {
    const { send } = edge({ kernel: { tenants } });
    const made = await send("POST", "/platform/tenants", { id: "two", name: "Two" }, operator);
    expect([made.status, made.headers.get("location"), await made.json()]).toEqual([
      201,
      "/platform/tenants/two",
      { id: "two", name: "Two", admin: { user: "u", email: "a@example.com", key: "gx_two_x" } },
    ]);
    const shown = { id: "demo", name: "Demo", plugins: ["sales"], createdAt: "2026-01-01T00:00:00Z" };
    expect(await (await send("GET", "/platform/tenants", undefined, operator)).json()).toEqual({ data: [shown] });
    expect(await (await send("GET", "/platform/tenants/demo", undefined, operator)).json()).toEqual(shown);
    expect((await send("DELETE", "/platform/tenants/demo", undefined, operator)).status).toBe(204);
    expect(deleted).toEqual(["demo"]);
  });

  test("backups are sent as they come, restored as they arrive, and not begun by HEAD", async () => {
    const { send } = edge({ kernel: { tenants } });
    expect((await send("HEAD", "/platform/backup", undefined, operator)).status).toBe(200);
    expect(opened).toEqual([]);
    for (const [path, id] of Object.entries({ "/platform/backup": "all", "/platform/tenants/demo/backup": "demo" })) {
      const sent = await send("GET", path, undefined, operator);
      expect(sent.headers.get("content-type")).toBe("application/vnd.guanxi.backup");
      expect(sent.headers.get("content-disposition")).toBe(`attachment; filename="${id}.guanxi"`);
      expect(await sent.text()).toBe("bytes");
    }
    expect(opened).toEqual(["all", "demo"]);
    const file = { ...operator, "content-type": "application/vnd.guanxi.backup" };
    const answer = await send("POST", "/platform/restore?tenant=a1&as=b2", "bytes", file);
    expect([answer.status, await answer.json()]).toEqual([201, { tenants: [] }]);
    expect(restored).toEqual([["bytes", { tenant: "a1", as: "b2" }]]);
    for (const [status, query, headers] of [
      [415, "", operator],
      [400, "?form=1", file],
      [403, "", { "content-type": "application/vnd.guanxi.backup" }],
    ] as const)
      expect((await send("POST", `/platform/restore${query}`, "bytes", headers)).status).toBe(status);
    expect(restored).toHaveLength(1);
    const copied = await send("POST", "/platform/tenants/demo/copy", { id: "two" }, operator);
    expect([copied.status, copied.headers.get("location")]).toEqual([201, "/platform/tenants/two"]);
  });

  test("a body is read only for the operator", async () => {
    const { send } = edge({ kernel: { tenants } });
    expect((await send("POST", "/platform/tenants", '{"broken":', {})).status).toBe(403);
    expect((await send("POST", "/platform/tenants", '{"broken":', operator)).status).toBe(400);
  });
});

describe("further routes", () => {
  const route = (method: Route["method"], path: string, handle: Route["handle"]): Route => ({
    method,
    path,
    operationId: `${method} ${path}`,
    summary: { en: "S" },
    tag: { name: "t", description: { en: "T" } },
    query: [{ name: "dry", description: { en: "D" }, schema: { type: "string" } }],
    responses: { 200: {} },
    handle,
  });
  const says =
    (word: string): Route["handle"] =>
    async () => ({ status: 200, body: { word } });

  test("one gets what it needs and answers what it wants", async () => {
    let got: RouteRequest | undefined;
    const start = route("POST", "/api/workflows/:name/start", async (_session, request) => {
      got = request;
      return {
        status: 202,
        text: '{ "job" : 1 }',
        headers: { "X-Job": "1", "Content-Type": "application/x-ndjson", body: JSON.stringify(await request.json()) },
      };
    });
    const { send, observed } = edge({ routes: [start] });
    const response = await send("POST", "/api/workflows/a%20b/start?dry=1", { x: 1 }, { "accept-language": "zh-TW" });
    expect([
      response.status,
      await response.text(),
      response.headers.get("x-job"),
      response.headers.get("content-type"),
      response.headers.get("body"),
    ]).toEqual([202, '{ "job" : 1 }', "1", "application/x-ndjson", '{"x":1}']);
    expect([got?.params, got?.query.getAll("dry"), got?.locale, got?.headers.get("accept-language")]).toEqual([
      { name: "a b" },
      ["1"],
      "zh-TW",
      "zh-TW",
    ]);
    expect(observed).toMatchObject([{ route: "/api/workflows/:name/start", status: 202, tenant: "demo" }]);
  });

  test("the right is asked for at the door, before anything is read", async () => {
    let runs = 0;
    const handle: Route["handle"] = async () => ({ status: 200, body: { runs: ++runs } });
    const routes: Route[] = [
      { ...route("POST", "/api/runs/:id/cancel", handle), right: "edit_metadata" },
      { ...route("POST", "/api/import/:plural", handle), right: { object: "create" } },
    ];
    const callers = {
      reader: { rights: rights(false, { lead: ["read"] }, ["view_runs"]) },
      writer: { rights: rights(false, { lead: ["read", "create"] }, ["edit_metadata"]) },
    };
    const { send } = edge({ routes, callers });
    const status = async (key: string, path: string): Promise<number> =>
      (await send("POST", path, "{broken", { authorization: `Bearer ${key}` })).status;
    expect(await status("reader", "/api/runs/7/cancel")).toBe(403);
    expect(await status("reader", "/api/import/leads")).toBe(403);
    expect(await status("reader", "/api/import/nothings")).toBe(404);
    expect(runs).toBe(0);
    expect(await status("writer", "/api/runs/7/cancel")).toBe(200);
    expect(await status("writer", "/api/import/leads")).toBe(200);
    expect(await status("key", "/api/runs/7/cancel")).toBe(200);
    expect(runs).toBe(3);
  });

  test.each([
    ["a parameter that it does not name", "?dri=1", {}, 400, ["dri"]],
    ["one that comes twice", "?dry=1&dry=2", {}, 400, ["dry"]],
    ["one that comes later", "?as_of=2026-01-01", {}, 422, ["as_of"]],
    ["a condition that it does not check", "", { "if-match": '"1"' }, 422, ["If-Match"]],
  ])("%s is refused", async (_what, query, headers, status, paths) => {
    const { send } = edge({ routes: [route("GET", "/api/runs", says("runs"))] });
    const response = await send("GET", `/api/runs${query}`, undefined, headers);
    expect(response.status).toBe(status);
    expect((await problemOf(response)).errors?.map((e) => e["path"])).toEqual(paths);
  });

  test("a name in OpenAPI has one owner", () => {
    const again = { ...route("GET", "/api/other", says("b")), operationId: "GET /api/runs" };
    expect(() => edge({ routes: [route("GET", "/api/runs", says("a")), again] })).toThrow("operationId GET /api/runs");
  });

  test("bodies are guarded as everywhere", async () => {
    const routes = [route("PUT", "/api/workflows/:name", async (_s, r) => ({ status: 200, body: await r.json() }))];
    const { send } = edge({ routes, settings: { bodyLimitBytes: 10 } });
    expect((await send("PUT", "/api/workflows/a", "{")).status).toBe(400);
    expect((await send("PUT", "/api/workflows/a", { long: "long" })).status).toBe(413);
    expect((await send("PUT", "/api/workflows/a", "{}", { "content-type": "text/plain" })).status).toBe(415);
    expect((await send("PUT", "/api/workflows/a", "{}", { authorization: "" })).status).toBe(401);
  });

  test("words win over parts, in whatever order they come", async () => {
    const routes = [
      route("GET", "/api/runs/:id", says("one")),
      route("GET", "/api/:plural/:id/approvals", says("approvals")),
      route("GET", "/api/runs/latest", says("latest")),
      route("GET", "/api/runs/:id/approvals", says("run's")),
    ];
    for (const given of [routes, routes.toReversed()]) {
      const { send } = edge({ routes: given });
      const word = async (path: string): Promise<string> =>
        ((await (await send("GET", path)).json()) as { word: string }).word;
      expect(await word("/api/runs/latest")).toBe("latest");
      expect(await word("/api/runs/7")).toBe("one");
      expect(await word("/api/runs/7/approvals")).toBe("run's");
      expect(await word("/api/leads/7/approvals")).toBe("approvals");
    }
  });

  test("their words are no objects, and 405 knows their methods", async () => {
    const { send } = edge({ routes: [route("GET", "/api/runs", says("runs"))] });
    const response = await send("POST", "/api/runs", {});
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
    expect((await send("GET", "/api/leads")).status).toBe(200);
  });

  test("their words are reserved, or an object of that plural would be out of reach", () => {
    const at = (path: string) => () => edge({ routes: [route("GET", path, says("x"))] });
    expect(at("/api/invoices/:id/print")).toThrow('/api/invoices is a fixed address, but "invoices" is not a reserved');
    // No plural has a dot or a capital, and what a parameter stands for belongs to the objects.
    for (const path of ["/api/runs/:id/log", "/api/feed.xml", "/api/Sum", "/api/:plural/:id/print", "/hooks/mail"])
      expect(at(path)).not.toThrow();
  });

  test("an address has one owner", () => {
    const twice = [route("GET", "/api/runs/:id", says("a")), route("GET", "/api/runs/:run", says("b"))];
    expect(() => edge({ routes: twice })).toThrow("two routes answer GET /api/runs/:run");
    expect(() => edge({ routes: [route("GET", "/api/me", says("not you"))] })).toThrow("/api/me");
  });

  test("an answer that cannot be written is a 500, not a hang", async () => {
    const { send } = edge({
      routes: [route("GET", "/api/search/odd", async () => ({ status: 200, body: { n: 1n } }))],
    });
    expect((await send("GET", "/api/search/odd")).status).toBe(500);
  });
});
