// References to records of several objects: what they hold, what is asked of them, and what is refused.
import { createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, hire, nobody, problem } from "./support.ts";

let app: TestApp;
const path = "/api/remarks";
const admin = () => app.as("admin");
const made = async (plural: string, value: Record<string, unknown>) =>
  body(await admin().post(`/api/${plural}`, value), 201);
const list = async (query: Record<string, string>) =>
  body(await admin().get(path + q(query)), 200).data as Record<string, unknown>[];
const found = async (filter: string) => (await list({ filter, select: "text", order: "text" })).map((r) => r["text"]);

const firm = {
  name: "firm",
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string" },
    code: { type: "string", externalId: true },
    parent: { fieldType: "reference", target: "firm", relation: "daughters" },
    remark_count: { fieldType: "rollup", of: "remark.about", op: "count" },
    firm_words: {
      ...{ fieldType: "rollup", of: "remark.about", op: "sum", field: "words" },
      filter: "about.object == 'firm' && words > 1",
    },
  },
};
const person = {
  name: "person",
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string" },
    code: { type: "string", externalId: true },
    employer: { fieldType: "reference", target: "firm" },
    last_words: { fieldType: "rollup", of: "remark.about", op: "max", field: "words" },
  },
};
const remark = {
  name: "remark",
  type: "object",
  required: ["text"],
  properties: {
    text: { type: "string" },
    words: { type: "integer" },
    about: { fieldType: "reference", target: ["firm", "person"] },
    same: { fieldType: "reference", target: ["firm", "person"], relation: "same", defaultFormula: "about" },
    on: {
      fieldType: "formula",
      returns: "text",
      formula: "coalesce(about.firm.name, about.person.employer.name, '-')",
    },
    kind: { fieldType: "formula", returns: "text", formula: "about.object", index: true },
  },
  rules: [
    { name: "quiet", when: "about.object == 'person' && words > 100", at: "about", message: "Too long for a person" },
    { name: "stays", when: "changed(about.firm) && old.words == 77", at: "about", message: "Stays with its firm" },
  ],
};
let acme: string;
let globex: string;
let ann: string;
const ofFirm = (id: string) => ({ object: "firm", id });
const ofPerson = (id: string) => ({ object: "person", id });
const codes = (answer: { body: { errors: { path: string; code: string }[] } }) =>
  answer.body.errors.map(({ path: at, code }) => `${at} ${code}`).toSorted();
const firmNow = async (id: string) => body(await admin().get(`/api/firms/${id}`), 200);

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  body(await admin().post("/api/meta/changes", { objects: [firm, person, remark] }), 200);
  acme = (await made("firms", { name: "Acme", code: "A" })).id;
  globex = (await made("firms", { name: "Globex", code: "G", parent: acme })).id;
  ann = (await made("persons", { name: "Ann", code: "ann", employer: globex })).id;
}, 60_000);
afterAll(() => app.close());

test("a value is kept, shown, changed and emptied as one", async () => {
  const { result, changes } = await withChanges(app, () =>
    admin().post(path, { text: "a", words: 2, about: ofFirm(acme.toUpperCase()) }),
  );
  const record = body(result, 201);
  const about = ofFirm(acme);
  expect(record).toMatchObject({ about, same: about, on: "Acme", kind: "firm" });
  expect(Object.keys(record).filter((name) => name.startsWith("_"))).toEqual([]);
  const created = changes.find((c) => c.record === record.id)?.data;
  expect(created).toMatchObject({ about, same: about });
  expect(Object.keys(created ?? {}).filter((name) => name.startsWith("_"))).toEqual([]);

  const one = `${path}/${record.id}`;
  const patch = async (value: unknown) => withChanges(app, () => admin().patch(one, { about: value }));
  const moved = await patch(ofPerson(ann));
  expect(body(moved.result, 200)).toMatchObject({ about: ofPerson(ann), same: about, on: "Globex", version: 2 });
  expect(moved.changes.map(({ data, old }) => [data["about"], old?.["about"]])).toEqual([[ofPerson(ann), about]]);
  expect((await patch(ofPerson(ann))).changes, "nothing new").toEqual([]);
  const [row] = body(await admin().patch(path, [{ id: record.id, about: ofFirm(globex) }]), 200).data;
  expect(row).toMatchObject({ about: ofFirm(globex), on: "Globex", version: 3 });
  expect(body((await patch(null)).result, 200)).toMatchObject({ about: null, kind: null, on: "-", version: 4 });
  const history = body(await admin().get(`${one}/history`), 200).data;
  expect(history.map((h: { changes: Record<string, unknown> }) => h.changes["about"])).toEqual([
    { from: ofFirm(globex), to: null },
    { from: ofPerson(ann), to: ofFirm(globex) },
    { from: about, to: ofPerson(ann) },
    { from: null, to: about },
  ]);
  body(await admin().delete(one), 204);
});

