// The definitions of a tenant as files: pull, push, diff, validate, init.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { createApi } from "@guanxi/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { placeIn } from "../src/project/places.ts";
import { call, type CallOptions, deadUrl, type Ended, type Served, useServer } from "./support.ts";

let server: Served;
let folder: string;
const guanxi = useServer((used) => ({ server, folder } = used));

/** The folder of a project of its own. */
let projects = 0;
async function project(files: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const path = join(folder, `project${++projects}`);
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) await put(path, name, content);
  return path;
}

async function put(path: string, name: string, content: unknown): Promise<void> {
  await mkdir(join(path, name, ".."), { recursive: true });
  await writeFile(join(path, name), typeof content === "string" ? content : JSON.stringify(content, null, 2));
}

async function contentsOf(path: string): Promise<Record<string, string>> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  const names = found
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)));
  const entries = names.toSorted().map(async (name) => [name, await readFile(join(path, name), "utf8")] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** A tenant with the standard plugin, and commands that speak to it. */
async function tenant(id: string) {
  const made = await server.operator.post("/platform/tenants", {
    id,
    admin: { email: `a@${id}.example` },
    plugins: ["sales"],
  });
  expect(made.status, made.text).toBe(201);
  const key = made.body.admin.key as string;
  return {
    key,
    api: createApi((request) => fetch(request), key, server.url),
    run: (words: readonly string[], options: CallOptions = {}): Promise<Ended> =>
      guanxi(words, { ...options, env: { GUANXI_KEY: key, ...options.env } }),
  };
}

async function fine(ended: Promise<Ended>): Promise<Ended> {
  const all = await ended;
  expect(all.code, all.out + all.err).toBe(exitCodes.ok);
  return all;
}

const text = { type: "string" };
const boat = { name: "boat", properties: { name: text, length: { type: "number" } } };

test("a project that was begun is without fault and can be pushed; pushed again it is nothing new", async () => {
  const { run } = await tenant("begun");
  const path = join(await project(), "new");
  const { out } = await fine(call(["init", path]));
  expect(out.split("\n")).toContain(join(path, "objects/visit.json"));
  expect((await call(["init", path])).code, "what is there is not written over").toBe(exitCodes.usage);
  expect(await call(["validate", path])).toMatchObject({ code: exitCodes.ok, out: "" });
  const planned = await fine(run(["push", path, "--plan"]));
  expect(planned.out).toBe(
    "objects/visit\n  create visit with 4 fields\nworkflows/note_visit\n  create the workflow note_visit\n",
  );
  expect(planned.err).toContain("nothing was changed");
  const pushed = await fine(run(["push", path, "-m", "begin"]));
  expect([pushed.out, pushed.err]).toEqual([planned.out, expect.stringContaining("version 2")]);
  expect((await fine(run(["push", path]))).err).toContain("Nothing to change: version 2");
  expect(await run(["diff", path])).toMatchObject({ code: exitCodes.ok, out: "" });
});

test("an empty project has what an editor needs and nothing else, and is one", async () => {
  const path = await project();
  const { out } = await fine(call(["init", path, "--empty"]));
  const written = Object.keys(await contentsOf(path));
  expect(out.trimEnd().split("\n").toSorted()).toEqual(written.map((name) => join(path, name)));
  expect(written).toEqual([
    ...[".gitignore", ".vscode/settings.json", ".vscode/tasks.json", "README.md"],
    ...["delete", "mapping", "object", "roles", "settings", "workflow"].map((name) => `schemas/${name}.json`),
    "tsconfig.json",
  ]);
  const schema = async (name: string) =>
    JSON.parse(await readFile(join(path, `schemas/${name}.json`), "utf8")) as { required?: string[] };
  expect((await schema("workflow")).required, "the script has a file of its own").toEqual(["name", "object", "on"]);
  expect(await call(["validate", path])).toMatchObject({ code: exitCodes.ok, out: "" });
});

test("the history is listed, and the newest change taken back", async () => {
  const { run, api } = await tenant("back");
  const path = await project({ "objects/boat.json": boat });
  expect((await run(["changes", "revert", "last"])).err).toContain("Nothing was changed yet.");
  await fine(run(["push", path, "-m", "boats"]));
  await put(path, "objects/boat.json", { ...boat, properties: { ...boat.properties, colour: text } });
  await put(path, "objects/pier.json", { name: "pier", properties: { name: text } });
  await fine(run(["push", path]));
  const { out } = await fine(run(["changes", "list"]));
  expect(out.split("\n").map((line) => line.replace(/^\S+\s+(\d+)\s+\S+\s+/, "$1 "))).toEqual([
    ...["id                                    version  at                        by             what"],
    ...["3 Administrator  objects/boat, objects/pier", "2 Administrator  boats", ""],
  ]);
  const [, { id: first }] = JSON.parse((await fine(run(["changes", "list", "--json"]))).out);
  expect((await fine(run(["changes", "show", "last"]))).out).toMatch(
    /^version 3, 20\S+Z, by Administrator\nobjects\/pier\n {2}create pier with 1 field\nobjects\/boat\n {2}add boat.colour\n$/,
  );
  expect((await fine(run(["changes", "show", first]))).out).toContain("by Administrator\nboats\nobjects/boat\n");
  expect(JSON.parse((await fine(run(["changes", "show", first, "--json"]))).out).changes).toMatchObject([
    { name: "boat", before: null, after: { name: "boat" } },
  ]);
  expect(await run(["changes", "show", "nothing"])).toMatchObject({ code: exitCodes.failed, out: "" });
  expect(JSON.parse((await fine(run(["changes", "list", "-n", "1", "--json"]))).out)).toHaveLength(1);
  expect((await run(["changes", "list", "-n", "0"])).code).toBe(exitCodes.usage);

  expect((await api.post("/api/piers", { name: "a" })).status).toBe(201);
  const planned = await run(["changes", "revert", "last", "--plan"]);
  expect(planned).toMatchObject({ code: exitCodes.failed, err: "A plan: this would be refused.\n" });
  expect(planned.out).toContain("loses 1 record: --allow drop:pier lets it");
  expect((await run(["changes", "revert", "last"])).code).toBe(exitCodes.failed);
  expect((await api.get("/api/meta/objects/pier")).status, "a refusal changes nothing").toBe(200);
  await fine(run(["changes", "revert", "last", "--allow", "drop:pier", "-m", "no piers"]));
  expect((await api.get("/api/meta/objects/pier")).status).toBe(404);
  expect((await api.get("/api/meta/objects/boat")).body.properties).not.toHaveProperty("colour");
  expect((await fine(run(["changes", "list", "-n", "1"]))).out).toContain("no piers");
});

test("environments are names for servers and keys", async () => {
  const [one, two] = [await tenant("envone"), await tenant("envtwo")];
  const env = { GUANXI_KEY_TEST: one.key, GUANXI_KEY_LIVE_EU: two.key, GUANXI_KEY: "gx_a_b", GUANXI_URL_NONE: "" };
  const run = (...words: string[]): Promise<Ended> => guanxi(words, { env });
  const path = await project({ "objects/boat.json": boat });
  await fine(run("push", path, "--env", "test"));
  expect((await two.api.get("/api/meta/objects/boat")).status, "the other one is left alone").toBe(404);
  expect(await run("diff", "test", "live-eu")).toMatchObject({ code: exitCodes.failed, out: "- objects/boat\n" });
  await fine(run("push", path, "--env", "live-eu"));
  for (const sides of [
    ["test", "live-eu"],
    [path, "--env", "test"],
    [path, "live-eu"],
    ["test", path],
  ])
    expect(await run("diff", ...sides)).toMatchObject({ code: exitCodes.ok, out: "" });
  const none = await run("diff", "test", "none");
  expect([none.code, none.err]).toEqual([exitCodes.usage, expect.stringContaining("GUANXI_KEY_NONE is not set")]);
  const unset = await run("push", path, "--env", "none");
  expect([unset.code, unset.err]).toEqual([exitCodes.usage, expect.stringContaining("Set GUANXI_KEY_NONE")]);
  expect((await run("push", path, "--env", "a b")).code).toBe(exitCodes.usage);
  expect((await run("objects", "list")).code, "the plain variable is not one of them").toBe(exitCodes.failed);
  expect((await run("objects", "list", "--env", "test", "--key", "gx_a_b")).code, "--key wins").toBe(exitCodes.failed);
  const elsewhere = await guanxi(["push", path, "--env", "test"], {
    env: { ...env, GUANXI_URL_TEST: await deadUrl() },
  });
  expect(elsewhere.code).toBe(exitCodes.unreachable);
});

test("any call of the API is made as the user of the key", async () => {
  const { run } = await tenant("calls");
  const api = async (...words: string[]): Promise<unknown> => JSON.parse((await fine(run(["api", ...words]))).out);
  await fine(
    run([
      "push",
      await project({
        "objects/boat.json": {
          ...boat,
          properties: { name: text, exact: { fieldType: "number", precision: 20, scale: 3 } },
        },
      }),
    ]),
  );
  const made = (await api("/api/boats", "-d", '{"name": "海燕 & co"}')) as { id: string; name: string };
  expect(made.name).toBe("海燕 & co");
  const found = await api("/api/boats", "-q", "filter=name == '海燕 & co' && exact == null", "-q", "select=name");
  expect(found).toEqual({ data: [{ id: made.id, name: made.name }], next: null });
  const file = join(await project({ "patch.json": '{"exact": "12345678901234567.125"}' }), "patch.json");
  expect(await api("-X", "PATCH", `/api/boats/${made.id}`, "-d", `@${file}`)).toMatchObject({
    exact: "12345678901234567.125",
  });
  const piped = await fine(run(["api", "-X", "PATCH", `/api/boats/${made.id}`, "-d", "-"], { stdin: '{"name": "b"}' }));
  expect(JSON.parse(piped.out)).toMatchObject({ name: "b" });
  expect((await fine(run(["api", "/api/types.d.ts"]))).out).toContain("export interface Objects");
  expect((await fine(run(["api", "-X", "DELETE", `/api/boats/${made.id}`]))).out).toBe("");
  const refused = await run(["api", "/api/boats", "-d", '{"nme": 1}'], { env: { LC_ALL: "zh_CN.UTF-8" } });
  expect([refused.code, refused.out]).toEqual([exitCodes.failed, ""]);
  expect(refused.err).toMatch(/GX-VALIDATION\)\n {2}\/nme: .*[\u4e00-\u9fff]/);
  for (const wrong of [["api/me"], ["/api/me", "-q", "x"], ["/api/me", "-d", "{"], ["/api/me", "-d", "@/nonexistent"]])
    expect((await run(["api", ...wrong])).code, wrong.join(" ")).toBe(exitCodes.usage);
});

