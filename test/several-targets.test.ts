// References to records of several objects: what they hold, what is asked of them, and what is refused.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, hire, ids, nobody, problem } from "./support.ts";

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

beforeAll(async () => {
  app = await createTestApp();
  body(await admin().post("/api/meta/changes", { objects: [firm, person, remark] }), 200);
  acme = (await made("firms", { name: "Acme", code: "A" })).id;
  globex = (await made("firms", { name: "Globex", code: "G", parent: acme })).id;
  ann = (await made("persons", { name: "Ann", code: "ann", employer: globex })).id;
}, 60_000);
afterAll(() => app.close());

test("a value is kept, shown, changed and emptied", async () => {
  const { result, changes } = await withChanges(app, () =>
    admin().post(path, { text: "a", words: 2, about: { object: "firm", id: acme.toUpperCase() } }),
  );
  const record = body(result, 201);
  const about = { object: "firm", id: acme };
  expect(record).toMatchObject({ about, same: about, on: "Acme", kind: "firm" });
  expect(Object.keys(record).filter((name) => name.startsWith("_"))).toEqual([]);
  expect(changes.find((c) => c.record === record.id)?.data).toMatchObject({ about, same: about });
});

describe("what is asked", () => {
  beforeAll(async () => {
    for (const [text, words, about] of [
      ["f1", 1, { object: "firm", id: acme }],
      ["f2", 20, { object: "firm", id: globex }],
      ["p1", 3, { object: "person", id: ann }],
      ["none", 4, null],
    ] as const)
      await made("remarks", { text, words, about, same: null });
  });

  test("filters", async () => {
    expect(await found("about.object == 'firm' && text != 'a'")).toEqual(["f1", "f2"]);
    expect(await found("about == null && text != 'a'")).toEqual(["none"]);
    expect(await found(`about.id == '${acme}' && text != 'a'`)).toEqual(["f1"]);
    expect(await found(`about == '${ann}'`)).toEqual(["p1"]);
    expect(await found(`about.firm == '${acme}' && text != 'a'`)).toEqual(["f1"]);
    expect(await found("about.firm.parent.name == 'Acme'")).toEqual(["f2"]);
    expect(await found("about.person.employer.name == 'Globex'")).toEqual(["p1"]);
    expect(await found(`about in ['${ann}', '${globex}']`)).toEqual(["f2", "p1"]);
    expect(await found("!(about.object == 'firm')")).toEqual(["p1"]);
    expect(await found("on == '-'")).toEqual(["none"]);
  });

  test("select, order, expand, aggregate", async () => {
    const filter = "text != 'a'";
    const order = "-about.object,about.firm.name";
    expect(await list({ filter, order, select: "text,about.object,about.firm.name" })).toEqual([]);
    expect(await list({ filter, expand: "about", select: "text,words", order: "words" })).toEqual([]);
    const totals = { group: "about.object,about.firm.name", metrics: "count(),sum(words)" };
    expect(body(await admin().get(`${path}/aggregate${q(totals)}`), 200)).toEqual([]);
  });
});