test("what is no record of these objects is refused, where it stands", async () => {
  const { api } = await hire(app, "seer", { rights: { remark: ["create", "read", "edit"], firm: ["read"] } });
  const refused = async (about: unknown, by = admin()) => {
    const { result, changes } = await withChanges(app, () => by.post(path, { text: "x", about }));
    expect([result.status, changes]).toEqual([422, []]);
    return codes(result);
  };
  const gone = (await made("firms", { name: "Gone" })).id;
  body(await admin().delete(`/api/firms/${gone}`), 204);
  expect(await refused({ object: "user", id: acme })).toEqual(["/about/object enum"]);
  expect(await refused({ object: "firm" })).toEqual(["/about/id required"]);
  expect(await refused({ id: acme })).toEqual(["/about/object required"]);
  expect(await refused({ ...ofFirm(acme), more: 1 })).toEqual(["/about/more unknown"]);
  expect(await refused(acme)).toEqual(["/about type"]);
  expect(await refused({ object: "tree", id: "1" })).toEqual(["/about/id format", "/about/object enum"]);
  for (const id of [nobody, gone, ann])
    expect(await refused(ofFirm(id))).toEqual(["/about/id reference", "/same/id reference"]);
  // Whether a record is not there or not to be seen makes no difference.
  const unseen = await api.post(path, { text: "x", about: ofFirm(acme), same: null });
  const missing = await api.post(path, { text: "x", about: ofFirm(nobody), same: null });
  expect([unseen.status, unseen.body.errors]).toEqual([422, missing.body.errors]);
  const array = await admin().post(path, [
    { text: "ok", about: ofFirm(acme) },
    { text: "x", about: ofPerson(acme), same: null },
  ]);
  expect(codes(array)).toEqual(["/1/about/id reference"]);
  const { id } = await made("remarks", { text: "kept", about: ofFirm(acme) });
  expect(codes(await admin().patch(`${path}/${id}`, { about: ofPerson(nobody) }))).toEqual(["/about/id reference"]);
  expect(codes(await admin().patch(path, [{ id, about: ofPerson(acme) }]))).toEqual(["/0/about/id reference"]);
  expect(codes(await admin().patch(`${path}/${id}`, { about: { id: ann } }))).toEqual(["/about/object required"]);
  expect(body(await admin().get(`${path}/${id}`), 200)).toMatchObject({ about: ofFirm(acme), version: 1 });
  body(await admin().delete(`${path}/${id}`), 204);
});

test("rules see it, in memory and in the database", async () => {
  const long = { text: "long", words: 101, about: ofPerson(ann) };
  problem(await admin().post(path, long), 422, "VALIDATION", ["/about"]);
  const { id } = await made("remarks", { ...long, about: ofFirm(acme) });
  problem(await admin().patch(`${path}/${id}`, { about: ofPerson(ann) }), 422, "VALIDATION", ["/about"]);
  body(await admin().patch(`${path}/${id}`, { words: 77 }), 200);
  problem(await admin().patch(`${path}/${id}`, { about: ofFirm(globex) }), 422, "VALIDATION", ["/about"]);
  body(await admin().patch(`${path}/${id}`, { about: ofFirm(acme), words: 78 }), 200);
  body(await admin().delete(`${path}/${id}`), 204);
});

