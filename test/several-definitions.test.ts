// Definitions of references to records of several objects: what they may say, and how they change under records.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, nobody, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
type Definition = Record<string, unknown>;
const object = (name: string, properties: Definition, more: Definition = {}): Definition => ({
  name,
  type: "object",
  properties,
  ...more,
});
const change = (objects: readonly Definition[], more: Definition = {}, query = "") =>
  admin().post(`/api/meta/changes${query}`, { objects, ...more });
const made = async (name: string, value: Definition) =>
  body(await admin().post(`/api/${name}s`, value), 201).id as string;
const about = async (name: string, id: string) => body(await admin().get(`/api/${name}s/${id}`), 200).about;
const told = (answer: { body: { errors: { path: string; code: string }[] } }) =>
  answer.body.errors.map((e) => `${e.path} ${e.code}`).toSorted();
const name = { type: "string" };
const to = (...target: string[]) => ({ fieldType: "reference", target });
const one = (target: string) => ({ fieldType: "reference", target });

/** Columns of a table, with the foreign keys and checks that stand on them. */
async function tableOf(table: string): Promise<string[]> {
  const rows = await app.store.sql<{ line: string }>(
    `SELECT contype::text || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint
     WHERE conrelid = 't_demo.${table}'::regclass AND contype IN ('c', 'f') ORDER BY 1`,
  );
  return rows.map(({ line }) => line.replaceAll(/_to\d+/g, "_to").replaceAll("t_demo.", ""));
}

let n = 0;
/** Two objects, another that refers to both, and a record of each. */
async function scene(field: Definition = to("a", "b")) {
  n++;
  const names = { a: `apple${n}`, b: `berry${n}`, c: `cherry${n}` };
  const named = ({ target, ...rest }: Definition): Definition => ({
    ...rest,
    target: Array.isArray(target) ? target.map((t: "a" | "b" | "c") => names[t]) : names[target as "a" | "b" | "c"],
  });
  const defined = (written: Definition, more: Definition = {}) =>
    object(names.c, { name, about: named(written) }, more);
  const both = [object(names.a, { name }), object(names.b, { name })];
  body(await change([...both, defined(field)]), 200);
  const [a, b] = [await made(names.a, { name: "a" }), await made(names.b, { name: "b" })];
  return { names, defined, both, a: { object: names.a, id: a }, b: { object: names.b, id: b } };
}

beforeAll(async () => {
  app = await createTestApp();
}, 60_000);
afterAll(() => app.close());

test("what it cannot be is refused in words", async () => {
  const refused = async (field: Definition, more: Definition = {}) => {
    const answer = await change([object("wrong", { name, about: field, ...more })]);
    problem(answer, 422, "DEFINITION");
    return told(answer);
  };
  const at = "/objects/0/properties/about";
  expect(await refused(to("user", "tree"))).toEqual([`${at}/target definition`]);
  expect(await refused(to())).toEqual([`${at}/target minItems`]);
  expect(await refused(to("user", "user"))).toEqual([`${at}/target uniqueItems`]);
  expect(await refused({ ...to("user", "lead"), unique: true })).toEqual([`${at}/unique definition`]);
  expect(await refused({ ...to("user", "lead"), externalId: true })).toEqual([`${at}/externalId definition`]);
  expect(await refused({ ...to("user", "lead"), index: true })).toEqual([`${at}/index definition`]);
  expect(await refused({ ...to("user", "lead"), type: "string" })).toEqual([`${at}/type definition`]);
  expect(await refused({ ...one("user"), type: "object" })).toEqual([`${at}/type definition`]);
  expect(await refused({ fieldType: "references", target: ["user", "lead"] })).toEqual([`${at}/target definition`]);
  expect(await refused({ ...to("user", "lead"), defaultFormula: "coalesce(owner, owner)" })).toEqual([
    `${at}/defaultFormula definition`,
  ]);
  expect(await refused(to("user", "lead"), { on: { ...to("user"), relation: "on", defaultFormula: "about" } })).toEqual(
    ["/objects/0/properties/on/defaultFormula definition"],
  );
  problem(await change([object("wrong", { about: to("user", "lead") }, { unique: [["about"]] })]), 422, "DEFINITION", [
    "/objects/0/unique/0/0",
  ]);
  const builtin = [object("constructor", {}), object("valued", { about: to("constructor", "user") })];
  body(await change(builtin), 200);
  const constructed = { object: "constructor", id: await made("constructor", {}) };
  expect(await about("valued", await made("valued", { about: constructed }))).toEqual(constructed);
  const teller = object("teller", { object: name });
  const taken = await change([teller, object("wrong", { about: to("user", "teller") })]);
  expect(told(taken)).toEqual(["/objects/1/properties/about/target definition"]);
  expect(taken.body.errors[0].message).toContain('teller has a field "object"');
  body(
    await change([
      object("right", { about: to("user", "lead"), mine: { ...to("user"), relation: "mine", defaultFormula: "user" } }),
    ]),
    200,
  );
  const { id } = body(await admin().post("/api/rights", {}), 201);
  const me = body(await admin().get("/api/me"), 200).user.id;
  expect(body(await admin().get(`/api/rights/${id}`), 200).mine).toEqual({ object: "user", id: me });
  problem(await change([object("user", { object: name })]), 422, "DEFINITION");
});

