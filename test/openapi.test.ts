// What `GET /api/openapi.json` tells each caller, held against what the API lets them do.
import { type Api, type ApiAnswer, createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, hire, nobody } from "./support.ts";

interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: string;
  readonly schema: { readonly enum?: readonly string[] };
}
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

let app: TestApp;
let every: Operation[];
/** A record of each object by its plural. */
const records = new Map<string, string>();
/** The value of a unique field that this record has. */
const keys = new Map<string, string>();

beforeAll(async () => {
  app = await createTestApp();
  every = await operationsOf(app.as("admin"));
  for (const { tags } of every.filter((o) => o.operationId.endsWith(".list"))) {
    const plural = String(tags[0]);
    const { data } = body(await app.as("admin").get(`/api/${plural}?limit=1`), 200);
    if (data.length > 0) records.set(plural, data[0].id);
    const field = fieldOf(plural);
    if (data.length > 0 && field !== "") keys.set(plural, await keyOf(plural, data[0], field));
  }
});
afterAll(() => app.close());

async function operationsOf(api: Api): Promise<Operation[]> {
  const { paths } = body(await api.get("/api/openapi.json"), 200) as {
    paths: Record<string, Record<string, Omit<Operation, "method" | "path">>>;
  };
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}

const partOf = (operation: Operation, name: string): readonly string[] =>
  operation.parameters?.find((p) => p.in === "path" && p.name === name)?.schema.enum ?? [];

/** The unique field by which records of an object can be written. */
function fieldOf(plural: string): string {
  const upsert = every.find((o) => o.tags[0] === plural && o.operationId.endsWith(".upsert"));
  return upsert === undefined ? "" : (partOf(upsert, "field")[0] ?? "");
}

async function keyOf(plural: string, record: Record<string, unknown>, field: string): Promise<string> {
  if (record[field] !== null) return String(record[field]);
  const patched = await app.as("admin").patch(`/api/${plural}/${record["id"]}`, { [field]: `key of ${plural}` });
  return String(body(patched, 200)[field]);
}

/** Of the right shape, with a field that there is not. */
function unfitBody({ method, path }: Operation): string {
  if (path.endsWith("/query")) return "{}";
  return method === "PATCH" && !path.endsWith("}") ? "[]" : '{"no_such_field":1}';
}

/** Asks with a body of the right kind that stores nothing. */
function ask(api: Api, operation: Operation, parts: Readonly<Record<string, string>>): Promise<ApiAnswer> {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => parts[name] ?? "none");
  const [mediaType] = Object.keys(operation.requestBody?.content ?? {});
  if (mediaType === undefined) return api.call(operation.method, path);
  const sent = mediaType.includes("json") ? unfitBody(operation) : "";
  return api.call(operation.method, path, sent, { "content-type": mediaType });
}

const callers: readonly (readonly [string, Parameters<typeof hire>[2]])[] = [
  ["nothing", {}],
  ["reading everything", { default_rights: ["read"] }],
  ["seeing all leads", { rights: { lead: ["view_all"] } }],
  ["writing without reading", { default_rights: ["create", "edit", "delete"] }],
  ["creating leads, reading accounts", { rights: { lead: ["read", "create"], account: ["read"] } }],
  ["editing tasks", { rights: { task: ["read", "edit", "view_all"] }, system_rights: ["view_runs"] }],
  ["deleting contacts", { rights: { contact: ["read", "delete"] }, system_rights: ["manage_keys"] }],
  ["metadata", { system_rights: ["edit_metadata"] }],
  ["users", { system_rights: ["manage_users"] }],
  ["everything but the administrator's", { default_rights: ["create", "read", "edit", "delete"], system_rights: [] }],
];

/** Every listed operation is let in; every other one of the administrator's is refused, or is of an object out of sight. */
async function expectExact(api: Api): Promise<void> {
  const own = new Map((await operationsOf(api)).map((o) => [o.operationId, o]));
  const wrong: string[] = [];
  for (const operation of every) {
    const listed = own.get(operation.operationId);
    for (const plural of operation.path.includes("{plural}") ? partOf(operation, "plural") : [undefined]) {
      const expected = listed !== undefined && (plural === undefined || partOf(listed, "plural").includes(plural));
      const answers = await attempts(api, operation, plural, expected);
      const open = answers.some((answer) => !answer.shut);
      if (open !== expected || answers.some((answer) => answer.status >= 500))
        wrong.push(`${expected ? "" : "not "}listed: ${operation.method} ${operation.path} ${JSON.stringify(answers)}`);
    }
  }
  expect(wrong).toEqual([]);
}

/** One answer, or two where a record is named by a key: to one that there is and to one that there is not. */
async function attempts(api: Api, operation: Operation, plural: string | undefined, expected: boolean) {
  const about = plural ?? String(operation.tags[0]);
  // Only what must be refused is tried on a record that is there.
  const id = expected ? nobody : (records.get(about) ?? nobody);
  const values = operation.path.includes("{value}") ? [keys.get(about) ?? "none", "none@demo.example"] : [""];
  const answers = [];
  for (const value of values) {
    const parts = { id, value: encodeURIComponent(value), field: fieldOf(about), plural: about };
    const { status, text } = await ask(api, operation, parts);
    const shut = status === 403 || (status === 404 && (await isHidden(api, operation, about)));
    answers.push({ status, shut, text: text.slice(0, 150) });
  }
  return answers;
}

/** Whether the operation is about an object that the caller may not know of. */
async function isHidden(api: Api, { path }: Operation, plural: string): Promise<boolean> {
  const ofObject = path.includes("{plural}") || path.startsWith(`/api/${plural}`);
  return ofObject && records.has(plural) && (await api.get(`/api/${plural}?limit=1`)).status === 404;
}

describe("exactly what the caller may do", () => {
  test("there is something to hold it against", () => {
    expect(every.length).toBeGreaterThan(150);
    expect(new Set(every.map((o) => o.operationId)).size).toBe(every.length);
    expect(records.size).toBeGreaterThan(10);
  });

  test.each(callers)("with rights for %s", async (name, role) => {
    const { api } = await hire(app, `with ${name}`.replaceAll(/\W+/g, "_"), role);
    await expectExact(api);
  });

  test.each(["rep_a1", "admin"])("as %s of the demo", (user) => expectExact(app.as(user)));
});

test("no operation takes a parameter that it does not name", async () => {
  const taken: string[] = [];
  for (const operation of every) {
    const plural = partOf(operation, "plural")[0] ?? "";
    const path = `${operation.path}?no_such_parameter=1`;
    const answer = await ask(app.as("admin"), { ...operation, path }, { id: nobody, plural, field: "email" });
    const named = (answer.body?.errors ?? []).some((e: { path: string }) => e.path === "no_such_parameter");
    if (answer.status !== 400 || !named) taken.push(`${operation.operationId}: ${answer.status} ${answer.text}`);
  }
  expect(taken).toEqual([]);
});