test("the actor has one, too", async () => {
  const user = body(await admin().get("/api/meta/objects/user"), 200);
  const desk = { fieldType: "reference", target: ["firm", "person"], relation: "desks" };
  body(await admin().put("/api/meta/objects/user", { ...user, properties: { ...user.properties, desk } }), 200);
  const mine = { fieldType: "reference", target: ["firm", "person"], relation: "mine", defaultFormula: "user.desk" };
  const rule = {
    name: "own",
    when: "about.firm == user.desk.firm && user.desk.object == 'firm'",
    message: "Not of your own desk",
  };
  const changed = { ...remark, properties: { ...remark.properties, mine }, rules: [...remark.rules, rule] };
  body(await admin().post("/api/meta/changes", { objects: [changed] }), 200);
  const { id } = body(await admin().get("/api/me"), 200).user;
  body(await admin().patch(`/api/users/${id}`, { desk: ofFirm(acme) }), 200);
  const one = await made("remarks", { text: "desk", about: ofPerson(ann), same: null });
  expect(one.mine).toEqual(ofFirm(acme));
  problem(await admin().post(path, { text: "x", about: ofFirm(acme) }), 422, "VALIDATION", [""]);
  problem(await admin().patch(`${path}/${one.id}`, { about: ofFirm(acme) }), 422, "VALIDATION", [""]);
  body(await admin().patch(`${path}/${one.id}`, { about: ofFirm(globex) }), 200);
  problem(await admin().get(path + q({ filter: "user.desk.firm.name == 'Acme'" })), 400, "QUERY");
  expect(await found("mine == user.desk && user.desk.object == 'firm'")).toEqual(["desk"]);
  body(await admin().patch(`/api/users/${id}`, { desk: null }), 200);
  body(await admin().delete(`${path}/${one.id}`), 204);
});