test("what is pulled and pushed is the same, also in another tenant, byte for byte", async () => {
  const [one, two] = [await tenant("one"), await tenant("two")];
  const changed = await one.api.post("/api/meta/changes", {
    objects: [
      {
        ...boat,
        titles: { "zh-CN": "船" },
        properties: { ...boat.properties, crew: { fieldType: "reference", target: "crew" } },
      },
      {
        name: "crew",
        properties: {
          name: text,
          boss: { fieldType: "reference", target: "crew", relation: "below" },
          licence: { fieldType: "file", accept: ["image/*"] },
          papers: { fieldType: "references", target: "file" },
        },
      },
    ],
    workflows: [
      {
        script: "// 你好\nexport default async () => {}\n\n",
        name: "sail",
        order: 7,
        object: "boat",
        on: "updated",
        fields: ["length"],
      },
    ],
    mappings: [
      {
        $schema: "https://guanxi.dev/schemas/mapping.json",
        name: "boats",
        object: "boat",
        unmapped: "ignore",
        columns: { 名: "name", Crew: "crew.id", Length: { times: 10, field: "length" } },
      },
    ],
    roles: [{ name: "水手", rights: { crew: ["read"], boat: ["read", "edit"] }, system_rights: ["view_runs"] }],
    settings: { timeZone: "Asia/Taipei", fiscalYearStart: 4 },
    delete: { objects: ["campaign"], roles: ["sales_rep"] },
  });
  expect(changed.status, changed.text).toBe(200);
  const lead = (await one.api.get("/api/meta/objects/lead")).body;
  await one.api.put("/api/meta/objects/lead", {
    ...lead,
    properties: { ...lead.properties, hobby: { type: "string", "x-note": "😀" } },
  });
  await one.api.put("/api/meta/objects/vessel", {
    ...(await one.api.get("/api/meta/objects/boat")).body,
    name: "vessel",
    plural: "vessels",
    was: "boat",
  });
  const [first, again, other] = [await project(), await project(), await project()];
  await fine(one.run(["pull", first]));
  const pulled = await contentsOf(first);
  expect(Object.keys(pulled)).toEqual(
    expect.arrayContaining([
      "objects/vessel.json",
      "objects/lead.json",
      "workflows/sail.ts",
      "mappings/boats.json",
      "roles.json",
    ]),
  );
  expect(JSON.parse(pulled["mappings/boats.json"] ?? "")).toMatchObject({ name: "boats", object: "vessel" });
  expect(Object.keys(pulled), "what the platform brings is not written").not.toContain("objects/user.json");
  expect(Object.keys(pulled)).not.toContain("objects/file.json");
  expect((await fine(one.run(["push", first]))).err).toContain("Nothing to change");
  await fine(one.run(["pull", again]));
  expect(await contentsOf(again)).toEqual(pulled);
  expect((await fine(one.run(["pull", again]))).out, "nothing is written anew").toBe("");
  expect(await call(["validate", first])).toMatchObject({ code: exitCodes.ok, out: "" });

  await fine(two.run(["push", first]));
  await fine(two.run(["pull", other]));
  expect(await contentsOf(other)).toEqual(pulled);
  const compared = await one.run(["diff", server.url, server.url, "--key", one.key, "--other-key", two.key]);
  expect(compared).toMatchObject({ code: exitCodes.ok, out: "" });
});

