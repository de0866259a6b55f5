// Mappings as definitions of a tenant: in change sets, with what they name.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bench, body, startBench } from "./support.ts";

let bench: Bench;
const url = "/api/meta/changes";
const text = { type: "string" } as const;
const apply = (set: object) => bench.admin.post(url, set);
const plan = async (set: object) => body(await bench.admin.post(`${url}?plan=true`, set), 200);
const stored = (name: string) => bench.admin.get(`/api/meta/mappings/${name}`);
const last = async () => body(await bench.admin.get(`${url}?limit=1`), 200).data[0];
const version = async (): Promise<number> => body(await bench.admin.get("/api/meta/customisation"), 200).version;
const paths = ({ errors }: { errors: { path: string }[] }): string[] => errors.map(({ path }) => path);

const ship = (properties: object = {}, more: object = {}) => ({
  name: "ship",
  plural: "ships",
  properties: {
    name: { ...text, unique: true },
    port: { fieldType: "reference", target: "port" },
    site: { fieldType: "address" },
    length: { type: "number" },
    ...properties,
  },
  ...more,
});
const port = (properties: object = { code: { ...text, unique: true } }) => ({
  name: "port",
  plural: "ports",
  properties: { name: text, ...properties },
});
const fleet = {
  name: "fleet",
  object: "ship",
  mode: "upsert",
  key: "name",
  columns: { N: "name", P: "port.code", L: { field: "length", times: 10 }, Skip: null },
  constants: { "site.country": "CN" },
};

beforeAll(async () => {
  bench = await startBench({});
  body(await apply({ objects: [ship(), port()] }), 200);
});
afterAll(() => bench.close());

describe("in a change set", () => {
  test("they come with their objects, are planned, kept in the history and taken back", async () => {
    const rows = { name: "row", plural: "rows", properties: { a: text } };
    const set = { objects: [rows], mappings: [{ name: "rowing", object: "row", columns: { A: "a" } }] };
    const { ok, steps } = await plan(set);
    expect(ok).toBe(true);
    expect(steps).toContainEqual({ kind: "mappings", name: "rowing", effect: "create the mapping rowing" });
    expect((await stored("rowing")).status).toBe(404);
    const made = body(await apply(set), 200);
    expect(body(await stored("rowing"), 200)).toEqual(set.mappings[0]);
    expect(body(await apply(set), 200), "the same again").toMatchObject({ id: null, steps: [] });
    const changed = { ...set.mappings[0], title: "Rows", columns: { A: "a", B: null } };
    const { id } = body(await apply({ mappings: [changed] }), 200);
    expect((await last()).steps).toEqual([
      { kind: "mappings", name: "rowing", effect: "change the mapping rowing (columns, title)" },
    ]);
    const [touched] = body(await bench.admin.get(`${url}/${id}`), 200).changes;
    expect(touched).toEqual({ kind: "mappings", name: "rowing", before: set.mappings[0], after: changed });
    body(await bench.admin.post(`${url}/${id}/revert`, {}), 200);
    expect(body(await stored("rowing"), 200)).toEqual(set.mappings[0]);
    body(await bench.admin.post(`${url}/${made.id}/revert`, { allow: ["drop:row"] }), 200);
    expect((await stored("rowing")).status).toBe(404);
  });

  test("faults are told at their places, and nothing is kept of the rest", async () => {
    const before = await version();
    const wrong = [
      { name: "one", object: "ship", columns: { a: "nope", b: "port.nope" } },
      { name: "two", columns: {} },
      { name: "three", object: "vessel" },
      { object: "ship" },
      { name: "Five", object: "ship" },
      { name: "six", object: "ship", colour: 1 },
    ];
    const refused = body(await apply({ objects: [port({ code: text })], mappings: wrong }), 422);
    expect(new Set(paths(refused))).toEqual(new Set(["/mappings/3/name", "/mappings/4/name", "/mappings/5/colour"]));
    const named = body(await apply({ objects: [port({ code: text })], mappings: wrong.slice(0, 3) }), 422);
    expect(paths(named)).toEqual([
      ...["/mappings/0/columns/a", "/mappings/0/columns/b", "/mappings/1/object", "/mappings/2/object"],
    ]);
    expect(named.errors.at(-1).message).toBe('there is no object "vessel"');
    expect(await version()).toBe(before);
    expect((await bench.as("rep_a1").post(url, { mappings: [fleet] })).status).toBe(403);
  });

  test("a single put and a delete are change sets of one", async () => {
    const { name: _name, ...nameless } = fleet;
    body(await bench.admin.put("/api/meta/mappings/fleet", nameless), 201);
    expect(await last()).toMatchObject({ changes: [{ kind: "mappings", name: "fleet" }] });
    expect(body(await bench.admin.put("/api/meta/mappings/fleet", fleet), 200)).toEqual(fleet);
    expect(paths(body(await bench.admin.put("/api/meta/mappings/fleet", { ...fleet, name: "other" }), 422))).toEqual([
      "/name",
    ]);
    const found = body(await bench.admin.get("/api/meta/customisation"), 200);
    expect(found.mappings).toEqual([fleet]);
    body(await bench.admin.delete("/api/meta/mappings/fleet"), 204);
    expect((await last()).steps).toEqual([{ kind: "mappings", name: "fleet", effect: "delete the mapping fleet" }]);
    const before = await version();
    expect((await bench.admin.delete("/api/meta/mappings/fleet")).status).toBe(404);
    expect(await version()).toBe(before);
  });
});