describe("what is asked", () => {
  beforeAll(async () => {
    for (const [text, words, about] of [
      ["f1", 1, ofFirm(acme)],
      ["f2", 20, ofFirm(globex)],
      ["p1", 3, ofPerson(ann)],
      ["none", 4, null],
    ] as const)
      await made("remarks", { text, words, about, same: about?.object === "firm" ? about : null });
  });

  test.each([
    ["about.object == 'firm'", ["f1", "f2"]],
    ["!(about.object == 'firm')", ["p1"]],
    ["about == null", ["none"]],
    ["has(about.person)", ["p1"]],
    ["about.id == '$acme'", ["f1"]],
    ["about.id != '$acme'", ["f2", "p1"]],
    ["about == '$ann' || about.firm == '$globex'", ["f2", "p1"]],
    ["about in ['$ann', '$globex']", ["f2", "p1"]],
    ["about == same", ["f1", "f2"]],
    ["about.firm.parent.name == 'Acme'", ["f2"]],
    ["about.firm.parent.name != 'Acme'", []],
    ["about.person.employer.parent == '$acme'", ["p1"]],
    ["on == 'Globex'", ["f2", "p1"]],
    ["kind == 'person'", ["p1"]],
  ])("filter %s", async (filter, texts) => {
    const known: Record<string, string> = { acme, globex, ann };
    expect(await found(filter.replaceAll(/\$(\w+)/g, (_, name: string) => known[name] ?? ""))).toEqual(texts);
  });

  test("what is no part of it, and an order of whole records, is told by what there is", async () => {
    const told = async (parameters: Record<string, string>) => {
      const answer = await admin().get(path + q(parameters));
      problem(answer, 400, "QUERY");
      return answer.body.detail as string;
    };
    expect(await told({ filter: "about.name == 'x'" })).toContain("object, id, firm, person");
    expect(await told({ filter: "about.user.name == 'x'" })).toContain("object, id, firm, person");
    expect(await told({ filter: "about > about" })).toContain("reference to firm or person");
    expect(await told({ order: "about" })).toContain("about.object");
    expect(await told({ order: "about.lead" })).toContain("about.lead");
    expect(await told({ select: "about.lead" })).toContain("about.lead");
    problem(await admin().get(`${path}/aggregate?group=about`), 400, "QUERY");
    problem(await admin().get(`${path}/aggregate?metrics=count_distinct(about)`), 400, "QUERY");
  });

  test("its objects find the way back", async () => {
    const firms = async (filter: string) =>
      (body(await admin().get(`/api/firms${q({ filter, order: "name" })}`), 200).data as { name: string }[]).map(
        (f) => f.name,
      );
    expect(await firms("remarks.exists(r, r.words > 10)")).toEqual(["Globex"]);
    expect(await firms("remarks.exists(r, r.about.object == 'firm' && r.words < 10)")).toEqual(["Acme"]);
    expect(await firms("remarks.exists(r, r.about.person.name == 'Ann')")).toEqual([]);
    expect(await firms("same.exists(s, s.about.firm.name == 'Globex')")).toEqual(["Globex"]);
  });

  test("select and order", async () => {
    const select = "text,about.object,about.firm.name,about.person";
    const rows = await list({ select, order: "-about.object,about.firm.name" });
    expect(rows.map(({ text, about }) => [text, about])).toEqual([
      ["p1", { object: "person", firm: null, person: ann }],
      ["f1", { object: "firm", firm: { name: "Acme" }, person: null }],
      ["f2", { object: "firm", firm: { name: "Globex" }, person: null }],
      ["none", null],
    ]);
    const page = body(await admin().get(path + q({ select: "text", order: "about.id,text", limit: 2 })), 200);
    const rest = body(await admin().get(path + q({ select: "text", order: "about.id,text", cursor: page.next })), 200);
    const texts = [...page.data, ...rest.data].map((r: { text: string }) => r.text);
    expect([texts.toSorted(), texts.at(-1)]).toEqual([["f1", "f2", "none", "p1"], "none"]);
  });

  test("expand shows the record of whichever object, as far as it may be seen", async () => {
    const rows = await list({ select: "text", expand: "about", order: "text" });
    expect(rows.map((r) => r["about"])).toEqual([
      expect.objectContaining({ object: "firm", id: acme, name: "Acme", remark_count: 1 }),
      expect.objectContaining({ object: "firm", id: globex, name: "Globex", parent: acme }),
      null,
      expect.objectContaining({ object: "person", id: ann, name: "Ann", employer: globex }),
    ]);
    const { id } = rows[3] as { id: string };
    expect(body(await admin().get(`${path}/${id}?expand=about`), 200).about).toMatchObject({
      object: "person",
      name: "Ann",
    });
    const { api } = await hire(app, "reader", { rights: { remark: ["read", "view_all"], firm: ["read", "view_all"] } });
    const seen = body(await api.get(path + q({ expand: "about", order: "text", select: "text,on" })), 200).data;
    expect(seen.map((r: { about: { name: string } | null; on: string }) => [r.about?.name, r.on])).toEqual([
      ["Acme", "Acme"],
      ["Globex", "Globex"],
      [undefined, "-"],
      [undefined, "-"],
    ]);
  });

  test("totals by object and by what lies behind", async () => {
    const ask = async (query: Record<string, string>) =>
      body(await admin().get(`${path}/aggregate${q(query)}`), 200).data;
    expect(await ask({ group: "about.object", metrics: "count(),sum(words)", order: "about.object" })).toEqual([
      { about_object: "firm", count: 2, sum_words: 21 },
      { about_object: "person", count: 1, sum_words: 3 },
      { about_object: null, count: 1, sum_words: 4 },
    ]);
    expect(await ask({ group: "about.firm.name", filter: "about.object == 'firm'", having: "count > 0" })).toEqual([
      { about_firm_name: "Acme", count: 1 },
      { about_firm_name: "Globex", count: 1 },
    ]);
    expect(await ask({ group: "about.id,about.person", filter: "has(about.person)" })).toEqual([
      { about_id: ann, about_person: ann, count: 1 },
    ]);
    expect(await ask({ metrics: "count_distinct(about.id)" })).toEqual([{ count_distinct_about_id: 3 }]);
  });

  test("roll-ups count the records that name theirs", async () => {
    expect(await firmNow(acme)).toMatchObject({ remark_count: 1, firm_words: 0 });
    expect(await firmNow(globex)).toMatchObject({ remark_count: 1, firm_words: 20 });
    const { id } = await made("remarks", { text: "moves", words: 9, about: ofFirm(acme), same: null });
    expect(await firmNow(acme)).toMatchObject({ remark_count: 2, firm_words: 9 });
    body(await admin().patch(`${path}/${id}`, { about: ofPerson(ann) }), 200);
    expect(await firmNow(acme)).toMatchObject({ remark_count: 1, firm_words: 0 });
    expect(body(await admin().get(`/api/persons/${ann}`), 200).last_words).toBe(9);
    body(await admin().patch(`${path}/${id}`, { about: ofFirm(globex) }), 200);
    expect(body(await admin().get(`/api/persons/${ann}`), 200).last_words).toBe(3);
    body(await admin().delete(`${path}/${id}`), 204);
    expect(await firmNow(globex)).toMatchObject({ remark_count: 1, firm_words: 20 });
  });

  test("an export has columns that an import reads, also by a key of each object", async () => {
    const exported = async (parameters: Record<string, string>) =>
      (await admin().get(`/api/export/remarks${q({ order: "text", ...parameters })}`)).text.trimEnd().split("\r\n");
    const rows = await exported({ select: "text,about" });
    expect(rows.map((line) => line.replace(/^[^,]*,/, ""))).toEqual([
      "text,about.object,about.id",
      `f1,firm,${acme}`,
      `f2,firm,${globex}`,
      "none,,",
      `p1,person,${ann}`,
    ]);
    const [head = "", first = ""] = await exported({ select: "text", expand: "about" });
    const row = Object.fromEntries(head.split(",").map((name, i) => [name, first.split(",")[i]]));
    expect(row).toMatchObject({ "about.object": "firm", "about.id": acme, "about.name": "Acme", "about.employer": "" });

    const csv = { "content-type": "text/csv" };
    const imported = async (file: string) => {
      const job = body(await admin().post("/api/import/remarks", file, csv), 202).id;
      await until("the import", async () => body(await admin().get(`/api/jobs/${job}`), 200).ended_at !== null);
      return (await admin().get(`/api/jobs/${job}/errors`)).text;
    };
    expect(await imported(`text,about.object,about.id,same\ni1,firm,${acme},\ni2,,,\n`)).not.toContain("i1");
    const wrong = await imported(`text,about.firm.code,about.person.code\ni3,A,\ni4,,ann\ni5,A,ann\ni6,Z,\ni7,,\n`);
    expect(wrong).toContain("about.firm, about.person");
    expect(wrong).toContain("no firm with code");
    const now = await list({ filter: "text.startsWith('i')", order: "text", select: "text,about" });
    expect(now.map(({ text, about }) => [text, about])).toEqual([
      ["i1", ofFirm(acme)],
      ["i2", null],
      ["i3", ofFirm(acme)],
      ["i4", ofPerson(ann)],
      ["i7", null],
    ]);
    const lines = [
      { text: "i8", about: ofPerson(ann) },
      { text: "i9", "about.firm.code": "G" },
    ];
    const type = { "content-type": "application/x-ndjson" };
    const file = lines.map((line) => JSON.stringify(line)).join("\n");
    const job = body(await admin().post("/api/import/remarks", file, type), 202).id;
    await until("the import", async () => body(await admin().get(`/api/jobs/${job}`), 200).ended_at !== null);
    const more = await list({ filter: "text in ['i8', 'i9']", order: "text", select: "about" });
    expect(more.map((r) => r["about"])).toEqual([ofPerson(ann), ofFirm(globex)]);
    for (const { id } of [...now, ...more]) body(await admin().delete(`${path}/${id as string}`), 204);
  });
});

