// Objects defined at run time: what each definition gives, and what is refused.
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

describe("define", () => {
  test("a new object: 201, Location, ETag, and the whole API at once", async () => {
    const definition = object(
      "boat",
      { name: { type: "string" }, length: { type: "number", minimum: 0 } },
      { title: "Boat", titles: { "zh-CN": "船" }, required: ["name"] },
    );
    const made = await admin().put(meta("boat"), definition);
    expect(body(made, 201)).toMatchObject({ ...definition, plural: "boats" });
    expect(made.headers.get("location")).toBe(meta("boat"));
    const read = await admin().get(meta("boat"));
    expect([read.headers.get("etag"), read.body]).toEqual([made.headers.get("etag"), made.body]);
    expect((await admin().get(meta("boat"), { "if-none-match": made.headers.get("etag") ?? "" })).status).toBe(304);
    const boat = body(await admin().post("/api/boats", { name: "海燕", length: 7.5 }), 201);
    expect(ids(await admin().get(`/api/boats${q({ filter: "length > 7" })}`))).toEqual([boat.id]);
    const api = JSON.parse(await words());
    expect(Object.keys(api.paths)).toEqual(
      expect.arrayContaining(["/api/boats", "/api/boats/{id}", "/api/boats/aggregate"]),
    );
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
    const { result, changes } = await withChanges(app, () =>
      admin().put(meta("boat"), { ...before.body, properties: more }),
    );
    body(result, 200);
    expect(Number(result.headers.get("etag")?.replaceAll('"', ""))).toBe(
      Number(before.headers.get("etag")?.replaceAll('"', "")) + 1,
    );
    expect(changes, "no record was changed by anybody").toEqual([]);
    expect(body(await admin().get(`/api/boats/${old}`), 200)).toMatchObject({ sails: 2, port: null, version: 1 });
    expect(body(await admin().post("/api/boats", { name: "b", sails: 3, port: "高雄" }), 201)).toMatchObject({
      sails: 3,
      port: "高雄",
    });
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
    for (const write of [
      () => admin().patch(meta("boat"), { description: "Sinks" }, { "if-match": tag }),
      () => admin().delete(meta("boat"), { "if-match": tag }),
    ]) {
      problem(await write(), 412, "PRECONDITION");
    }
    expect(body(await admin().get(meta("boat")), 200).description).toBe("Floats");
  });

  test("two new objects may refer to each other, and one to itself", async () => {
    await define(
      app,
      object("crew", {
        name: { type: "string" },
        captain: { fieldType: "reference", target: "crew", onDelete: "setNull" },
      }),
    );
    await define(app, object("ship", { crew: { fieldType: "reference", target: "crew", onDelete: "setNull" } }));
    body(
      await admin().patch(meta("crew"), {
        properties: { ship: { fieldType: "reference", target: "ship", onDelete: "setNull" } },
      }),
      200,
    );
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
    ["a lock that is none", "bad", object("bad", ok, { locked: {} }), ["/locked"]],
    ["a subtype", "bad", object("bad", ok, { extends: "lead" }), ["/name"]],
    ["what extends nothing", "bad", { extends: "nothing" }, ["/extends"]],
    ["an unknown keyword", "bad", object("bad", ok, { colour: "red" }), ["/colour"]],
    [
      "a rule that does not type-check",
      "bad",
      object("bad", ok, {
        rules: [
          { name: "r", when: "n > 'x'", message: "m" },
          { name: "s", when: "nope == 1", message: "m" },
        ],
      }),
      ["/rules/0/when", "/rules/1/when"],
    ],
    [
      "a reference to nothing",
      "bad",
      object("bad", { x: { fieldType: "reference", target: "nope" } }),
      ["/properties/x/target"],
    ],
    ["another's plural", "bad", object("bad", ok, { plural: "leads" }), ["/plural"]],
    ["a reserved plural", "bad", object("bad", ok, { plural: "meta" }), ["/plural"]],
    [
      "reserved field names",
      "bad",
      object("bad", { id: ok.n, xmin: ok.n, old: ok.n, owner: ok.n }),
      ["/properties/id", "/properties/old", "/properties/owner", "/properties/xmin"],
    ],
    [
      "names that are no names",
      "bad",
      object("bad", { "x; DROP TABLE lead": ok.n, X: ok.n, é: ok.n, "": ok.n }),
      ["/properties/", "/properties/X", "/properties/x; DROP TABLE lead", "/properties/é"],
    ],
    [
      "a default that does not fit",
      "bad",
      object("bad", { x: { type: "integer", default: "x" } }),
      ["/properties/x/default"],
    ],
    ["required that is no field", "bad", object("bad", ok, { required: ["m"] }), ["/required/0"]],
    ["another name than the address", "bad", object("worse", ok), ["/name"]],
    ["a rename of nothing", "bad", object("bad", ok, { was: "nope" }), ["/was"]],
    [
      "a field renamed from nothing",
      "boat",
      object("boat", { label: { type: "string", was: "nope" } }),
      ["/properties/label/was"],
    ],
    [
      "prototype's names",
      "bad",
      JSON.parse('{"name":"bad","type":"object","properties":{"constructor":{"fieldType":"toString"}}}'),
      ["/properties/constructor/fieldType"],
    ],
  ];
  test.each(refusals)("%s", async (_, name, definition, paths) => {
    const before = await contents(app);
    const answer = await admin().put(meta(name), definition);
    expect(answer.status, answer.text).toBe(422);
    expect([...new Set((answer.body.errors as { path: string }[]).map((e) => e.path))].sort()).toEqual(
      [...paths].sort(),
    );
    expect(await contents(app)).toEqual(before);
  });

  const user = { name: { type: "string", maxLength: 120 } };
  test.each([
    ["a core object without its fields", "user", object("user", user, { plural: "users" })],
    [
      "a core field with another type",
      "user",
      async (d: Definition) => ({ ...d, properties: { ...d.properties, active: { type: "string" } } }),
    ],
    ["a core object's plural", "user", async (d: Definition) => ({ ...d, plural: "people" })],
    ["a core object's sharing", "role", async (d: Definition) => ({ ...d, sharing: "write" })],
    ["what a core object requires", "user", async (d: Definition) => ({ ...d, required: [] })],
    ["a core object's unique keys", "user_role", async (d: Definition) => ({ ...d, unique: [] })],
    [
      "a core object under another name",
      "person",
      async () => ({ ...body(await admin().get(meta("user")), 200), name: "person", plural: "persons", was: "user" }),
    ],
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
    expect(body(await admin().get(`/api/users/${me}`), 200)).toMatchObject({
      nickname: "老大",
      email: "admin@demo.example",
    });
  });

  test("by whoever has no right to it", async () => {
    const before = await contents(app);
    for (const name of ["rep_a1", "director"]) {
      problem(await app.as(name).put(meta("lead"), object("lead", ok)), 403, "FORBIDDEN");
      problem(await app.as(name).patch(meta("lead"), { title: "x" }), 403, "FORBIDDEN");
      problem(await app.as(name).delete(meta("lead")), 403, "FORBIDDEN");
      problem(await app.as(name).get(meta("boat")), 404, "NOT_FOUND");
      expect(body(await app.as(name).get("/api/meta/objects"), 200).data.map((d: Definition) => d.name)).not.toContain(
        "boat",
      );
      expect((await app.as(name).get("/api/openapi.json")).text).not.toContain("boat");
    }
    expect(await contents(app)).toEqual(before);
  });
});

interface Definition {
  readonly name: string;
  readonly properties: Record<string, unknown>;
}
