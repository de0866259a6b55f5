import type { TenantSettings } from "@guanxi/meta";
import { compileSnapshot, parseDefinition, storeDefinition } from "@guanxi/meta";
import type { Route } from "@guanxi/kernel";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, test } from "vitest";
import { type Caller, type EdgeOptions, edge, rights } from "./driver.ts";

const settings: TenantSettings = {
  tenant: "demo",
  schema: "t_demo",
  locale: "en",
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  country: "CN",
  fiscalYearStart: 1,
};

const definitions = [
  {
    name: "property",
    plural: "properties",
    title: "Property",
    titles: { "zh-CN": "房源" },
    type: "object",
    history: true,
    required: ["address"],
    properties: {
      address: { type: "string", title: "Address", titles: { "zh-CN": "地址" } },
      price: { fieldType: "currency", minimum: 0 },
      status: { enum: ["draft", "sold"], default: "draft" },
      code: { type: "string", unique: true },
      number: { fieldType: "autonumber", pattern: "P-{0000}" },
      extra: { type: "object" },
      listed: { type: "string", format: "date", default: "today" },
    },
  },
  { name: "note", plural: "notes", type: "object", history: false, properties: { text: { type: "string" } } },
  { name: "salary", plural: "salaries", type: "object", properties: { amount: { type: "number" } } },
];

let ids = 0;
const stored = definitions.map((d) => storeDefinition(undefined, parseDefinition(d), "tenant", () => ++ids));
const objects = [...compileSnapshot(settings, 1, stored).objects.values()];

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    schemas: Record<string, { title?: string; required?: string[]; properties: Record<string, { title?: string }> }>;
  };
  readonly tags: { name: string; description?: string }[];
}
interface Operation {
  readonly operationId?: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: string[];
  readonly parameters?: { $ref?: string; name?: string; schema?: { enum?: string[] } }[];
  readonly responses: Record<string, unknown>;
}

async function documentOf(caller: Caller, options: EdgeOptions = {}, language = "en"): Promise<Document> {
  const { send } = edge({ objects, callers: { key: caller }, ...options });
  const response = await send("GET", "/api/openapi.json", undefined, { "accept-language": language });
  expect(response.status).toBe(200);
  return (await response.json()) as Document;
}

const callsOf = (document: Document): string[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  );

const recordCalls = (document: Document): string[] =>
  callsOf(document).filter((c) => /\/api\/(properties|notes|salaries)/.test(c));

const admin: Caller = { rights: rights(true) };
const route: Route = {
  method: "POST",
  path: "/api/workflows/:name/start",
  operationId: "startWorkflow",
  summary: { en: "Start a workflow", "zh-CN": "启动工作流" },
  tag: { name: "workflows", description: { en: "Scripts", "zh-CN": "脚本" } },
  right: "view_runs",
  query: ["filter", { name: "dry", description: { en: "Only try" }, schema: { type: "string", enum: ["true"] } }],
  conditions: ["If-Match"],
  request: { content: { "application/json": { $ref: "#/components/schemas/Start" } }, optional: true },
  responses: {
    200: { content: { "text/csv": { type: "string" } }, headers: ["Content-Disposition"] },
    202: { content: { "application/json": { type: "object" } }, headers: ["Location"] },
    204: {},
  },
  schemas: { Start: { type: "object", properties: { any: { type: "object" } } }, Unused: { type: "string" } },
  handle: async () => ({ status: 202 }),
};
const files: Route = {
  method: "POST",
  path: "/api/import/:plural",
  operationId: "importRecords",
  summary: { en: "Import" },
  tag: { name: "import", description: { en: "Files in" } },
  right: { object: "create" },
  request: { content: { "text/csv": { type: "string" } } },
  responses: { 202: {} },
  handle: async () => ({ status: 202 }),
};

