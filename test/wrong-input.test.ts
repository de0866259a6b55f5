// Whatever is wrong with a request, the answer says what, and nothing at all is stored.
import { type ApiAnswer, contents, createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from "vitest";
import { body, define, noInternals, pathsOf, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const path = "/api/targets";
let id: string;
let before: Record<string, string>;

beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "target",
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", maxLength: 20 },
      n: { type: "integer" },
      d: { type: "number" },
      price: { fieldType: "currency" },
      day: { type: "string", format: "date" },
      at: { type: "string", format: "date-time" },
      time: { fieldType: "time" },
      ok: { type: "boolean" },
      pick: { enum: ["a", "b"] },
      picks: { type: "array", items: { enum: ["a", "b"] } },
      mail: { type: "string", format: "email" },
      phone: { fieldType: "phone" },
      site: { type: "string", format: "uri" },
      ref: { fieldType: "reference", target: "account", onDelete: "setNull" },
      uid: { type: "string", format: "uuid" },
      data: { type: "object" },
      code: { type: "string", unique: true },
    },
  });
  id = body(await admin().post(path, { name: "there", code: "T" }), 201).id;
});
afterAll(() => app.close());
beforeEach(async () => {
  before = await contents(app);
});
afterEach(async () => {
  expect(await contents(app), "nothing was stored").toEqual(before);
});

const raw = (method: string, address: string, text: string | undefined, headers: Record<string, string> = {}) =>
  admin().call(method, address, text, { "content-type": "application/json", ...headers });

