import { GuanxiError } from "@guanxi/base";
import { describe, expect, test } from "vitest";
import { createApp } from "../src/index.ts";
import { edge, id, operatorKey, problemOf, rights } from "./driver.ts";

const one = `/api/leads/${id}`;

describe("who calls", () => {
  test.each([
    "/api/leads",
    one,
    "/api/me",
    "/api/keys",
    "/api/meta/objects",
    "/api/openapi.json",
    "/api/unicorns",
    "/api/x/y/z",
    "/platform/tenants",
    "/platform/x",
  ])("%s without a key is 401 and nothing more", async (path) => {
    for (const [headers, challenge] of [
      [{}, 'Bearer realm="guanxi"'],
      [{ authorization: "Basic a2V5" }, 'Bearer realm="guanxi", error="invalid_token"'],
      [{ authorization: "Bearer wrong" }, 'Bearer realm="guanxi", error="invalid_token"'],
      [{ authorization: "Bearer " }, 'Bearer realm="guanxi", error="invalid_token"'],
    ] as const) {
      const { app, seen } = edge();
      for (const method of ["GET", "PUT", "DELETE"]) {
        const response = await app.request(path, { method, headers });
        expect([response.status, response.headers.get("www-authenticate"), response.headers.get("allow")]).toEqual([
          401,
          challenge,
          null,
        ]);
      }
      expect(seen).toEqual([]);
    }
  });

  test("the scheme is written as people write it", async () => {
    for (const authorization of ["bearer key", "BEARER  key "])
      expect((await edge().send("GET", "/api/me", undefined, { authorization })).status).toBe(200);
  });

  test("a tenant's key is no operator's, and the reverse", async () => {
    const { send } = edge();
    for (const [method, path] of [
      ["GET", "/platform/tenants"],
      ["POST", "/platform/tenants"],
      ["DELETE", "/platform/tenants/demo"],
      ["GET", "/platform/none"],
    ] as const)
      expect(await problemOf(await send(method, path))).toMatchObject({ status: 403, code: "GX-FORBIDDEN" });
    expect((await send("GET", "/api/leads", undefined, { authorization: `Bearer ${operatorKey}` })).status).toBe(401);
  });

  test("an empty operator key opens nothing: there is no application with one", () => {
    const options = {
      kernel: {} as never,
      operatorKey: "",
      routes: [],
      observe: () => {},
      health: async () => ({ ok: true, ready: true, checks: {} }),
    };
    expect(() => createApp(options)).toThrow("operator key");
  });

  test("me", async () => {
    const response = await edge().send("GET", "/api/me");
    expect(await response.json()).toEqual({
      user: { id, name: "Ada", email: "ada@example.com" },
      tenant: { id: "demo", name: "Demo" },
      roles: ["admin"],
      positions: [],
      locale: "en",
    });
  });
});

describe("problems", () => {
  test.each([
    ["zh-CN,zh;q=0.9", "未找到"],
    ["zh-Hant-HK", "找不到"],
    ["en", "Nothing here"],
    ["fr", "找不到"],
    [undefined, "找不到"],
  ])("Accept-Language: %s", async (language, title) => {
    const { send } = edge({ callers: { key: { rights: rights(true), locale: "zh-TW" } } });
    const response = await send("GET", "/api/unicorns", undefined, language ? { "accept-language": language } : {});
    expect(await problemOf(response)).toMatchObject({ title });
  });

  test("messages too, with what they name", async () => {
    const response = await edge().send("GET", "/api/leads?colour=1", undefined, { "accept-language": "zh" });
    expect((await problemOf(response)).errors).toEqual([
      { path: "colour", code: "parameter", message: "没有参数“colour”" },
    ]);
  });

  test("a bug is told to the operator alone", async () => {
    const bug = new TypeError('relation "t_demo.lead" does not exist at /srv/secret.ts:1');
    const { send, observed } = edge({ records: { list: async () => Promise.reject(bug) } });
    const response = await send("GET", "/api/leads", undefined, { "x-request-id": "r-1" });
    const problem = await problemOf(response);
    expect(problem).toEqual({
      type: "https://guanxi.dev/errors/GX-INTERNAL",
      title: "Something went wrong on our side",
      status: 500,
      code: "GX-INTERNAL",
      instance: "r-1",
    });
    expect(observed).toMatchObject([
      { kind: "request_failed", id: "r-1", error: bug },
      { kind: "request", status: 500 },
    ]);
  });

  test("an internal error's own words stay inside as well", async () => {
    const internal = new GuanxiError("INTERNAL", { detail: "password=hunter2" });
    const { send } = edge({ records: { list: async () => Promise.reject(internal) } });
    expect(await (await send("GET", "/api/leads")).text()).not.toContain("hunter2");
  });

  test("a caller's own mistake is nothing for the operator", async () => {
    const { send, observed } = edge();
    await send("GET", "/api/unicorns");
    expect(observed.map((o) => o.kind)).toEqual(["request"]);
  });

  test.each([
    ["UNAVAILABLE", undefined, 503, "5"],
    ["UNAVAILABLE", 0.2, 503, "1"],
    ["RATE", 17, 429, "17"],
  ] as const)("%s says when to come back", async (code, retryAfter, status, header) => {
    const error = new GuanxiError(code, retryAfter === undefined ? {} : { retryAfter });
    const response = await edge({ records: { list: async () => Promise.reject(error) } }).send("GET", "/api/leads");
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, header]);
  });
});

