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
  summary: "Start a workflow",
  tag: "workflows",
  request: { type: "object", properties: { record: { type: "string" } } },
  response: { type: "object" },
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
    [["create", "edit", "delete"], []],
  ] as const)("with %j", async (granted, expected) => {
    const document = await documentOf({ rights: rights(false, { note: granted }) });
    expect(recordCalls(document).toSorted()).toEqual(expected);
    expect(Object.keys(document.components.schemas).filter((s) => s.startsWith("note.")).length).toBe(
      granted.includes("create" as never) && expected.length > 0 ? 1 : 0,
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

  test("further routes with their schemas, and nothing of the operator's", async () => {
    const { paths } = await documentOf(admin, { routes: [route] });
    expect(paths["/api/workflows/{name}/start"]?.["post"]).toMatchObject({
      summary: "Start a workflow",
      tags: ["workflows"],
      requestBody: { content: { "application/json": { schema: route.request } } },
      responses: { "2XX": { content: { "application/json": { schema: route.response } } } },
    });
    expect(Object.keys(paths).filter((p) => !p.startsWith("/api/"))).toEqual([]);
  });
});

describe("what it says", () => {
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
    ["zh-CN", "房源", "地址", "读取房源"],
    ["zh-TW", "Property", "Address", "讀取Property"],
    ["de", "房源", "地址", "读取房源"],
  ])("in the reader's language: %s", async (language, object, field, summary) => {
    const document = await documentOf({ ...admin, locale: "zh-CN" }, {}, language);
    expect(document.components.schemas["property"]).toMatchObject({
      title: object,
      properties: { address: { title: field } },
    });
    expect(document.tags).toContainEqual({ name: "properties", description: object });
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
