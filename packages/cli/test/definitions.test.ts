import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { exitCodes } from "@guanxi/cli";
import type { TestApp } from "@guanxi/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDefinition } from "../src/definitions.ts";
import { Interrupted } from "../src/failure.ts";
import { type ComparedObject, objectChanges } from "../src/object-changes.ts";
import { type CallOptions, type Served, useServer } from "./support.ts";

let server: Served;
let folder: string;
let app: TestApp;
const guanxi = useServer((used) => ({ app, server, folder } = used));

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function printed(words: readonly string[], options: CallOptions = {}): Promise<string> {
  const { code, out, err } = await guanxi(words, options);
  expect({ code, err }).toEqual({ code: exitCodes.ok, err: "" });
  return out;
}

async function refused(words: readonly string[], options: CallOptions = {}): Promise<string> {
  const { code, out, err } = await guanxi(words, options);
  expect({ code, out }, err).toEqual({ code: exitCodes.failed, out: "" });
  return err;
}

const text = { type: "string" };
const object = (name: string, properties: object, more: object = {}): object => ({
  name,
  plural: `${name}_list`,
  type: "object",
  properties,
  ...more,
});

test("objects recalculate mends what a hand has broken, and says how much it was", async () => {
  const crate = object("crate", { label: text });
  const item = object("item", { crate: { fieldType: "reference", target: "crate", relation: "inside" } });
  const counted = object("crate", { label: text, items: { fieldType: "rollup", of: "item.crate", op: "count" } });
  await printed(["objects", "put", await file("crate.json", crate), await file("item.json", item)]);
  const [one, two] = (await server.admin.post("/api/crate_list", [{ label: "a" }, { label: "b" }])).body.data;
  await server.admin.post("/api/item_list", [{ crate: one.id }, { crate: one.id }, { crate: two.id }]);
  expect(await printed(["objects", "put", await file("crate.json", counted)])).toContain("items");
  expect(await printed(["objects", "recalculate", "crate"])).toBe(
    "crate: looked at 2 records, 0 had a wrong roll-up\n",
  );
  expect(await printed(["objects", "show", "crate"])).toContain("rollup: count of item.crate");
  await app.store.sql("UPDATE t_demo.crate SET items = 7 WHERE label = 'a'");
  expect(JSON.parse(await printed(["objects", "recalculate", "crate", "--field", "items", "--json"]))).toEqual({
    records: 2,
    differed: 1,
  });
  expect((await server.admin.get(`/api/crate_list/${one.id}`)).body.items).toBe(2);
  expect(await refused(["objects", "recalculate", "crate", "--field", "label"])).toContain('no roll-up "label"');
});

