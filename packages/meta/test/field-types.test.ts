import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { type FieldTypeName, fieldTypeOf, fieldTypes, recordSchema } from "../src/index.ts";
import { brief, now, objectOf } from "./build.ts";
import { forms, samples } from "./samples.ts";

const names = Object.keys(fieldTypes) as FieldTypeName[];
const exprKinds: Record<string, string> = {
  text: "text",
  uuid: "ref",
  "text[]": "list",
  boolean: "bool",
  bigint: "int",
  smallint: "int",
  numeric: "decimal",
  "numeric(15,2)": "decimal",
  date: "date",
  timestamptz: "datetime",
  time: "time",
  interval: "duration",
  jsonb: "json",
};

test("every field type is registered under its own name", () => {
  for (const name of names) expect(fieldTypes[name].name).toBe(name);
});

const forEach = [
  ...names.map((name) => [name, name, samples[name]] as const),
  ...Object.entries(forms).map(([name, form]) => [`another ${name}`, name as FieldTypeName, form] as const),
];

describe.each(forEach)("%s", (_what, name, sample) => {
  const {
    definition,
    inferred = [],
    beside = {},
    sqlType,
    exprKind = exprKinds[sqlType],
    valid,
    invalid,
    limits = [],
    several,
  } = sample;
  const object = objectOf({ f: definition, ...beside });
  const field = object.fields.get("f");

  test("is named or inferred, and compiles to its column", () => {
    expect(fieldTypeOf(definition)).toBe(name);
    for (const schema of inferred) expect([schema, fieldTypeOf(schema)]).toEqual([schema, name]);
    expect(field).toMatchObject({ type: name, system: false });
    if (name === "formula") expect([field?.column, field?.formula?.sqlType]).toEqual([undefined, sqlType]);
    else if (several) {
      const branches = object.columns.filter((f) => f.branchOf === "f");
      expect(branches.map(({ target, column }) => [target, column.sqlType])).toEqual(
        several.map((to) => [to, sqlType]),
      );
      expect([field?.column, field?.branches]).toEqual([undefined, branches]);
    } else expect(field?.column).toEqual({ name: "f", sqlType, notNull: false });
    expect(object.columns.some((f) => f.name === "f")).toBe(name !== "formula" && !several);
    expect(field?.exprType.kind).toBe(exprKind);
    expect(object.fieldType("f")).toBe(field?.exprType);
  });

  test.each(valid.map((v) => [JSON.stringify(v[0]).slice(0, 60), v] as const))("takes %s", (_label, value) => {
    const [sent] = value;
    const canonical = value.length > 1 ? value[1] : sent;
    for (const prepare of ["prepareCreate", "preparePatch"] as const) {
      expect(object[prepare]({ f: sent }, { now })).toEqual({ value: { f: canonical }, issues: [] });
      // The canonical form is its own canonical form.
      expect(object[prepare]({ f: canonical }, { now })).toEqual({ value: { f: canonical }, issues: [] });
    }
  });

  test.each(invalid.map((v) => [JSON.stringify(v[0]).slice(0, 60), v] as const))(
    "refuses %s",
    (_label, [sent, ...issues]) => {
      const expected = issues.map((issue) => `/f${issue}`).toSorted();
      expect(brief(object.prepareCreate({ f: sent }, { now }).issues)).toEqual(expected);
      expect(brief(object.preparePatch({ f: sent }).issues)).toEqual(expected);
    },
  );

  if (limits.length > 0) {
    test.each(limits.map((l) => [JSON.stringify(l[0]), JSON.stringify(l[1]), l] as const))(
      "with %s: %s",
      (_l, _v, [limit, sent, ...issues]) => {
        const limited = objectOf({ f: { ...definition, ...limit } });
        expect(brief(limited.prepareCreate({ f: sent }, { now }).issues)).toEqual(
          issues.map((issue) => `/f${issue}`).toSorted(),
        );
      },
    );
  }

  test("may be empty unless it is required", () => {
    if (fieldTypes[name].readOnly) return;
    expect(object.preparePatch({ f: null })).toEqual({ value: { f: null }, issues: [] });
    const required = objectOf({ f: definition }, { required: ["f"] });
    expect(required.fields.get("f")?.required).toBe(true);
    expect(required.fields.get("f")?.column?.notNull).toBe(several ? undefined : true);
    expect(brief(required.preparePatch({ f: null }).issues)).toEqual(["/f required"]);
    expect(brief(required.prepareCreate({}, { now }).issues)).toEqual(["/f required"]);
    expect(required.preparePatch({}).issues).toEqual([]);
  });

  test("is computed, required and locked by conditions", () => {
    if (fieldTypes[name].readOnly) return;
    const formula = field?.shown === undefined ? { defaultFormula: "g" } : {};
    const relation = "target" in definition ? { relation: "ruled" } : {};
    const f = { ...definition, ...relation, ...formula, requiredWhen: "n == 1", readonlyWhen: "n == 2" };
    const ruled = objectOf({ f, g: definition, n: { type: "integer" } });
    const [[sent, canonical = sent] = []] = valid;
    const { value, issues } = ruled.prepareCreate({ g: sent }, { now });
    expect([value, issues]).toEqual([{ g: canonical, ...(field?.shown === undefined ? { f: canonical } : {}) }, []]);
    const told = (record: object, old: object) =>
      brief(ruled.brokenRules({ ...record }, { ...old }, { now, user: {} }));
    expect(told({ f: null, n: 1 }, { f: canonical, n: 1 })).toEqual(["/f required"]);
    expect(told({ f: canonical, n: 1 }, { f: null, n: 1 })).toEqual([]);
    const stored = { id: "0198a3f0-1111-7000-8000-000000000001", f: canonical, n: 2 };
    expect(told({ ...stored, f: null }, stored)).toEqual(["/f read_only"]);
    expect(told({ ...stored, n: 3 }, stored)).toEqual([]);
  });

  test("has a schema that a stranger's validator reads, and that takes every canonical value and null", () => {
    const ajv = new Ajv2020({ strict: false, formats: Object.fromEntries(formats.map((f) => [f, true as const])) });
    for (const use of ["read", "create", "patch"] as const) {
      const schema = recordSchema(object, use);
      expect(ajv.validateSchema(schema)).toBe(true);
      const property = (schema["properties"] as Record<string, object>)["f"];
      if (property === undefined) {
        expect(use !== "read" && fieldTypes[name].readOnly).toBe(true);
        continue;
      }
      const validate = ajv.compile(property);
      for (const value of [...valid.map((v) => (v.length > 1 ? v[1] : v[0])), null])
        expect([value, validate(value)]).toEqual([value, true]);
    }
  });
});

const formats = [
  "email",
  "uri",
  "uuid",
  "date",
  "date-time",
  "local-time",
  "phone",
  "decimal",
  "currency-code",
  "country-code",
];
