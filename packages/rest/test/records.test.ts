import { GuanxiError } from "@guanxi/base";
import { describe, expect, test } from "vitest";
import { edge, id, listText, recordText } from "./driver.ts";

/** What reaches the records for a request, and what comes back. */
interface Case {
  readonly title: string;
  readonly request: readonly [method: string, path: string, body?: unknown, headers?: Record<string, string>];
  readonly call: readonly unknown[];
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string | null>>;
}

const tag = { etag: '"3"' };
const one = `/api/leads/${id}`;
const merge = { "content-type": "application/merge-patch+json; charset=UTF-8" };

const cases: readonly Case[] = [
  {
    title: "list",
    request: ["GET", "/api/leads"],
    call: ["list", "lead", {}],
    status: 200,
    text: listText,
    headers: { etag: null },
  },
  {
    title: "list with every parameter",
    request: [
      "GET",
      "/api/leads?select=a,b&filter=a%20%3D%3D%20'%E5%85%B3'&order=-a&limit=500&cursor=x&count=exact&expand=c&deleted=only",
    ],
    call: [
      "list",
      "lead",
      {
        select: "a,b",
        filter: "a == '关'",
        order: "-a",
        limit: 500,
        cursor: "x",
        count: "exact",
        expand: "c",
        deleted: "only",
      },
    ],
    status: 200,
    text: listText,
  },
  {
    title: "query",
    request: ["POST", "/api/leads/query", { filter: "a > 1", limit: 2, count: "exact" }],
    call: ["list", "lead", { filter: "a > 1", limit: 2, count: "exact" }],
    status: 200,
    text: listText,
  },
  {
    title: "aggregate",
    request: [
      "GET",
      "/api/leads/aggregate?group=status&metrics=count(),sum(amount)&filter=a&having=count%3E1&order=-count&limit=100000",
    ],
    call: [
      "aggregate",
      "lead",
      {
        group: "status",
        metrics: "count(),sum(amount)",
        filter: "a",
        having: "count>1",
        order: "-count",
        limit: 100_000,
      },
    ],
    status: 200,
    text: listText,
  },
  {
    title: "create",
    request: ["POST", "/api/leads", { price: 1.5 }],
    call: ["create", "lead", { price: 1.5 }],
    status: 201,
    text: recordText,
    headers: { ...tag, location: one, "content-type": "application/json; charset=utf-8" },
  },
  {
    title: "create an array",
    request: ["POST", "/api/leads", [{ a: 1 }, 5], { "accept-language": "zh-TW" }],
    call: ["createMany", "lead", [{ a: 1 }, 5], { locale: "zh-TW" }],
    status: 200,
    text: listText,
    headers: { location: null },
  },
  {
    title: "create each alone",
    request: ["POST", "/api/leads?atomic=false", []],
    call: ["createMany", "lead", [], { atomic: false, locale: "en" }],
    status: 200,
    text: listText,
  },
  { title: "get", request: ["GET", one], call: ["get", "lead", id, {}], status: 200, text: recordText, headers: tag },
  {
    title: "get in part",
    request: ["GET", `${one}?select=a&expand=b`],
    call: ["get", "lead", id, { select: "a", expand: "b" }],
    status: 200,
    text: recordText,
  },
  { title: "head", request: ["HEAD", one], call: ["get", "lead", id, {}], status: 200, text: "", headers: tag },
  {
    title: "get by",
    request: ["GET", "/api/leads/by/code/a%2Fb%20%25%E4%B8%AD"],
    call: ["getBy", "lead", "code", "a/b %中", {}],
    status: 200,
    text: recordText,
    headers: tag,
  },
  {
    title: "upsert that creates",
    request: ["PUT", "/api/leads/by/code/Z9", { a: 1 }],
    call: ["upsert", "lead", "code", "Z9", { a: 1 }],
    status: 201,
    text: recordText,
    headers: { ...tag, location: one },
  },
  {
    title: "patch",
    request: ["PATCH", one, { a: null }],
    call: ["update", "lead", id, { a: null }, {}],
    status: 200,
    text: recordText,
    headers: { ...tag, location: null },
  },
  {
    title: "merge patch",
    request: ["PATCH", one, { a: 1 }, merge],
    call: ["update", "lead", id, { a: 1 }, {}],
    status: 200,
    text: recordText,
  },
  {
    title: "patch an array",
    request: ["PATCH", "/api/leads?atomic=true", [{ id }]],
    call: ["updateMany", "lead", [{ id }], { atomic: true, locale: "en" }],
    status: 200,
    text: listText,
  },
  {
    title: "delete",
    request: ["DELETE", one],
    call: ["delete", "lead", id, {}],
    status: 204,
    text: "",
    headers: { "content-type": null },
  },
  {
    title: "restore",
    request: ["POST", `${one}/restore`],
    call: ["restore", "lead", id],
    status: 200,
    text: recordText,
    headers: tag,
  },
  {
    title: "history",
    request: ["GET", `${one}/history?limit=5&cursor=c`],
    call: ["history", "lead", id, { limit: 5, cursor: "c" }],
    status: 200,
    text: listText,
  },
];