test("push deletes and loses only what it is told to, and a plan that would be refused ends with 1", async () => {
  const { run, api } = await tenant("strict");
  const path = await project({
    "objects/boat.json": boat,
    "objects/pier.json": { name: "pier", properties: { a: text } },
  });
  await fine(run(["push", path]));
  expect((await api.post("/api/boats", { name: "海燕", length: 7 })).status).toBe(201);
  await rm(join(path, "objects/pier.json"));
  await put(path, "objects/boat.json", { ...boat, properties: { name: text } });
  const planned = await run(["push", path, "--plan"]);
  expect(planned.code).toBe(exitCodes.failed);
  expect(planned.out).toBe(
    "objects/boat\n  delete boat.length and its values (1 record)\n    loses 1 value: --allow drop:boat.length lets it\n",
  );
  expect(planned.err).toContain("(--delete deletes it): objects/pier");
  const refused = await run(["push", path]);
  expect(refused.code).toBe(exitCodes.failed);
  expect(refused.err).toContain(`${join(path, "objects/boat.json")}:`);
  expect(refused.err).toContain("--allow drop:boat.length");
  expect((await api.get("/api/meta/objects/boat")).body.properties).toHaveProperty("length");
  await fine(run(["push", path, "--allow", "drop:boat.length"]));
  expect((await api.get("/api/meta/objects/pier")).status).toBe(200);
  const gone = await fine(run(["push", path, "--delete", "--json"]));
  expect(JSON.parse(gone.out).steps).toEqual([
    { kind: "objects", name: "pier", effect: "delete pier and its records" },
  ]);
  expect((await api.get("/api/meta/objects/pier")).status).toBe(404);
  expect((await api.get("/api/meta/objects/lead")).status, "the platform's stays").toBe(200);
});

