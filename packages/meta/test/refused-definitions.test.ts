import { expect, test } from "vitest";
import { parseDefinition } from "../src/index.ts";
import { badDefinitions, field, name } from "./bad-definitions.ts";
import { brief, issuesOf, now, objectOf } from "./build.ts";

test.each(badDefinitions)("refuses %s", (_what, definition, ...issues) => {
  expect(brief(issuesOf(() => parseDefinition(definition)))).toEqual(issues.toSorted());
});

test("says which keyword is not supported yet", () => {
  const issues = issuesOf(() => parseDefinition({ name, properties: { fee: { $ref: "#/x" } } }));
  expect(issues).toEqual([{ path: "/properties/fee/$ref", code: "unsupported", params: { keyword: "$ref" } }]);
});

test("hostile definitions end in an issue, soon", () => {
  const started = performance.now();
  let deep: unknown = {};
  for (let i = 0; i < 40; i++) deep = { not: deep };
  expect(brief(issuesOf(() => parseDefinition(field(deep))))).toEqual(["/properties/x definition"]);
  for (let i = 0; i < 40; i++) deep = { not: deep };
  expect(issuesOf(() => parseDefinition(field(deep)))).toMatchObject([{ code: "depth" }]);
  const wide = {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`a${i}`, { type: "string" }])),
  };
  expect(brief(issuesOf(() => parseDefinition(field(wide))))).toEqual(["/properties/x definition"]);
  const evil = objectOf({ x: { type: "string", pattern: "^(([a-z])+.)+[A-Z]([a-z])+$" } });
  expect(brief(evil.prepareCreate({ x: "a".repeat(20_000) }, { now }).issues)).toEqual(["/x pattern"]);
  const items = Array.from({ length: 100_000 }, (_, i) => ({ a: i }));
  const lists = objectOf({
    x: { type: "array", uniqueItems: true, items: { anyOf: [{ type: "string" }, { type: "integer" }] } },
  });
  expect(lists.prepareCreate({ x: items }, { now }).issues).toHaveLength(items.length);
  const keywords = Object.fromEntries(items.map((_item, i) => [`k${i}`, 1]));
  expect(issuesOf(() => parseDefinition({ name, ...keywords }))).toHaveLength(items.length);
  expect(brief(issuesOf(() => parseDefinition({ name, properties: keywords })))).toEqual(["/properties maxProperties"]);
  expect(performance.now() - started).toBeLessThan(10_000);
});
