// Objects made, changed, renamed and deleted at run time, with records in them.
import { contents, createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const meta = (name: string) => `/api/meta/objects/${name}`;
const object = (name: string, properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({ name, type: "object", properties, ...more });
const words = async () => (await admin().get("/api/openapi.json")).text;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe("define", () => {
  test("a new object: 201, Location, ETag, and the whole API at once", async () => {
    const definition = object("boat", { name: { type: "string" }, length: { type: "number", minimum: 0 } }, { title: "Boat", titles: { "zh-CN": "船" }, required: ["name"] });
    const made = await admin().put(meta("boat"), definition);
    expect(body(made, 201)).toMatchObject({ ...definition, plural: "boats" });
    expect(made.headers.get("location")).toBe(meta("boat"));
    const read = await admin().get(meta("boat"));
    expect([read.headers.get("etag"), read.body]).toEqual([made.headers.get("etag"), made.body]);
    expect((await admin().get(meta("boat"), { "if-none-match": made.headers.get("etag") ?? "" })).status).toBe(304);
    const boat = body(await admin().post("/api/boats", { name: "海燕", length: 7.5 }), 201);
    expect(ids(await admin().get(`/api/boats${q({ filter: "length > 7" })}`))).toEqual([boat.id]);
    const api = JSON.parse(await words());
    expect(Object.keys(api.paths)).toEqual(expect.arrayContaining(["/api/boats", "/api/boats/{id}", "/api/boats/aggregate"]));
    expect(api.components.schemas.boat.properties.length).toMatchObject({ type: ["number", "null"] });
    const chinese = await admin().get("/api/openapi.json", { "accept-language": "zh-CN" });
    expect(chinese.text).toContain("新建船");
  });

  test("the same again changes nothing; a field more is there in the next request", async () => {
    const before = await admin().get(meta("boat"));
    const again = await admin().put(meta("boat"), before.body);
    body(again, 200);
    expect(again.headers.get("etag")).toBe(before.headers.get("etag"));
    const [old] = ids(await admin().get("/api/boats"));
    const more = { ...before.body.properties, sails: { type: "integer", default: 2 }, port: { type: "string" } };
    const { result, changes } = await withChanges(app, () => admin().put(meta("boat"), { ...before.body, properties: more }));
    body(result, 200);
    expect(Number(result.headers.get("etag")?.replaceAll('"', ""))).toBe(Number(before.headers.get("etag")?.replaceAll('"', "")) + 1);
    expect(changes, "no record was changed by anybody").toEqual([]);
    expect(body(await admin().get(`/api/boats/${old}`), 200)).toMatchObject({ sails: 2, port: null, version: 1 });
    expect(body(await admin().post("/api/boats", { name: "b", sails: 3, port: "高雄" }), 201)).toMatchObject({ sails: 3, port: "高雄" });
    expect(ids(await admin().get(`/api/boats${q({ filter: "port == null && sails == 2" })}`))).toEqual([old]);
  });

  test("a merge patch adds and removes by name", async () => {
    body(await admin().patch(meta("boat"), { properties: { flag: { type: "string", maxLength: 2 } } }), 200);
    problem(await admin().post("/api/boats", { name: "x", flag: "TWN" }), 422, "VALIDATION", ["/flag"]);
    const patched = body(await admin().patch(meta("boat"), { properties: { flag: null } }), 200);
    expect(Object.keys(patched.properties)).toEqual(["name", "length", "sails", "port"]);
    problem(await admin().post("/api/boats", { name: "x", flag: "TW" }), 422, "VALIDATION", ["/flag"]);
    problem(await admin().patch(meta("nope"), { properties: {} }), 404, "NOT_FOUND");
  });

  test("If-Match guards against a definition that has changed since", async () => {
    const tag = (await admin().get(meta("boat"))).headers.get("etag") ?? "";
    body(await admin().patch(meta("boat"), { description: "Floats" }, { "if-match": tag }), 200);
    for (const write of [() => admin().patch(meta("boat"), { description: "Sinks" }, { "if-match": tag }), () => admin().delete(meta("boat"), { "if-match": tag })]) {
      problem(await write(), 412, "PRECONDITION");
    }
    expect(body(await admin().get(meta("boat")), 200).description).toBe("Floats");
  });

  test("two new objects may refer to each other, and one to itself", async () => {
    await define(app, object("crew", { name: { type: "string" }, captain: { fieldType: "reference", target: "crew", onDelete: "setNull" } }));
    await define(app, object("ship", { crew: { fieldType: "reference", target: "crew", onDelete: "setNull" } }));
    body(await admin().patch(meta("crew"), { properties: { ship: { fieldType: "reference", target: "ship", onDelete: "setNull" } } }), 200);
    const crew = body(await admin().post("/api/crews", { name: "甲" }), 201).id;
    const ship = body(await admin().post("/api/ships", { crew }), 201).id;
    body(await admin().patch(`/api/crews/${crew}`, { ship, captain: crew }), 200);
    const walked = await admin().get(`/api/ships${q({ select: "crew.ship.crew.captain.name" })}`);
    expect(body(walked, 200).data[0].crew.ship.crew.captain).toEqual({ name: "甲" });
    problem(await admin().delete(meta("ship")), 409, "CONFLICT");
  });
});

describe("refused, and nothing is changed", () => {
  const ok = { n: { type: "integer" } };
  const refusals: readonly (readonly [what: string, name: string, definition: unknown, paths: readonly string[]])[] = [
    ["no object", "bad", ["text"], [""]],
    ["an unknown field type", "bad", object("bad", { x: { fieldType: "nonsense" } }), ["/properties/x/fieldType"]],
    ["a later field type", "bad", object("bad", { x: { fieldType: "formula", formula: "1" }, y: { fieldType: "rollup" } }), ["/properties/x/fieldType", "/properties/y/fieldType"]],
    ["later keywords", "bad", object("bad", { x: { type: "string", requiredWhen: "true", sensitive: true } }, { states: {}, recordTypes: {} }), ["/properties/x/requiredWhen", "/properties/x/sensitive", "/recordTypes", "/states"]],
    ["an unknown keyword", "bad", object("bad", ok, { colour: "red" }), ["/colour"]],
    ["a rule that does not type-check", "bad", object("bad", ok, { rules: [{ name: "r", when: "n > 'x'", message: "m" }, { name: "s", when: "nope == 1", message: "m" }] }), ["/rules/0/when", "/rules/1/when"]],
    ["a reference to nothing", "bad", object("bad", { x: { fieldType: "reference", target: "nope" } }), ["/properties/x/target"]],
    ["another's plural", "bad", object("bad", ok, { plural: "leads" }), ["/plural"]],
    ["a reserved plural", "bad", object("bad", ok, { plural: "meta" }), ["/plural"]],
    ["reserved field names", "bad", object("bad", { id: ok.n, xmin: ok.n, old: ok.n, owner: ok.n }), ["/properties/id", "/properties/old", "/properties/owner", "/properties/xmin"]],
    ["names that are no names", "bad", object("bad", { "x; DROP TABLE lead": ok.n, "X": ok.n, "é": ok.n, "": ok.n }), ["/properties/", "/properties/X", "/properties/x; DROP TABLE lead", "/properties/é"]],
    ["a default that does not fit", "bad", object("bad", { x: { type: "integer", default: "x" } }), ["/properties/x/default"]],
    ["required that is no field", "bad", object("bad", ok, { required: ["m"] }), ["/required/0"]],
    ["another name than the address", "bad", object("worse", ok), ["/name"]],
    ["a rename of nothing", "bad", object("bad", ok, { was: "nope" }), ["/was"]],
    ["a field renamed from nothing", "boat", object("boat", { label: { type: "string", was: "nope" } }), ["/properties/label/was"]],
    ["prototype's names", "bad", JSON.parse('{"name":"bad","type":"object","properties":{"constructor":{"fieldType":"toString"}}}'), ["/properties/constructor/fieldType"]],
  ];
  test.each(refusals)("%s", async (_, name, definition, paths) => {
    const before = await contents(app);
    const answer = await admin().put(meta(name), definition);
    expect(answer.status, answer.text).toBe(422);
    expect([...new Set((answer.body.errors as { path: string }[]).map((e) => e.path))].sort()).toEqual([...paths].sort());
    expect(await contents(app)).toEqual(before);
  });

  const user = { name: { type: "string", maxLength: 120 } };
  test.each([
    ["a core object without its fields", "user", object("user", user, { plural: "users" })],
    ["a core field with another type", "user", async (d: Definition) => ({ ...d, properties: { ...d.properties, active: { type: "string" } } })],
    ["a core object's plural", "user", async (d: Definition) => ({ ...d, plural: "people" })],
    ["a core object's sharing", "role", async (d: Definition) => ({ ...d, sharing: "write" })],
    ["what a core object requires", "user", async (d: Definition) => ({ ...d, required: [] })],
    ["a core object's unique keys", "user_role", async (d: Definition) => ({ ...d, unique: [] })],
    ["a core object under another name", "person", async () => ({ ...body(await admin().get(meta("user")), 200), name: "person", plural: "persons", was: "user" })],
  ] as const)("%s", async (_, name, change) => {
    const present = await admin().get(meta(name));
    const definition = typeof change === "function" ? await change(present.body as Definition) : change;
    const before = await contents(app);
    const answer = await admin().put(meta(name), definition);
    expect([409, 422], answer.text).toContain(answer.status);
    expect(await contents(app)).toEqual(before);
  });

  test("a core object cannot be deleted, but takes further fields", async () => {
    problem(await admin().delete(meta("user")), 403, "FORBIDDEN");
    body(await admin().patch(meta("user"), { properties: { nickname: { type: "string" } } }), 200);
    const me = body(await admin().get("/api/me"), 200).user.id;
    body(await admin().patch(`/api/users/${me}`, { nickname: "老大" }), 200);
    expect(body(await admin().get(`/api/users/${me}`), 200)).toMatchObject({ nickname: "老大", email: "admin@demo.example" });
  });

  test("by whoever has no right to it", async () => {
    const before = await contents(app);
    for (const name of ["rep_a1", "director"]) {
      problem(await app.as(name).put(meta("lead"), object("lead", ok)), 403, "FORBIDDEN");
      problem(await app.as(name).patch(meta("lead"), { title: "x" }), 403, "FORBIDDEN");
      problem(await app.as(name).delete(meta("lead")), 403, "FORBIDDEN");
      problem(await app.as(name).get(meta("boat")), 404, "NOT_FOUND");
      expect(body(await app.as(name).get("/api/meta/objects"), 200).data.map((d: Definition) => d.name)).not.toContain("boat");
      expect((await app.as(name).get("/api/openapi.json")).text).not.toContain("boat");
    }
    expect(await contents(app)).toEqual(before);
  });
});

interface Definition {
  readonly name: string;
  readonly properties: Record<string, unknown>;
}

describe("rename", () => {
  test("a field keeps its values; the old name is gone everywhere", async () => {
    await define(app, object("cargo", { fee: { type: "integer", unique: true }, note: { type: "string" } }, { rules: [{ name: "r", when: "fee < 0", message: "m" }] }));
    const [one] = ids(await admin().post("/api/cargos", [{ fee: 5, note: "a" }, { note: "b" }]));
    const renamed = object("cargo", { cost: { type: "integer", unique: true, was: "fee" }, note: { type: "string" } }, { rules: [{ name: "r", when: "cost < 0", message: "m" }] });
    const { result, changes } = await withChanges(app, () => admin().put(meta("cargo"), renamed));
    body(result, 200);
    expect(changes).toEqual([]);
    const record = body(await admin().get(`/api/cargos/${one}`), 200);
    expect(record).toMatchObject({ cost: 5, note: "a", version: 1 });
    expect(record).not.toHaveProperty("fee");
    expect(body(await admin().get("/api/cargos/by/cost/5"), 200).id).toBe(one);
    problem(await admin().get("/api/cargos/by/fee/5"), 404, "NOT_FOUND");
    for (const parameters of [{ filter: "fee == 5" }, { order: "fee" }, { select: "fee" }] as Record<string, string>[]) problem(await admin().get(`/api/cargos${q(parameters)}`), 400, "QUERY");
    problem(await admin().post("/api/cargos", { fee: 7 }), 422, "VALIDATION", ["/fee"]);
    problem(await admin().post("/api/cargos", { cost: 5 }), 409, "CONFLICT", ["/cost"]);
    problem(await admin().post("/api/cargos", { cost: -1 }), 422, "VALIDATION", [""]);
    expect(JSON.parse(await words()).components.schemas.cargo.properties).not.toHaveProperty("fee");

    const tag = (await admin().get(meta("cargo"))).headers.get("etag");
    const twice = await admin().put(meta("cargo"), renamed);
    expect([twice.status, twice.headers.get("etag")]).toEqual([200, tag]);
    expect(body(await admin().get(`/api/cargos/${one}`), 200).cost).toBe(5);
  });

  test("two fields may change places", async () => {
    const p = { cost: { type: "integer", unique: true }, note: { type: "string" } };
    await define(app, object("cargo", { a: { ...p.cost, was: "cost" }, b: { ...p.note, was: "note" } }));
    await define(app, object("cargo", { b: { ...p.cost, was: "a" }, a: { ...p.note, was: "b" } }));
    expect(body(await admin().get(`/api/cargos${q({ select: "a,b", filter: "b == 5" })}`), 200).data).toMatchObject([{ a: "a", b: 5 }]);
  });

  test("an object keeps its records, its references and who may use it; the old name is gone", async () => {
    await define(app, object("berth", { cargo: { fieldType: "reference", target: "cargo", onDelete: "restrict" } }));
    const [one] = ids(await admin().get(`/api/cargos${q({ filter: "b == 5" })}`));
    const berth = body(await admin().post("/api/berths", { cargo: one }), 201).id;
    const role = body(await admin().get("/api/roles/by/name/sales_rep"), 200);
    body(await admin().patch(`/api/roles/${role.id}`, { rights: { ...role.rights, cargo: ["read", "create"] } }), 200);
    body(await app.as("rep_a1").post("/api/cargos", { a: "mine" }), 201);

    const { name: _, plural: __, ...rest } = body(await admin().get(meta("cargo")), 200);
    const renamed = { ...rest, name: "freight", plural: "freights", was: "cargo" };
    body(await admin().put(meta("freight"), renamed), 200);
    problem(await admin().get("/api/cargos"), 404, "NOT_FOUND");
    problem(await admin().get(meta("cargo")), 404, "NOT_FOUND");
    expect(await words()).not.toContain("cargo.");
    expect(body(await admin().get(meta("berth")), 200).properties.cargo.target).toBe("freight");
    expect(body(await admin().get(`/api/berths/${berth}?expand=cargo`), 200).cargo).toMatchObject({ id: one, b: 5 });
    problem(await admin().delete(`/api/freights/${one}`), 409, "CONFLICT");
    expect(body(await admin().get(`/api/freights/${one}/history`), 200).data).toHaveLength(1);
    expect(body(await app.as("rep_a1").get(`/api/freights${q({ select: "a" })}`), 200).data).toMatchObject([{ a: "mine" }]);

    body(await admin().put(meta("freight"), renamed), 200);
    await define(app, object("cargo", { n: { type: "integer" } }));
    expect(body(await admin().get("/api/cargos"), 200).data).toEqual([]);
    problem(await app.as("rep_a1").get("/api/cargos"), 404, "NOT_FOUND");
  });
});

describe("delete", () => {
  test("of a field or object that holds data names what would be lost, and goes when that is allowed", async () => {
    await define(app, object("crate", { x: { type: "integer" }, y: { type: "string" }, empty: { type: "string" } }));
    const id = body(await admin().post("/api/crates", { x: 1, y: "why" }), 201).id;
    body(await admin().delete(`/api/crates/${body(await admin().post("/api/crates", { x: 2 }), 201).id}`), 204);
    const before = await contents(app);
    const without = object("crate", {});
    const refused = await admin().put(meta("crate"), without);
    problem(refused, 409, "DATA_LOSS", ["/properties/x", "/properties/y"]);
    expect(refused.text).toContain("holds 2 value(s)");
    expect(refused.text).toContain("drop:crate.x");
    expect(refused.text).not.toContain("drop:crate.empty");
    problem(await admin().put(`${meta("crate")}?allow=drop:crate.x`, without), 409, "DATA_LOSS", ["/properties/y"]);
    problem(await admin().put(`${meta("crate")}?allow=drop:crate`, without), 409, "DATA_LOSS");
    problem(await admin().delete(meta("crate")), 409, "DATA_LOSS");
    problem(await admin().delete(`${meta("crate")}?allow=drop:lead`), 409, "DATA_LOSS");
    expect(await contents(app)).toEqual(before);
    body(await admin().put(`${meta("crate")}?allow=drop:crate.x,drop:crate.y`, without), 200);
    expect(Object.keys(body(await admin().get(`/api/crates/${id}`), 200))).not.toEqual(expect.arrayContaining(["x"]));
    body(await admin().put(meta("crate"), object("crate", { x: { type: "string" } })), 200);
    expect(body(await admin().get(`/api/crates/${id}`), 200).x, "a field of the same name is a new one").toBeNull();
    body(await admin().delete(`${meta("crate")}?allow=drop:crate`), 204);
    problem(await admin().get("/api/crates"), 404, "NOT_FOUND");
    problem(await admin().delete(meta("crate")), 404, "NOT_FOUND");
    expect(Object.keys(await contents(app))).not.toContain("t_demo.crate");
  });

  test("of an empty object needs no word", async () => {
    await define(app, object("nothing", { x: { type: "integer" } }));
    body(await admin().delete(meta("nothing")), 204);
    expect(await words()).not.toContain("nothing.");
  });
});

describe("existing records decide", () => {
  interface Step {
    readonly what: string;
    readonly from: Record<string, unknown>;
    readonly to: Record<string, unknown>;
    readonly rows: readonly unknown[];
    readonly status: number;
    /** What the rows hold afterwards, where it is done. */
    readonly after?: readonly unknown[];
  }
  const steps: readonly Step[] = [
    { what: "int → number keeps values", from: { type: "integer" }, to: { type: "number" }, rows: [1, -5, null], status: 200, after: [1, -5, null] },
    { what: "number → int where whole", from: { type: "number" }, to: { type: "integer" }, rows: [1, 2], status: 200, after: [1, 2] },
    { what: "number → int with a fraction", from: { type: "number" }, to: { type: "integer" }, rows: [1, 2.5], status: 409 },
    { what: "text → int with a word in the way", from: { type: "string" }, to: { type: "integer" }, rows: ["1", "two"], status: 409 },
    { what: "text → int where all are numbers", from: { type: "string" }, to: { type: "integer" }, rows: ["1", "-20", null], status: 200, after: [1, -20, null] },
    { what: "text → date with no such day", from: { type: "string" }, to: { type: "string", format: "date" }, rows: ["2026-02-28", "2026-02-30"], status: 409 },
    { what: "checkbox → number", from: { type: "boolean" }, to: { type: "number" }, rows: [true], status: 422 },
    { what: "date → text", from: { type: "string", format: "date" }, to: { type: "string" }, rows: ["2026-02-28"], status: 200, after: ["2026-02-28"] },
    { what: "picklist → text", from: { enum: ["a", "b"] }, to: { type: "string" }, rows: ["a"], status: 200, after: ["a"] },
    { what: "text → picklist with another value", from: { type: "string" }, to: { enum: ["a"] }, rows: ["a", "c"], status: 409 },
    { what: "text → reference to nothing", from: { type: "string" }, to: { fieldType: "reference", target: "account", onDelete: "setNull" }, rows: ["x"], status: 409 },
  ];
  test.each(steps)("$what", async ({ what, from, to, rows, status, after }) => {
    const name = `kind_${what.replace(/\W+/g, "_")}`.slice(0, 30).toLowerCase().replace(/_$/, "");
    await define(app, object(name, { f: from, n: { type: "integer" } }));
    body(await admin().post(`/api/${name}s`, rows.map((f, n) => ({ f, n }))), 200);
    const before = await contents(app);
    const answer = await admin().put(meta(name), object(name, { f: to, n: { type: "integer" } }));
    expect(answer.status, answer.text).toBe(status);
    const values = async () => body(await admin().get(`/api/${name}s${q({ order: "n" })}`), 200).data.map((r: { f: unknown }) => r.f);
    expect(await values()).toEqual(after ?? rows);
    if (!after) expect(await contents(app)).toEqual(before);
  });

  const tightenings: readonly (readonly [what: string, keywords: Record<string, unknown>, field: Record<string, unknown>])[] = [
    ["required, where some have no value", { required: ["f"] }, { type: "string" }],
    ["unique, where two share a value", {}, { type: "string", unique: true }],
    ["unique together", { unique: [["f", "g"]] }, { type: "string" }],
  ];
  test.each(tightenings)("%s → 409 and nothing half-way", async (what, keywords, field) => {
    const name = `tight_${tightenings.findIndex(([w]) => w === what)}`;
    const g = { type: "integer", default: 1 };
    await define(app, object(name, { f: { type: "string" }, g }));
    const [a, b, c] = ids(await admin().post(`/api/${name}s`, [{ f: "same" }, { f: "same" }, {}]));
    const before = await contents(app);
    const tight = object(name, { f: field, g, added: { type: "integer", default: 7 } }, keywords);
    problem(await admin().put(meta(name), tight), 409, "CONFLICT");
    expect(await contents(app), "the added field went with the rest").toEqual(before);
    body(await admin().patch(`/api/${name}s/${b}`, { f: "other" }), 200);
    body(await admin().patch(`/api/${name}s/${c}`, { f: "third" }), 200);
    body(await admin().put(meta(name), tight), 200);
    expect(body(await admin().get(`/api/${name}s/${a}`), 200)).toMatchObject({ f: "same", added: 7 });
    const late = await admin().post(`/api/${name}s`, keywords["required"] ? {} : { f: "same" });
    expect(late.status).toBe(keywords["required"] ? 422 : 409);
  });

  test("a new required field needs a default where there are records, and gives it to them", async () => {
    await define(app, object("filled", { n: { type: "integer" } }));
    const id = body(await admin().post("/api/filleds", { n: 1 }), 201).id;
    problem(await admin().put(meta("filled"), object("filled", { n: { type: "integer" }, must: { type: "string" } }, { required: ["must"] })), 409, "CONFLICT");
    body(await admin().put(meta("filled"), object("filled", { n: { type: "integer" }, must: { type: "string", default: "有" } }, { required: ["must"] })), 200);
    expect(body(await admin().get(`/api/filleds/${id}`), 200).must).toBe("有");
    problem(await admin().patch(`/api/filleds/${id}`, { must: null }), 422, "VALIDATION", ["/must"]);
  });

  test("a stricter limit binds the next write, not the records that are there", async () => {
    await define(app, object("strict", { s: { type: "string" }, n: { type: "integer" } }));
    const id = body(await admin().post("/api/stricts", { s: "too long" }), 201).id;
    await define(app, object("strict", { s: { type: "string", maxLength: 3 }, n: { type: "integer" } }));
    expect(body(await admin().patch(`/api/stricts/${id}`, { n: 1 }), 200).s).toBe("too long");
    problem(await admin().patch(`/api/stricts/${id}`, { s: "also long" }), 422, "VALIDATION", ["/s"]);
  });

  test("a value that is retired stays where it is and is refused anew", async () => {
    await define(app, object("phase", { p: { values: [{ value: "a" }, { value: "b" }] } }));
    const id = body(await admin().post("/api/phases", { p: "a" }), 201).id;
    await define(app, object("phase", { p: { values: [{ value: "a", active: false }, { value: "b" }] } }));
    expect(body(await admin().get(`/api/phases/${id}`), 200).p).toBe("a");
    problem(await admin().post("/api/phases", { p: "a" }), 422, "VALIDATION", ["/p"]);
    expect(ids(await admin().get(`/api/phases${q({ filter: "p == 'a'" })}`))).toEqual([id]);
  });
});
