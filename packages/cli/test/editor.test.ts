// What an editor makes of a project: what `init` writes, read by the language service of VS Code.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join, matchesGlob } from "node:path";
import { exitCodes } from "@guanxi/cli";
import { fieldTypes } from "@guanxi/meta";
import { createApi } from "@guanxi/testing";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, test } from "vitest";
import { getLanguageService, type LanguageService, TextDocument } from "vscode-json-languageservice";
import { call, type Served, useServer } from "./support.ts";

interface Entry {
  readonly fileMatch: readonly string[];
  readonly url: string;
}

let server: Served;
let folder: string;
const guanxi = useServer((used) => ({ server, folder } = used));

let project: string;
let entries: readonly Entry[];
let editor: LanguageService;

const schemaAt = async (url: string): Promise<object> =>
  JSON.parse(await readFile(join(project, url), "utf8")) as object;

beforeAll(async () => {
  project = join(folder, "edited");
  await mkdir(project);
  expect((await call(["init", project, "--empty"])).code).toBe(exitCodes.ok);
  const settings = await readFile(join(project, ".vscode/settings.json"), "utf8");
  entries = (JSON.parse(settings) as { "json.schemas": readonly Entry[] })["json.schemas"];
  editor = getLanguageService({});
  const schemas = await Promise.all(
    entries.map(async ({ fileMatch, url }) => ({
      uri: `file:///project/${url}`,
      fileMatch: fileMatch.map((pattern) => `/project${pattern}`),
      schema: await schemaAt(url),
    })),
  );
  editor.configure({ validate: true, schemas });
});

function documentOf(path: string, text: string) {
  const document = TextDocument.create(`file:///project/${path}`, "json", 1, text);
  return { document, json: editor.parseJSONDocument(document) };
}

/** What is offered where `|` stands. */
async function offered(path: string, marked: string): Promise<string[]> {
  const { document, json } = documentOf(path, marked.replace("|", ""));
  const found = await editor.doComplete(document, document.positionAt(marked.indexOf("|")), json);
  return (found?.items ?? []).map(({ label }) => label.replaceAll('"', ""));
}

async function marked(path: string, text: string): Promise<unknown[]> {
  const { document, json } = documentOf(path, text);
  return (await editor.doValidation(document, json)).map(({ message }) => message);
}

/** Faults of a file by the schema that the settings name for it. */
async function faultsOf(path: string, text: string): Promise<unknown[]> {
  const entry = entries.find(({ fileMatch }) => fileMatch.some((pattern) => matchesGlob(`/${path}`, pattern)));
  if (entry === undefined) throw new Error(`no schema is for ${path}`);
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(await schemaAt(entry.url));
  validate(JSON.parse(text));
  return validate.errors ?? [];
}

test("every file of a tenant that is pulled is as its schema says, and an editor marks nothing", async () => {
  const made = await server.operator.post("/platform/tenants", {
    id: "edited",
    admin: { email: "a@edited.example" },
    plugins: ["sales"],
  });
  const key = made.body.admin.key as string;
  const api = createApi((request) => fetch(request), key, server.url);
  const types = Object.fromEntries(
    Object.values(fieldTypes)
      .filter(({ name, needs }) => needs === undefined && !/picklist|encrypted/.test(name))
      .map(({ name }, i) => [`f${i}`, { fieldType: name }]),
  );
  const applied = await api.post("/api/meta/changes", {
    objects: [
      {
        name: "house",
        titles: { "zh-CN": "房" },
        properties: {
          ...types,
          state: { enum: ["a", "b"], values: [{ value: "a", title: "A" }, { value: "b" }] },
          about: { fieldType: "reference", target: ["lead", "contact"] },
          double: { fieldType: "formula", returns: "integer", formula: "1 + 1" },
        },
        states: { state: { "": ["a"], a: ["b"], b: [] } },
        rules: [{ name: "r", when: "state == 'b'", at: "state", message: "No" }],
      },
      {
        extends: "lead",
        titles: { "zh-TW": "潛在客戶" },
        properties: { shoe_size: { type: "integer" }, title: { title: "Job" } },
      },
    ],
    workflows: [
      { name: "w", object: "house", on: "updated", fields: ["state"], script: "export default async () => {}" },
    ],
    mappings: [
      {
        ...{ name: "houses", object: "house", nulls: ["", "?"], constants: { "about.object": "lead" } },
        columns: { S: { field: "state", values: { A: "a" } }, L: "about.id", X: null },
      },
    ],
    roles: [
      { name: "agent", description: "Sells", rights: { house: ["read", "purge"] }, system_rights: ["view_runs"] },
    ],
    settings: { purgeDeletedAfterDays: 400, timeZone: "Asia/Taipei" },
    delete: { roles: ["sales_manager"] },
  });
  expect(applied.status, applied.text).toBe(200);
  const pulled = await guanxi(["pull", project], { env: { GUANXI_KEY: key } });
  expect(pulled.code, pulled.err).toBe(exitCodes.ok);
  const inside = await Promise.all(
    ["objects", "workflows", "mappings"].map(async (kind) =>
      (await readdir(join(project, kind))).map((name) => `${kind}/${name}`),
    ),
  );
  const files = [
    ...inside.flat().filter((file) => file.endsWith(".json")),
    "roles.json",
    "settings.json",
    "delete.json",
  ];
  expect(files).toEqual(
    expect.arrayContaining(["objects/house.json", "objects/lead.json", "workflows/w.json", "mappings/houses.json"]),
  );
  const all = (await api.get("/api/meta/objects")).body.data as { name: string }[];
  expect(all.length, "those of the platform, too").toBeGreaterThan(15);
  for (const file of files) {
    expect([file, existsSync(join(project, file))]).toEqual([file, true]);
    const text = await readFile(join(project, file), "utf8");
    expect([file, await faultsOf(file, text), await marked(file, text)]).toEqual([file, [], []]);
  }
  for (const definition of all)
    expect([definition.name, await faultsOf("objects/x.json", JSON.stringify(definition))]).toEqual([
      definition.name,
      [],
    ]);
});

