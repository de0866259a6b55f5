import { isObject } from "@guanxi/base";
import { type Field, type ObjectType, partField, type Snapshot } from "@guanxi/meta";
import { type ListRequest, type Output, resolveList } from "@guanxi/query";
import { guarded } from "../csv.ts";

/** A column of a CSV export: where its value stands in a record, `["owner", "name"]`. */
export interface Column {
  readonly path: readonly string[];
  readonly field: Field;
}

/** The columns of an answer, in the order of its members; what a reference leads to is flattened to `owner.name`. */
export function columnsOf(snapshot: Snapshot, object: ObjectType, request: ListRequest): readonly Column[] {
  const flat = (outputs: readonly Output[], path: readonly string[]): Column[] =>
    outputs.flatMap((output) => {
      const at = [...path, output.name];
      if (output.kind === "object") return flat(output.outputs, at);
      if (output.kind === "one")
        return distinct([...partsOf(output.field, at), ...output.among.flatMap((one) => flat(one.outputs, at))]);
      return output.field.branches ? partsOf(output.field, at) : [{ path: at, field: output.field }];
    });
  return flat(resolveList(snapshot, object, request).outputs, []);
}

/** The columns by which an import finds the record of several objects. */
const partsOf = (field: Field, path: readonly string[]): Column[] =>
  ["object", "id"].flatMap((name) => {
    const part = partField(field, name);
    return part ? [{ path: [...path, name], field: part }] : [];
  });

/** Records of different objects share the columns that are called alike. */
function distinct(columns: readonly Column[]): Column[] {
  const seen = new Set<string>();
  return columns.filter(({ path }) => seen.size < seen.add(path.join(".")).size);
}

/** Field types whose checked values cannot be formulas, though a phone number begins with `+`. */
const harmless: ReadonlySet<string> = new Set([
  "phone",
  "uuid",
  "reference",
  "references",
  "file",
  "files",
  "date",
  "datetime",
  "time",
  "number",
  "currency",
  "currency_code",
  "percent",
  "rollup",
]);

/** The record's cell, as an import reads it. `guard` keeps spreadsheets from running texts as formulas. */
export function cellOf(record: unknown, { path, field }: Column, guard: boolean): string {
  let value: unknown = record;
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name];
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return plainNumber(value);
  if (typeof value === "boolean") return String(value);
  const text = textOf(value, field);
  return guard && !harmless.has(field.formula?.returns ?? field.type) ? guarded(text) : text;
}

function textOf(value: unknown, field: Field): string {
  if (field.column?.sqlType === "jsonb") return JSON.stringify(value);
  // A record in a list stands there by its id, also where it is shown whole.
  if (isObject(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return value.map((item: unknown) => (isObject(item) ? item["id"] : item)).join(";");
  return String(value);
}

/** Digits without an exponent. */
function plainNumber(value: number): string {
  const text = String(value);
  const [, sign = "", whole = "", fraction = "", exponent] = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text) ?? [];
  if (exponent === undefined) return text;
  const shift = Number(exponent);
  const digits = whole + fraction;
  if (shift < 0) return `${sign}0.${"0".repeat(-shift - 1)}${digits}`;
  return sign + digits.padEnd(shift + 1, "0");
}