test("scripts see it, change it, and are checked against its objects", async () => {
  const script = `export default async ({ record, crm }) => {
    if (record.text !== "s" || record.about?.object !== "firm") return;
    const [one] = await crm.records("remark").find({ select: "about.firm.name,about.object", filter: "about.object == 'firm'", limit: 1 });
    record.text = one.about?.firm?.name + " " + one.about?.object;
    record.about = { object: "person", id: "${ann}" };
  }`;
  const put = (text: string) =>
    admin().put("/api/meta/workflows/turn", { name: "turn", object: "remark", on: "before_create", script: text });
  problem(await put(script.replace('object: "person"', 'object: "lead"')), 422, "DEFINITION");
  problem(await put(script.replace("about.firm.name,", "about.lead.name,")), 422, "DEFINITION");
  body(await put(script), 201);
  const { text, about, id } = await made("remarks", { text: "s", about: ofFirm(acme), same: null });
  expect([text, about]).toEqual(["Acme firm", ofPerson(ann)]);
  body(await admin().delete("/api/meta/workflows/turn"), 204);
  body(await admin().delete(`${path}/${id}`), 204);
});

test("descriptions of the API tell the objects apart", async () => {
  const { schemas } = body(await admin().get("/api/openapi.json"), 200).components;
  const [shown] = schemas.remark.properties.about.anyOf;
  const mapping = { firm: "#/components/schemas/firm.reference", person: "#/components/schemas/person.reference" };
  expect(shown).toEqual({
    oneOf: Object.values(mapping).map(($ref) => ({ $ref })),
    discriminator: { propertyName: "object", mapping },
  });
  expect(schemas["firm.reference"].properties.object).toEqual({ type: "string", const: "firm" });
  expect(JSON.stringify(schemas.remark)).not.toMatch(/_to\d/);
  const types = (await admin().get("/api/types.d.ts")).text;
  expect(types).toMatch(/several: \{\s*about: \("firm" \| "person"\)/);
  expect(types).not.toMatch(/_to\d/);
});

test("a copy of the tenant has it, with the database's own checks", async () => {
  const operator = app.as("operator");
  body(await operator.post("/platform/tenants/demo/copy", { id: "twin", name: "Twin" }), 201);
  const [checks, keys] = await Promise.all(
    ["c", "f"].map(async (kind) => {
      const rows = await app.store.sql<{ n: number }>(
        `SELECT count(*) AS n FROM pg_constraint WHERE conrelid = 't_twin.remark'::regclass AND contype = $1`,
        [kind],
      );
      return rows[0]?.n;
    }),
  );
  expect([checks, keys], "one for each reference; owner, and two for each").toEqual([3, 7]);
  const columns = await app.store.sql<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute WHERE attrelid = 't_twin.remark'::regclass AND attname LIKE '\\_to%' AND NOT attisdropped ORDER BY attnum LIMIT 2`,
  );
  const both = columns.map(({ name }) => `"${name}" = '${acme}'`).join(", ");
  await expect(app.store.sql(`UPDATE t_twin.remark SET ${both}`)).rejects.toThrow("23514");
  await expect(app.store.sql(`DELETE FROM t_twin.firm WHERE id = '${acme}'`)).rejects.toThrow("23503");
});