describe("bodies", () => {
  test.each([
    ["nothing", undefined, 400],
    ["an empty text", "", 400],
    ["cut off", '{"name":', 400],
    ["a comma too many", '{"name":"x",}', 400],
    ["single quotes", "{'name':'x'}", 400],
    ["NaN", '{"name":"x","n":NaN}', 400],
    ["two values", '{"name":"x"}{"name":"y"}', 400],
    ["a control character", '{"name":"x\u0001"}', 400],
    ["levels without end", `${'{"data":'.repeat(5000)}1${"}".repeat(5000)}`, 400],
    ["brackets without end", "[".repeat(100_000), 400],
    ["a number", "7", 422],
    ["a text", '"x"', 422],
    ["null", "null", 422],
    ["an array in an array", '[[{"name":"x"}]]', 422],
    ["an array with a hole", '[{"name":"x"},null]', 422],
    ["NUL", '{"name":"a\\u0000b"}', 422],
    ["NUL in a key", '{"name":"x","a\\u0000":1}', 422],
    ["a lone surrogate", '{"name":"\\ud800"}', 422],
    ["a surrogate inside json", '{"name":"x","data":{"a":["\\udc00"]}}', 422],
    ["a surrogate in a key inside json", '{"name":"x","data":{"\\ud800":1}}', 422],
    ["__proto__", '{"name":"x","__proto__":{"n":1}}', 422],
    ["__proto__ in escapes", '{"name":"x","\\u005f_proto__":{"n":1}}', 422],
    ["__proto__ inside json", '{"name":"x","data":{"__proto__":{"a":1}}}', 422],
    ["constructor", '{"name":"x","constructor":{}}', 422],
    ["a number that a double would alter", '{"name":"x","n":9007199254740993}', 422],
    ["a decimal that a double would alter", '{"name":"x","d":0.12345678901234567890}', 422],
    ["a number beyond all", '{"name":"x","n":1e999}', 422],
    ["levels beyond what json keeps", `{"name":"x","data":${'{"a":'.repeat(70)}1${"}".repeat(70)}}`, 422],
  ])("%s → %i", async (_, text, status) => {
    const created = await raw("POST", path, text);
    expect(created.status, created.text).toBe(status);
    noInternals(created);
    const patched = await raw("PATCH", `${path}/${id}`, text);
    expect(patched.status, patched.text).toBe(status);
    noInternals(patched);
  });

  const wrongTypes: Record<string, readonly unknown[]> = {
    name: [1, true, {}, [], "x".repeat(21)],
    n: ["1", 1.5, true, {}, 2 ** 53, -(2 ** 53)],
    d: ["1", true, {}, [1], 1234567890123456],
    price: ["1", 0.001, 1e14, {}],
    day: ["2026-02-30", "2026-13-01", "01/02/2026", "0000-01-01", "10000-01-01", 20260101, ""],
    at: ["2026-01-01", "2026-01-01T00:00:00", "2026-01-01T25:00:00Z", "now", 1, ""],
    time: ["24:00", "9:00", "12:00Z", 900, ""],
    ok: ["true", 1, 0, "", []],
    pick: ["A", "c", "", 1, ["a"]],
    picks: ["a", ["c"], ["a", "a"], [1], [null], {}],
    mail: ["a", "a@", "@b", "a b@c.example", 1, ""],
    phone: ["abc", "1", "", 13800000000],
    site: ["x", "javascript:alert(1)", "//x", "", 1],
    ref: ["x", {}, 1, "", "0198a3f0-1111-7000-8000-00000000000"],
    uid: ["x", 1, "", "0198a3f0-1111-7000-8000-00000000000g"],
    data: ["x", 1, true, []],
  };
  test.each(Object.entries(wrongTypes))("values that do not fit %s", async (field, values) => {
    for (const value of values) {
      for (const answer of [
        await admin().post(path, { name: "x", [field]: value }),
        await admin().patch(`${path}/${id}`, { [field]: value }),
        await admin().put(`${path}/by/code/new`, { name: "x", [field]: value }),
      ]) {
        problem(answer, 422, "VALIDATION");
        expect(
          pathsOf(answer).every((p) => p === `/${field}` || p.startsWith(`/${field}/`)),
          answer.text,
        ).toBe(true);
      }
    }
  });

  test("all faults of all rows at once", async () => {
    problem(
      await admin().post(path, [{ name: "x", n: "1", colour: "red" }, { name: "y" }, { ok: 1 }]),
      422,
      "VALIDATION",
      ["/0/colour", "/0/n", "/2/name", "/2/ok"],
    );
  });

  test("1,001 rows", async () => {
    const rows = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}` }));
    problem(await admin().post(path, rows), 422, "VALIDATION", [""]);
    problem(await admin().post(`${path}?atomic=false`, rows), 422, "VALIDATION", [""]);
    problem(
      await admin().patch(
        path,
        rows.map(() => ({ id })),
      ),
      422,
      "VALIDATION",
      [""],
    );
  });

  test("11 MB, declared and in pieces", async () => {
    const big = `{"name":"${"x".repeat(11_000_000)}"}`;
    problem(await raw("POST", path, big), 413, "TOO_LARGE");
    const pieces = new ReadableStream<Uint8Array>({
      pull: (c) => c.enqueue(new TextEncoder().encode("x".repeat(1_000_000))),
    });
    const response = await app.app.fetch(
      new Request(`http://guanxi.test${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${app.keys["admin"]}`, "content-type": "application/json" },
        body: pieces,
        duplex: "half",
      } as RequestInit),
    );
    expect(response.status).toBe(413);
  });

  test.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/xml",
    "text/json",
    "",
  ])("of the content type %s", async (type) => {
    problem(await raw("POST", path, '{"name":"x"}', { "content-type": type }), 415, "MEDIA_TYPE");
    problem(await raw("PATCH", `${path}/${id}`, '{"name":"x"}', { "content-type": type }), 415, "MEDIA_TYPE");
    problem(await raw("PUT", "/api/meta/objects/x", '{"name":"x"}', { "content-type": type }), 415, "MEDIA_TYPE");
  });

  test("that are no UTF-8", async () => {
    const bytes = Uint8Array.from([...Buffer.from('{"name":"'), 0xff, 0xfe, ...Buffer.from('"}')]);
    const response = await app.app.fetch(
      new Request(`http://guanxi.test${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${app.keys["admin"]}`, "content-type": "application/json" },
        body: bytes,
      }),
    );
    expect(response.status).toBe(400);
  });
});