test("so is every file of the example", async () => {
  const example = join(import.meta.dirname, "../../../examples/property-agency");
  const all = await readdir(example, { recursive: true });
  const files = all.filter((file) =>
    /^(?:(?:objects|workflows|mappings)\/[^/]+|roles|settings|delete)\.json$/.test(file),
  );
  expect(files.filter((file) => file.startsWith("objects/")).length).toBeGreaterThan(5);
  for (const file of files.filter((name) => !name.endsWith("tsconfig.json")))
    expect([file, await faultsOf(file, await readFile(join(example, file), "utf8"))]).toEqual([file, []]);
});

describe("an editor", () => {
  test("offers the types of a field, and what the type needs", async () => {
    const types = await offered("objects/boat.json", '{ "name": "boat", "properties": { "a": { "fieldType": "|" } } }');
    expect(types.toSorted()).toEqual(Object.keys(fieldTypes).toSorted());
    const keywords = await offered("objects/boat.json", '{ "name": "boat", "properties": { "a": { | } } }');
    expect(keywords).toEqual(expect.arrayContaining(["fieldType", "title", "unique", "maxLength", "target"]));
    const members = await offered("objects/boat.json", "{ | }");
    expect(members).toEqual(expect.arrayContaining(["name", "properties", "rules", "states", "unique"]));
  });

  test("offers triggers, rights and settings", async () => {
    expect(await offered("workflows/w.json", '{ "on": "|" }')).toEqual(
      expect.arrayContaining(["before_create", "updated", "manual"]),
    );
    expect(await offered("roles.json", '[{ "name": "a", "rights": { "lead": ["|"] } }]')).toEqual(
      expect.arrayContaining(["read", "purge", "view_all"]),
    );
    expect(await offered("settings.json", "{ | }")).toEqual(
      expect.arrayContaining(["timeZone", "purgeDeletedAfterDays"]),
    );
    expect(await offered("settings.json", '{ "locale": "|" }')).toEqual(["en", "zh-CN", "zh-TW"]);
    expect((await offered("delete.json", "{ | }")).toSorted()).toEqual(["mappings", "objects", "roles", "workflows"]);
  });

  const wrong: readonly (readonly [string, string, unknown])[] = [
    ["a type that there is not", "objects/x.json", { name: "x", properties: { a: { fieldType: "number_field" } } }],
    ["a reference to nowhere", "objects/x.json", { name: "x", properties: { a: { fieldType: "reference" } } }],
    ["a keyword in the wrong case", "objects/x.json", { name: "x", properties: { a: { maxlength: 3 } } }],
    ["a name with capitals", "objects/x.json", { name: "House" }],
    ["a field with a space", "objects/x.json", { name: "x", properties: { "a b": {} } }],
    ["no name", "objects/x.json", { properties: {} }],
    ["fields in a list", "objects/x.json", { name: "x", properties: [] }],
    ["another sharing", "objects/x.json", { name: "x", sharing: "public" }],
    ["a trigger that there is not", "workflows/x.json", { name: "x", object: "lead", on: "saved" }],
    ["a workflow of no object", "workflows/x.json", { name: "x", on: "created" }],
    ["a member that there is not", "workflows/x.json", { name: "x", object: "lead", on: "created", if: "true" }],
    ["a right that there is not", "roles.json", [{ name: "x", rights: { lead: ["write"] } }]],
    ["roles by name instead of a list", "roles.json", { x: { rights: {} } }],
    ["a role without a name", "roles.json", [{ rights: {} }]],
    ["a currency's sign", "settings.json", { currency: "€" }],
    ["a thirteenth month", "settings.json", { fiscalYearStart: 13 }],
    ["a setting that there is not", "settings.json", { timezone: "UTC" }],
    ["a name instead of a list", "delete.json", { objects: "lead" }],
    ["another kind", "delete.json", { object: ["lead"] }],
    ["a column that becomes a number", "mappings/x.json", { name: "x", object: "lead", columns: { A: 1 } }],
  ];
  test.each(wrong)("marks %s", async (_, file, content) => {
    const text = JSON.stringify(content);
    expect(await faultsOf(file, text)).not.toEqual([]);
    expect(await marked(file, text)).not.toEqual([]);
  });

  test("finds the faults that `validate` tells of where they are", async () => {
    const tasks = JSON.parse(await readFile(join(project, ".vscode/tasks.json"), "utf8")) as {
      tasks: { command: string; problemMatcher: { pattern: Record<string, unknown> } }[];
    };
    const [task] = tasks.tasks;
    const { regexp, ...groups } = task?.problemMatcher.pattern ?? {};
    expect([task?.command, groups]).toEqual(["guanxi validate", { file: 1, line: 2, column: 3, message: 4 }]);
    const [, ...found] =
      new RegExp(String(regexp)).exec("objects/house.json:7:5 /properties/fee/fieldType: must be one of: a, b") ?? [];
    expect(found).toEqual(["objects/house.json", "7", "5", "/properties/fee/fieldType: must be one of: a, b"]);
  });
});
