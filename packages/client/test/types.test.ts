import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProgramFolder, type ProgramFolder } from "./programs.ts";

let app: TestApp;
let folder: ProgramFolder;

/** Every kind of field, and words chosen to break out of comments, types and names. */
const specimen = {
  name: "specimen",
  plural: "specimens",
  type: "object",
  title: "Specimen */ export type Escaped = 1; /*",
  required: ["title", "exact"],
  properties: {
    title: { type: "string", title: "`${Title}` */ }", description: "two\nlines */" },
    exact: { fieldType: "number", precision: 30, scale: 10 },
    rough: { fieldType: "number", precision: 30 },
    tags: { type: "array", items: { enum: ["a", 'b"c', "*/"] } },
    anything: { fieldType: "json" },
    shape: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", title: "Size" },
        "b-c": { enum: [1, "x", null] },
        $ref: { type: "string" },
      },
      examples: [{ $ref: "file:///etc/hostname" }],
      default: { size: 1, $ref: "file:///etc/hostname" },
    },
    like: { fieldType: "reference", target: "specimen" },
    day: { type: "string", format: "date" },
    at: { type: "string", format: "date-time" },
    done: { type: "boolean" },
    home: { fieldType: "address" },
    spot: { fieldType: "geo" },
    took: { fieldType: "duration" },
    leads: { fieldType: "references", target: "lead" },
    about: { fieldType: "reference", target: ["lead", "account"], relation: "about_specimens" },
    eq: { type: "integer" },
    code: { type: "string", maxLength: 50, unique: true },
  },
};

beforeAll(async () => {
  app = await createTestApp();
  folder = await createProgramFolder();
  expect((await app.as("admin").put("/api/meta/objects/specimen", specimen)).status).toBe(201);
  await folder.write("guanxi.d.ts", (await app.as("admin").get("/api/types.d.ts")).text);
});
afterAll(async () => {
  await app?.close();
  await folder?.remove();
});

const head = (declarations: string): string => `
import { cel, createClient, decimal, where } from "@guanxi/client";
import type { Objects } from "${declarations}";
const client = createClient<Objects>({ url: "http://127.0.0.1", key: "k", plurals: { lead: "leads" } });
const { lead, opportunity, specimen, account } = client.objects;
const id = "01890000-0000-7000-8000-000000000001";
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};
`;