describe("the document", () => {
  test.each([
    ["an administrator", admin],
    ["a reader", { rights: rights(false, { property: ["read"] }) }],
    ["somebody without rights", { rights: rights(false) }],
  ])("is valid OpenAPI 3.1 for %s", async (_who, caller) => {
    const document = await documentOf(caller, { routes: [route] });
    const validator = new Validator();
    const result = await validator.validate(structuredClone(document) as unknown as Record<string, unknown>);
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, validator.version]).toEqual([true, "3.1"]);
    expect(unresolved(document)).toEqual([]);
    const names = Object.values(document.paths).flatMap((item) =>
      Object.values(item).flatMap((o) => o.operationId ?? []),
    );
    expect(names.length).toBe(new Set(names).size);
  });

  test("names the path parts of every address, and no others", async () => {
    const { paths } = await documentOf(admin, { routes: [route] });
    for (const [path, item] of Object.entries(paths)) {
      const parts = Array.from(path.matchAll(/\{(\w+)\}/g), (m) => m[1]);
      for (const { parameters = [] } of Object.values(item)) {
        const named = parameters.flatMap((p) =>
          p.name !== undefined && (p as { in?: string }).in === "path" ? [p.name] : [],
        );
        expect([path, named]).toEqual([path, parts]);
      }
    }
  });
});

/** References that lead nowhere. */
function unresolved(document: object): string[] {
  const found: string[] = [];
  const leads = (ref: string): boolean =>
    ref
      .slice(2)
      .split("/")
      .reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], document) !== undefined;
  JSON.stringify(document, (key, value: unknown) => {
    if (key === "$ref" && !leads(String(value))) found.push(String(value));
    return value;
  });
  return found;
}

