import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { objectMetaSchema, parseDefinition } from "../src/index.ts";
import { fieldKeywords, objectKeywords } from "../src/keywords.ts";
import { user } from "./build.ts";
import { samples } from "./samples.ts";

const ajv = new Ajv2020({ strict: false, allErrors: true });
const validate = ajv.compile(objectMetaSchema());

test("the file for editors is what the code knows; `npm run schema` in this package writes it", () => {
  const file: unknown = JSON.parse(readFileSync(new URL("../../../schemas/object.json", import.meta.url), "utf8"));
  expect(file).toEqual(objectMetaSchema());
});

test("is a JSON Schema, and says of every keyword what it is for", () => {
  expect(ajv.validateSchema(objectMetaSchema())).toBe(true);
  for (const [name, schema] of [...Object.entries(objectKeywords), ...Object.entries(fieldKeywords)]) {
    expect([name, typeof schema["description"]]).toEqual([name, "string"]);
  }
});

describe("good definitions", () => {
  const plain = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://example.com/person.json",
    name: "person",
    title: "Person",
    type: "object",
    required: ["first_name"],
    properties: {
      first_name: { type: "string", description: "Given name", examples: ["Ann"] },
      age: { type: ["integer", "null"], minimum: 0 },
      tags: { type: "array", items: { type: "string" }, uniqueItems: true },
    },
    additionalProperties: false,
    "x-origin": "another system",
  };
  const house = {
    $schema: "https://guanxi.dev/schemas/object.json",
    name: "property",
    plural: "properties",
    titles: { "zh-CN": "房源", "zh-TW": "房源" },
    sharing: "private",
    history: true,
    nameField: "address",
    required: ["address"],
    properties: {
      address: { type: "string", maxLength: 200, "x-widget": "line" },
      status: {
        enum: ["draft", "sold"],
        values: [
          { value: "draft", title: "Draft", titles: { "zh-CN": "草稿" } },
          { value: "sold", probability: 100, active: true },
        ],
        default: "draft",
      },
      seller: { fieldType: "reference", target: "user", onDelete: "restrict", relation: "sales", was: "vendor" },
      code: { type: "string", externalId: true, deprecated: true },
    },
    rules: [
      {
        name: "r",
        when: "status == 'sold' && seller == null",
        at: "seller",
        message: "No",
        messages: { "zh-CN": "否" },
      },
    ],
    unique: [["address"]],
    indexes: [["status", "owner"]],
  };
  const good: [string, Record<string, unknown>][] = [
    ["a plain JSON Schema", plain],
    ["our own words", house],
    ["the core's user", user],
    ["a name alone", { name: "thing" }],
    ...Object.entries(samples).map(([type, { definition }]): [string, Record<string, unknown>] => [
      type,
      { name: "thing", properties: { f: definition } },
    ]),
  ];

  test.each(good)("%s pass the editor and the server", (_what, definition) => {
    validate(definition);
    expect(validate.errors ?? []).toEqual([]);
    expect(parseDefinition(definition)).toEqual({
      plural: `${String(definition["name"])}s`,
      type: "object",
      properties: {},
      ...definition,
    });
  });
});

test("an editor marks what the server refuses by shape", () => {
  for (const bad of [
    { name: "Thing" },
    { name: "thing", sharing: "public" },
    { name: "thing", colour: 1 },
    { name: "thing", properties: { x: { fieldType: "nonsense" } } },
    { name: "thing", properties: { x: { fieldType: "reference" } } },
    { name: "thing", properties: { x: { maxlength: 3 } } },
    { name: "thing", properties: { X: {} } },
    { properties: { x: {} } },
    { name: "thing", properties: { x: null } },
    { name: "thing", locked: "rules" },
    { extends: "thing", colour: 1 },
  ]) {
    expect([bad, validate(bad)]).toEqual([bad, false]);
  }
});

test("an editor takes what an extension says", () => {
  const said = {
    extends: "lead",
    title: null,
    properties: { fax: null, size: { minimum: 5 }, note: { only: { type: "string" } } },
    rules: { without: ["big"], with: [{ name: "small", message: "Too small" }] },
    required: ["size"],
  };
  validate(said);
  expect(validate.errors ?? []).toEqual([]);
});