test("pull removes files of what is not there only when told to", async () => {
  const { run } = await tenant("tidy");
  const path = await project({
    "objects/boat.json": boat,
    "workflows/old.json": { name: "old", object: "boat", on: "created" },
    "workflows/old.js": "export default () => {}\n",
    "notes.md": "mine",
    "workflows/tsconfig.json": "{} // of the editor\n",
  });
  const kept = await fine(run(["pull", path]));
  expect(kept.err).toContain("objects/boat.json is not on the server; --delete removes it.");
  expect(Object.keys(await contentsOf(path))).toContain("objects/boat.json");
  await fine(run(["pull", path, "--delete"]));
  expect(Object.keys(await contentsOf(path))).toEqual([
    ...["notes.md", "roles.json", "settings.json", "workflows/tsconfig.json"],
  ]);
});

test("pull leaves a definition that says the same as somebody has written it", async () => {
  const { run, api } = await tenant("mine");
  const path = await project({ "objects/boat.json": boat });
  await fine(run(["push", path]));
  const properties = { title: { ...text, was: "name" }, length: { type: "number" } };
  const written = `${JSON.stringify({ name: "boat", properties })}\n`;
  await put(path, "objects/boat.json", written);
  await put(path, "workflows/sail.json", '{ "on": "created", "object": "boat",\n"name": "sail" }');
  await put(path, "workflows/sail.ts", "export default async () => {};\n");
  await put(path, "mappings/boats.json", '{ "object": "boat",   "columns": { "T": "title" } }');
  expect((await fine(run(["push", path]))).out).toContain("mappings/boats\n  create the mapping boats\n");
  expect((await api.get("/api/meta/mappings/boats")).body).toMatchObject({ name: "boats", object: "boat" });
  const before = await contentsOf(path);
  await fine(run(["pull", path]));
  const { "roles.json": _roles, "settings.json": _settings, ...kept } = await contentsOf(path);
  expect(kept, "with what it was called, which another tenant has to be told").toEqual(before);

  await api.patch("/api/meta/objects/boat", { title: "Boat" });
  expect((await fine(run(["pull", path]))).out).toBe("objects/boat.json\n");
  expect((await contentsOf(path))["objects/boat.json"]).toContain('"title": "Boat"');
});

