import { expect, test } from "vitest";
import { parseDefinition } from "../src/index.ts";
import { brief, issuesOf, now, objectOf } from "./build.ts";

const name = "thing";
const field = (definition: unknown, more: Record<string, unknown> = {}): unknown => ({
  name,
  properties: { x: definition },
  ...more,
});
const sum = { fieldType: "formula", returns: "currency", formula: "1 + 1" };
const rule = { name: "r", when: "true", message: "no" };

/** A definition, and `path code` of every issue. */
const bad: readonly (readonly [what: string, definition: unknown, ...issues: string[]])[] = [
  ["no object", [], " type"],
  ["null", null, " type"],
  ["nothing", {}, "/name required"],
  ["a name that is no text", { name: 1 }, "/name type"],
  ["a name in capitals", { name: "Thing" }, "/name pattern"],
  ["a name of 41 characters", { name: "a".repeat(41), plural: "as" }, "/name pattern"],
  ["a plural that grows too long", { name: "a".repeat(40) }, "/plural pattern"],
  ["a word of expressions as name", { name: "package" }, "/name definition"],
  ["a word of paths as name", { name: "timeline" }, "/name definition"],
  ["a word of the API as plural", { name: "run" }, "/plural definition"],
  ["openapi as plural", { name, plural: "openapi" }, "/plural definition"],
  ["another type", { name, type: "array" }, "/type const"],
  ["properties that are a list", { name, properties: [] }, "/properties type"],
  ["an unknown keyword", { name, colour: "red" }, "/colour definition"],
  ["a keyword of Object.prototype", { name, toString: 1 }, "/toString definition"],
  ["an unknown language", { name, titles: { fr: "Chose" } }, "/titles/fr unknown"],
  ["NUL in a title", { name, title: "a\0" }, "/title characters"],
  ["states of a field that is not there", { name, states: { status: {} } }, "/states/status unknown"],
  ["states of nothing", { name, states: {} }, "/states minProperties"],
  ["states of a text", field({ type: "string" }, { states: { x: {} } }), "/states/x definition"],
  ["states of a set", field({ type: "array", items: { enum: ["a"] } }, { states: { x: {} } }), "/states/x definition"],
  [
    "states from and to what is no value",
    field({ enum: ["a", "b"] }, { states: { x: { a: ["b", "c"], "d/e": [] } } }),
    "/states/x/a/1 definition",
    "/states/x/d~1e definition",
  ],
  [
    "a default that no record may begin with",
    field({ enum: ["a", "b"], default: "b" }, { states: { x: { "": ["a"] } } }),
    "/states/x/ definition",
  ],
  ["followers that are no list", field({ enum: ["a"] }, { states: { x: { a: "a" } } }), "/states/x/a type"],
  ["no record types", { name, recordTypes: {} }, "/recordTypes minProperties"],
  ["a record type named in capitals", { name, recordTypes: { A: {} } }, "/recordTypes/A schema"],
  ["record types that are all retired", { name, recordTypes: { a: { active: false } } }, "/recordTypes definition"],
  [
    "a retired default type, and a second default",
    { name, recordTypes: { a: { default: true, active: false }, b: { default: true } } },
    "/recordTypes/a/default definition",
    "/recordTypes/b/default definition",
  ],
  [
    "a record type with what is not there",
    field(
      { enum: ["a"] },
      {
        recordTypes: {
          a: { required: ["y"], picklists: { y: ["a"], x: ["a", "b"] }, states: { x: { b: [] } }, colour: "red" },
        },
      },
    ),
    "/recordTypes/a/colour unknown",
  ],
  [
    "a record type that names what is not there",
    field(
      { enum: ["a"] },
      {
        recordTypes: {
          a: { required: ["y"], picklists: { y: ["a"], x: ["a", "b"] }, states: { x: { b: [] }, z: {} } },
        },
      },
    ),
    "/recordTypes/a/required/0 unknown",
    "/recordTypes/a/picklists/y unknown",
    "/recordTypes/a/picklists/x/1 definition",
    "/recordTypes/a/states/x/b definition",
    "/recordTypes/a/states/z unknown",
  ],
  [
    "a record type without the default value",
    field({ enum: ["a", "b"], default: "b" }, { recordTypes: { t: { picklists: { x: ["a"] } } } }),
    "/recordTypes/t/picklists/x definition",
  ],
  [
    "an index by a record type that is not there",
    field({ enum: ["a"] }, { indexes: [["record_type", "x"]] }),
    "/indexes/0/0 unknown",
  ],
  ["extends", { name, extends: "account" }, "/extends definition"],
  ["locked", { name, locked: ["x"] }, "/locked/0 definition"],
  ["sharing by a parent that is no field", { name, sharing: { parent: "account" } }, "/sharing/parent unknown"],
  ["sharing by a text", field({ type: "string" }, { sharing: { parent: "x" } }), "/sharing/parent definition"],
  [
    "sharing by many",
    field({ fieldType: "references", target: "account" }, { sharing: { parent: "x" } }),
    "/sharing/parent definition",
  ],
  ["sharing by the owner", { name, sharing: { parent: "owner" } }, "/sharing/parent unknown"],
  ["sharing by nothing", { name, sharing: {} }, "/sharing/parent required"],
  [
    "sharing by a parent and more",
    { name, sharing: { parent: "x", more: 1 } },
    "/sharing/more unknown",
    "/sharing/parent unknown",
  ],
  ["unknown sharing", { name, sharing: "public" }, "/sharing enum"],
  ["allOf", { name, allOf: [] }, "/allOf not_yet"],
  ["$ref", { name, $ref: "#/x" }, "/$ref not_yet"],
  ["$defs", { name, $defs: {} }, "/$defs not_yet"],
  ["open objects", { name, additionalProperties: true }, "/additionalProperties const"],
  ["pattern properties", { name, patternProperties: {} }, "/patternProperties not_yet"],
  ["required without the field", { name, required: ["y"] }, "/required/0 unknown"],
  ["required twice", field({}, { required: ["x", "x"] }), "/required uniqueItems"],
  ["a required system field", { name, required: ["owner"] }, "/required/0 unknown"],
  ["a name field that is not there", { name, nameField: "y" }, "/nameField unknown"],
  ["a name field of numbers", field({ type: "number" }, { nameField: "x" }), "/nameField definition"],
  ["a unique field that is not there", { name, unique: [["id"], ["id", "y"]] }, "/unique/1/1 unknown"],
  ["a unique key of nothing", { name, unique: [[]] }, "/unique/0 minItems"],
  ["a unique key that is no list", { name, unique: ["x"] }, "/unique/0 type"],
  ["an index on json", field({ type: "object" }, { indexes: [["owner", "x"]] }), "/indexes/0/1 definition"],
  ["a rule without a message", { name, rules: [{ name: "r", when: "true" }] }, "/rules/0/message required"],
  ["a rule at no field", { name, rules: [{ ...rule, at: "y" }] }, "/rules/0/at unknown"],
  ["two rules of one name", { name, rules: [rule, rule] }, "/rules/1/name definition"],
  ["a rule with a stranger's keyword", { name, rules: [{ ...rule, then: 1 }] }, "/rules/0/then unknown"],
  ["a field that is no object", field("text"), "/properties/x type"],
  ["a field that is a boolean schema", field(true), "/properties/x type"],
  ["a field named in capitals", { name, properties: { X: {} } }, "/properties/X pattern"],
  ["a field named with a slash", { name, properties: { "a/b": {} } }, "/properties/a~1b pattern"],
  [
    "a field named __proto__",
    JSON.parse('{"name":"thing","properties":{"__proto__":{}}}'),
    "/properties/__proto__ pattern",
  ],
  ["a system field", { name, properties: { created_at: {} } }, "/properties/created_at definition"],
  ["a system column", { name, properties: { xmin: {} } }, "/properties/xmin definition"],
  ["a field called user", { name, properties: { user: {} } }, "/properties/user definition"],
  ["a field called history", { name, properties: { history: {} } }, "/properties/history definition"],
  ["nonsense as field type", field({ fieldType: "nonsense" }), "/properties/x/fieldType enum"],
  ["a field type of Object.prototype", field({ fieldType: "constructor" }), "/properties/x/fieldType enum"],
  ["a field type that is no text", field({ fieldType: 1 }), "/properties/x/fieldType type"],
  [
    "a formula of nothing",
    field({ fieldType: "formula" }),
    "/properties/x/formula required",
    "/properties/x/returns required",
  ],
  [
    "a formula that gives references",
    field({ fieldType: "formula", returns: "reference", formula: "x" }),
    "/properties/x/returns enum",
  ],
  ["a unique formula", field({ ...sum, unique: true }), "/properties/x/unique definition"],
  ["a formula in a unique key", field(sum, { unique: [["x"]] }), "/unique/0/0 definition"],
  ["a formula in a list of an index", field(sum, { indexes: [["owner", "x"]] }), "/indexes/0/1 definition"],
  ["a required formula", field(sum, { required: ["x"] }), "/required/0 definition"],
  ["a name that is a formula", field({ ...sum, returns: "text" }, { nameField: "x" }), "/nameField definition"],
  ["a formula with a default", field({ ...sum, default: 1 }), "/properties/x/default definition"],
  ["a formula with a type", field({ ...sum, type: "number" }), "/properties/x/type definition"],
  ["a scale of texts", field({ ...sum, returns: "text", scale: 1 }), "/properties/x/scale definition"],
  ["cents beyond the precision", field({ ...sum, precision: 1 }), "/properties/x/scale definition"],
  ["a key of rich texts", field({ fieldType: "rich_text", unique: true }), "/properties/x/unique definition"],
  ["a pattern of rich text", field({ fieldType: "rich_text", pattern: "x" }), "/properties/x/pattern definition"],
  ["references to nothing", field({ fieldType: "references" }), "/properties/x/target required"],
  [
    "references that cascade",
    field({ fieldType: "references", target: "user", onDelete: "cascade" }),
    "/properties/x/onDelete definition",
  ],
  [
    "a key of references",
    field({ fieldType: "references", target: "user", unique: true }),
    "/properties/x/unique definition",
  ],
  ["a rollup of nothing", field({ fieldType: "rollup" }), "/properties/x/of required", "/properties/x/op required"],
  [
    "a rollup of another kind",
    field({ fieldType: "rollup", of: "a", op: "median", field: "c.d", filter: "" }),
    "/properties/x/of pattern",
    "/properties/x/op enum",
    "/properties/x/field pattern",
    "/properties/x/filter minLength",
  ],
  ["a sum without a field", field({ fieldType: "rollup", of: "a.b", op: "sum" }), "/properties/x/field required"],
  [
    "a count of a field",
    field({ fieldType: "rollup", of: "a.b", op: "count", field: "c" }),
    "/properties/x/field definition",
  ],
  [
    "a rollup with a value of its own",
    field({ fieldType: "rollup", of: "a.b", op: "count", type: "integer", default: 0, unique: true, minimum: 0 }),
    "/properties/x/type definition",
    "/properties/x/default definition",
    "/properties/x/unique definition",
    "/properties/x/minimum definition",
  ],
  [
    "a rollup that is required",
    field({ fieldType: "rollup", of: "a.b", op: "count" }, { required: ["x"] }),
    "/properties/x definition",
  ],
  [
    "a rollup in a unique key",
    field({ fieldType: "rollup", of: "a.b", op: "count" }, { unique: [["owner", "x"]] }),
    "/unique/0/1 definition",
  ],
  [
    "a rollup as name",
    field({ fieldType: "rollup", of: "a.b", op: "count" }, { nameField: "x" }),
    "/nameField definition",
  ],
  ["a filter on text", field({ type: "string", filter: "true" }), "/properties/x/filter definition"],
  ["a mask by a word", field({ fieldType: "encrypted_text", mask: "last4" }), "/properties/x/mask type"],
  [
    "a mask that shows all",
    field({ fieldType: "encrypted_text", mask: { last: 9 } }),
    "/properties/x/mask/last maximum",
  ],
  ["an indexed secret", field({ fieldType: "encrypted_text", unique: true }), "/properties/x/unique definition"],
  [
    "a computed default beside a default",
    field({ type: "string", default: "a", defaultFormula: "'a'" }),
    "/properties/x/defaultFormula definition",
  ],
  [
    "a computed default of an autonumber",
    field({ fieldType: "autonumber", pattern: "{0}", defaultFormula: "'1'" }),
    "/properties/x/defaultFormula definition",
  ],
  ["a condition that is no text", field({ type: "string", requiredWhen: true }), "/properties/x/requiredWhen type"],
  [
    "requiredWhen beside required",
    field({ type: "string", requiredWhen: "true" }, { required: ["x"] }),
    "/properties/x/requiredWhen definition",
  ],
  [
    "readonlyWhen beside readOnly",
    field({ type: "string", default: "a", readOnly: true, readonlyWhen: "true" }),
    "/properties/x/readonlyWhen definition",
  ],
  ["files that are a key", field({ fieldType: "files", unique: true }), "/properties/x/unique definition"],
  ["files with a target", field({ fieldType: "files", target: "user" }), "/properties/x/target definition"],
  ["a rating from 2", field({ fieldType: "rating", minimum: 2 }), "/properties/x/minimum definition"],
  ["a rating out of 11", field({ fieldType: "rating", maximum: 11 }), "/properties/x/maximum definition"],
  ["a rating out of 2.5", field({ fieldType: "rating", maximum: 2.5 }), "/properties/x/maximum definition"],
  ["a rating's default beyond it", field({ fieldType: "rating", default: 6 }), "/properties/x/default maximum"],
  ["a duration in words", field({ fieldType: "duration", default: "1h" }), "/properties/x/default type"],
  [
    "durations between no limits",
    field({ fieldType: "duration", minimum: 9, maximum: 8 }),
    "/properties/x/minimum definition",
  ],
  [
    "an address with parts of its own",
    field({ fieldType: "address", properties: {} }),
    "/properties/x/properties definition",
  ],
  ["a key of addresses", field({ fieldType: "address", unique: true }), "/properties/x/unique definition"],
  ["half a point as default", field({ fieldType: "geo", default: { lat: 1 } }), "/properties/x/default/lng required"],
  ["sensitive in words", field({ type: "string", sensitive: "yes" }), "/properties/x/sensitive type"],
  ["a formula's history", field({ ...sum, history: false }), "/properties/x/history definition"],
  ["dependsOn nothing", field({ enum: ["a"], dependsOn: { field: "y" } }), "/properties/x/dependsOn/values required"],
  [
    "dependsOn what is not there",
    field({ enum: ["a"], dependsOn: { field: "y", values: { b: ["a", "c"] } } }),
    "/properties/x/dependsOn/field unknown",
    "/properties/x/dependsOn/values/b/1 definition",
  ],
  [
    "dependsOn the field itself",
    field({ enum: ["a"], dependsOn: { field: "x", values: { a: ["a"] } } }),
    "/properties/x/dependsOn/field definition",
  ],
  [
    "dependsOn values that are none",
    {
      name,
      properties: {
        x: { enum: ["a"], dependsOn: { field: "y", values: { no: ["a"] } } },
        y: { type: "boolean" },
        z: { enum: ["a"], dependsOn: { field: "x", values: { b: ["a"] } } },
        t: { type: "string" },
        u: { enum: ["a"], dependsOn: { field: "t", values: { a: ["a"] } } },
      },
    },
    "/properties/u/dependsOn/field definition",
    "/properties/x/dependsOn/values/no enum",
    "/properties/z/dependsOn/values/b definition",
  ],
  [
    "dependsOn of a text",
    field({ type: "string", dependsOn: { field: "x", values: { a: ["a"] } } }),
    "/properties/x/dependsOn definition",
  ],
  ["a readOnly that nobody sets", field({ type: "string", readOnly: true }), "/properties/x/readOnly definition"],
  ...(["readOnly", "unique", "externalId", "index"] as const).map(
    (keyword) =>
      [
        `a write-only field that is ${keyword}`,
        field({ type: "string", default: "a", writeOnly: true, [keyword]: true }),
        `/properties/x/${keyword} definition`,
      ] as const,
  ),
  ...["encrypted_text", "file", "files"].map(
    (fieldType) =>
      [
        `a write-only ${fieldType}`,
        field({ fieldType, writeOnly: true }),
        "/properties/x/writeOnly definition",
      ] as const,
  ),
  ["a write-only formula", field({ ...sum, writeOnly: true }), "/properties/x/writeOnly definition"],
  [
    "a write-only field where its value would show",
    {
      name,
      nameField: "x",
      currencyDate: "d",
      unique: [["x", "y"]],
      indexes: [["y"], ["y", "x"]],
      states: { p: { a: [] } },
      recordTypes: { t: { picklists: { p: ["a"] }, required: ["x"] } },
      properties: {
        x: { type: "string", writeOnly: true },
        y: { type: "string" },
        d: { fieldType: "date", writeOnly: true },
        p: { enum: ["a"], writeOnly: true },
        q: { enum: ["b"], dependsOn: { field: "p", values: { a: ["b"] } } },
      },
    },
    "/nameField definition",
    "/currencyDate definition",
    "/unique/0/0 definition",
    "/indexes/1/1 definition",
    "/states/p definition",
    "/recordTypes/t/picklists/p definition",
    "/properties/q/dependsOn/field definition",
  ],
  ["a formula without its field type", field({ formula: "1" }), "/properties/x/formula definition"],
  ["a size on a text", field({ type: "string", maxSize: 1 }), "/properties/x/maxSize definition"],
  ["a file of no type", field({ fieldType: "file", accept: ["pdf"] }), "/properties/x/accept/0 pattern"],
  ["a default file", field({ fieldType: "file", default: "a" }), "/properties/x/default definition"],
  ["no target", field({ fieldType: "reference", target: [] }), "/properties/x/target minItems"],
  ["a target twice", field({ fieldType: "reference", target: ["a", "a"] }), "/properties/x/target uniqueItems"],
  ["a target that is no name", field({ fieldType: "reference", target: ["A"] }), "/properties/x/target/0 pattern"],
  ["a target of a number", field({ fieldType: "reference", target: 1 }), "/properties/x/target type"],
  [
    "more targets than a request joins",
    field({ fieldType: "reference", target: Array.from({ length: 13 }, (_, i) => `t${i}`) }),
    "/properties/x/target maxItems",
  ],
  [
    "several targets of a list",
    field({ fieldType: "references", target: ["a", "b"] }),
    "/properties/x/target definition",
  ],
  ["a $ref in a field", field({ $ref: "#/$defs/y" }), "/properties/x/$ref not_yet"],
  ["a typing error", field({ type: "string", maxlength: 3 }), "/properties/x/maxlength definition"],
  ["a type that JSON has not", field({ type: "text" }), "/properties/x/type enum"],
  ["a format nobody knows", field({ type: "string", format: "iri" }), "/properties/x/format not_yet"],
  ["a format of another type", field({ fieldType: "date", format: "email" }), "/properties/x/format definition"],
  ["a type that does not fit", field({ fieldType: "currency", type: "boolean" }), "/properties/x/type definition"],
  ["text where precision is small", field({ fieldType: "number", type: "string" }), "/properties/x/type definition"],
  ["scale on a text", field({ type: "string", scale: 2 }), "/properties/x/scale definition"],
  ["a unique json", field({ type: "object", unique: true }), "/properties/x/unique definition"],
  ["an index on a long text", field({ fieldType: "long_text", index: true }), "/properties/x/index definition"],
  [
    "a unique text that is too long",
    field({ type: "string", maxLength: 900, unique: true }),
    "/properties/x/maxLength definition",
  ],
  ["a negative maxLength", field({ type: "string", maxLength: -1 }), "/properties/x/maxLength minimum"],
  ["a pattern that is none", field({ type: "string", pattern: "(" }), "/properties/x/pattern definition"],
  ["a pattern that looks ahead", field({ type: "string", pattern: "^(?=a)" }), "/properties/x/pattern definition"],
  ["a pattern that looks back", field({ type: "string", pattern: "(a)\\1" }), "/properties/x/pattern definition"],
  ["multiples of nothing", field({ type: "number", multipleOf: 0 }), "/properties/x/multipleOf exclusiveMinimum"],
  [
    "bounds the wrong way round",
    field({ type: "integer", minimum: 5, maximum: 1 }),
    "/properties/x/minimum definition",
  ],
  [
    "a scale over the precision",
    field({ fieldType: "number", precision: 3, scale: 4 }),
    "/properties/x/scale definition",
  ],
  ["a precision of none", field({ fieldType: "number", precision: 0 }), "/properties/x/precision minimum"],
  ["no values", field({ fieldType: "picklist" }), "/properties/x/enum definition"],
  ["an empty enum", field({ enum: [] }), "/properties/x/enum minItems"],
  ["a value twice", field({ values: [{ value: "a" }, { value: "a" }] }), "/properties/x/values/1 definition"],
  [
    "values that are not those of enum",
    field({ enum: ["a", "b"], values: [{ value: "b" }, { value: "a" }] }),
    "/properties/x/values definition",
  ],
  ["a value without its text", field({ values: [{ title: "A" }] }), "/properties/x/values/0/value required"],
  ["a value that is a novel", field({ enum: ["a", "b".repeat(256)] }), "/properties/x/enum/1 maxLength"],
  ["numbers as values", field({ fieldType: "picklist", enum: [1] }), "/properties/x/enum definition"],
  ["a list without its items", field({ fieldType: "multi_picklist" }), "/properties/x/items required"],
  ["items without values", field({ fieldType: "multi_picklist", items: {} }), "/properties/x/items/enum definition"],
  [
    "items with other keywords",
    field({ fieldType: "multi_picklist", items: { enum: ["a"], minLength: 1 } }),
    "/properties/x/items/minLength definition",
  ],
  [
    "a list that may repeat",
    field({ fieldType: "multi_picklist", items: { enum: ["a"] }, uniqueItems: false }),
    "/properties/x/uniqueItems definition",
  ],
  ["an autonumber without a pattern", field({ fieldType: "autonumber" }), "/properties/x/pattern required"],
  [
    "an autonumber without a counter",
    field({ fieldType: "autonumber", pattern: "P-{YYYY}" }),
    "/properties/x/pattern definition",
  ],
  [
    "an autonumber with two counters",
    field({ fieldType: "autonumber", pattern: "{00}-{00}" }),
    "/properties/x/pattern definition",
  ],
  [
    "an autonumber with an unknown part",
    field({ fieldType: "autonumber", pattern: "{HH}{00}" }),
    "/properties/x/pattern definition",
  ],
  [
    "an autonumber with a lone brace",
    field({ fieldType: "autonumber", pattern: "{00}}" }),
    "/properties/x/pattern definition",
  ],
  [
    "an autonumber with a default",
    field({ fieldType: "autonumber", pattern: "{0}", default: "1" }),
    "/properties/x/default definition",
  ],
  ["a reference to nothing", field({ fieldType: "reference" }), "/properties/x/target required"],
  ["a target on a text", field({ type: "string", target: "user" }), "/properties/x/target definition"],
  [
    "an unknown onDelete",
    field({ fieldType: "reference", target: "user", onDelete: "ignore" }),
    "/properties/x/onDelete enum",
  ],
  [
    "a required reference that empties",
    field({ fieldType: "reference", target: "user", onDelete: "setNull" }, { required: ["x"] }),
    "/properties/x/onDelete definition",
  ],
  [
    "a required field that takes null",
    field({ type: ["string", "null"] }, { required: ["x"] }),
    "/properties/x/type definition",
  ],
  ["a default of another type", field({ type: "integer", default: "1" }), "/properties/x/default type"],
  ["a default out of bounds", field({ type: "integer", minimum: 2, default: 1 }), "/properties/x/default minimum"],
  ["a default that is no value", field({ enum: ["a"], default: "b" }), "/properties/x/default enum"],
  [
    "a retired default",
    field({ values: [{ value: "a" }, { value: "b", active: false }], default: "b" }),
    "/properties/x/default enum",
  ],
  ["a default that is no date", field({ fieldType: "date", default: "tomorrow" }), "/properties/x/default format"],
  ["now as the default of a date", field({ fieldType: "date", default: "now" }), "/properties/x/default format"],
  [
    "a national phone number as default",
    field({ fieldType: "phone", default: "138 1234 5678" }),
    "/properties/x/default format",
  ],
  [
    "a json default against its schema",
    field({ type: "object", required: ["a"], default: {} }),
    "/properties/x/default/a required",
  ],
  [
    "a malformed schema of json",
    field({ type: "object", properties: { a: { type: "strange", maxLength: -1 } } }),
    "/properties/x/properties/a/maxLength minimum",
    "/properties/x/properties/a/type enum",
  ],
  ["a $ref inside json", field({ type: "array", items: { $ref: "#" } }), "/properties/x/items/$ref not_yet"],
  [
    "our words inside json",
    field({ type: "object", properties: { a: { fieldType: "date" } } }),
    "/properties/x/properties/a/fieldType definition",
  ],
  [
    "a bad pattern inside json",
    field({ type: "object", patternProperties: { "(": {} } }),
    "/properties/x/patternProperties/( definition",
  ],
  [
    "many things at once",
    {
      name: "Thing",
      states: {},
      required: ["z"],
      properties: {
        a: { fieldType: "nonsense" },
        b: { type: "string", maxLength: "3" },
        c: { fieldType: "date", locked: "yes" },
      },
    },
    "/name pattern",
    "/states minProperties",
    "/required/0 unknown",
    "/properties/a/fieldType enum",
    "/properties/b/maxLength type",
    "/properties/c/locked type",
  ],
];

test.each(bad)("refuses %s", (_what, definition, ...issues) => {
  expect(brief(issuesOf(() => parseDefinition(definition)))).toEqual(issues.toSorted());
});

test("says which keyword is not supported yet", () => {
  const issues = issuesOf(() => parseDefinition({ name, properties: { fee: { $ref: "#/x" } } }));
  expect(issues).toEqual([{ path: "/properties/fee/$ref", code: "not_yet", params: { keyword: "$ref" } }]);
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
