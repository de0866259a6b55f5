import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Extension, extensionOf, layer, lockFaults, placeIn, saysNothing } from "../src/index.ts";
import type { ObjectDefinition } from "../src/types.ts";
import { anyDefinition } from "./generate.ts";

const names = ["alpha", "beta", "gamma", "delta"];
const word = fc.constantFrom("a", "b", "c");
const short = fc.string({ maxLength: 3 });
const json = fc.jsonValue({ maxDepth: 2 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const value = fc.record(
  { value: word, title: short, active: fc.boolean(), "x-note": json },
  { requiredKeys: ["value"] },
);
const distinct = <T>(items: readonly T[], key: (item: T) => unknown): T[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
];
const values = fc.array(value, { maxLength: 3 }).map((list) => distinct(list, (one) => one.value));
const texts = fc.dictionary(fc.constantFrom("en", "zh-CN"), short, { maxKeys: 2 });
const field = fc.record(
  {
    type: fc.constantFrom("string", "integer"),
    title: short,
    titles: texts,
    enum: fc.uniqueArray(fc.constantFrom("a", "b", null), { maxLength: 3 }),
    values,
    target: fc.oneof(word, fc.uniqueArray(word)),
    items: fc.oneof(fc.boolean(), fc.record({ values })),
    minimum: fc.integer(),
    was: fc.constantFrom(...names),
    "x-note": json,
  },
  { requiredKeys: [] },
);
const rule = fc.record({ name: word, when: short, messages: texts }, { requiredKeys: ["name", "when"] });
const lists = fc.uniqueArray(fc.array(word, { maxLength: 2 }), { maxLength: 3, selector: (list) => list.join() });
const states = fc.dictionary(word, fc.dictionary(word, fc.array(word, { maxLength: 2 }), { maxKeys: 2 }), {
  maxKeys: 2,
});

/** Whatever has the form of a definition, whether it would be accepted or not: more than a tenant may put. */
const anyForm = fc
  .record(
    {
      title: optional(short),
      titles: optional(texts),
      description: optional(short),
      "x-only": optional(fc.oneof(json, fc.record({ only: json }))),
      properties: fc.dictionary(fc.constantFrom(...names, "only", "constructor"), field, { maxKeys: 4 }),
      required: optional(fc.uniqueArray(fc.constantFrom(...names))),
      rules: optional(fc.array(rule, { maxLength: 3 }).map((list) => distinct(list, (one) => one.name))),
      unique: optional(lists),
      states: optional(states),
      recordTypes: optional(
        fc.dictionary(word, fc.record({ title: short, required: fc.uniqueArray(word), states }, { requiredKeys: [] })),
      ),
    },
    { noNullPrototype: true },
  )
  .map(
    (form) =>
      JSON.parse(JSON.stringify({ name: "thing", plural: "things", type: "object", ...form })) as ObjectDefinition,
  );

const real = anyDefinition.map((d) => ({ plural: "things", type: "object", ...d }) as unknown as ObjectDefinition);

describe("layers", () => {
  test.each([
    ["of any form", anyForm],
    ["that tenants have", real],
  ])("definitions %s come back from what they say beyond their base", (_what, definitions) => {
    fc.assert(
      fc.property(definitions, definitions, (base, definition) => {
        const extension = extensionOf(base, definition);
        expect(layer(base, JSON.parse(JSON.stringify(extension)) as Extension)).toEqual(definition);
        expect(saysNothing(extensionOf(base, base))).toBe(true);
        expect(layer(base, { extends: "thing" })).toEqual(base);
      }),
    );
  });

  test("what an extension says, and no more, is told of it again", () => {
    fc.assert(
      fc.property(anyForm, fc.constantFrom(...names), fc.integer(), (base, name, least) => {
        const said = { extends: "thing", properties: { [`own_${name}`]: { type: "integer", minimum: least } } };
        expect(extensionOf(base, layer(base, said))).toEqual(said);
      }),
    );
  });

  const lead = {
    name: "lead",
    plural: "leads",
    type: "object",
    title: "Lead",
    titles: { "zh-CN": "线索" },
    required: ["size"],
    properties: {
      size: { type: "integer", minimum: 1, title: "Size" },
      status: { fieldType: "picklist", values: [{ value: "new" }, { value: "old", title: "Old" }] },
    },
    rules: [{ name: "big", when: "size > 9", message: "Too big" }],
    unique: [["size"]],
  } as const satisfies ObjectDefinition;

  test("a list of targets adds to those that there are, one or many, then and in newer editions", () => {
    const leading = (target: string | readonly string[]) =>
      ({ name: "entry", plural: "entries", type: "object", properties: { about: { target } } }) as const;
    const extension = { extends: "entry", properties: { about: { target: ["lead"] } } };
    const targets = (base: string | readonly string[]) => layer(leading(base), extension).properties["about"]?.target;
    expect(targets(["account", "contact"])).toEqual(["account", "contact", "lead"]);
    expect(targets("account")).toEqual(["account", "lead"]);
    expect(targets(["lead", "case"])).toEqual(["lead", "case"]);
    const both = leading(["account", "lead"]);
    expect(extensionOf(leading("account"), both)).toEqual(extension);
    expect(extensionOf(both, leading(["lead"])).properties).toEqual({ about: { target: { without: ["account"] } } });
    expect(extensionOf(both, leading("lead")).properties).toEqual({ about: { target: "lead" } });
  });

  test("an extension reads as what is other", () => {
    const definition = {
      ...lead,
      titles: { "zh-CN": "线索", "zh-TW": "潛客" },
      required: ["size", "shoe_size"],
      properties: {
        size: { type: "integer", minimum: 2, title: "Size" },
        status: {
          fieldType: "picklist",
          values: [{ value: "new" }, { value: "old", title: "Old", active: false }, { value: "hot" }],
        },
        shoe_size: { type: "integer" },
      },
      rules: [...lead.rules, { name: "small", when: "size < 3", message: "Too small" }],
      unique: [],
    } satisfies ObjectDefinition;
    expect(extensionOf(lead, definition)).toEqual({
      extends: "lead",
      titles: { "zh-TW": "潛客" },
      required: ["shoe_size"],
      properties: {
        size: { minimum: 2 },
        status: { values: [{ value: "old", active: false }, { value: "hot" }] },
        shoe_size: { type: "integer" },
      },
      rules: [{ name: "small", when: "size < 3", message: "Too small" }],
      unique: { without: [["size"]] },
    });
  });

  test("a newer base keeps what the extension says, and brings the rest", () => {
    const said = {
      extends: "lead",
      title: "Prospect",
      properties: { width: { was: "size", maximum: 5 }, status: { values: [{ value: "hot" }] } },
    };
    const newer = {
      ...lead,
      title: "Inquiry",
      properties: {
        size: { type: "integer", minimum: 3, title: "Size in cm" },
        status: { fieldType: "picklist", values: [{ value: "new" }, { value: "old" }, { value: "gone" }] },
        source: { type: "string" },
      },
    } satisfies ObjectDefinition;
    expect(layer(newer, said)).toEqual({
      ...newer,
      title: "Prospect",
      properties: {
        width: { type: "integer", minimum: 3, title: "Size in cm", was: "size", maximum: 5 },
        status: { ...newer.properties.status, values: [...newer.properties.status.values, { value: "hot" }] },
        source: { type: "string" },
      },
    });
  });

  test("a fault has its place in what was written", () => {
    const rules = [{ name: "small", when: "sise < 3", message: "Too small" }];
    const said = { extends: "lead", rules, required: { without: ["size"], with: ["shoe"] }, properties: { a: {} } };
    const place = (path: string): string => placeIn(layer(lead, said), said, path);
    expect(place("/rules/1/when")).toBe("/rules/0/when");
    expect(place("/required/0")).toBe("/required/with/0");
    expect(place("/properties/a/type")).toBe("/properties/a/type");
    // What the base says is not in the extension.
    expect(place("/rules/0/when")).toBe("/rules");
    expect(place("/properties/size/minimum")).toBe("/properties");
  });
});

describe("locks", () => {
  const base = {
    name: "invoice",
    plural: "invoices",
    type: "object",
    sharing: "private",
    required: ["total"],
    properties: {
      total: { fieldType: "currency", minimum: 0, maximum: 100, locked: true, title: "Total" },
      code: { type: "string", maxLength: 10, unique: true, locked: true },
      status: { enum: ["open", "paid"], locked: true },
      note: { type: "string", maxLength: 10 },
    },
    rules: [{ name: "positive", when: "total <= 0", message: "No" }],
    locked: ["sharing", "rules", "required"],
  } as const satisfies ObjectDefinition;
  const faults = (extension: object): string[] =>
    lockFaults(base, layer(base, { extends: "invoice", ...extension }), "billing").map((issue) => issue.path);

  test.each([
    ["titles", { title: "Bill", properties: { total: { title: "Sum", titles: { "zh-CN": "合计" } } } }],
    ["a narrower range", { properties: { total: { minimum: 5, maximum: 50 }, code: { maxLength: 5, minLength: 2 } } }],
    ["more that is required", { required: ["code"] }],
    ["further rules", { rules: [{ name: "small", when: "total > 9", message: "No" }] }],
    ["words of a locked rule", { rules: [{ name: "positive", message: "Please" }] }],
    [
      "titles of values",
      { properties: { status: { enum: null, values: [{ value: "open", title: "Open" }, { value: "paid" }] } } },
    ],
    ["what is not locked", { properties: { note: null, own: { type: "integer" } }, indexes: [["code"]] }],
  ])("leave %s", (_what, extension) => expect(faults(extension)).toEqual([]));

  test.each([
    ["removing a field", { properties: { code: null } }, ["/properties/code"]],
    ["renaming one", { properties: { number: { was: "code" } } }, ["/properties/code"]],
    ["another type", { properties: { total: { fieldType: "number" } } }, ["/properties/total/fieldType"]],
    [
      "a wider range",
      { properties: { total: { minimum: -1, maximum: 200 } } },
      ["/properties/total/minimum", "/properties/total/maximum"],
    ],
    ["no range at all", { properties: { code: { maxLength: null } } }, ["/properties/code/maxLength"]],
    ["not requiring", { required: { without: ["total"] } }, ["/required", "/required"]],
    ["not unique", { properties: { code: { unique: null } } }, ["/properties/code/unique", "/properties/code/unique"]],
    ["further values", { properties: { status: { enum: ["void"] } } }, ["/properties/status/enum"]],
    ["fewer values", { properties: { status: { enum: { without: ["paid"] } } } }, ["/properties/status/enum"]],
    [
      "a retired value",
      { properties: { status: { enum: null, values: [{ value: "open" }, { value: "paid", active: false }] } } },
      ["/properties/status/values"],
    ],
    ["a default", { properties: { total: { default: 5 } } }, ["/properties/total/default"]],
    ["weaker sharing", { sharing: "read" }, ["/sharing"]],
    ["sharing by a parent", { sharing: { parent: "payer" } }, ["/sharing"]],
    ["no rule", { rules: { without: ["positive"] } }, ["/rules"]],
    ["another rule", { rules: [{ name: "positive", when: "false" }] }, ["/rules/0"]],
    [
      "unlocking",
      { locked: { without: ["rules"] }, properties: { code: { locked: null } } },
      ["/properties/code/locked", "/locked"],
    ],
  ])("refuse %s", (_what, extension, paths) => expect(faults(extension)).toEqual(paths));

  test("keep the parent that decides", () => {
    const held = { ...base, sharing: { parent: "payer" } } satisfies ObjectDefinition;
    const told = (sharing: unknown) =>
      lockFaults(held, layer(held, { extends: "invoice", sharing }), "billing").map((issue) => issue.path);
    expect([{ parent: "payer" }, { parent: "seller" }, "private", "read"].map(told)).toEqual([
      [],
      ["/sharing"],
      ["/sharing"],
      ["/sharing"],
    ]);
    expect(layer(held, { extends: "invoice", sharing: { parent: "seller" } }).sharing).toEqual({ parent: "seller" });
    expect(layer(base, { extends: "invoice", sharing: { parent: "seller" } }).sharing).toEqual({ parent: "seller" });
  });

  test("of a whole object cover all its members and fields", () => {
    const all = { ...base, locked: true } satisfies ObjectDefinition;
    const said = { extends: "invoice", plural: "bills", properties: { note: { maxLength: 20 } } };
    expect(lockFaults(all, layer(all, said), "billing").map((i) => i.path)).toEqual([
      "/plural",
      "/properties/note/maxLength",
    ]);
    expect(lockFaults(all, all, "billing")).toEqual([]);
  });
});