describe("what is listed", () => {
  test("all of it for an administrator", async () => {
    expect(
      recordCalls(await documentOf(admin))
        .filter((c) => c.includes("properties"))
        .toSorted(),
    ).toEqual([
      "DELETE /api/properties/{id}",
      "GET /api/properties",
      "GET /api/properties/aggregate",
      "GET /api/properties/by/{field}/{value}",
      "GET /api/properties/{id}",
      "GET /api/properties/{id}/history",
      "PATCH /api/properties",
      "PATCH /api/properties/{id}",
      "POST /api/properties",
      "POST /api/properties/query",
      "POST /api/properties/{id}/restore",
      "PUT /api/properties/by/{field}/{value}",
    ]);
  });

  test.each([
    [["read"], ["GET /api/notes", "GET /api/notes/aggregate", "GET /api/notes/{id}", "POST /api/notes/query"]],
    [["view_all"], ["GET /api/notes", "GET /api/notes/aggregate", "GET /api/notes/{id}", "POST /api/notes/query"]],
    [
      ["read", "create"],
      ["GET /api/notes", "GET /api/notes/aggregate", "GET /api/notes/{id}", "POST /api/notes", "POST /api/notes/query"],
    ],
    [["create"], ["POST /api/notes"]],
    [
      ["edit", "delete"],
      ["DELETE /api/notes/{id}", "PATCH /api/notes", "PATCH /api/notes/{id}", "POST /api/notes/{id}/restore"],
    ],
    [["edit_all"], []],
  ] as const)("with %j", async (granted, expected) => {
    const document = await documentOf({ rights: rights(false, { note: granted }) });
    expect(recordCalls(document).toSorted()).toEqual(expected);
    expect(Object.keys(document.components.schemas).filter((s) => s.startsWith("note.")).length).toBe(
      granted.includes("create" as never) ? 1 : granted.includes("edit" as never) ? 2 : 0,
    );
  });

  test("an object out of reach leaves no trace", async () => {
    const caller: Caller = { rights: rights(false, { note: ["read"], property: ["read"] }) };
    expect(JSON.stringify(await documentOf(caller))).not.toMatch(/salar/i);
    expect(JSON.stringify(await documentOf(admin))).toMatch(/salar/i);
  });

  test("only unique fields name records, and only history that is kept is offered", async () => {
    const { paths } = await documentOf(admin);
    const field = paths["/api/properties/by/{field}/{value}"]?.["get"]?.parameters?.find((p) => p.name === "field");
    expect(field?.schema?.enum?.toSorted()).toEqual(["code", "number"]);
    const written = paths["/api/properties/by/{field}/{value}"]?.["put"]?.parameters?.find((p) => p.name === "field");
    expect(written?.schema?.enum).toEqual(["code"]);
    expect(paths).not.toHaveProperty("/api/notes/by/{field}/{value}");
    expect(paths).not.toHaveProperty("/api/notes/{id}/history");
  });

  test("metadata can be changed only by who may", async () => {
    const methods = async (system: readonly string[]): Promise<string[]> =>
      Object.keys((await documentOf({ rights: rights(false, {}, system) })).paths["/api/meta/objects/{name}"] ?? {});
    expect(await methods([])).toEqual(["get"]);
    expect(await methods(["edit_metadata"])).toEqual(["get", "put", "patch", "delete"]);
  });

  test("further routes with all that they say of themselves, and nothing of the operator's", async () => {
    const { paths, components, tags } = await documentOf(admin, { routes: [route] });
    const start = paths["/api/workflows/{name}/start"]?.["post"];
    expect(start).toMatchObject({
      operationId: "startWorkflow",
      summary: "Start a workflow",
      description: "Needs the system right `view_runs`.",
      tags: ["workflows"],
      requestBody: {
        required: false,
        content: { "application/json": { schema: { $ref: "#/components/schemas/Start" } } },
      },
      responses: {
        200: { content: { "text/csv": { schema: { type: "string" } } } },
        202: { content: { "application/json": { schema: { type: "object", additionalProperties: true } } } },
        204: { description: "No Content" },
      },
    });
    expect(start?.parameters).toEqual([
      { name: "name", in: "path", required: true, schema: { type: "string" } },
      { $ref: "#/components/parameters/filter" },
      { name: "dry", in: "query", description: "Only try", schema: { type: "string", enum: ["true"] } },
      { $ref: "#/components/parameters/If-Match" },
      { $ref: "#/components/parameters/Idempotency-Key" },
    ]);
    expect(Object.keys(start?.responses ?? {})).toContain("412");
    // An object of which nothing is said may have anything; what nothing refers to is left out.
    expect(components.schemas["Start"]?.properties["any"]).toEqual({ type: "object", additionalProperties: true });
    expect(components.schemas).not.toHaveProperty("Unused");
    expect(tags).toContainEqual({ name: "workflows", description: "Scripts" });
    expect(Object.keys(paths).filter((p) => !p.startsWith("/api/"))).toEqual([]);
  });

  test.each([
    ["no right", rights(false), false, undefined],
    ["another right", rights(false, { note: ["read"], salary: ["edit"] }, ["edit_metadata"]), false, undefined],
    ["the rights", rights(false, { note: ["read", "create"], salary: ["edit"] }, ["view_runs"]), true, ["notes"]],
    ["all rights", rights(true), true, ["properties", "notes", "salaries"]],
  ])("further routes for whom they would let in: with %s", async (_who, held, start, plurals) => {
    const { paths } = await documentOf({ rights: held }, { routes: [route, files] });
    expect("/api/workflows/{name}/start" in paths).toBe(start);
    const plural = paths["/api/import/{plural}"]?.["post"]?.parameters?.find((p) => p.name === "plural");
    expect(plural?.schema?.enum).toEqual(plurals);
  });

  test("shared parts that something uses, and no others", async () => {
    for (const caller of [admin, { rights: rights(false) }, { rights: rights(false, { note: ["read"] }) }]) {
      const document = await documentOf(caller, { routes: [route, files] });
      const text = JSON.stringify(document);
      for (const [kind, parts] of Object.entries(document.components).filter(([k]) => k !== "securitySchemes"))
        for (const name of Object.keys(parts)) expect(text).toContain(`"#/components/${kind}/${name}"`);
    }
  });
});