describe("faults are told at their places", () => {
  const script = "export default async ({ record }) => {\n  return record.nope;\n};\n";
  const sail = { name: "sail", object: "boat", on: "created" };
  const refers = (target: string) => ({ fieldType: "reference", target });
  const cases: readonly (readonly [what: string, files: Record<string, unknown>, says: readonly string[]])[] = [
    ["no JSON", { "objects/boat.json": '{\n  "name": "boat",\n}\n' }, ["objects/boat.json:3:1 is not JSON"]],
    ["another name than the file's", { "objects/ship.json": boat }, ['objects/ship.json:2:3 /name: must be "ship"']],
    [
      "wrong definitions, all of them",
      {
        "objects/boat.json": { name: "boat", properties: { a: { fieldType: "nonsense" } } },
        "objects/pier.json": { name: "pier", colour: 1, properties: {} },
      },
      ["objects/boat.json:5:7 /properties/a/fieldType: ", "objects/pier.json:3:3 /colour: "],
    ],
    [
      "definitions that do not fit together",
      { "objects/boat.json": { name: "boat", properties: { at: refers("nowhere") } } },
      ["objects/boat.json:6:7 /properties/at/target: "],
    ],
    [
      "roles and settings",
      { "roles.json": [{ name: "a" }, { name: "b", rights: { lead: ["fly"] } }] },
      ["roles.json:9:9 /1/rights/lead/0: "],
    ],
    [
      "mappings",
      {
        "objects/boat.json": boat,
        "mappings/boats.json": { object: "boat", columns: { N: "name", M: "mast" } },
        "mappings/fleet.json": { name: "navy", object: "boat" },
      },
      ['mappings/fleet.json:2:3 /name: must be "fleet"'],
    ],
    [
      "what a mapping names",
      {
        "objects/boat.json": boat,
        "mappings/boats.json": { object: "boat", columns: { N: "name", M: "mast" } },
        "mappings/fleet.json": { object: "navy" },
      },
      [
        'mappings/boats.json:5:5 /columns/M: there is no field "mast"',
        'mappings/fleet.json:2:3 /object: there is no object "navy"',
      ],
    ],
    ["a time zone", { "settings.json": { locale: "en", timeZone: "Mars" } }, ["settings.json:3:3 /timeZone: "]],
    ["no script", { "objects/boat.json": boat, "workflows/sail.json": sail }, ["workflows/sail.json:1 has no script"]],
    [
      "a script's syntax",
      {
        "objects/boat.json": boat,
        "workflows/sail.json": sail,
        "workflows/sail.ts": "export default async () => {\n  const x = ;\n}",
      },
      ["workflows/sail.ts:2:"],
    ],
    [
      "a script's types",
      { "objects/boat.json": boat, "workflows/sail.json": sail, "workflows/sail.ts": script },
      ["workflows/sail.ts:2:17 Property 'nope' does not exist"],
    ],
    [
      "a condition",
      {
        "objects/boat.json": boat,
        "workflows/sail.json": { ...sail, when: "nope > 1" },
        "workflows/sail.js": "export default () => {}",
      },
      ["workflows/sail.json:5:3 /when: "],
    ],
  ];

  test.each(cases)("%s: without a server, and the same by push", async (_, files, says) => {
    const path = await project(files);
    const alone = await call(["validate", path]);
    expect(alone.code, alone.err).toBe(exitCodes.failed);
    const pushed = await guanxi(["push", path]);
    expect(pushed.code).toBe(exitCodes.failed);
    for (const words of says) {
      expect(alone.out).toContain(join(path, words));
      expect(pushed.err).toContain(join(path, words));
    }
    expect(alone.out.trimEnd().split("\n")).toHaveLength(says.length);
  });

  test("as JSON", async () => {
    const path = await project({ "objects/boat.json": { ...boat, sharing: "nobody" } });
    const { out } = await call(["validate", path, "--json"]);
    expect(JSON.parse(out)).toEqual([
      { file: join(path, "objects/boat.json"), line: 11, column: 3, pointer: "/sharing", message: expect.any(String) },
    ]);
  });

  test("as annotations of GitHub Actions, one line each", async () => {
    const path = await project({
      "objects/boat.json": { ...boat, sharing: "nobody" },
      "objects/a,b:c.json": "{ nonsense\n%",
    });
    const { code, out } = await call(["validate", path, "--format", "github"]);
    expect([code, out.split("\n").length]).toEqual([exitCodes.failed, 2]);
    expect(out).toMatch(/^::error file=\S+objects\/a%2Cb%3Ac\.json(?:,line=\d+,col=\d+)?::is not JSON: [^\n]*\n$/);
    await rm(join(path, "objects/a,b:c.json"));
    expect((await call(["validate", path, "--format", "github"])).out).toMatch(
      /^::error file=\S+\/objects\/boat\.json,line=11,col=3::\/sharing: must be one of: \S.*\n$/,
    );
    expect((await call(["validate", path, "--format", "xml"])).code).toBe(exitCodes.usage);
  });

  test("a folder that is no project", async () => {
    for (const command of ["validate", "push", "diff"])
      expect(await guanxi([command, await project()])).toMatchObject({ code: exitCodes.usage, out: "" });
    expect((await guanxi(["push", "/nonexistent"])).code).toBe(exitCodes.usage);
  });
});