describe("what a mapping names", () => {
  beforeAll(async () => void body(await apply({ mappings: [fleet] }), 200));

  test.each([
    ["a column's field", "ship.length", ["mapping fleet (columns)"], { objects: [ship({ length: undefined })] }],
    [
      "the key",
      "ship.name",
      ["mapping fleet (key)", "mapping fleet (columns)"],
      { objects: [ship({ name: undefined })] },
    ],
    ["a constant's field", "ship.site", ["mapping fleet (constants)"], { objects: [ship({ site: undefined })] }],
    ["what records are found by", "port.code", ["mapping fleet (columns)"], { objects: [port({})] }],
    ["the object", "ship", ["mapping fleet (object)"], { delete: { objects: ["ship"] } }],
  ])("cannot go while it does: %s", async (_, thing, uses, set) => {
    const lost = { ...set, allow: [`drop:${thing}`] };
    expect((await apply(lost)).status).toBe(409);
    const { ok, steps } = await plan(lost);
    expect(ok).toBe(false);
    expect(steps.flatMap((step: { breaks?: string[] }) => step.breaks ?? [])).toEqual(expect.arrayContaining(uses));
    expect(body(await stored("fleet"), 200)).toEqual(fleet);
  });

  test("a field that gets another name takes the mapping along in the same change set only", async () => {
    const renamed = ship({ length: undefined, metres: { type: "number", was: "length" } });
    expect((await apply({ objects: [renamed] })).status).toBe(409);
    const { steps } = await plan({ objects: [renamed] });
    expect(steps[0]).toMatchObject({ breaks: ["mapping fleet (columns)"] });
    const same = body(await apply({ objects: [renamed], mappings: [fleet] }), 422);
    expect(paths(same), "one that stays as it is says something else").toEqual(["/mappings/0/columns/L"]);
    const after = { ...fleet, columns: { ...fleet.columns, L: { field: "metres", times: 10 } } };
    const { id } = body(await apply({ objects: [renamed], mappings: [after] }), 200);
    expect(body(await stored("fleet"), 200)).toEqual(after);
    body(await bench.admin.post(`${url}/${id}/revert`, {}), 200);
    expect(body(await stored("fleet"), 200)).toEqual(fleet);
  });

  test("names that change places are said again, and are others then", async () => {
    const swapped = ship({ length: { type: "number", was: "width" }, width: { type: "number", was: "length" } });
    body(await apply({ objects: [ship({ width: { type: "number" } })] }), 200);
    expect((await apply({ objects: [swapped] })).status).toBe(409);
    body(await apply({ objects: [swapped], mappings: [fleet] }), 200);
    expect(body(await stored("fleet"), 200)).toEqual(fleet);
    body(await apply({ objects: [ship()], allow: ["drop:ship.width"] }), 200);
  });

  test("a type that it cannot be read with is refused, another is not", async () => {
    const typed = (length: object) => ({ objects: [ship({ length })] });
    expect((await apply(typed({ type: "string" }))).status).toBe(409);
    expect((await plan(typed({ type: "string" }))).steps[0]).toMatchObject({ breaks: ["mapping fleet (columns)"] });
    const kept = body(await apply({ ...typed({ type: "string" }), mappings: [fleet] }), 422);
    expect(paths(kept)).toEqual(["/mappings/0/columns/L"]);
    const whole = await plan(typed({ type: "integer" }));
    expect([whole.ok, whole.steps[0].breaks, whole.steps[0].usedBy]).toEqual([
      ...[true, undefined, ["mapping fleet (columns)"]],
    ]);
  });

  test("an object that gets another name takes the mapping along, which imports by it", async () => {
    const { steps } = body(await apply({ objects: [ship({}, { name: "vessel", was: "ship" })] }), 200);
    expect(steps[0]).toMatchObject({ usedBy: ["mapping fleet (object)"] });
    expect(body(await stored("fleet"), 200)).toEqual({ ...fleet, object: "vessel" });
    expect(body(await bench.admin.get("/api/meta/customisation"), 200).mappings).toEqual([
      { ...fleet, object: "vessel" },
    ]);
    const sent = await bench.admin.post("/api/import/ships?mapping=fleet", "N,P,L\na,,1\n", {
      "content-type": "text/csv",
    });
    expect(body(sent, 202)).toMatchObject({ mapping: "fleet", object: "vessel", mode: "upsert" });
    body(
      await apply({ delete: { objects: ["vessel"], mappings: ["fleet", "never_was"] }, allow: ["drop:vessel"] }),
      200,
    );
    expect((await stored("fleet")).status).toBe(404);
  });
});
