import { isObject, type IssueCode } from "@guanxi/base";
import {
  Ajv2020,
  type AnySchema,
  type CodeKeywordDefinition,
  type ErrorObject,
  type ValidateFunction,
} from "ajv/dist/2020.js";
import { exactDecimal, isMultipleOf } from "./decimal.ts";
import { Fault } from "./field-types/contract.ts";
import { formats } from "./formats.ts";
import { LinearRegExp } from "./pattern.ts";
import { escapeToken } from "./report.ts";
import { unevaluated } from "./unevaluated.ts";

const linear = Object.assign((pattern: string) => new LinearRegExp(pattern), { code: "linearRegExp" });

/**
 * JSON Schema 2020-12 as the standard says, with formats asserted and repairs: `multipleOf` is exact for decimals
 * (0.3 is a multiple of 0.1), patterns and `uniqueItems` take linear time, an `enum` may be empty, and `unevaluated…` knows what `contains` and `if` look at. One instance per schema, because an
 * instance keeps all it ever compiled; it knows the standard's meta-schema only where `meta` asks for it, which takes
 * longer to read than most objects.
 */
function newAjv({ meta }: { meta: boolean }): Ajv2020 {
  const ajv = new Ajv2020({
    meta,
    allErrors: true,
    strict: false,
    verbose: true,
    // A record without a field called toString has none, whatever JavaScript says.
    ownProperties: true,
    validateSchema: false,
    addUsedSchema: false,
    logger: false,
    formats,
    // Its second look at the code takes a third of the time again, and what comes of it runs no faster.
    code: { regExp: linear, optimize: false },
  });
  ajv.removeKeyword("multipleOf");
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({ keyword: "uniqueItems", type: "array", schemaType: "boolean", compile: distinctItems });
  ajv.addKeyword({ keyword: "multipleOf", type: "number", schemaType: "number", compile: exactMultiple });
  takeEmptyEnum(ajv);
  for (const [keyword, type] of [
    ["unevaluatedProperties", "object"],
    ["unevaluatedItems", "array"],
  ] as const) {
    ajv.removeKeyword(keyword);
    const compile = (schema: unknown, parent: object): ((value: unknown) => boolean) =>
      unevaluatedKeyword(keyword, schema, parent as Record<string, unknown>, ajv);
    ajv.addKeyword({ keyword, type, schemaType: ["boolean", "object"], errors: true, compile });
  }
  return ajv;
}

/** What it finds goes along in the error, each fault at its place in the value. */
function unevaluatedKeyword(
  keyword: string,
  schema: unknown,
  parent: Readonly<Record<string, unknown>>,
  ajv: Ajv2020,
): (value: unknown) => boolean {
  const judge = unevaluated(keyword, schema, parent, (part) => {
    let validate: ValidateFunction | undefined;
    return (value) => {
      validate ??= ajv.compile(part as AnySchema);
      return validate(value) ? none : toFaults(validate.errors ?? []);
    };
  });
  const check: { (value: unknown): boolean; errors?: Partial<ErrorObject>[] } = (value) => {
    const faults = judge(value);
    check.errors = [{ keyword, params: { faults } }];
    return faults.length === 0;
  };
  return check;
}

/** An enum of no values, which the library does not compile, takes none. */
function takeEmptyEnum(ajv: Ajv2020): void {
  const known = ajv.getKeyword("enum") as CodeKeywordDefinition;
  ajv.removeKeyword("enum");
  ajv.addKeyword({
    ...known,
    code: (context) => (context.schema.length === 0 ? context.fail() : known.code(context)),
  });
}

const distinctItems =
  (distinct: boolean) =>
  (items: readonly unknown[]): boolean =>
    !distinct || items.length < 2 || new Set(items.map(identity)).size === items.length;

/** Equal for equal JSON values: members have no order, and 1.0 is 1. */
const identity = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );

function exactMultiple(limit: number): (value: number) => boolean {
  const step = exactDecimal(limit);
  return (value) => {
    const exact = exactDecimal(value);
    return step !== undefined && exact !== undefined && isMultipleOf(exact, step);
  };
}

let shared: Ajv2020 | undefined;

