// Definitions that change under records: renames, deletions, other types, tighter rules.
import { contents, createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const meta = (name: string) => `/api/meta/objects/${name}`;
const object = (name: string, properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  name,
  type: "object",
  properties,
  ...more,
});
const words = async () => (await admin().get("/api/openapi.json")).text;

beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe("rename", () => {
  test("a field keeps its values; the old name is gone everywhere", async () => {
    await define(
      app,
      object(
        "cargo",
        { fee: { type: "integer", unique: true }, note: { type: "string" } },
        { rules: [{ name: "r", when: "fee < 0", message: "m" }] },
      ),
    );
    const [one] = ids(await admin().post("/api/cargos", [{ fee: 5, note: "a" }, { note: "b" }]));
    const renamed = object(
      "cargo",
      { cost: { type: "integer", unique: true, was: "fee" }, note: { type: "string" } },
      { rules: [{ name: "r", when: "cost < 0", message: "m" }] },
    );
    const { result, changes } = await withChanges(app, () => admin().put(meta("cargo"), renamed));
    body(result, 200);
    expect(changes).toEqual([]);
    const record = body(await admin().get(`/api/cargos/${one}`), 200);
    expect(record).toMatchObject({ cost: 5, note: "a", version: 1 });
    expect(record).not.toHaveProperty("fee");
    expect(body(await admin().get("/api/cargos/by/cost/5"), 200).id).toBe(one);
    problem(await admin().get("/api/cargos/by/fee/5"), 404, "NOT_FOUND");
    for (const parameters of [{ filter: "fee == 5" }, { order: "fee" }, { select: "fee" }] as Record<string, string>[])
      problem(await admin().get(`/api/cargos${q(parameters)}`), 400, "QUERY");
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
    expect(body(await admin().get(`/api/cargos${q({ select: "a,b", filter: "b == 5" })}`), 200).data).toMatchObject([
      { a: "a", b: 5 },
    ]);
  });

  test("a field may be called as what every object of JavaScript has, come later, and get another name", async () => {
    await define(app, object("plank", { size: { type: "integer" } }));
    await define(app, object("plank", { size: { type: "integer" }, constructor: { type: "string" } }));
    body(await admin().post("/api/planks", { size: 1, constructor: "Ann" }), 201);
    await define(app, object("plank", { size: { type: "integer" }, maker: { type: "string", was: "constructor" } }));
    expect(body(await admin().get("/api/planks"), 200).data).toMatchObject([{ size: 1, maker: "Ann" }]);
    const counts = { fieldType: "rollup", of: "plank.part_of", op: "count" };
    const nested = {
      part_of: { fieldType: "reference", target: "plank" },
      parts: counts,
      constructor: { type: "string" },
    };
    await define(app, object("plank", { size: { type: "integer" }, maker: { type: "string" }, ...nested }));
    const [whole] = ids(await admin().get("/api/planks"));
    body(await admin().post("/api/planks", { part_of: whole, constructor: "Bob" }), 201);
    expect(body(await admin().get(`/api/planks/${whole}`), 200)).toMatchObject({ parts: 1, constructor: null });
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
    expect(body(await app.as("rep_a1").get(`/api/freights${q({ select: "a" })}`), 200).data).toMatchObject([
      { a: "mine" },
    ]);

    body(await admin().put(meta("freight"), renamed), 200);
    await define(app, object("cargo", { n: { type: "integer" } }));
    expect(body(await admin().get("/api/cargos"), 200).data).toEqual([]);
    problem(await app.as("rep_a1").get("/api/cargos"), 404, "NOT_FOUND");
  });
});

