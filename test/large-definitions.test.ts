// How large a tenant's metadata may be: an object of 500 fields, a tenant of 500 objects, and what one more change among them compiles.
import { createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, ids, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Ten kinds of field, each with a value for the record of that number. */
const kinds: readonly (readonly [definition: (n: number) => object, value: (n: number) => unknown])[] = [
  [() => ({ type: "string", maxLength: 80 }), (n) => `文字 ${n}`],
  [() => ({ type: "integer", minimum: 0 }), (n) => n],
  [() => ({ fieldType: "currency" }), (n) => n + 0.25],
  [() => ({ type: "number", scale: 3 }), (n) => n + 0.125],
  [() => ({ type: "boolean" }), (n) => n % 2 === 0],
  [() => ({ enum: ["low", "high"], default: "low" }), (n) => (n % 2 === 0 ? "low" : "high")],
  [() => ({ type: "array", items: { enum: ["a", "b", "c"] } }), () => ["a", "c"]],
  [() => ({ type: "string", format: "date" }), () => "2026-02-28"],
  [() => ({ type: "string", format: "date-time" }), () => "2026-02-28T08:00:00Z"],
  [(n) => ({ fieldType: "formula", returns: "number", formula: `f${n - 8} * 2` }), () => undefined],
];
const fields = Array.from({ length: 500 }, (_, n) => n);
const wide = () => ({
  type: "object",
  nameField: "f0",
  properties: Object.fromEntries(fields.map((n) => [`f${n}`, kinds[n % 10]?.[0](n)])),
});
const record = (number: number) =>
  Object.fromEntries(fields.flatMap((n) => (n % 10 === 9 ? [] : [[`f${n}`, kinds[n % 10]?.[1](number)]])));

describe("an object of 500 fields", () => {
  test("is made, written, read, filtered, added up and described like any other", async () => {
    body(await admin().put("/api/meta/objects/wide", wide()), 201);
    const [one, two] = body(await admin().post("/api/wides", [record(1), record(2)]), 200).data;
    expect(Object.keys(one).filter((name) => /^f\d+$/.test(name))).toHaveLength(500);
    expect(one).toMatchObject({ f490: "文字 1", f491: 1, f492: 1.25, f495: "high", f496: ["a", "c"], f499: 2 });
    const patch = { ...record(3), f10: null };
    const changed = body(await admin().patch(`/api/wides/${two.id}`, patch), 200);
    expect(changed).toMatchObject({ version: 2, f10: null, f480: "文字 3", f499: 6 });
    const filter = "f491 == 1 && f499 < 6 && 'c' in f496";
    expect(ids(await admin().get(`/api/wides${q({ filter, order: "-f492,f0" })}`))).toEqual([one.id]);
    const metrics = fields.filter((n) => n % 10 === 2).map((n) => `sum(f${n})`);
    const totals = body(await admin().get(`/api/wides/aggregate${q({ metrics: metrics.join(",") })}`), 200).data[0];
    expect(Object.values(totals)).toEqual(metrics.map(() => 4.5));
    const history = body(await admin().get(`/api/wides/${two.id}/history?limit=1`), 200).data[0];
    expect(history.changes).toMatchObject({ f491: { from: 2, to: 3 }, f10: { to: null } });
    const described = body(await admin().get("/api/openapi.json"), 200).components.schemas.wide.properties;
    expect(Object.keys(described)).toEqual(expect.arrayContaining(fields.map((n) => `f${n}`)));
    problem(await admin().post("/api/wides", { ...record(4), f491: -1, f498: "noon" }), 422, "VALIDATION", [
      "/f491",
      "/f498",
    ]);
  });

  test("has no place for another one, and says so", async () => {
    const more = { ...wide().properties, f500: { type: "string" } };
    const refused = await admin().put("/api/meta/objects/wide", { ...wide(), properties: more });
    expect(refused.body.errors[0].message).toBe("must have at most 500 members");
    problem(refused, 422, "DEFINITION", ["/properties"]);
  });
});

describe("a tenant of 500 objects", () => {
  const objects = Array.from({ length: 500 }, (_, n) => ({
    name: `thing_${n}`,
    properties: {
      name: { type: "string" },
      ...(n === 0 ? {} : { above: { fieldType: "reference", target: `thing_${n - 1}` } }),
    },
  }));

  test("takes them in one change set, and they refer to each other", async () => {
    const { steps } = body(await admin().post("/api/meta/changes", { objects }), 200);
    expect(new Set(steps.map((step: { name: string }) => step.name)).size).toBe(500);
    const first = body(await admin().post("/api/thing_0s", { name: "first" }), 201);
    const second = body(await admin().post("/api/thing_1s", { name: "second", above: first.id }), 201);
    expect(ids(await admin().get(`/api/thing_1s${q({ filter: "above.name == 'first'" })}`))).toEqual([second.id]);
    const paths = Object.keys(body(await admin().get("/api/openapi.json"), 200).paths);
    expect(paths).toEqual(expect.arrayContaining(objects.map(({ name }) => `/api/${name}s`)));
  });

  test("a change of one compiles that one alone", async () => {
    const snapshot = async () => (await app.kernel.authenticate(app.keys["admin"] ?? "", "test")).snapshot;
    const before = (await snapshot()).objects;
    const { properties } = objects[250] ?? { properties: {} };
    body(
      await admin().put("/api/meta/objects/thing_250", { properties: { ...properties, more: { type: "integer" } } }),
      200,
    );
    const after = (await snapshot()).objects;
    const compiled = [...after.keys()].filter((name) => after.get(name)?.fields !== before.get(name)?.fields);
    expect(compiled).toEqual(["thing_250"]);
  });
});
