import { readdirSync, readFileSync } from "node:fs";
import { locales } from "@guanxi/base";
import { settingsSchema } from "@guanxi/kernel";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect, test } from "vitest";
import { schemaFiles } from "../src/schemas.ts";

const folder = new URL("../../../schemas/", import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const { "catalog.json": catalog, ...schemas } = schemaFiles;

test("the folder is what the code knows; `npm run schemas` in this package writes it", () => {
  expect(readdirSync(folder).toSorted()).toEqual(Object.keys(schemaFiles).toSorted());
  for (const [name, schema] of Object.entries(schemaFiles)) expect([name, read(name)]).toEqual([name, schema]);
});

test("each is a JSON Schema at its own address, and of each the catalogue tells", () => {
  const ajv = new Ajv2020({ strict: false });
  const entries = (catalog as { schemas: { name: string; description: string; url: string; fileMatch: string[] }[] })
    .schemas;
  for (const [name, schema] of Object.entries(schemas)) {
    expect([name, ajv.validateSchema(schema)]).toEqual([name, true]);
    expect(schema).toMatchObject({ $id: `https://guanxi.dev/schemas/${name}` });
  }
  expect(entries.map(({ url }) => url)).toEqual(Object.values(schemas).map(({ $id }) => $id));
  for (const { name, description, fileMatch } of entries) {
    expect(name).toMatch(/^Guanxi: /);
    expect(description).toMatch(/^[^\n]{20,}$/);
    // Nobody else's files are taken for ours.
    for (const pattern of fileMatch) expect(pattern).toMatch(/^\*\*\/guanxi\/[^*]/);
  }
});

test("settings are told to editors as they are checked", () => {
  expect(settingsSchema.properties["locale"]).toMatchObject({ enum: [...locales] });
  expect(Object.values(settingsSchema.properties).every(({ description }) => description.length > 10)).toBe(true);
});