describe("what reaches the records", () => {
  test.each(cases)("$title", async ({ request, call, status, text, headers }) => {
    const { send, seen } = edge();
    const response = await send(...request);
    expect([response.status, await response.text()]).toEqual([status, text]);
    expect(seen).toEqual([call]);
    for (const [name, value] of Object.entries(headers ?? {}))
      expect([name, response.headers.get(name)]).toEqual([name, value]);
  });

  test("an upsert that finds its record is no creation", async () => {
    const found = { id, version: 4, text: recordText, created: false, etag: "4-ab" };
    const response = await edge({ records: { upsert: async () => found } }).send("PUT", "/api/leads/by/code/Z9", {});
    expect([response.status, response.headers.get("location"), response.headers.get("etag")]).toEqual([
      200,
      null,
      '"4-ab"',
    ]);
  });
});

describe("parameters are never ignored", () => {
  test.each([
    ["GET", "/api/leads?colour=red", ["colour", "parameter"]],
    ["GET", "/api/leads?limit=0", ["limit", "minimum"]],
    ["GET", "/api/leads?limit=501", ["limit", "maximum"]],
    ["GET", "/api/leads?limit=ten", ["limit", "type"]],
    ["GET", "/api/leads?limit=1.5", ["limit", "type"]],
    ["GET", "/api/leads?limit=1e2", ["limit", "type"]],
    ["GET", "/api/leads?limit=", ["limit", "type"]],
    ["GET", "/api/leads?count=all", ["count", "enum"]],
    ["GET", "/api/leads?count=constructor", ["count", "enum"]],
    ["GET", "/api/leads?deleted=true", ["deleted", "enum"]],
    ["GET", "/api/leads?order=a&order=b", ["order", "parameter"]],
    ["GET", "/api/leads?filter=%00", ["filter", "characters"]],
    ["GET", "/api/leads?__proto__=1", ["__proto__", "parameter"]],
    ["GET", "/api/leads/aggregate?limit=-1", ["limit", "minimum"]],
    ["GET", "/api/leads/aggregate?select=a", ["select", "parameter"]],
    ["GET", `${one}?filter=a`, ["filter", "parameter"]],
    ["GET", `${one}/history?select=a`, ["select", "parameter"]],
    ["GET", "/api/leads/by/code/1?count=exact", ["count", "parameter"]],
    ["POST", "/api/leads?select=a", ["select", "parameter"], {}],
    ["POST", "/api/leads?atomic=false", ["atomic", "parameter"], {}],
    ["POST", "/api/leads?atomic=maybe", ["atomic", "enum"], []],
    ["PUT", "/api/leads/by/code/1?allow=x", ["allow", "parameter"], {}],
    ["PATCH", `${one}?atomic=true`, ["atomic", "parameter"], {}],
    ["PATCH", "/api/leads?limit=1", ["limit", "parameter"], []],
    ["DELETE", `${one}?force=true`, ["force", "parameter"]],
    ["POST", `${one}/restore?x=1`, ["x", "parameter"]],
    ["POST", "/api/leads/query?limit=1", ["limit", "parameter"], {}],
    ["POST", "/api/leads/query", ["colour", "parameter"], { colour: 1 }],
    ["POST", "/api/leads/query", ["limit", "type"], { limit: true }],
    ["POST", "/api/leads/query", ["filter", "type"], { filter: ["a"] }],
    ["POST", "/api/leads/query", ["count", "enum"], { count: ["exact"] }],
    ["POST", "/api/leads/query", ["filter", "characters"], '{"filter":"\\ud800"}'],
  ] as const)("%s %s", async (method, path, issue, body?: unknown) => {
    const { send, seen } = edge();
    const response = await send(method, path, body);
    const problem = (await response.json()) as { code: string; errors: { path: string; code: string }[] };
    expect([response.status, problem.code, problem.errors.map((e) => [e.path, e.code])]).toEqual([
      400,
      "GX-QUERY",
      [issue],
    ]);
    expect(seen).toEqual([]);
  });

  test("all faults at once", async () => {
    const response = await edge().send("GET", "/api/leads?limit=0&x=1&count=no");
    const { errors } = (await response.json()) as { errors: { path: string }[] };
    expect(errors.map((e) => e.path)).toEqual(["limit", "x", "count"]);
  });

  test.each(["/api/leads?q=wang", "/api/leads?as_of=2026-01-01", "/api/leads/aggregate?q=x"])(
    "%s comes later, and says so",
    async (path) => {
      const response = await edge().send("GET", path);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([422, "GX-NOT_YET"]);
    },
  );

  test("a record is deleted for good only where that is what was asked", async () => {
    const { send, seen } = edge();
    for (const query of ["purge=1", "purge", "purge=TRUE", "purge=true&purge=false"])
      expect((await send("DELETE", `${one}?${query}`)).status).toBe(400);
    expect(seen).toEqual([]);
    expect((await send("DELETE", `${one}?purge=true`)).status).toBe(204);
    expect((await send("DELETE", `${one}?purge=false`)).status).toBe(204);
    expect((await send("DELETE", one)).status).toBe(204);
    expect(seen).toEqual([
      ["delete", "lead", id, { purge: true }],
      ["delete", "lead", id, { purge: false }],
      ["delete", "lead", id, {}],
    ]);
  });
});