/** Faults of a schema itself, by the standard's own meta-schema. */
export function schemaFaults(schema: Record<string, unknown>): readonly Fault[] {
  shared ??= newAjv({ meta: true });
  return shared.validateSchema(schema) === true ? [] : toFaults(shared.errors ?? []);
}

export type Validator = (value: unknown) => readonly Fault[];

const none: readonly Fault[] = [];

export function compileValidator(schema: Readonly<Record<string, unknown>>): Validator {
  const validate = newAjv({ meta: false }).compile(schema);
  return (value) => (validate(value) ? none : toFaults(validate.errors ?? []));
}

/** That no branch took the value; each branch has said why by errors of its own. */
const noBranch = (e: ErrorObject): boolean =>
  e.keyword === "anyOf" || (e.keyword === "oneOf" && e.params["passingSchemas"] === null);

/** Errors that only repeat what other errors say of the same place. */
const repeats = (e: ErrorObject): boolean =>
  noBranch(e) || e.keyword === "if" || (e.propertyName !== undefined && e.keyword !== "propertyNames");

/** Errors of branches meant for another type than the value's, where a branch for its type has something to say. */
function foreignBranches(errors: readonly ErrorObject[]): ReadonlySet<ErrorObject> {
  const foreign = new Set<ErrorObject>();
  errors.forEach((none, i) => {
    if (!noBranch(none)) return;
    // The errors of its branches stand right before it.
    let first = i;
    while (first > 0 && errors[first - 1]?.instancePath.startsWith(none.instancePath)) first--;
    const inside = errors.slice(first, i);
    const ofType = (e: ErrorObject): boolean =>
      e.keyword === "type" && e.instancePath === none.instancePath && e.schemaPath.startsWith(none.schemaPath);
    if (inside.some((e) => !ofType(e) && !noBranch(e))) inside.filter(ofType).forEach((e) => foreign.add(e));
  });
  return foreign;
}

/** All errors as faults, one per path and code. */
function toFaults(errors: readonly ErrorObject[]): Fault[] {
  const faults = new Map<string, Fault>();
  const foreign = foreignBranches(errors);
  for (const error of errors) {
    if (repeats(error) || foreign.has(error)) continue;
    for (const fault of faultsOf(error)) {
      const key = `${fault.path} ${fault.code}`;
      if (!faults.has(key)) faults.set(key, fault);
    }
  }
  if (faults.size === 0) return [new Fault("schema", { keyword: errors[0]?.keyword })];
  return [...faults.values()];
}

/** Keywords whose limit is the one number or text a reader needs. */
const limits = new Set<string>([
  ...["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
  ...["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
]);

function faultsOf(e: ErrorObject): readonly Fault[] {
  const found = e.params["faults"] as readonly Fault[] | undefined;
  return found?.map(({ code, params, path }) => new Fault(code, params, e.instancePath + path)) ?? [toFault(e)];
}

function toFault(e: ErrorObject): Fault {
  const at = e.instancePath;
  const inside = (name: unknown): string => `${at}/${escapeToken(String(name))}`;
  if (limits.has(e.keyword)) return new Fault(e.keyword as IssueCode, { limit: e.schema }, at);
  switch (e.keyword) {
    case "type":
      return new Fault("type", { type: [e.schema].flat().join(" | ") }, at);
    case "enum":
      return new Fault("enum", { values: (e.schema as unknown[]).map(show).join(", ") }, at);
    case "const":
      return new Fault("const", { value: show(e.schema) }, at);
    case "pattern":
      return new Fault("pattern", { pattern: e.schema }, at);
    case "format":
      return new Fault("format", { format: e.schema }, at);
    case "uniqueItems":
      return new Fault("uniqueItems", {}, at);
    case "required":
    case "dependentRequired":
      return new Fault("required", {}, inside(e.params["missingProperty"]));
    case "additionalProperties":
      return new Fault("unknown", { field: e.params["additionalProperty"] }, inside(e.params["additionalProperty"]));
    case "propertyNames":
      return new Fault("schema", { keyword: e.keyword }, inside(e.params["propertyName"]));
    default:
      return new Fault("schema", { keyword: e.keyword === "false schema" ? "false" : e.keyword }, at);
  }
}

const show = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