describe("its objects", () => {
  test("come at once, and go with the values that name them, which are counted", async () => {
    const { names, defined, a, b } = await scene(to("a"));
    const first = await made(names.c, { name: "1", about: a });
    problem(await admin().post(`/api/${names.c}s`, { about: b }), 422, "VALIDATION", ["/about/object"]);
    const { result, changes } = await withChanges(app, () => change([defined(to("a", "b"))]));
    body(result, 200);
    expect(changes).toEqual([]);
    const second = await made(names.c, { name: "2", about: b });
    expect([await about(names.c, first), await about(names.c, second)]).toEqual([a, b]);
    expect((await tableOf(names.c)).filter((line) => line.startsWith("c"))).toEqual([
      "c CHECK ((num_nonnulls(_to, _to) <= 1)) NOT VALID",
    ]);

    const allow = `drop:${names.c}.about.${names.b}`;
    const plan = body(await change([defined(to("a"))], {}, "?plan=true"), 200);
    const loses = plan.steps.flatMap((s: { loses?: unknown }) => s.loses ?? []);
    expect([plan.ok, loses]).toEqual([false, [{ count: 1, allow, allowed: false }]]);
    const refused = await change([defined(to("a"))]);
    problem(refused, 409, "DATA_LOSS", ["/objects/0/properties/about"]);
    body(await change([defined(to("a"))], { allow: [allow] }), 200);
    expect([await about(names.c, first), await about(names.c, second)]).toEqual([a, null]);
    const last = body(await admin().get("/api/meta/changes?limit=1"), 200).data[0];
    body(await admin().post(`/api/meta/changes/${last.id}/revert`, {}), 200);
    expect([await about(names.c, first), await about(names.c, second)], "without what it held").toEqual([a, null]);
    body(await admin().patch(`/api/${names.c}s/${second}`, { about: b }), 200);
    const whole = await change([object(names.c, { name })]);
    problem(whole, 409, "DATA_LOSS");
    expect(new Set(whole.body.errors.map((e: { message: string }) => /drop:[\w.]+/.exec(e.message)?.[0]))).toEqual(
      new Set([`drop:${names.c}.about`]),
    );
  });

  test("follow new names, and are not deleted while it names them", async () => {
    const { names, defined, both, a, b } = await scene();
    const id = await made(names.c, { name: "1", about: a });
    const renamed = object(`${names.a}x`, { name }, { was: names.a });
    body(await change([renamed]), 200);
    expect(await about(names.c, id)).toEqual({ ...a, object: `${names.a}x` });
    const { properties } = body(await admin().get(`/api/meta/objects/${names.c}`), 200);
    expect(properties.about.target).toEqual([`${names.a}x`, names.b]);
    // In one change set with the object that refers to it, which may say either name.
    body(await change([object(names.a, { name }, { was: `${names.a}x` }), defined(to("a", "b"))]), 200);
    expect(await about(names.c, id)).toEqual(a);
    // They change places.
    body(await change([object(names.a, { name }, { was: names.b }), object(names.b, { name }, { was: names.a })]), 200);
    expect(await about(names.c, id)).toEqual({ object: names.b, id: a.id });
    expect(body(await admin().get(`/api/${names.c}s/${id}?expand=about`), 200).about).toMatchObject({
      object: names.b,
      name: "a",
    });

    // Whoever speaks of it by its name is told of.
    const rule = {
      name: "r",
      when: `about.object == '${names.b}' && has(about.${names.b}) && name == null`,
      message: "m",
    };
    body(await change([defined(to("a", "b"), { rules: [rule] })]), 200);
    const again = object("other_name", { name }, { was: names.b });
    problem(await change([again]), 422, "DEFINITION", [`/${names.c}/rules/0/when`]);
    const both2 = defined(to("a", "b"), { rules: [{ ...rule, when: rule.when.replaceAll(names.b, "other_name") }] });
    body(await change([again, both2]), 200);
    expect(await about(names.c, id)).toEqual({ object: "other_name", id: a.id });
    body(await change([object(names.b, { name }, { was: "other_name" }), defined(to("a", "b"))]), 200);

    const used = await admin().delete(`/api/meta/objects/${names.a}?allow=drop:${names.a}`);
    problem(used, 409, "CONFLICT");
    expect(used.body.detail).toContain(`reference ${names.c}.about`);
    body(await change([defined(to("b"))], { delete: { objects: [names.a] }, allow: [`drop:${names.a}`] }), 200);
    expect(await about(names.c, id)).toEqual({ object: names.b, id: a.id });
    expect([both.length, b.object]).toEqual([2, names.b]);
  });

  test("are one or several without a value lost, in place", async () => {
    const { names, defined, a, b } = await scene(one("a"));
    const ids = [await made(names.c, { name: "1", about: a.id }), await made(names.c, { name: "2" })];
    const before = await tableOf(names.c);
    const { result, changes } = await withChanges(app, () => change([defined(to("b", "a"), { required: ["name"] })]));
    body(result, 200);
    expect(changes).toEqual([]);
    expect(await Promise.all(ids.map((id) => about(names.c, id)))).toEqual([a, null]);
    body(await admin().patch(`/api/${names.c}s/${ids[1]}`, { about: b }), 200);
    problem(await admin().patch(`/api/${names.c}s/${ids[1]}`, { about: a.id }), 422, "VALIDATION", ["/about"]);
    expect((await tableOf(names.c)).filter((line) => line.startsWith("f"))).toHaveLength(3);

    problem(await change([defined(one("a"))]), 409, "DATA_LOSS");
    body(await admin().patch(`/api/${names.c}s/${ids[1]}`, { about: a }), 200);
    body(await change([defined(one("a"))]), 200);
    expect(await Promise.all(ids.map((id) => about(names.c, id)))).toEqual([a.id, a.id]);
    expect(await tableOf(names.c)).toEqual(before);
    body(await change([defined(to("a"))]), 200);
    body(await change([defined(one("a"))]), 200);
    expect(await tableOf(names.c), "also of a list of one").toEqual(before);
    expect(await Promise.all(ids.map((id) => about(names.c, id)))).toEqual([a.id, a.id]);
    body(await change([defined(to("a", "b"), { required: ["about"] })]), 200);
    body(await change([defined(one("a"), { required: ["about"] })]), 200);
    problem(await admin().patch(`/api/${names.c}s/${ids[1]}`, { about: null }), 422, "VALIDATION", ["/about"]);
    const text = object(names.c, { name, about: { type: "string" } });
    body(await change([defined(to("a", "b"))]), 200);
    const inconvertible = await change([text]);
    expect(told(inconvertible)).toEqual(["/objects/0/properties/about/fieldType definition"]);
    const formula = { fieldType: "formula", returns: "text", formula: "name" };
    const allow = [`drop:${names.c}.about.${names.a}`];
    body(await change([object(names.c, { name, about: formula })], { allow }), 200);
    body(await change([defined(to("a", "b"))]), 200);
    expect(await about(names.c, ids[0] ?? "")).toBeNull();
  });

  test("must be named where it is required, which rows in the way are told of", async () => {
    const { names, defined, a, b } = await scene();
    const ids = [await made(names.c, { name: "1", about: a }), await made(names.c, { name: "2" })];
    const required = defined(to("a", "b"), { required: ["about"] });
    const plan = body(await change([required], {}, "?plan=true"), 200);
    const inTheWay = plan.steps.flatMap((s: { inTheWay?: { records: unknown[] } }) => s.inTheWay?.records ?? []);
    expect(inTheWay).toEqual([{ id: ids[1], value: null }]);
    problem(await change([required]), 409, "CONFLICT");
    body(await admin().patch(`/api/${names.c}s/${ids[1]}`, { about: b }), 200);
    body(await change([required]), 200);
    problem(await admin().post(`/api/${names.c}s`, { name: "3" }), 422, "VALIDATION", ["/about"]);
    problem(await admin().patch(`/api/${names.c}s/${ids[0]}`, { about: null }), 422, "VALIDATION", ["/about"]);
    expect((await tableOf(names.c)).filter((line) => line.startsWith("c"))).toEqual([
      "c CHECK ((num_nonnulls(_to, _to) = 1))",
    ]);
    body(await change([defined(to("a", "b"))]), 200);
    body(await admin().patch(`/api/${names.c}s/${ids[0]}`, { about: null }), 200);
  });

  test("a field of it is renamed with its values, and nobody sees its columns", async () => {
    const { names, a } = await scene();
    const id = await made(names.c, { name: "1", about: a });
    const regarding = { ...to(names.a, names.b), was: "about" };
    body(await change([object(names.c, { name, regarding })]), 200);
    expect(body(await admin().get(`/api/${names.c}s/${id}`), 200)).toMatchObject({ regarding: a, version: 1 });
    problem(await admin().get(`/api/${names.c}s${q({ filter: "_to1 == null" })}`), 400, "QUERY");
    const [column] = await app.store.sql<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = 't_demo.${names.c}'::regclass AND attname LIKE '\\_to%' LIMIT 1`,
    );
    const hidden = column?.name ?? "";
    expect(hidden).toMatch(/^_to\d+$/);
    for (const parameters of [{ filter: `${hidden} == null` }, { select: hidden }, { order: hidden }] as Record<
      string,
      string
    >[])
      problem(await admin().get(`/api/${names.c}s${q(parameters)}`), 400, "QUERY");
    for (const value of [{ [hidden]: a.id }, { regarding: { ...a, [hidden]: nobody } }])
      problem(await admin().post(`/api/${names.c}s`, value), 422, "VALIDATION");
  });
});

test("a sensitive one changes without a word of what it named", async () => {
  const { names, a, b } = await scene({ ...to("a", "b"), sensitive: true });
  const id = await made(names.c, { name: "1", about: a });
  const { result, changes } = await withChanges(app, () => admin().patch(`/api/${names.c}s/${id}`, { about: b }));
  expect(body(result, 200).about).toEqual(b);
  expect(changes.map(({ data, old }) => [data["about"], old?.["about"]])).toEqual([[undefined, null]]);
  const plain = JSON.stringify(changes);
  for (const value of [a.id, b.id]) expect(plain).not.toContain(value);
});

describe("what becomes of a record when the one it names is deleted", () => {
  test.each(["restrict", "setNull", "cascade"] as const)("%s", async (onDelete) => {
    const { names, a, b } = await scene({ ...to("a", "b"), onDelete });
    const ids = [await made(names.c, { name: "1", about: a }), await made(names.c, { name: "2", about: b })];
    const deleted = await admin().delete(`/api/${names.a}s/${a.id}`);
    const live = async () =>
      (body(await admin().get(`/api/${names.c}s?order=name`), 200).data as { name: string }[]).map((r) => r.name);
    if (onDelete === "restrict") {
      problem(deleted, 409, "CONFLICT");
      expect(deleted.body.errors).toMatchObject([{ code: "in_use" }]);
      return;
    }
    expect(deleted.status).toBe(204);
    expect(await live()).toEqual(onDelete === "cascade" ? ["2"] : ["1", "2"]);
    if (onDelete === "cascade")
      problem(await admin().post(`/api/${names.c}s/${ids[0]}/restore`), 409, "CONFLICT", ["/about/id"]);
    body(await admin().post(`/api/${names.a}s/${a.id}/restore`), 200);
    expect(await live()).toEqual(["1", "2"]);
    expect(await about(names.c, ids[0] ?? "")).toEqual(a);
    const { result, changes } = await withChanges(app, () => admin().delete(`/api/${names.a}s/${a.id}?purge=true`));
    expect(result.status, result.text).toBe(204);
    expect(await live()).toEqual(onDelete === "cascade" ? ["2"] : ["1", "2"]);
    const [released] = changes.filter((c) => c.record === ids[0]);
    expect([released?.op, released?.data["about"]]).toEqual(onDelete === "cascade" ? ["delete", a] : ["update", null]);
    if (onDelete === "setNull") expect(released?.old).toMatchObject({ about: a });
  });
});