describe("arrays", () => {
  test.each(["POST", "PATCH"])("%s of 1,000 rows passes, one more does not", async (method) => {
    const { send, seen } = edge();
    expect(
      (
        await send(
          method,
          "/api/leads",
          Array.from({ length: 1_000 }, () => ({ id })),
        )
      ).status,
    ).toBe(200);
    const response = await send(
      method,
      "/api/leads",
      Array.from({ length: 1_001 }, () => ({ id })),
    );
    expect([response.status, await response.text()]).toEqual([422, expect.stringContaining("maxItems")]);
    expect(seen.length).toBe(1);
  });

  test("a PATCH without id wants an array", async () => {
    const response = await edge().send("PATCH", "/api/leads", { id, a: 1 });
    expect([response.status, await response.text()]).toEqual([422, expect.stringContaining("must be array")]);
  });
});

describe("conditions", () => {
  const update = async (header: string): Promise<unknown> => {
    const { send, seen } = edge();
    const response = await send("PATCH", one, {}, { "if-match": header });
    return response.status === 200 ? seen.at(-1)?.at(-1) : response.status;
  };

  test.each([
    ['"3"', { ifVersion: 3 }],
    ['"3-9f8a"', { ifVersion: 3 }],
    ['W/"3"', { ifVersion: 3 }],
    ["*", {}],
    ['"2", "3"', { ifVersion: 3 }],
    ['"1","2"', 412],
    ['"abc"', 412],
    ['""', 412],
    ['"99999999999999999999"', 412],
    ["3", 400],
    ['"3', 400],
    ['"3" "4"', 400],
  ])("If-Match: %s", async (header, expected) => expect(await update(header)).toEqual(expected));

  test("a delete honours it too", async () => {
    const { send, seen } = edge();
    await send("DELETE", one, undefined, { "if-match": '"8"' });
    expect(seen).toEqual([["delete", "lead", id, { ifVersion: 8 }]]);
  });

  test("what the records refuse is a 412", async () => {
    const refuse = async (): Promise<never> => Promise.reject(new GuanxiError("PRECONDITION"));
    expect((await edge({ records: { update: refuse } }).send("PATCH", one, {}, { "if-match": '"1"' })).status).toBe(
      412,
    );
  });

  test.each([
    ['"3"', 304],
    ['W/"3"', 304],
    ['"1", W/"3"', 304],
    ["*", 304],
    ['"4"', 200],
    ['"3-ab"', 200],
    ["3", 400],
  ])("If-None-Match: %s → %d", async (header, status) => {
    for (const path of [one, "/api/leads/by/code/1"]) {
      const response = await edge().send("GET", path, undefined, { "if-none-match": header });
      expect([response.status, response.headers.get("etag")]).toEqual([status, status === 400 ? null : '"3"']);
      if (status === 304) expect([await response.text(), response.headers.get("content-type")]).toEqual(["", null]);
    }
  });

  test.each([
    ["POST", "/api/leads", "if-match", {}],
    ["PATCH", "/api/leads", "if-match", []],
    ["PUT", "/api/leads/by/code/1", "if-match", {}],
    ["PUT", "/api/leads/by/code/1", "if-none-match", {}],
    ["PATCH", one, "if-none-match", {}],
    ["POST", `${one}/restore`, "if-match", undefined],
  ])("%s %s does not pretend to check %s", async (method, path, header, body) => {
    const { send, seen } = edge();
    expect((await send(method, path, body, { [header]: '"1"' })).status).toBe(422);
    expect(seen).toEqual([]);
  });
});

test("a NUL in an address is no key: 404 to read, 422 to write", async () => {
  const { send, seen } = edge();
  expect((await send("GET", "/api/leads/by/code/a%00b")).status).toBe(404);
  const response = await send("PUT", "/api/leads/by/code/a%00b", {});
  expect([response.status, await response.text()]).toEqual([422, expect.stringContaining('"/code"')]);
  expect(seen).toEqual([]);
});
