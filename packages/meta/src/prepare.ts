import { isObject, type Issue } from "@guanxi/base";
import { canonicalInstant, dateIn } from "./calendar.ts";
import { unstorable } from "./characters.ts";
import { computed } from "./computed.ts";
import { Fault, type Normalise, type NormaliseContext, valueChecks, type ValueSchema } from "./field-types/contract.ts";
import { fieldTypes } from "./field-types/index.ts";
import { escapeToken, pointer } from "./report.ts";
import type { Field, ComputedDefault, PrepareContext, Prepared, TenantSettings } from "./types.ts";
import { compileValidator } from "./validator.ts";

export interface Preparer {
  /** `defaults` are the computed defaults, each behind those that it uses. */
  create(
    value: unknown,
    context: PrepareContext,
    settings: PrepareSettings,
    defaults: readonly ComputedDefault[],
  ): Prepared;
  patch(value: unknown, settings: PrepareSettings): Prepared;
}

/** Settings that the canonical form of values depends on. */
export type PrepareSettings = Pick<TenantSettings, "country" | "timeZone" | "fiscalYearStart" | "currency">;

/** A field, and what preparing its values needs. */
interface WrittenField {
  readonly field: Field;
  readonly normalise: Normalise | undefined;
  /** What a value in canonical form is held against. */
  readonly checks: ValueSchema;
}

/** Compiles the schema of all fields into one validator. */
export function preparer(all: ReadonlyMap<string, Field>): Preparer {
  const fields = new Map([...all].map(([name, field]) => [name, writtenField(field)]));
  const validate = compileValidator(checksOf(fields));

  const judge = (checked: Record<string, unknown>, draft: Draft): void => {
    const told = new Set(draft.issues.map((i) => `${i.path} ${i.code}`));
    for (const fault of validate(checked)) if (!told.has(`${fault.path} ${fault.code}`)) addFault(draft, fault, "");
  };
  const read = (value: unknown, settings: PrepareSettings): Draft => {
    if (!isObject(value)) return { value: {}, issues: [{ path: "", code: "type", params: { type: "object" } }] };
    const draft: Draft = { value: {}, issues: [] };
    const checked: Record<string, unknown> = {};
    for (const [name, raw] of Object.entries(value)) {
      if (raw !== undefined) readField(name, raw, fields.get(name), settings, draft, checked);
    }
    judge(checked, draft);
    return draft;
  };
  return {
    create(value, context, settings, defaults) {
      const draft = read(value, settings);
      if (!isObject(value)) return draft;
      complete(value, draft, all, settings, context);
      for (const formula of defaults) {
        const { name, required, currencyField } = formula.field;
        if (isGiven(value, name)) continue;
        const [currency] = formula.currencies;
        if (currency !== undefined && currencyField !== undefined && !isGiven(value, currencyField))
          draft.value[currencyField] = draft.value[currency];
        const result = computed(formula, draft, settings, context);
        if (result === null && required) draft.issues.push({ path: pointer(name), code: "required" });
        if (result === null || result === undefined) continue;
        const checked: Record<string, unknown> = {};
        readValue(name, result, fields.get(name)?.normalise, settings, draft, checked);
        judge(checked, draft);
      }
      return draft;
    },
    patch: read,
  };
}

function writtenField(field: Field): WrittenField {
  const { normalise } = fieldTypes[field.type].shape(field.definition);
  return { field, normalise, checks: valueChecks({ schema: field.schema, normalise }) };
}

interface Draft {
  readonly value: Record<string, unknown>;
  readonly issues: Issue[];
}

/** Clients may write these, and defaults more; all others belong to the system. */
function checksOf(fields: ReadonlyMap<string, WrittenField>): Record<string, unknown> {
  const writable = [...fields].filter(([, { field }]) => !field.readOnly || isComputed(field));
  return { type: "object", properties: Object.fromEntries(writable.map(([name, { checks }]) => [name, checks])) };
}

/** A field may be called as what every object of JavaScript has. */
const isGiven = (value: Record<string, unknown>, name: string): boolean =>
  Object.hasOwn(value, name) && value[name] !== undefined;

const isComputed = ({ definition }: Field): boolean => definition.defaultFormula !== undefined;

/**
 * Brings one value into canonical form in `draft.value`, and into `checked` what the schema must still judge: also a
 * value that has a fault already, so that one answer tells all.
 */
function readField(
  name: string,
  raw: unknown,
  compiled: WrittenField | undefined,
  context: NormaliseContext,
  draft: Draft,
  checked: Record<string, unknown>,
): void {
  const path = `/${escapeToken(name)}`;
  if (compiled === undefined) draft.issues.push({ path, code: "unknown", params: { field: name } });
  else if (compiled.field.readOnly) draft.issues.push({ path, code: "read_only" });
  else if (raw === null) {
    if (compiled.field.required) draft.issues.push({ path, code: "required" });
    draft.value[name] = null;
  } else readValue(name, raw, compiled.normalise, context, draft, checked);
}

function readValue(
  name: string,
  raw: unknown,
  normalise: Normalise | undefined,
  context: NormaliseContext,
  draft: Draft,
  checked: Record<string, unknown>,
): void {
  const bad = raw instanceof Fault ? raw : unstorable(raw);
  if (bad !== undefined) return addFault(draft, bad, pointer(name));
  const canonical = normalise === undefined ? raw : normalise(raw, context);
  if (canonical instanceof Fault) addFault(draft, canonical, pointer(name));
  checked[name] = canonical instanceof Fault ? raw : canonical;
  draft.value[name] = checked[name];
}

function addFault(draft: Draft, fault: Fault, path: string): void {
  const params = Object.keys(fault.params).length === 0 ? {} : { params: fault.params };
  draft.issues.push({ path: path + fault.path, code: fault.code, ...params });
}

/** Defaults, and the required fields that are missing. */
function complete(
  written: Record<string, unknown>,
  draft: Draft,
  fields: ReadonlyMap<string, Field>,
  settings: PrepareSettings,
  context: PrepareContext,
): void {
  for (const [name, field] of fields) {
    if (isGiven(written, name) || isComputed(field)) continue;
    if (field.default !== undefined) draft.value[name] = defaultValue(field, settings, context.now);
    else if (field.required && !field.readOnly) draft.issues.push({ path: pointer(name), code: "required" });
  }
}

function defaultValue(field: Field, settings: PrepareSettings, now: Date): unknown {
  if (field.type === "date" && field.default === "today") return dateIn(settings.timeZone, now);
  if (field.type === "datetime" && field.default === "now") return canonicalInstant(now.toISOString());
  if (field.type === "currency_code" && field.default === "tenant") return settings.currency;
  // Whoever changes the new record must not change the definition.
  return structuredClone(field.default);
}
