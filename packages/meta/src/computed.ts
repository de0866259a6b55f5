import type { Issue } from "@guanxi/base";
import { type CheckedExpression, Decimal, evaluate, type Value } from "@guanxi/expr";
import { Fault } from "./field-types/contract.ts";
import { jsonDigits } from "./field-types/number.ts";
import { pointer } from "./report.ts";
import type { Field, ComputedDefault, PrepareContext, RecordValue, TenantSettings } from "./types.ts";

/** What the system will keep of the new record, as far as it is known. */
const stamps = ({ now, user }: PrepareContext): RecordValue => {
  const [at, by] = [now.toISOString(), user?.["id"] ?? null];
  return { owner: by, created_at: at, created_by: by, updated_at: at, updated_by: by, version: 1 };
};

/**
 * The result of a computed default as a caller would send it, or why no caller could; null when it gives none, as amounts of different
 * currencies do; undefined where a field that it uses is wrong itself.
 */
export function computed(
  { field, expression, currencies }: ComputedDefault,
  { value, issues }: { readonly value: RecordValue; readonly issues: readonly Issue[] },
  { timeZone, fiscalYearStart }: Pick<TenantSettings, "timeZone" | "fiscalYearStart">,
  context: PrepareContext,
): unknown {
  const wrong = (name: string): boolean => issues.some(({ path }) => `${path}/`.startsWith(`${pointer(name)}/`));
  if (expression.paths.some(([first = ""]) => wrong(first))) return undefined;
  const own = currencies.length === 0 || field.currencyField === undefined ? [] : [field.currencyField];
  if (new Set([...own, ...currencies].map((name) => value[name])).size > 1) return null;
  const { now, user = {} } = context;
  const record = { ...stamps(context), ...value };
  const result = evaluate(expression, { record, user, now, timeZone, fiscalYearStart });
  return field.branches ? named(expression, { record, user }, result) : sent(result, field);
}

/** The record that a field names, with the object that it is of. */
function named({ root }: CheckedExpression, env: Readonly<Record<"record" | "user", RecordValue>>, id: Value): unknown {
  if (id === null || root.node !== "field" || root.type.kind !== "ref") return null;
  if (root.branches) return env[root.root === "user" ? "user" : "record"][root.path[0] ?? ""];
  return { object: root.type.target, id };
}

/** As JSON. A number that JSON's reader would round is none that the field keeps. */
function sent(value: Value, { schema, definition }: Field): unknown {
  if (!Decimal.isDecimal(value)) return value;
  if (schema["type"] === "string") return value.toFixed();
  const number = value.toNumber();
  const { precision = jsonDigits, scale = jsonDigits } = definition as { precision?: number; scale?: number };
  return value.eq(number) ? number : new Fault("precision", { precision, scale });
}