/** Lines that end in `// wrong` have to be errors, and no others. */
const program = `${head("./guanxi.d.ts")}
const full = await lead.get(id);
same<typeof full, Objects["lead"]["read"]>(true);
const some = await opportunity.get(id, { select: ["name", "amount", "account.owner.name", "account.owner.email", "account.name"] });
same<(typeof some)["id"], string>(true);
same<(typeof some)["amount"], number | null>(true);
same<NonNullable<(typeof some)["account"]>["name"], string>(true);
same<NonNullable<NonNullable<(typeof some)["account"]>["owner"]>["email"], string>(true);
same<keyof typeof some, "id" | "name" | "amount" | "account">(true);
some.stage; // wrong
some.account.name; // wrong
some.account?.owner?.active; // wrong
const three = await opportunity.list({ select: ["account.owner.created_by.name", "contact.*", "stage"] });
same<(typeof three.data)[number]["stage"], Objects["opportunity"]["read"]["stage"]>(true);
three.data[0]?.account?.owner?.created_by?.name.length;
three.data[0]?.contact?.last_name.length;
const starred = (await lead.list({ select: ["*", "owner.name"] })).data[0];
starred?.owner?.name.length;
starred?.company.length;
const grown = await opportunity.get(id, { expand: ["account", "owner"] });
same<typeof grown.account, Objects["account"]["read"] | null>(true);
same<typeof grown.contact, string | null>(true);
const both = await opportunity.get(id, { select: ["name"], expand: ["account"] });
same<keyof typeof both, "id" | "name" | "account">(true);
both.stage; // wrong
await lead.list({ select: ["compny"] }); // wrong
await lead.list({ select: ["company", "owner.nme"] }); // wrong
await lead.list({ select: ["company.name"] }); // wrong
await opportunity.list({ select: ["account.owner.created_by.nme"] }); // wrong
await opportunity.list({ expand: ["stage"] }); // wrong
await opportunity.list({ expand: ["acount"] }); // wrong
await lead.list({ order: ["-created_at", "owner.name", "company"] });
await lead.list({ order: ["-creatd_at"] }); // wrong
await lead.list({ order: ["-owner.nme"] }); // wrong
await lead.list({ limit: "10" }); // wrong
await lead.list({ filtr: "true" }); // wrong
await lead.list({ filter: "company == 'Acme'" });
await lead.list({ filter: (f) => f.amount.gt(1000).and(f.status.eq("new"), f.owner.name.contains("a").or(f.owner.eq(id))) });
await lead.list({ filter: (f) => f.amont.gt(1000) }); // wrong
await lead.list({ filter: (f) => f.amount.gt("1000") }); // wrong
await lead.list({ filter: (f) => f.amount.contains("1") }); // wrong
await lead.list({ filter: (f) => f.status.eq("nw") }); // wrong
await lead.list({ filter: (f) => f.status.oneOf(["new", "wn"]) }); // wrong
await lead.list({ filter: (f) => f.company.eq(1) }); // wrong
await lead.list({ filter: (f) => f.company.and(f.company.eq("a")) }); // wrong
await opportunity.list({ filter: (f) => f.account.owner.nme.eq("a") }); // wrong
await opportunity.list({ filter: (f) => f.close_date.lt(new Date()).and(f.account.eq(null), f.account.owner.manager.eq(null)) }); // wrong
await lead.list({ filter: where<Objects, "lead">((f) => f.created_at.gte(new Date())) });
await lead.list({ filter: lead.where((f) => f.email.ne(null).not()) });
await lead.list({ filter: cel\`month(created_at) == \${5} && company in \${["a", "b"]}\` });
await lead.list({ filter: cel\`company == \${{}}\` }); // wrong
await specimen.list({ filter: (f) => f.exact.gte(decimal("1.5")).and(f.tags.contains("a"), f.like.eq.eq(1), f.done.eq(true), f.anything.ne(null)) });
await specimen.list({ filter: (f) => f.exact.gte("1.5") }); // wrong
await specimen.list({ filter: (f) => f.home.city.startsWith("G").and(f.like.home.country.oneOf(["BE"]), f.spot.lat.gt(50.5), f.home.eq(null)), order: ["-spot.lat", "like.home.city"] });
await specimen.list({ filter: (f) => f.home.town.eq("x") }); // wrong
await specimen.list({ filter: (f) => f.spot.lat.contains("x") }); // wrong
await specimen.list({ filter: (f) => f.home.eq("x") }); // wrong
await specimen.list({ order: ["home.town"] }); // wrong
await specimen.list({ order: ["home.city.x"] }); // wrong
const placed = await specimen.get(id, { select: ["home.city", "home.country", "spot.lat", "like.spot.lng", "took"] });
same<NonNullable<(typeof placed)["home"]>, { city: string | null; country: string | null }>(true);
same<(typeof placed)["spot"], { lat: number | null } | null>(true);
placed.like?.spot?.lng?.toFixed();
placed.home?.street; // wrong
same<(typeof placed)["took"], number | null>(true);
const listed = await specimen.get(id, { select: ["title", "leads"], expand: ["leads", "like"] });
same<(typeof listed)["leads"], Objects["lead"]["read"][] | null>(true);
same<Objects["specimen"]["read"]["leads"], string[] | null>(true);
await specimen.list({ filter: (f) => f.leads.contains(id) });
await specimen.list({ select: ["leads.company"] }); // wrong
await specimen.list({ order: ["leads.company"] }); // wrong
await specimen.get(id, { expand: ["tags"] }); // wrong
await specimen.create({ title: "a", exact: "1.5", leads: [1] }); // wrong
const told = await specimen.get(id, { select: ["about.object", "about.lead.company", "about.account", "title"] });
same<NonNullable<(typeof told)["about"]>["object"], "lead" | "account">(true);
same<NonNullable<(typeof told)["about"]>["account"], string | null>(true);
told.about?.lead?.company.length;
told.about?.id; // wrong
const found = await specimen.get(id, { expand: ["about"] });
if (found.about?.object === "lead") found.about.company.length;
found.about?.company; // wrong
same<Objects["specimen"]["read"]["about"], { object: "lead"; id: string } | { object: "account"; id: string } | null>(true);
await specimen.list({ filter: (f) => f.about.object.eq("lead").and(f.about.lead.company.eq("a"), f.about.account.eq(id), f.about.eq(null), f.about.id.oneOf([id])), order: ["about.object", "-about.account.name"] });
await specimen.list({ filter: (f) => f.about.object.eq("user") }); // wrong
await specimen.list({ filter: (f) => f.about.user.name.eq("a") }); // wrong
await specimen.list({ select: ["about.user.name"] }); // wrong
await specimen.list({ select: ["about.lead.compny"] }); // wrong
await specimen.list({ order: ["about.name"] }); // wrong
await specimen.create({ title: "a", exact: "1.5", about: { object: "lead", id } });
await specimen.create({ title: "a", exact: "1.5", about: { object: "user", id } }); // wrong
await specimen.create({ title: "a", exact: "1.5", about: id }); // wrong
const kinds = await specimen.aggregate({ group: ["about.object", "about.lead.company"], metrics: ["count()"] });
same<NonNullable<(typeof kinds)[0]>["about_object"], "lead" | "account" | null>(true);
same<NonNullable<(typeof kinds)[0]>["about_lead_company"], string | null>(true);
const whole = await specimen.get(id, { select: ["home.*", "spot"] });
same<(typeof whole)["home"], Objects["specimen"]["read"]["home"] | null>(true);
const places = await specimen.aggregate({ group: ["home.country"], metrics: ["max(spot.lat)", "sum(took)"], order: ["-max_spot_lat"] });
same<NonNullable<(typeof places)[0]>["home_country"], string | null>(true);
same<NonNullable<(typeof places)[0]>["max_spot_lat"], number | null>(true);
await specimen.aggregate({ group: ["home.town"] }); // wrong
await specimen.create({ title: "a", exact: "1.5", home: { city: "Ghent", state: null }, spot: { lat: 1, lng: 2 }, took: 90 });
await specimen.create({ title: "a", exact: "1.5", home: { town: "Ghent" } }); // wrong
await specimen.update(id, { spot: { lat: 1 } }); // wrong
await specimen.list({ filter: (f) => f.tags.contains("z") }); // wrong
await specimen.list({ filter: (f) => f.done.eq("yes") }); // wrong
await lead.create({ company: "Acme", last_name: "Ada", status: "new" });
await lead.create({ company: "Acme" }); // wrong
await lead.create({ company: "Acme", last_name: "Ada", statu: "new" }); // wrong
await lead.create({ company: "Acme", last_name: "Ada", status: "nw" }); // wrong
await lead.create({ company: "Acme", last_name: "Ada", amount: "1" }); // wrong
await lead.create({ company: "Acme", last_name: "Ada", version: 1 }); // wrong
await lead.createMany([{ company: "Acme", last_name: "Ada" }, { company: "Acme", lst_name: "Ada" }]); // wrong
const rows = await lead.createMany([], { atomic: false });
for (const row of rows) if ("error" in row) row.error.code.length; else row.id.length;
(await lead.createMany([]))[0]?.company.length;
rows[0]?.company; // wrong
await lead.updateMany([{ id, city: "x" }, { id, amount: null }]);
await lead.updateMany([{ city: "x" }]); // wrong
await lead.updateMany([{ id, cty: "x" }]); // wrong
await lead.updateMany([{ id, company: null }]); // wrong
(await lead.updateMany([{ id }]))[0]?.company.length;
for (const row of await lead.updateMany([], { atomic: false })) if ("error" in row) row.error.code.length; else row.id.length;
const job = await lead.import("last_name,company", { mode: "upsert", key: "external_id", mapping: { columns: {} } });
(await job.ended()).status === "finished";
(await job.ended()).status === "done"; // wrong
await lead.import("x", { key: "company" }); // wrong
await lead.import("x", { format: "xlsx" }); // wrong
await lead.import({ company: "x" }); // wrong
for await (const { processed, total } of client.job(id).progress()) processed / total;
const file: ReadableStream<Uint8Array> = await lead.export({ select: ["company", "owner.name"], filter: (f) => f.amount.gt(1), order: ["-created_at"], bom: true });
await file.cancel();
await lead.export({ select: ["compny"] }); // wrong
await lead.export({ limit: 5 }); // wrong
await lead.update(id, { amount: null, company: "x" }, { version: 3 });
await lead.update(id, { company: null }); // wrong
await lead.update(id, { created_at: "x" }); // wrong
await lead.update(id, {}, { version: "3" }); // wrong
await specimen.create({ title: "a", exact: "1.5", shape: { size: 1, "b-c": "x" }, anything: [1, { a: 2 }], tags: ["a"] });
await specimen.create({ title: "a", exact: 1.5 }); // wrong
await specimen.create({ title: "a", exact: "many" }); // wrong
await specimen.create({ title: "a", exact: "1.5", shape: { size: "1" } }); // wrong
await lead.getBy("external_id", "x", { select: ["company"] });
await lead.getBy("company", "x"); // wrong
await specimen.getBy("code", 1); // wrong
(await opportunity.upsert("external_id", "x", { name: "a" })).record.stage;
await opportunity.upsert("number", "x", { name: "a" }); // wrong
await opportunity.upsert("external_id", "x", { nme: "a" }); // wrong
for await (const row of lead.all({ select: ["company"], order: ["company"] })) row.company.length;
for await (const row of lead.all({ select: ["company"] })) row.email; // wrong
for await (const page of lead.pages({ count: "exact" })) page.data[0]?.email;
const sums = await opportunity.aggregate({ group: ["stage", "month(created_at)", "account.owner.name"], metrics: ["count()", "sum(amount)", "max(close_date)"], order: ["-sum_amount"] });
same<NonNullable<(typeof sums)[0]>["stage"], "prospecting" | "engaging" | "proposal" | "negotiation" | "won" | "lost" | null>(true);
same<NonNullable<(typeof sums)[0]>["month_created_at"], string | null>(true);
same<NonNullable<(typeof sums)[0]>["account_owner_name"], string | null>(true);
same<NonNullable<(typeof sums)[0]>["count"], number>(true);
same<NonNullable<(typeof sums)[0]>["sum_amount"], number | null>(true);
same<NonNullable<(typeof sums)[0]>["max_close_date"], string | null>(true);
(await lead.aggregate())[0]?.count.toFixed();
sums[0]?.avg_amount; // wrong
await lead.aggregate({ group: ["stats"] }); // wrong
await lead.aggregate({ group: ["month(creatd_at)"] }); // wrong
await lead.aggregate({ metrics: ["sum(amont)"] }); // wrong
await lead.aggregate({ metrics: ["total(amount)"] }); // wrong
await lead.aggregate({ metrics: ["sum(amount)"], order: ["count"] }); // wrong
await account.restore(id);
await account.delete(id, { version: 1, idempotencyKey: "k", signal: AbortSignal.timeout(1) });
(await account.history(id)).data[0]?.changes["name"]?.from;
client.objects.leed; // wrong
client.records("account").get(id);
client.records("acount"); // wrong
createClient<Objects>({ url: "", key: "", plurals: { lead: "lead" } }); // wrong
createClient<{ lead: 1 }>({ url: "", key: "" }); // wrong
`;

