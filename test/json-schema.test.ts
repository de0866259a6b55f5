// JSON Schema's own cases (json-schema/README.md): a schema in a json field gives the same verdicts over HTTP.
import { readFileSync } from "node:fs";
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body } from "./support.ts";

interface Group {
  readonly file: string;
  readonly schema: unknown;
  readonly tests: readonly (readonly [data: unknown, valid: boolean])[];
}

const groups = readFileSync(new URL("json-schema/draft2020-12.jsonl", import.meta.url), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Group);

/** Keywords that are refused by name, and values of others that are. */
const refusedKeywords = ["$ref", "$dynamicRef", "$id", "$schema", "$anchor", "$dynamicAnchor", "$defs", "$vocabulary"];
const refusedFormats = ["idn-email", "idn-hostname", "iri", "iri-reference", "unknown"];
/** With texts that PostgreSQL cannot store. */
const refusedTexts = ["enum", "const"];
/** No body of a request may have a member of this name, wherever it stands: such groups and cases are sent alone. */
const protoName = "__proto__";
const hasProto = (value: unknown): boolean => JSON.stringify(value).includes(`"${protoName}":`);

/** Files that are about nothing else. */
const refusedWhole: ReadonlySet<string> = new Set([
  ...["anchor", "defs", "dynamicRef", "infinite-loop-detection", "refRemote", "vocabulary"],
  ...["idn-email", "idn-hostname", "iri-reference", "iri", "unknown"].map((format) => `optional/format/${format}`),
]);

/** How many cases of a file have another verdict here, and why. */
const differing: Readonly<Record<string, number>> = {
  // Formats are asserted (the vocabulary format-assertion), also where these cases take them for notes.
  format: 15,
  // Addresses are read as people write them: no quoted local parts, no domains in numbers.
  "optional/format/email": 5,
  // Punycode is not decoded, and addresses are held to their outline.
  "optional/format/hostname": 24,
  "optional/format/uri-reference": 6,
  "optional/format/uri-template": 3,
  "optional/format/uri": 3,
  // NUL cannot be stored.
  "optional/format/json-pointer": 1,
};

/** A definition's field has no `$schema`: every schema is of this draft. */
function plain(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  const { $schema, ...rest } = schema as { readonly $schema?: unknown };
  return $schema === "https://json-schema.org/draft/2020-12/schema" ? rest : schema;
}

const byFile = [
  ...Map.groupBy(
    groups.filter((group) => !hasProto(group.schema)),
    (group) => group.file,
  ),
];
const nameOf = (i: number): string => `suite_${i}`;
/** In a member of the value, since null as a value would empty the field. */
const fieldOf = ({ schema }: Group) => ({ fieldType: "json", type: "object", properties: { v: plain(schema) } });

interface Issue {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

let app: TestApp;
/** By file and position of the group: why it is refused. */
const refusals = new Map<string, readonly Issue[]>();
const isRefused = (file: number, group: number): boolean => refusals.has(`${nameOf(file)} g${group}`);

beforeAll(async () => {
  app = await createTestApp();
  const objects = byFile.map(([, list], i) => ({
    name: nameOf(i),
    properties: Object.fromEntries(list.map((group, g) => [`g${g}`, fieldOf(group)])),
  }));
  const refused = await app.as("admin").post("/api/meta/changes?plan=true", { objects });
  expect(refused.status).toBe(422);
  for (const issue of refused.body.errors as Issue[]) {
    const [, file, group] = /^\/objects\/(\d+)\/properties\/g(\d+)\//.exec(issue.path) ?? [];
    const key = `${nameOf(Number(file))} g${group}`;
    refusals.set(key, [...(refusals.get(key) ?? []), issue]);
  }
  const accepted = objects.map(({ name, properties }) => ({
    name,
    properties: Object.fromEntries(Object.entries(properties).filter(([field]) => !refusals.has(`${name} ${field}`))),
  }));
  body(await app.as("admin").post("/api/meta/changes", { objects: accepted }), 200);
});
afterAll(() => app.close());

/** The word that a group's schema is refused for. */
function reasonOf({ file, schema }: Group, issues: readonly Issue[]): string | undefined {
  if (refusedTexts.includes(file) && issues.every((i) => i.code === "characters")) return "NUL";
  const words = issues.map(({ code, message }) =>
    code === "unsupported" ? /^"(?:format: )?([^"]+)"/.exec(message)?.[1] : undefined,
  );
  const known = words.every((word) => word !== undefined && [...refusedKeywords, ...refusedFormats].includes(word));
  return known && JSON.stringify(schema).includes(`"${words[0]}"`) ? words[0] : undefined;
}