describe("addresses and methods", () => {
  test.each([
    ["GET", "/api/unicorns", 404],
    ["POST", "/api/unicorns", 404],
    ["GET", "/api/target", 404],
    ["GET", "/api/targets/", 404],
    ["GET", "/api//targets", 404],
    ["GET", "/api/targets/x", 404],
    ["GET", "/api/targets/0198a3f0-1111-7000-8000-00000000000g", 404],
    ["GET", "/api/targets/x/history", 404],
    ["GET", "/api/Targets", 404],
    ["GET", "/api/constructor", 404],
    ["GET", "/api/__proto__", 404],
    ["GET", "/api/_meta", 404],
    ["GET", "/api/_change", 404],
    ["GET", "/api/targets'; DROP TABLE lead; --", 404],
    ["GET", "/api/targets/by/name/there", 404],
    ["GET", "/api/targets/by/__proto__/x", 404],
    ["GET", "/api/targets/by/code'%20OR%20'1'%3D'1/x", 404],
    ["GET", "/api/targets/by/code/'%20OR%20'1'%3D'1", 404],
    ["GET", "/api/targets/by/code/a%00b", 404],
    ["GET", "/api/targets/by/code/%ff", 400],
    ["GET", "/api/targets/%ff", 400],
    ["GET", "/api/%ff", 400],
    ["PUT", "/api/targets", 405],
    ["DELETE", "/api/targets", 405],
    ["POST", `/api/targets/aggregate`, 405],
    ["GET", "/api/targets/query", 405],
    ["DELETE", "/api/targets/by/code/T", 405],
    ["POST", "/api/me", 405],
    ["DELETE", "/api/openapi.json", 405],
    ["GET", "/nothing", 404],
    ["GET", "/api", 404],
  ])("%s %s → %i", async (method, address, status) => {
    const text = method === "GET" || method === "DELETE" ? undefined : "{}";
    const answer = text === undefined ? await admin().call(method, address) : await raw(method, address, text);
    expect(answer.status, answer.text).toBe(status);
    noInternals(answer);
    if (status === 405) expect(answer.headers.get("allow")).toBeTruthy();
  });
});