test("a diff tells what leads from one side to the other", async () => {
  const visit = (more: object) => ({ name: "visit", properties: { note: text, ...more } });
  const [from, to] = [
    await project({
      "objects/visit.json": visit({ fee: { fieldType: "currency" } }),
      "objects/old.json": { name: "old", properties: {} },
      "workflows/w.json": { name: "w", object: "visit", on: "created" },
      "workflows/w.ts": "a",
      "settings.json": { locale: "en", country: "CN" },
    }),
    await project({
      "objects/visit.json": { ...visit({ price: { fieldType: "currency", was: "cost" } }), plural: "visits" },
      "workflows/w.json": { name: "w", object: "visit", on: "updated" },
      "workflows/w.ts": "b",
      "roles.json": [{ name: "r" }],
      "settings.json": { country: "TW" },
    }),
  ];
  const { code, out } = await call(["diff", from, to]);
  expect(code).toBe(exitCodes.failed);
  expect(out).toBe(`- objects/old
~ objects/visit
    added    price
    removed  fee
~ workflows/w
    on, script
+ roles/r
~ settings
    country
`);
  expect(JSON.parse((await call(["diff", from, to, "--json"])).out)).toHaveLength(5);
});

test("every member of any JSON text is found at its place", () => {
  const key = fc.oneof(fc.string(), fc.constantFrom("a/b", "~", "a~1", '"', "{", ":", "，"));
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }), fc.nat(4), (value, indent) => {
      const written = JSON.stringify(value, null, indent);
      const visit = (at: unknown, pointer: string): void => {
        if (typeof at !== "object" || at === null) return;
        for (const [name, inner] of Object.entries(at)) {
          const path = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
          const { line, column } = placeIn(written, path);
          const rest = written
            .split("\n")
            .slice(line - 1)
            .join("\n")
            .slice(column - 1);
          const starts = Array.isArray(at) ? JSON.stringify(inner, null, indent)[0] : JSON.stringify(name);
          expect(rest.startsWith(starts ?? ""), `${path} in ${written}`).toBe(true);
          visit(inner, path);
        }
      };
      visit(value, "");
    }),
    { numRuns: 200 },
  );
  expect(placeIn('\n {"a": {"b": 1}}', "/a/c/d"), "the nearest around what is not there").toEqual({
    line: 2,
    column: 3,
  });
});