describe("objects put", () => {
  test("creates in the order given, leaves alone what is the same, and tells each change", async () => {
    const whole = await file("fleet.json", object("fleet", { title: text }));
    const part = await file(
      "truck.json",
      object("truck", { plate: text, note: text, fleet: { fieldType: "reference", target: "fleet" } }),
    );
    const made =
      "fleet: created, with 1 field, at /api/fleet_list\ntruck: created, with 3 fields, at /api/truck_list\n";
    expect(await printed(["objects", "put", whole, part])).toBe(made);
    expect(await printed(["objects", "put", whole, part])).toBe("fleet: unchanged\ntruck: unchanged\n");
    const next = object(
      "truck",
      { licence: { ...text, was: "plate" }, note: { ...text, title: "Note" }, seats: { type: "integer" } },
      { title: "Truck" },
    );
    const out = await printed(["objects", "put", await file("truck.json", next)]);
    expect(out).toBe(
      `truck: changed\n  added    seats\n  removed  fleet\n  renamed  plate to licence\n  changed  note\n  and      title\n`,
    );
    const stored = await server.admin.get("/api/meta/objects/truck");
    expect(Object.keys(stored.body.properties as object).toSorted()).toEqual(["licence", "note", "seats"]);
  });

  test("takes standard input, renames, and has it all as JSON", async () => {
    await printed(["objects", "put", await file("boat.json", object("boat", { title: text }))]);
    const renamed = JSON.stringify(object("ship", { title: text }, { was: "boat" }));
    const out = await printed(["objects", "put", "-", "--json"], { stdin: `\uFEFF${renamed}` });
    expect(JSON.parse(out)).toEqual([
      {
        ...{ file: "standard input", name: "ship", plural: "ship_list", outcome: "changed", was: "boat" },
        ...{ added: [], removed: [], renamed: [], changed: [], keywords: ["plural"] },
      },
    ]);
    expect((await server.admin.get("/api/meta/objects/boat")).status).toBe(404);
  });

  test("refuses with file and place of every fault; what stood before stays, what comes after is not put", async () => {
    const good = await file("good.json", object("good", { a: text }));
    const bad = await file("bad.json", object("bad", { a: { type: "strin" }, b: { ...text, maxLengt: 1 } }));
    const after = await file("later.json", object("later", { a: text }));
    const { code, out, err } = await guanxi(["objects", "put", good, bad, after]);
    expect({ code, out }).toEqual({
      code: exitCodes.failed,
      out: "good: created, with 1 field, at /api/good_list\n",
    });
    for (const says of [
      `guanxi: ${bad}: `,
      "GX-DEFINITION",
      "\n  /properties/a/type: ",
      "\n  /properties/b/maxLengt: ",
    ])
      expect(err).toContain(says);
    const there = await Promise.all(
      ["good", "bad", "later"].map(async (name) => (await server.admin.get(`/api/meta/objects/${name}`)).status),
    );
    expect(there).toEqual([200, 404, 404]);
    const json = await guanxi(["objects", "put", good, bad, "--json"]);
    expect(json.code).toBe(exitCodes.failed);
    expect(JSON.parse(json.out)).toMatchObject([{ name: "good", outcome: "unchanged" }]);
  });

  test("loses no values unless they are named", async () => {
    const seen = (format: string) => ({ type: "string", format });
    const full = object("stock", { sku: text, seen: seen("date-time"), price: { fieldType: "currency" } });
    await printed(["objects", "put", await file("stock.json", full)]);
    const item = { sku: "a", seen: "2026-03-01T09:30:00Z", price: 5 };
    expect((await server.admin.post("/api/stock_list", item)).status).toBe(201);
    const less = object("stock", { sku: text, seen: seen("date") });
    const without = ["objects", "put", await file("stock.json", less)];
    const err = await refused(without, { env: { LANG: "zh_CN.UTF-8" } });
    expect(err).toContain("GX-DATA_LOSS");
    for (const hint of ["--allow drop:stock.price", "--allow convert:stock.seen"]) expect(err).toContain(hint);
    const kept = await server.admin.get("/api/meta/objects/stock");
    expect(kept.body.properties).toHaveProperty("price");
    await refused([...without, "--allow", "drop:stock.other"]);
    await refused([...without, "--allow", "drop:stock.price"]);
    const allowed = [...without, "--allow", "drop:other, drop:stock.price,convert:stock.seen"];
    expect(await printed(allowed)).toContain("removed  price");
  });

  test("sends nothing when one of the files is no definition", async () => {
    const good = await file("first.json", object("first", { a: text }));
    const wrong: readonly (readonly [string, string])[] = [
      [await file("list.json", []), "has no definition"],
      [await file("broken.json", "{"), "is not JSON"],
      [await file("nameless.json", object("", {})), 'says no "name"'],
      [join(folder, "nowhere.json"), "there is no such file"],
      [folder, "it is a folder"],
    ];
    for (const [path, says] of wrong) {
      const { code, out, err } = await guanxi(["objects", "put", good, path]);
      expect({ code, out }, path).toEqual({ code: exitCodes.usage, out: "" });
      expect(err).toContain(path);
      expect(err).toContain(says);
    }
    expect((await server.admin.get("/api/meta/objects/first")).status).toBe(404);
  });

  test("waiting for standard input ends with Ctrl-C", async () => {
    const stop = new AbortController();
    const silent = { stdout: new PassThrough(), stderr: new PassThrough(), env: {} };
    const reading = readDefinition({ ...silent, stdin: new PassThrough(), interrupted: stop.signal }, "-");
    stop.abort();
    await expect(reading).rejects.toBeInstanceOf(Interrupted);
  });
});

describe("objects delete", () => {
  test("asks, wants the records named, and deletes", async () => {
    await printed(["objects", "put", await file("gone.json", object("gone", { a: text }, { title: "Gone" }))]);
    expect((await server.admin.post("/api/gone_list", { a: "x" })).status).toBe(201);
    const words = ["objects", "delete", "gone"];
    const alone = await guanxi(words);
    expect(alone.code).toBe(exitCodes.usage);
    expect(alone.err).toContain("--yes");
    expect(await refused(words, { tty: true, stdin: "yes\n" })).toContain("Nothing was deleted");
    expect(await refused([...words, "--yes"])).toContain("--allow drop:gone");
    expect((await server.admin.get("/api/meta/objects/gone")).status).toBe(200);
    const right = await guanxi([...words, "--allow", "drop:gone"], { tty: true, stdin: "gone\n" });
    expect(right.code, right.err).toBe(exitCodes.ok);
    expect((await server.admin.get("/api/meta/objects/gone")).status).toBe(404);
    expect(await refused([...words, "--yes"])).toContain("GX-NOT_FOUND");
  });
});