describe("parameters", () => {
  const names = [
    "select",
    "filter",
    "order",
    "limit",
    "cursor",
    "count",
    "expand",
    "deleted",
    "group",
    "metrics",
    "having",
    "atomic",
    "allow",
    "nope",
    "__proto__",
    "constructor",
    "q",
    "as_of",
  ];
  const attacks = [
    "'",
    "';--",
    '"',
    "\\",
    "' OR 1=1 --",
    "1; DROP TABLE lead",
    "name) FROM lead --",
    "$1",
    "%",
    "_",
    "\u0000",
    "\ud800",
    "(((((",
    "a".repeat(20_000),
    "__proto__",
    "constructor.constructor",
    "name.name.name.name.name.name.name.name",
    ",",
    ",,",
    ".",
    "-",
    "*.*",
    "null",
    "[]",
    "{}",
    "-1",
    "1e999",
    "٣",
    "𝟙",
    "name desc",
    "count(*)",
    "count();",
    "sum(name)",
    "pg_sleep(5)",
    "'a'.matches('(a+)+$')",
  ];

  test.each(names)("%s holds whatever is sent: never a 500, never an escape", async (name) => {
    for (const value of attacks) {
      const calls: Promise<ApiAnswer>[] = [
        admin().get(`${path}?${name}=${encodeURIComponent(value.toWellFormed())}`),
        admin().get(`${path}/aggregate?${name}=${encodeURIComponent(value.toWellFormed())}`),
        admin().get(`${path}/${id}?${name}=${encodeURIComponent(value.toWellFormed())}`),
        admin().post(`${path}/query`, JSON.stringify({ [name]: value })),
      ];
      for (const answer of await Promise.all(calls)) {
        expect([200, 400, 422], `${name}=${value.slice(0, 40)}: ${answer.text.slice(0, 300)}`).toContain(answer.status);
        if (answer.status !== 200) noInternals(answer);
      }
    }
  });

  const long = {
    "2,000 terms": `n == 1${" || n == 1".repeat(2_000)}`,
    "500 brackets": `${"(".repeat(500)}true${")".repeat(500)}`,
    "500 negations": `${"!".repeat(500)}ok`,
    "a huge pattern": `name.matches('${"(a{1,255}){1,255}".repeat(20)}')`,
  };
  test.each([
    ["?nope=1", ["nope"]],
    ["?limit=1&limit=2", ["limit"]],
    ["?limit=x&nope=1", ["limit", "nope"]],
    [q({ order: Array.from({ length: 101 }, () => "n").join() }), ["order"]],
    ["?filter=%ff", undefined],
    ["?filter=%zz", undefined],
  ])("%s → 400", async (query, paths) => {
    problem(await admin().get(path + query), 400, paths ? "QUERY" : "MALFORMED", paths);
  });

  const filters = [
    "name ==",
    "n == 'x'",
    "n",
    "colour == 'red'",
    "old.n == 1",
    "day == '2026-02-30'",
    "name.nope()",
    "ref == 'x'",
    "name > 1",
    "data.a == 1",
    ...Object.keys(long),
  ];
  test.each(filters)("filter=%s → 400 with its place", async (filter) => {
    const answer = await admin().get(path + q({ filter: long[filter as keyof typeof long] ?? filter }));
    problem(answer, 400, "QUERY", ["filter"]);
    expect(typeof answer.body.errors[0].position).toBe("number");
  });

  test("values as they are: a quote is a quote, a percent sign a percent sign", async () => {
    for (const filter of [
      "name == '\\''",
      "name.contains('%')",
      "name.startsWith('_')",
      "name == 'a\\' OR \\'1\\' == \\'1'",
      "name == '\\\\'",
    ]) {
      expect(body(await admin().get(path + q({ filter })), 200).data, filter).toEqual([]);
    }
  });

  test("unknown parameters are refused on every route that takes none", async () => {
    for (const [method, address, value] of [
      ["POST", path, { name: "x" }],
      ["PATCH", `${path}/${id}`, { name: "x" }],
      ["DELETE", `${path}/${id}`, undefined],
      ["POST", `${path}/${id}/restore`, undefined],
      ["PUT", `${path}/by/code/x`, { name: "x" }],
      ["GET", "/api/keys", undefined],
      ["GET", "/api/meta/objects", undefined],
    ] as const) {
      problem(await admin().call(method, `${address}?nope=1`, value), 400, "QUERY", ["nope"]);
    }
  });
});

describe("conditions", () => {
  test.each([
    ["PATCH", { "if-match": '"9"' }, 412],
    ["PATCH", { "if-match": "9" }, 400],
    ["PATCH", { "if-match": '"1' }, 400],
    ["DELETE", { "if-match": '"9"' }, 412],
    ["DELETE", { "if-match": '""' }, 412],
    ["PATCH", { "if-none-match": "*" }, 422],
    ["PATCH", { "guanxi-version": "tomorrow" }, 400],
  ])("%s with %j → %i", async (method, headers, status) => {
    const answer = await admin().call(
      method,
      `${path}/${id}`,
      method === "PATCH" ? { name: "y" } : undefined,
      headers as Record<string, string>,
    );
    expect(answer.status, answer.text).toBe(status);
    noInternals(answer);
  });
});

test("duplicates and foreign ids", async () => {
  problem(await admin().post(path, { name: "x", code: "T" }), 409, "CONFLICT", ["/code"]);
  problem(
    await admin().post(path, [
      { name: "x", code: "U" },
      { name: "y", code: "U" },
    ]),
    409,
    "CONFLICT",
    ["/1/code"],
  );
  problem(await admin().post(path, { name: "x", ref: id }), 422, "VALIDATION", ["/ref"]);
  problem(
    await admin().post(path, { name: "x", id, version: 7, created_at: "2020-01-01T00:00:00Z", deleted_at: null }),
    422,
    "VALIDATION",
    ["/created_at", "/deleted_at", "/id", "/version"],
  );
  problem(await admin().patch(`${path}/${id}`, { owner: id }), 422, "VALIDATION", ["/owner"]);
});