/** Compiles the program; its lines in `// wrong` must be the errors. */
async function expectErrors(name: string, text: string): Promise<void> {
  const lines = text.split("\n");
  const wrong = lines.flatMap((line, i) => (line.endsWith("// wrong") ? [`${name}:${i + 1}`] : []));
  const source = (places: readonly string[]): string[] => places.map((p) => lines[Number(p.split(":")[1]) - 1] ?? p);
  await folder.write(name, text);
  const { places, output } = await folder.faults(name);
  expect(source(wrong.filter((place) => !places.includes(place))), "compiles though it is wrong").toEqual([]);
  expect(source(places.filter((place) => !wrong.includes(place))), output).toEqual([]);
  expect(wrong).not.toEqual([]);
}

describe("the types of an administrator", () => {
  test("good lines compile, and every bad one is an error on its line", async () => {
    await expectErrors("main.ts", program);
  });

  test("titles are comments that nothing breaks out of", async () => {
    const declarations = (await app.as("admin").get("/api/types.d.ts")).text;
    expect(declarations).toContain("   * `${Title}` * / }\n   *\n   * two\n   * lines * /\n");
    expect(declarations).not.toMatch(/^\s*export type/m);
    expect(await folder.faults("guanxi.d.ts", ["--types", ""])).toMatchObject({ places: [], output: "" });
  });

  test("they are in the caller's language, and never kept for another", async () => {
    const english = await app.as("admin").get("/api/types.d.ts");
    const chinese = await app.as("admin").get("/api/types.d.ts", { "accept-language": "zh-CN" });
    expect(english.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(english.text).toMatch(/\* Lead\n/);
    expect(chinese.text).toMatch(/\* 线索\n/);
  });

  test("a new field is in the next answer", async () => {
    const later = { ...specimen.properties, later: { type: "boolean" } };
    expect((await app.as("admin").put("/api/meta/objects/specimen", { ...specimen, properties: later })).status).toBe(
      200,
    );
    expect((await app.as("admin").get("/api/types.d.ts")).text).toContain("later: (boolean | null)");
  });
});

describe("the types of others", () => {
  test("show what the caller may see and do, and nothing else", async () => {
    const rep = (await app.as("rep_a1").get("/api/types.d.ts")).text;
    const me = await app.as("rep_a1").get("/api/openapi.json");
    const seen = [...rep.matchAll(/^  ([a-z_]+): \{$/gm)].map(([, name]) => name);
    const schemas = Object.keys(me.body.components.schemas).filter((name) => /^[a-z]/.test(name));
    expect(seen.sort()).toEqual(schemas.filter((name) => !name.includes(".")).sort());
    expect(rep).not.toMatch(/specimen/i);
    // A representative reads products and changes none.
    expect(schemas).not.toContain("product.create");
    expect(rep).toMatch(
      /product: \{\n    plural: "products"\n    read: Product\n    create: never\n    patch: never\n/,
    );
    await folder.write("seen.d.ts", rep);
    await expectErrors(
      "rep.ts",
      `${head("./seen.d.ts").replace("specimen, ", "")}
await client.objects.product.list({ select: ["name"] });
await client.objects.product.create({ name: "x" }); // wrong
client.objects.specimen; // wrong
`,
    );
  });

  test("need a key", async () => {
    expect((await app.as(undefined).get("/api/types.d.ts")).status).toBe(401);
  });
});

test("the client's own code compiles for browsers and edge runtimes alone", async () => {
  const browser = ["--types", "", "--lib", "es2022,esnext.disposable,dom,dom.iterable", "--target", "es2022"];
  expect(await folder.faults("../../src/index.ts", browser)).toMatchObject({ places: [], output: "" });
});