describe("headers", () => {
  test("every answer carries the same four", async () => {
    const { send } = edge();
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", "/health"],
      ["GET", "/api/leads"],
      ["DELETE", one],
      ["GET", "/nothing"],
      ["OPTIONS", "/api/leads"],
      ["HEAD", one],
    ] as const) {
      const { headers } = await send(method, path);
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("cache-control")).toBe("private, no-store");
      expect(headers.get("guanxi-version")).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
  });

  test.each([
    ["trace.1_a-B", true],
    ["x".repeat(64), true],
    ["x".repeat(65), false],
    ["a b", false],
    ["<script>", false],
  ])("X-Request-Id: %s", async (sent, kept) => {
    const { headers } = await edge().send("GET", "/", undefined, { "x-request-id": sent });
    expect(headers.get("x-request-id") === sent).toBe(kept);
  });

  test("the request id is the cause of what follows", async () => {
    const heard: string[] = [];
    const authenticate = async (_credential: string, requestId: string): Promise<never> => {
      heard.push(requestId);
      throw new GuanxiError("UNAUTHENTICATED");
    };
    await edge({ kernel: { authenticate } }).send("GET", "/api/me", undefined, { "x-request-id": "mine" });
    expect(heard).toEqual(["mine"]);
  });

  test("Idempotency-Key is refused where it is not kept, and where it is none", async () => {
    const { send, seen } = edge();
    for (const [path, key, refusal] of [
      ["/platform/tenants", "k", { status: 422, code: "GX-NOT_YET", errors: [{ path: "Idempotency-Key" }] }],
      ["/api/leads", "a b", { status: 400, code: "GX-MALFORMED" }],
      ["/api/leads", "", { status: 400, code: "GX-MALFORMED" }],
      ["/api/leads", "x".repeat(256), { status: 400, code: "GX-MALFORMED" }],
    ] as const)
      expect(await problemOf(await send("POST", path, {}, { "idempotency-key": key }))).toMatchObject(refusal);
    expect(seen).toEqual([]);
    expect((await send("GET", "/api/leads", undefined, { "idempotency-key": "k" })).status).toBe(200);
  });

  test("only a caller with a key may hold an Idempotency-Key", async () => {
    const begin = async (): Promise<never> => {
      throw new Error("nobody begins");
    };
    const { app } = edge({ kernel: { idempotency: { begin } } });
    for (const path of ["/api/leads", "/api/keys", "/api/unicorns"]) {
      const headers = { "idempotency-key": "k", authorization: "Bearer wrong" };
      expect((await app.request(path, { method: "POST", headers })).status).toBe(401);
    }
  });

  test("Guanxi-Version is a date", async () => {
    const { send } = edge();
    expect((await send("GET", "/", undefined, { "guanxi-version": "2026-12-31" })).status).toBe(200);
    for (const version of ["v1", "2026-13-01", "2026"])
      expect((await send("GET", "/", undefined, { "guanxi-version": version })).status).toBe(400);
  });
});

describe("for monitors", () => {
  test("the start points on", async () => {
    expect(await (await edge().app.request("/")).json()).toMatchObject({
      name: "Guanxi",
      openapi: "/api/openapi.json",
      docs: "/docs",
    });
  });

  test.each(["/health", "/ready"])("%s is 200 or 503 by what the checks say", async (path) => {
    const well = await edge().app.request(path);
    expect([well.status, await well.json()]).toEqual([200, { ok: true, checks: { database: "ok" } }]);
    const checks = { database: "ok", queue: "not connected" };
    const ill = await edge({ health: async () => ({ ok: false, ready: false, checks }) }).app.request(path);
    expect([ill.status, ill.headers.get("retry-after"), await ill.json()]).toEqual([503, "5", { ok: false, checks }]);
  });
});

describe("observations", () => {
  test.each([
    ["GET", `${one}/history`, "/api/:plural/:id/history", "demo"],
    ["PUT", "/api/leads/by/email/ada@example.com", "/api/:plural/by/:field/:value", "demo"],
    ["GET", "/api/unicorns", "/api/:plural", "demo"],
    ["GET", "/api/leads/secret/words", "unmatched", "demo"],
    ["GET", "/health", "/health", undefined],
  ])("%s %s is seen as %s", async (method, path, route, tenant) => {
    const { send, observed } = edge();
    const response = await send(method, path, method === "PUT" ? {} : undefined);
    expect(observed).toEqual([
      {
        kind: "request",
        id: response.headers.get("x-request-id"),
        method,
        route,
        status: response.status,
        ms: expect.any(Number),
        ...(tenant ? { tenant } : {}),
      },
    ]);
  });
});