const script = (field: string): string =>
  `export default async ({ record, crm }) => {\n  crm.log(record.${field});\n};\n`;

describe("workflows", () => {
  test("a definition takes its script from the file beside it", async () => {
    const path = await file("flows/call.json", { name: "call", object: "lead", on: "updated", when: "score > 1" });
    const bare = await guanxi(["workflows", "put", path]);
    expect(bare.code).toBe(exitCodes.usage);
    expect(bare.err).toContain(join(folder, "flows/call.ts"));
    const source = "export default async ({ record, crm }) => {\n\tcrm.log(record.company);\n};\n";
    await file("flows/call.ts", source);
    expect(await printed(["workflows", "put", path])).toBe("call: created, runs on lead updated\n");
    expect(await printed(["workflows", "put", path])).toBe("call: a new version, runs on lead updated\n");
    expect((await server.admin.get("/api/meta/workflows/call")).body.script).toBe(source);
    expect(await printed(["workflows", "list"])).toMatch(/^call\s+lead\s+updated\s+yes\s+score > 1$/m);
    const shown = await printed(["workflows", "show", "call"]);
    expect(shown).toBe(`call: on lead updated\nwhen: score > 1\n\n${source.replace("\t", "  ")}`);
    expect(JSON.parse(await printed(["workflows", "show", "call", "--json"]))).toMatchObject({ script: source });

    const twin = await guanxi(["workflows", "put", join(folder, "flows/call.ts")]);
    expect(twin.code).toBe(exitCodes.usage);
    expect(twin.err).toContain(`is the script of ${path}`);
  });

  test("a script alone is told when to run; its name is the file's", async () => {
    const path = await file("welcome.ts", script("company"));
    const words = ["workflows", "put", path, "--object", "lead", "--on"];
    const out = await printed([...words, "updated", "--when", "score > 1", "--fields", "score,status", "--json"]);
    expect(JSON.parse(out)).toEqual([
      { file: path, name: "welcome", outcome: "created", object: "lead", on: "updated" },
    ]);
    const stored = (await server.admin.get("/api/meta/workflows/welcome")).body;
    expect(stored).toMatchObject({ when: "score > 1", fields: ["score", "status"], script: script("company") });
    expect(await printed([...words, "created", "--name", "other"])).toBe("other: created, runs on lead created\n");
    expect(await printed(["workflows", "list", "--json"])).toContain('"other"');
  });

  test("faults stand at their line of the script, in the definition or in the option, in the user's language", async () => {
    const path = await file("wrong.ts", script("compny"));
    const words = ["workflows", "put", path, "--on", "created"];
    const place = `\n  ${path}:2:18 `;
    expect(await refused([...words, "--object", "lead"])).toContain(`${place}Property 'compny' does not exist`);
    const chinese = await refused([...words, "--object", "lead"], { env: { LC_ALL: "zh_CN.UTF-8" } });
    expect(chinese).toContain(`${place}属性“compny”`);
    const options = await refused([...words, "--object", "nothing", "--name", "No-Name"]);
    expect(options).toContain("\n  --object: ");
    expect(options).toContain("\n  --name: ");

    const definition = await file("wrong.json", { name: "wrong", object: "lead", on: "created", when: "score >" });
    const both = await refused(["workflows", "put", definition]);
    for (const says of [`guanxi: ${definition}: `, "\n  /when: ", place]) expect(both).toContain(says);
    const inside = { name: "wrong", object: "lead", on: "created", script: script("compny") };
    expect(await refused(["workflows", "put", "-"], { stdin: JSON.stringify(inside) })).toMatch(
      /standard input: [\s\S]*\/script: .*\(line 2, column 18\)/,
    );
    expect((await server.admin.get("/api/meta/workflows/wrong")).status).toBe(404);
  });

  test("wrong usage is said before anything is sent", async () => {
    const lone = await file("lone.ts", script("company"));
    const json = await file("lone_definition.json", { name: "lone", object: "lead", on: "created", script: "x" });
    const cases: readonly (readonly [readonly string[], string])[] = [
      [[lone], "--object and --on"],
      [[lone, "--object", "lead"], "--object and --on"],
      [[lone, lone, "--object", "lead", "--on", "created", "--name", "x"], "--name is for one file"],
      [[json, "--when", "true"], "--when goes with a script"],
      [[lone, "--object", "lead", "--on", "sometimes"], "before_create"],
      [[join(folder, "none.ts"), "--object", "lead", "--on", "created"], "there is no such file"],
    ];
    for (const [words, says] of cases) {
      const { code, out, err } = await guanxi(["workflows", "put", ...words]);
      expect({ code, out }, words.join(" ")).toEqual({ code: exitCodes.usage, out: "" });
      expect(err).toContain(says);
    }
    const scriptless = await guanxi(["workflows", "put", "-"], { stdin: '{"name":"x"}' });
    expect(scriptless.code).toBe(exitCodes.usage);
    expect(scriptless.err).toContain('no member "script"');
    expect((await server.admin.get("/api/meta/workflows/lone")).status).toBe(404);
  });

  test("are deleted after a yes", async () => {
    const path = await file("brief.js", "export default async () => 1;\n");
    await printed(["workflows", "put", path, "--object", "lead", "--on", "manual"]);
    const words = ["workflows", "delete", "brief"];
    expect((await guanxi(words)).code).toBe(exitCodes.usage);
    expect(await refused(words, { tty: true, stdin: "no\n" })).toContain("Nothing was deleted");
    expect((await server.admin.get("/api/meta/workflows/brief")).status).toBe(200);
    expect(JSON.parse(await printed([...words, "--yes", "--json"]))).toEqual({ name: "brief", deleted: true });
    expect(await refused(["workflows", "show", "brief"])).toContain("GX-NOT_FOUND");
  });

  test("their triggers are those of the schema", async () => {
    const schema = JSON.parse(await readFile(join(import.meta.dirname, "../../../schemas/workflow.json"), "utf8")) as {
      properties: { on: { enum: string[] } };
    };
    const { err } = await guanxi(["workflows", "put", "x.ts", "--on", "never"]);
    expect(err).toContain(`choices are ${schema.properties.on.enum.join(", ")}.`);
  });
});