describe("what it says", () => {
  test("a default that is a word for the moment of writing is no value", async () => {
    const { schemas } = (await documentOf(admin)).components;
    expect(schemas["property.create"]?.properties["status"]).toMatchObject({ default: "draft" });
    expect(schemas["property.create"]?.properties["listed"]).not.toHaveProperty("default");
  });

  test("what the caller needs", async () => {
    const { paths } = await documentOf(admin);
    expect(paths["/api/notes"]?.["post"]?.description).toBe("Needs `create` on `note`.");
    expect(paths["/api/me"]?.["get"]?.description).toBe("Any API key will do.");
  });

  test("schemas of readers and writers", async () => {
    const { schemas } = (await documentOf(admin)).components;
    expect(schemas["property"]?.properties).toHaveProperty("number");
    expect(schemas["property.create"]?.properties).not.toHaveProperty("number");
    expect(schemas["property.create"]?.required).toEqual(["address"]);
    expect(schemas["property.patch"]).not.toHaveProperty("required");
    expect(schemas["property.patch"]?.properties).not.toHaveProperty("id");
    expect(schemas["property.row"]?.required).toEqual(["id"]);
  });

  test("the parameters that are taken, and only those", async () => {
    const { paths } = await documentOf(admin);
    const names = (path: string, method: string): string[] =>
      (paths[path]?.[method]?.parameters ?? []).map((p) => p.$ref?.split("/").at(-1) ?? `{${p.name}}`);
    expect(names("/api/notes", "get")).toEqual([
      "select",
      "filter",
      "order",
      "limit",
      "cursor",
      "count",
      "expand",
      "deleted",
    ]);
    expect(names("/api/notes/aggregate", "get")).toContain("rows");
    expect(names("/api/notes/{id}", "patch")).toEqual(["{id}", "If-Match", "Idempotency-Key"]);
    expect(names("/api/notes/{id}", "get")).toEqual(["{id}", "select", "expand", "If-None-Match"]);
  });

  test("the refusals that can come", async () => {
    const { paths } = await documentOf(admin);
    expect(Object.keys(paths["/api/notes/{id}"]?.["patch"]?.responses ?? {})).toEqual([
      "200",
      "400",
      "401",
      "403",
      "404",
      "409",
      "412",
      "413",
      "415",
      "422",
      "429",
      "500",
      "503",
    ]);
    expect(Object.keys(paths["/api/notes/{id}"]?.["get"]?.responses ?? {})).toEqual([
      "200",
      "304",
      "400",
      "401",
      "403",
      "404",
      "429",
      "500",
      "503",
    ]);
  });

  test.each([
    ["zh-CN", "房源", "地址", "读取房源", "启动工作流"],
    ["zh-TW", "Property", "Address", "讀取Property", "Start a workflow"],
    ["de", "房源", "地址", "读取房源", "启动工作流"],
  ])("in the reader's language: %s", async (language, object, field, summary, start) => {
    const document = await documentOf({ ...admin, locale: "zh-CN" }, { routes: [route] }, language);
    expect(document.components.schemas["property"]).toMatchObject({
      title: object,
      properties: { address: { title: field } },
    });
    expect(document.tags).toContainEqual({ name: "properties", description: object });
    expect(document.paths["/api/workflows/{name}/start"]?.["post"]?.summary).toBe(start);
    expect(document.paths["/api/properties/{id}"]?.["get"]?.summary).toBe(summary);
  });
});

test("callers of one application get their own document each, in any order", async () => {
  const callers = {
    key: admin,
    rep: { rights: rights(false, { note: ["read"] }) },
    twin: { rights: rights(false, { note: ["read"] }) },
  } as const;
  const { send } = edge({ objects, callers });
  const text = async (key: string, language: string): Promise<string> =>
    (
      await send("GET", "/api/openapi.json", undefined, { authorization: `Bearer ${key}`, "accept-language": language })
    ).text();
  const [all, rep, twin, repZh] = [
    await text("key", "en"),
    await text("rep", "en"),
    await text("twin", "en"),
    await text("rep", "zh"),
  ];
  expect(rep).toBe(twin);
  expect(new Set([all, rep, repZh]).size).toBe(3);
  expect(await text("key", "en")).toBe(all);
});