test("schemas that cannot be honoured are refused for a keyword by its name, and no others", () => {
  const counts: Record<string, number> = {};
  byFile.forEach(([file, list], i) =>
    list.forEach((group, g) => {
      const issues = refusals.get(`${nameOf(i)} g${g}`);
      if (!issues) return;
      const reason = reasonOf(group, issues);
      expect(reason, `${file} ${g}: ${JSON.stringify(issues)}`).toBeDefined();
      counts[String(reason)] = (counts[String(reason)] ?? 0) + 1;
    }),
  );
  expect(counts).toEqual({
    ...{ $ref: 30, $id: 47, $defs: 11, $schema: 1, NUL: 2 },
    ...{ "idn-email": 2, "idn-hostname": 3, iri: 2, "iri-reference": 2, unknown: 1 },
  });
});

test("no body has a member __proto__", async () => {
  const schemas = groups.filter((group) => hasProto(group.schema));
  const bodies: object[] = schemas.map((group) => ({
    objects: [{ name: "proto", properties: { g: fieldOf(group) } }],
  }));
  expect(bodies).toHaveLength(1);
  for (const sent of bodies) {
    const refused = await app.as("admin").post("/api/meta/changes", sent);
    expect([refused.status, refused.body.errors[0].path]).toEqual([422, expect.stringContaining(protoName)]);
  }
});

describe.each(byFile.map(([file, list], i) => [file, list, i] as const))("%s", (file, list, i) => {
  const cases = list.flatMap(({ tests, schema }, g) =>
    tests.map(([data, valid]) => ({ what: `${JSON.stringify(data)} by ${JSON.stringify(schema)}`, g, data, valid })),
  );

  test("has the verdicts of the standard", async () => {
    const all = cases.filter(({ g }) => !isRefused(i, g));
    const asked = all.filter(({ data }) => !hasProto(data));
    expect(asked.length === 0).toBe(refusedWhole.has(file));
    if (refusedWhole.has(file)) return;
    const row = ({ g, data }: (typeof asked)[number]) => ({ [`g${g}`]: { v: data } });
    const path = `/api/${nameOf(i)}s`;
    const refused = await app.as("admin").post(path, asked.map(row));
    const wrong = new Set<number>();
    if (refused.status !== 200) {
      expect(refused.status, refused.text).toBe(422);
      for (const { path: at } of refused.body.errors as Issue[]) wrong.add(Number(/^\/(\d+)\//.exec(at)?.[1]));
    }
    const others = asked.filter(({ valid }, n) => valid === wrong.has(n));
    expect(others.length, others.map((o) => `${o.what}: ${o.valid ? "valid" : "not valid"}`).join("\n")).toBe(
      differing[file] ?? 0,
    );
    const taken = asked.filter((_, n) => !wrong.has(n));
    if (wrong.size > 0 && taken.length > 0)
      expect(body(await app.as("admin").post(path, taken.map(row)), 200).data).toHaveLength(taken.length);
    for (const one of all.filter(({ data }) => hasProto(data)))
      expect((await app.as("admin").post(path, row(one))).status).toBe(422);
  });
});
