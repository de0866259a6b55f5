import { tmpdir } from "node:os";
import { createTestApp, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostCalls } from "../src/calls/index.ts";

let app: TestApp;

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  const properties = {
    place: { fieldType: "address" },
    spot: { fieldType: "geo" },
    leads: { fieldType: "references", target: "lead" },
    toll: { type: "integer", sensitive: true },
    gate: { type: "string", writeOnly: true },
  };
  expect((await app.as("admin").put("/api/meta/objects/stop", { name: "stop", properties })).status).toBe(201);
});
afterAll(() => app?.close());

const body = (lines: string): string => `export default async ({ record, old, actor, crm }) => {\n${lines}\n};`;

const put = (script: string, more: object = {}, headers: Record<string, string> = {}) =>
  app
    .as("admin")
    .put(
      "/api/meta/workflows/checked",
      { name: "checked", object: "opportunity", on: "updated", script, ...more },
      headers,
    );

/** `line:column message` of every fault. */
async function faults(script: string, more: object = {}, headers: Record<string, string> = {}): Promise<string[]> {
  const { status, body } = await put(script, more, headers);
  if (status === 200 || status === 201) return [];
  expect(status, JSON.stringify(body)).toBe(422);
  const errors = body.errors as { path: string; code: string; line: number; column: number; message: string }[];
  for (const error of errors) expect(error).toMatchObject({ path: "/script", code: "script" });
  return errors.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

const onLead = (on: string) => ({ object: "lead", on });

/** What each line of a script must be told; its own line is 2. */
const wrong: readonly (readonly [what: string, line: string, told: RegExp, more?: object])[] = [
  ["a field that is not there", "record.nope", /^2:8 Property 'nope' does not exist on type 'Opportunity'\.$/],
  ["a method of another type", "record.amount.trim()", /^2:15 Property 'trim' does not exist on type 'number'/],
  ["a value that no record has", "if (record.stage === 'wn') return", /^2:5 .*"negotiation".*"wn"/],
  ["what a change does not tell", "record.toll", /^2:8 Property 'toll' does not exist/, { object: "stop" }],
  [
    "what nobody reads",
    "(await crm.records('stop').get(record.id)).gate",
    /^2:44 Property 'gate' does not exist/,
    { object: "stop" },
  ],
  ["a field of the actor", "actor.age", /^2:7 .*'age'/],
  ["a call that is not there", "crm.records('lead').fetch('x')", /^2:21 .*'fetch'/],
  ["a tool that is not there", "crm.email('x')", /^2:5 .*'email'/],
  ["an object that is not there", "crm.records('oportunity')", /^2:13 .*"oportunity"/],
  [
    "a missing await",
    "const a = crm.records('account').get('x'); a.name",
    /^2:46 Property 'name' does not exist on type 'Promise<Account>'/,
  ],
  ["a required field left out", "await crm.records('opportunity').create({})", /^2:41 .*'name' is missing/],
  [
    "an unknown field written",
    "await crm.records('lead').update(record.id, { compny: 'x' })",
    /^2:47 .*'compny' does not exist.*'LeadPatch'/,
  ],
  [
    "a wrong type written",
    "await crm.records('lead').update(record.id, { amount: 'x' })",
    /^2:47 Type 'string' is not assignable to type 'number'/,
  ],
  [
    "a wrong choice written",
    "await crm.records('lead').update(record.id, { status: 'nw' })",
    /^2:47 Type '"nw"' is not assignable.*"new"/,
  ],
  [
    "what the system writes",
    "await crm.records('lead').update(record.id, { created_at: 'x' })",
    /^2:47 .*'created_at'/,
  ],
  ["a key that is none", "await crm.records('lead').upsert('company', 'x', {})", /^2:34 .*"company"/],
  [
    "a wrong select",
    "await crm.records('lead').find({ select: 'company, compny,owner.nme' })",
    /^2:34 .*there is no field compny.*there is no field owner\.nme/,
  ],
  ["a wrong order", "await crm.records('lead').find({ order: '-creatd_at' })", /^2:34 .*there is no field creatd_at/],
  [
    "an expand of no reference",
    "await crm.records('lead').find({ expand: 'company' })",
    /^2:34 .*there is no field company/,
  ],
  ["a parameter that find has not", "await crm.records('lead').find({ sort: 'company' })", /^2:34 .*'sort'/],
  [
    "what was not selected",
    "const [d] = await crm.records('lead').find({ select: 'company' }); d.email",
    /^2:70 .*'email'/,
  ],
  [
    "a wrong path in the answer",
    "const [d] = await crm.records('lead').find({ select: 'owner.name' }); d.owner.email",
    /^2:79 .*'email'/,
  ],
  ["a wrong group", "await crm.records('lead').aggregate({ group: 'stats' })", /^2:39 .*there is no field stats/],
  [
    "a wrong metric",
    "await crm.records('lead').aggregate({ metrics: 'sum(amont)' })",
    /^2:39 .*there is no field amont/,
  ],
  [
    "a column that is not there",
    "const [t] = await crm.records('lead').aggregate({ metrics: 'sum(score)' }); t.count",
    /^2:79 .*'count'/,
  ],
  [
    "a part that is not there",
    "await crm.records('stop').find({ order: 'place.town' })",
    /^2:34 .*there is no field place.town/,
  ],
  [
    "a part not selected",
    "const [d] = await crm.records('stop').find({ select: 'place.city' }); d.place.state",
    /^2:79 .*'state'/,
  ],
  [
    "a list walked through",
    "await crm.records('stop').find({ select: 'leads.company' })",
    /^2:34 .*there is no field leads.company/,
  ],
  ["a part of the record", "record.place.town = 'x'", /^2:14 .*'town'/, { object: "stop", on: "before_update" }],
  ["a wrong argument", "await crm.sleep(new Date())", /^2:17 .*'Date'/],
  ["old of a creation", "old.stage", /^2:1 'old' is possibly 'null'/, { on: "created" }],
  [
    "a wrong value in a before-script",
    "record.company = 5",
    /^2:1 Type 'number' is not assignable to type 'string'/,
    onLead("before_create"),
  ],
  ["a read-only field in a before-script", "record.id = 'x'", /^2:8 .*'id'.*read-only/, onLead("before_update")],
  ["a wait in a before-script", "await crm.sleep('1s')", /^2:11 .*'sleep'/, onLead("before_create")],
  ["a write in a before-script", "await crm.records('lead').create({})", /^2:27 .*'create'/, onLead("before_update")],
  ["a refusal at no field", "throw crm.refuse('no', 'compny')", /^2:24 .*"compny"/, onLead("before_create")],
  ["another field of a deleted record", "return record.nope", /^2:15 .*'nope'/, onLead("deleted")],
];

/** Scripts that are well, whatever their style. */
const right: readonly (readonly [what: string, script: string, more?: object])[] = [
  [
    "parts and lists",
    body(
      "const [d] = await crm.records('stop').find({ select: 'place.city,spot,leads', order: '-spot.lat', expand: 'leads' }); d.place.city.trim(); d.spot.lat.toFixed(); d.leads[0].company.trim(); const [t] = await crm.records('stop').aggregate({ group: 'place.country', metrics: 'max(spot.lat)' }); t.place_country.trim(); t.max_spot_lat.toFixed(); record.place.city = 'x'; record.leads = [...record.leads, record.id]; delete record.place.state;",
    ),
    { object: "stop", on: "before_update" },
  ],
  [
    "nothing but JavaScript",
    body(
      "const patch = {}; patch.stage = 'won'; const all = []; all.push(record.id); let n = null; n = all.length; const f = (a, b) => [a, b]; return f(n);",
    ),
  ],
  [
    "empty fields used as values",
    body("if (record.amount > 50_000) await crm.records('account').get(record.account); return record.amount * 2;"),
  ],
  [
    "what nobody reads, written; and what a change does not tell, read",
    body(
      "await crm.records('stop').update(record.id, { gate: 'x' }); return (await crm.records('stop').get(record.id)).toll;",
    ),
    { object: "stop" },
  ],
  [
    "what a change does not tell, before it",
    body("return (record.toll ?? 0) + (old.toll ?? 0);"),
    { object: "stop", on: "before_update" },
  ],
  [
    "errors of any kind",
    body(
      "try { await crm.records('lead').get('x'); } catch (error) { if (error.code !== 'GX-NOT_FOUND') throw error; return error.errors; }",
    ),
  ],
  [
    "texts put together",
    body(
      "for (const name of ['lead', 'task']) await crm.records(name).find({ filter: `owner == '${record.owner}'`, select: `${name},id` });",
    ),
  ],
  [
    "selected fields, nested",
    body(
      "const [d] = await crm.records('opportunity').find({ select: 'stage, account.name', order: '-created_at,name' }); return d.account.name + d.stage + d.id;",
    ),
  ],
  [
    "expanded references",
    body(
      "const [d] = await crm.records('opportunity').find({ expand: 'account,owner' }); return [d.account.industry, d.owner.email, d.name];",
    ),
  ],
  [
    "totals",
    body(
      "const [t] = await crm.records('opportunity').aggregate({ group: 'stage,month(created_at),owner.name', metrics: 'count(),sum(amount)' }); return [t.stage, t.month_created_at, t.owner_name, t.count.toFixed(), t.sum_amount];",
    ),
  ],
  [
    "all of the language",
    body(
      "return [new Set([1]).union(new Set()), Iterator.from([1]).toArray(), await Array.fromAsync([1]), Error.isError(1), Object.groupBy([1], String), [3].toSorted(), /(?<a>x)/v, 2n ** 3n, Intl.DateTimeFormat, console.warn('x')];",
    ),
  ],
  [
    "a before-script that fills in",
    body(
      "record.city ??= 'x'; record.score = (record.score ?? 0) + 1; if (record.company === 'Test') throw crm.refuse('no', 'company'); delete record.phone;",
    ),
    onLead("before_create"),
  ],
  [
    "a before-script of an update",
    body(
      "if (old.status !== record.status && record.created_at < '2020') record.status = 'new'; return record.company.length;",
    ),
    onLead("before_update"),
  ],
  [
    "types of its own",
    "interface Line { readonly text: string }\nexport default async ({ record, crm }) => {\n  const lines: Line[] = [{ text: record.name }];\n  for (const { text } of lines) crm.log(text satisfies string, record.amount!);\n};",
  ],
  [
    "the tenant's types",
    "import type { Opportunity } from 'guanxi';\nconst big = (deal: Opportunity): boolean => (deal.amount ?? 0) > 5;\nexport default async ({ record }) => big(record);",
  ],
  [
    "a named workflow",
    "const main: Workflow<'opportunity', 'updated'> = async ({ record, old }) => record.stage !== old.stage;\nexport default main;",
  ],
  [
    "a workflow that satisfies",
    "export default (async ({ record }) => record.name.length) satisfies Workflow<'opportunity', 'updated'>;",
  ],
  [
    "a declared function that knows its name",
    "export default async function again({ record, crm }) { return record.name; }\n[again].map((f) => f);\nfunction more(a, b) { return a; }\nmore(1);",
  ],
  ["a nameless function", "export default async function ({ record }) { return record.name; }\n`${1}`;"],
  ["an export by name", "const main = async ({ record }) => record.name;\nexport { main as default };"],
  ["a script without a check", "// @ts-nocheck\nexport default async ({ record }) => record.nope;"],
  ["a line without a check", body("// @ts-expect-error the field comes with the next release\nreturn record.nope;")],
];

describe("a script is refused for", () => {
  test.each(wrong.map(([what, line, told, more = {}]) => [what, line, told, more] as const))(
    "%s",
    async (_, line, told, more) => {
      const found = await faults(body(line), more);
      expect(found, line).toHaveLength(1);
      expect(found[0]).toMatch(told);
    },
  );

  test("all of its faults at once, and no more than fifty, beside those of the definition", async () => {
    expect(await faults(body("record.a;\nrecord.b;\n  record.c;"))).toEqual([
      expect.stringMatching(/^2:8 .*'a'/),
      expect.stringMatching(/^3:8 .*'b'/),
      expect.stringMatching(/^4:10 .*'c'/),
    ]);
    expect(await faults(body("record.a;\n".repeat(60)))).toHaveLength(50);
    const { status, body: problem } = await put(body("record.a"), { when: "nothing > 3", colour: "red" });
    expect([status, problem.errors.map((e: { path: string }) => e.path)]).toEqual([
      422,
      ["/colour", "/when", "/script"],
    ]);
  });

  test("in the reader's language", async () => {
    const chinese = await faults(body("record.nope"), {}, { "accept-language": "zh-CN" });
    expect(chinese).toEqual(["2:8 类型“Opportunity”上不存在属性“nope”。"]);
    const traditional = await faults(body("record.nope"), {}, { "accept-language": "zh-TW" });
    expect(traditional).toEqual(["2:8 類型 'Opportunity' 沒有屬性 'nope'。"]);
  });

  test.each([
    ["behind other characters", "export default async ({ record }) => { const 中文 = '😀'; record.nope; }", "1:64"],
    ["on the line of the export", "export  default async ({ record }) => record.nope;", "1:46"],
    [
      "behind other code on its line",
      "const s = 'export default'; /* export default */ export /* a\n */ default async ({ record }) => record.nope;\n",
      "2:42",
    ],
    ["below it", "const one = 1; export default async ({ record }) => {\n  one;\n  record.nope;\n}", "3:10"],
    [
      "with lines that end in CRLF",
      "const one = 1;\r\nexport default async ({ record }) => {\r\n  record.nope;\r\n}",
      "3:10",
    ],
    ["with types", "type A = '中文'; export default async ({ record }): Promise<A | void> => { record.nope; }", "1:81"],
    ["in a declared function", "export default async function main({ record }) { record.nope; }", "1:57"],
    ["behind a declared function", "export default function ({ record }: any): void {}\nconst a: string = 1;", "2:7"],
  ])("a fault %s at its place", async (_, script, place) => {
    const found = await faults(script);
    expect(found, script).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${place} `));
  });
});

describe("a script may be written with", () => {
  test.each(right.map(([what, script, more = {}]) => [what, script, more] as const))("%s", async (_, script, more) => {
    expect(await faults(script, more)).toEqual([]);
  });

  test("a field from the moment that the tenant has it", async () => {
    const script = body("return record.channel;");
    expect(await faults(script, onLead("manual"))).toEqual([expect.stringContaining("'channel'")]);
    const channel = { properties: { channel: { type: "string" } } };
    expect((await app.as("admin").patch("/api/meta/objects/lead", channel)).status).toBe(200);
    expect(await faults(script, onLead("manual"))).toEqual([]);
  });
});

describe("nothing of the machine is seen:", () => {
  const secret = `${import.meta.dirname}/support.ts`;
  test.each([
    ["an import for types", "import type { x } from '/etc/passwd';", /'\/etc\/passwd'/],
    ["an import of a file that is there", `import type { x } from '${secret}';`, /Cannot find module/],
    ["the type of an import", `let x: typeof ${"import"}('../../../..${secret}');`, /Cannot find module/],
    ["a package", "import type { Session } from '@guanxi/kernel';", /'@guanxi\/kernel'/],
    ["types of node", "import type { Stats } from 'node:fs';", /'node:fs'/],
    ["a reference to types", "/// <reference types='node' />\nprocess.exit();", /Cannot find name 'process'\.$/],
    ["a reference to a library", "/// <reference lib='dom' />\ndocument.title;", /Cannot find name 'document'\.$/],
    [
      "a reference to a file",
      "/// <reference path='/etc/passwd' />\n/// <reference path='../tsconfig.json' />\nroot;",
      /Cannot find name 'root'\.$/,
    ],
    ["a name that is global elsewhere", "fetch('x');", /Cannot find name 'fetch'\.$/],
  ])("%s", async (_, head, told) => {
    const found = await faults(`${head}\nexport default async () => {};`);
    expect(found, head).toHaveLength(1);
    expect(found[0]).toMatch(told);
    // What the script itself names may be named.
    expect(found.join().replaceAll(secret, "")).not.toMatch(new RegExp(`${tmpdir()}|root:x|node_modules`));
  });
});

describe("the declarations", () => {
  /** What a script returns. */
  async function ran(script: string): Promise<unknown> {
    const admin = app.as("admin");
    const definition = { name: "ran", object: "lead", on: "manual", script };
    const { status, body } = await admin.put("/api/meta/workflows/ran", definition);
    expect([200, 201], JSON.stringify(body)).toContain(status);
    const lead = await admin.post("/api/leads", { last_name: "Ran", company: "Ran" });
    const { run } = (await admin.post("/api/workflows/ran/start", { record: lead.body.id })).body;
    const ended = await until("the run", async () => {
      const { body } = await admin.get(`/api/runs/${run}`);
      return body.ended_at === null ? undefined : body;
    });
    expect(ended.error).toBeNull();
    return ended.result;
  }

  test("have the members that scripts find, and no others", async () => {
    const members = body(
      "return { crm: Object.keys(crm), records: Object.keys(crm.records('lead')), console: Object.keys(console), input: Object.keys({ record, old, actor, crm }) };",
    );
    const found = (await ran(members)) as Record<"crm" | "records" | "console" | "input", string[]>;
    expect(found.records.toSorted()).toEqual([...hostCalls.keys()].map((op) => op.replace("records.", "")).toSorted());
    const union = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(" | ");
    const same = (type: string, names: readonly string[]): string =>
      `({ same: true }) satisfies { same: Same<keyof ${type}, ${union(names)}> };`;
    const script = `type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : "too few") : "too many";
      export default (input: Parameters<Workflow<"lead", "manual">>[0]) => {
        const { crm } = input;
        const records = crm.records("lead");
        ${same("typeof crm", found.crm)}
        ${same("typeof records", found.records)}
        ${same("typeof console", found.console)}
        ${same("typeof input", found.input)}
      };`;
    expect(await faults(script, onLead("manual"))).toEqual([]);
  });

  test("know the names that the sandbox has, and not those that it takes away", async () => {
    const found = (await ran(body("return Object.getOwnPropertyNames(globalThis);"))) as string[];
    // Present, and refusing whoever calls it.
    const refusing = ["eval"];
    const known = found.filter((name) => /^[A-Za-z]\w*$/.test(name) && !refusing.includes(name));
    expect(known.length).toBeGreaterThan(50);
    expect(await faults(body(known.map((name) => `${name};`).join("\n")))).toEqual([]);
    const taken = [
      "fetch",
      "setTimeout",
      "setInterval",
      "queueMicrotask",
      "process",
      "Buffer",
      "URL",
      "crypto",
      "performance",
    ];
    const away = [
      "WebAssembly",
      "SharedArrayBuffer",
      "Atomics",
      "WeakRef",
      "FinalizationRegistry",
      "structuredClone",
      "Temporal",
    ];
    for (const name of [...taken, ...away]) expect(found).not.toContain(name);
    const all = [...taken, ...away, ...refusing];
    expect(await faults(body(all.map((name) => `${name};`).join("\n")))).toEqual(
      all.map((name, i) => `${i + 2}:1 Cannot find name '${name}'.`),
    );
    expect(await faults(body("new Function('1');\nnew ArrayBuffer(8).resize(9);"))).toHaveLength(2);
  });

  test("are what editors get", async () => {
    const admin = app.as("admin");
    const text = (await admin.get("/api/types.d.ts?for=script")).text;
    expect(text).toContain('declare module "guanxi" {');
    expect(text).toContain("type Workflow<");
    expect((await admin.get("/api/types.d.ts")).text).not.toContain("type Workflow<");
    const rep = (await app.as("rep_a1").get("/api/types.d.ts?for=script")).text;
    expect(rep).toMatch(/product: \{\n\s+plural: "products"\n\s+read: Product\n\s+create: never\n/);
    expect((await admin.get("/api/types.d.ts?for=dogs")).status).toBe(400);
  });
});