describe("data loss", () => {
  test("a deleted field or object that holds data names what would be lost, and goes when that is allowed", async () => {
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

  test("a time of day that a date cannot say goes only when that is allowed", async () => {
    const viewing = (name: string, field: string, kind: Record<string, unknown>, more = {}) =>
      object(name, { [field]: { type: "string", ...kind }, n: { type: "integer" } }, more);
    const instant = { format: "date-time" };
    await define(app, viewing("viewing", "begun", instant));
    // In Shanghai, the tenant's zone, the first is a day later than in UTC.
    const [late] = ids(
      await admin().post("/api/viewings", [{ begun: "2026-03-01T17:30:00Z" }, { begun: "2026-03-01T01:00:00Z" }, {}]),
    );
    const before = await contents(app);
    const tag = (await admin().get(meta("viewing"))).headers.get("etag");
    const day = viewing("viewing", "begun", { format: "date" });
    const refused = await admin().put(meta("viewing"), day);
    problem(refused, 409, "DATA_LOSS", ["/properties/begun"]);
    expect(refused.text).toContain("holds 2 value(s); repeat with allow=convert:viewing.begun to lose them");
    for (const allow of ["drop:viewing.begun", "drop:viewing", "convert:viewing", "convert:viewing.n"])
      problem(await admin().put(`${meta("viewing")}?allow=${allow}`, day), 409, "DATA_LOSS", ["/properties/begun"]);
    expect(await contents(app)).toEqual(before);
    expect((await admin().get(meta("viewing"))).headers.get("etag")).toBe(tag);

    const renamed = viewing("visit", "day", { format: "date", was: "begun" }, { was: "viewing" });
    problem(await admin().put(meta("visit"), renamed), 409, "DATA_LOSS", ["/properties/day"]);
    problem(await admin().put(`${meta("visit")}?allow=convert:visit.day`, renamed), 409, "DATA_LOSS");
    body(await admin().put(`${meta("visit")}?allow=convert:viewing.begun`, renamed), 200);
    expect(body(await admin().get(`/api/visits/${late}`), 200).day).toBe("2026-03-02");
    // Back again, nothing is lost, and nothing need be allowed.
    body(await admin().put(meta("visit"), viewing("visit", "day", instant)), 200);
    expect(body(await admin().get(`/api/visits/${late}`), 200).day).toMatch(/^2026-03-01T16:00:00/);
  });

  test("a time of day that no record has needs no word", async () => {
    await define(app, object("slot", { at: { type: "string", format: "date-time" } }));
    body(await admin().post("/api/slots", {}), 201);
    body(await admin().put(meta("slot"), object("slot", { at: { type: "string", format: "date" } })), 200);
  });

  test("an empty object goes without a word", async () => {
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
    {
      what: "int → number keeps values",
      from: { type: "integer" },
      to: { type: "number" },
      rows: [1, -5, null],
      status: 200,
      after: [1, -5, null],
    },
    {
      what: "number → int where whole",
      from: { type: "number" },
      to: { type: "integer" },
      rows: [1, 2],
      status: 200,
      after: [1, 2],
    },
    {
      what: "number → int with a fraction",
      from: { type: "number" },
      to: { type: "integer" },
      rows: [1, 2.5],
      status: 409,
    },
    {
      what: "text → int with a word in the way",
      from: { type: "string" },
      to: { type: "integer" },
      rows: ["1", "two"],
      status: 409,
    },
    {
      what: "text → int where all are numbers",
      from: { type: "string" },
      to: { type: "integer" },
      rows: ["1", "-20", null],
      status: 200,
      after: [1, -20, null],
    },
    {
      what: "text → date with no such day",
      from: { type: "string" },
      to: { type: "string", format: "date" },
      rows: ["2026-02-28", "2026-02-30"],
      status: 409,
    },
    { what: "checkbox → number", from: { type: "boolean" }, to: { type: "number" }, rows: [true], status: 422 },
    {
      what: "date → text",
      from: { type: "string", format: "date" },
      to: { type: "string" },
      rows: ["2026-02-28"],
      status: 200,
      after: ["2026-02-28"],
    },
    {
      what: "picklist → text",
      from: { enum: ["a", "b"] },
      to: { type: "string" },
      rows: ["a"],
      status: 200,
      after: ["a"],
    },
    {
      what: "text → picklist with another value",
      from: { type: "string" },
      to: { enum: ["a"] },
      rows: ["a", "c"],
      status: 409,
    },
    {
      what: "text → reference to nothing",
      from: { type: "string" },
      to: { fieldType: "reference", target: "account", onDelete: "setNull" },
      rows: ["x"],
      status: 409,
    },
  ];
  test.each(steps)("$what", async ({ what, from, to, rows, status, after }) => {
    const name = `kind_${what.replace(/\W+/g, "_")}`.slice(0, 30).toLowerCase().replace(/_$/, "");
    await define(app, object(name, { f: from, n: { type: "integer" } }));
    body(
      await admin().post(
        `/api/${name}s`,
        rows.map((f, n) => ({ f, n })),
      ),
      200,
    );
    const before = await contents(app);
    const answer = await admin().put(meta(name), object(name, { f: to, n: { type: "integer" } }));
    expect(answer.status, answer.text).toBe(status);
    const values = async () =>
      body(await admin().get(`/api/${name}s${q({ order: "n" })}`), 200).data.map((r: { f: unknown }) => r.f);
    expect(await values()).toEqual(after ?? rows);
    if (!after) expect(await contents(app)).toEqual(before);
  });

  const tightenings: readonly (readonly [
    what: string,
    keywords: Record<string, unknown>,
    field: Record<string, unknown>,
  ])[] = [
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
    problem(
      await admin().put(
        meta("filled"),
        object("filled", { n: { type: "integer" }, must: { type: "string" } }, { required: ["must"] }),
      ),
      409,
      "CONFLICT",
    );
    body(
      await admin().put(
        meta("filled"),
        object("filled", { n: { type: "integer" }, must: { type: "string", default: "有" } }, { required: ["must"] }),
      ),
      200,
    );
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