test("types for scripts are other ones than for the client", async () => {
  const out = await printed(["types", "--for", "script"]);
  expect(out).toContain('declare module "guanxi"');
  expect(out).toBe((await server.admin.get("/api/types.d.ts?for=script")).text);
  expect(await printed(["types", "--for", "client"])).toBe(await printed(["types"]));
  expect(await printed(["types"])).not.toContain("declare module");
});

describe("what became of an object", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "__proto__", "constructor"), { maxLength: 5 });
  const kinds = fc.constantFrom("string", "integer");
  const fields = (of: readonly string[]): fc.Arbitrary<ComparedObject> =>
    fc
      .tuple(...of.map(() => kinds))
      .map((types) => ({ name: "o", properties: Object.fromEntries(of.map((n, i) => [n, { type: types[i] ?? "" }])) }));
  const objects = names.chain(fields);

  test("every field is told once or is the same on both sides", () => {
    fc.assert(
      fc.property(objects, objects, fc.boolean(), (before, plain, renames) => {
        const [old, now] = [Object.keys(before.properties), Object.keys(plain.properties)];
        const from = old.find((name) => !now.includes(name));
        const to = now.find((name) => !old.includes(name));
        const after =
          renames && from !== undefined && to !== undefined
            ? { ...plain, properties: { ...plain.properties, [to]: { ...plain.properties[to], was: from } } }
            : plain;
        const told = objectChanges(before, after);
        const kept = now.filter((name) => old.includes(name));
        const pairs = told.renamed;
        expect([...kept, ...told.added, ...pairs.map((p) => p.to)].toSorted()).toEqual(now.toSorted());
        expect([...kept, ...told.removed, ...pairs.map((p) => p.from)].toSorted()).toEqual(old.toSorted());
        expect(pairs).toEqual(after === plain ? [] : [{ from, to }]);
        for (const name of kept)
          expect(told.changed.includes(name)).toBe(
            before.properties[name]?.["type"] !== after.properties[name]?.["type"],
          );
        const silent = [told.added, told.removed, told.renamed, told.changed].every((list) => list.length === 0);
        expect(told.outcome).toBe(silent ? "unchanged" : "changed");
      }),
    );
  });

  test("what is new has added all of its fields", () => {
    expect(objectChanges(undefined, { name: "o", properties: { a: {}, b: {} } })).toMatchObject({
      outcome: "created",
      added: ["a", "b"],
    });
  });
});
