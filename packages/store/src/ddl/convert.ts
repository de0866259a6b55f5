import { listsRecords, type StoredField } from "@guanxi/meta";
import { literal, secondsSql } from "@guanxi/query";
import { partsBlocked } from "./convert-parts.ts";
import { dateValid, instantValid, patternValid, phonePattern, timePattern, uuidPattern } from "./text-patterns.ts";

/** How a column takes another type. `column` and the rest are SQL. */
export interface Conversion {
  readonly using: string;
  /** Holds for rows that cannot be converted; undefined when all can. */
  readonly blocked: string | undefined;
}

export interface ConversionContext {
  /** IANA name of the tenant's time zone. */
  readonly timeZone: string;
  /** The table a reference will point to, qualified. */
  readonly target: string | undefined;
}

const textTypes = new Set([
  ...["text", "long_text", "email", "phone", "url", "picklist", "currency_code", "autonumber"],
  // Once it is open.
  "encrypted_text",
]);
const decimalTypes = new Set(["number", "percent", "currency"]);

/** The conversion of a column whose old and new field are given; `isConvertible` of the pair must hold. */
export function conversion(from: StoredField, to: StoredField, column: string, context: ConversionContext): Conversion {
  if (to.exprType.kind === "parts") return { using: `jsonb_strip_nulls(${column})`, blocked: partsBlocked(column, to) };
  if (to.column.sqlType === "jsonb") return { using: asJson(from, column), blocked: undefined };
  if (textTypes.has(from.type) || from.type === "json") return fromText(asText(from, column), to, context);
  if (to.type === "text" || to.type === "long_text" || to.type === "encrypted_text") {
    const text = asText(from, column);
    return { using: text, blocked: textBlocked(text, to) };
  }
  return direct(from, to, column, context);
}

/**
 * Whether the new values say less than the old ones did: a datetime's time of day is gone. Any other conversion keeps the value, if in
 * another form, and is refused where it cannot.
 */
export const losesValues = (from: StoredField, to: StoredField): boolean =>
  from.type === "datetime" && to.type === "date";

/** A column's values as people read them. */
function asText(from: StoredField, column: string): string {
  if (from.type === "date") return `to_char(${column}, 'YYYY-MM-DD')`;
  if (from.type === "datetime") return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
  if (from.column.sqlType === "jsonb") return `(${column} #>> '{}')`;
  if (from.column.sqlType.endsWith("[]")) return `array_to_string(${column}, ', ')`;
  if (decimalTypes.has(from.type)) return `trim_scale(${column})::text`;
  if (from.type === "duration") return `${secondsSql(column)}::text`;
  return from.column.sqlType === "text" ? column : `${column}::text`;
}

function asJson(from: StoredField, column: string): string {
  if (from.type === "duration") return `to_jsonb(${secondsSql(column)})`;
  return from.type === "datetime" ? `to_jsonb(${asText(from, column)})` : `to_jsonb(${column})`;
}

function direct(
  from: StoredField,
  to: StoredField,
  column: string,
  { timeZone, target }: ConversionContext,
): Conversion {
  const zone = literal(timeZone);
  if (from.type === "date") return { using: `(${column}::timestamp AT TIME ZONE ${zone})`, blocked: undefined };
  if (from.type === "datetime") return { using: `(${column} AT TIME ZONE ${zone})::date`, blocked: undefined };
  if (from.type === "checkbox") return { using: `${column}::int::bigint`, blocked: undefined };
  if (from.type === "multi_picklist") {
    const blocked = `cardinality(${column}) > 1 OR (${column}[1] IS NOT NULL AND ${valueUnlisted(`${column}[1]`, to)})`;
    return { using: `${column}[1]`, blocked: withRequired(`${column}[1]`, blocked, to) };
  }
  if (from.type === "files") {
    const first = `${column}[1]`;
    return { using: first, blocked: withRequired(first, `cardinality(${column}) > 1`, to) };
  }
  if (from.type === "references")
    return { using: column, blocked: `NOT ${column} <@ ARRAY(SELECT r.id FROM ${target} r)` };
  if (listsRecords(to.type))
    return {
      using: `CASE WHEN ${column} IS NOT NULL THEN ARRAY[${column}] END`,
      blocked: missingTarget(column, target),
    };
  if (to.column.sqlType === "uuid") return { using: column, blocked: missingTarget(column, target) };
  const number = from.type === "duration" ? secondsSql(column) : `${column}::numeric`;
  return { using: fromNumber(number, to), blocked: `NOT ${fits(number, to)}` };
}

/** A numeric as the type; of a bare number PostgreSQL takes an interval's seconds. */
const fromNumber = (value: string, { column: { sqlType } }: StoredField): string =>
  sqlType === "interval" ? `(${value})::text::interval` : `(${value})::${sqlType}`;

const missingTarget = (column: string, target: string | undefined): string | undefined =>
  target === undefined
    ? undefined
    : `${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${target} r WHERE r.id = ${column})`;

/** Reading text as another type; a blank text is an empty field. */
function fromText(text: string, to: StoredField, context: ConversionContext): Conversion {
  if (to.type === "rich_text") return { using: asHtml(text), blocked: textBlocked(asHtml(text), to) };
  if (to.column.sqlType === "text") return { using: text, blocked: textBlocked(text, to) };
  const read = `nullif(btrim(${text}), '')`;
  const { valid, value } = reader(read, to);
  // ALTER TABLE takes no subquery, so whether a target is there only shows among the rows in the way.
  const gone = missingTarget(value, context.target);
  const accepted = gone === undefined ? valid : `CASE WHEN ${valid} THEN NOT (${gone}) END`;
  const blocked = withRequired(read, `${read} IS NOT NULL AND (${accepted}) IS NOT TRUE`, to);
  return { using: `CASE WHEN ${valid} THEN ${value} END`, blocked };
}

/** The text as it reads, line by line: what looks like a tag is none. */
const asHtml = (text: string): string =>
  `regexp_replace(replace(replace(replace(${text}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), E'\\r\\n?|\\n', '<br />', 'g')`;

const withRequired = (value: string, blocked: string, to: StoredField): string =>
  to.column.notNull ? `${value} IS NULL OR (${blocked})` : blocked;

/** Whether a text reads as the type, in SQL that never raises, and the reading itself. */
function reader(text: string, to: StoredField): { valid: string; value: string } {
  const value = `(${text})::${to.column.sqlType}`;
  switch (to.type) {
    case "checkbox":
      return {
        valid: `lower(${text}) IN ('true', 'false', 'yes', 'no', 't', 'f', 'y', 'n', '1', '0', 'on', 'off')`,
        value,
      };
    case "multi_picklist":
      return { valid: `NOT ${valueUnlisted(text, to)}`, value: `ARRAY[${text}]` };
    case "date":
      return { valid: dateValid(text), value };
    case "datetime":
      return { valid: instantValid(text), value };
    case "time":
      return { valid: patternValid(text, timePattern), value };
    case "uuid":
    case "reference":
      return { valid: patternValid(text, uuidPattern), value };
    default:
      return { valid: decimalValid(text, to), value: fromNumber(`(${text})::numeric`, to) };
  }
}

/** No more digits than any field keeps, so that the cast itself cannot overflow. */
const decimalPattern = "^[+-]?[0-9]{1,100}(\\.[0-9]{1,100})?$";

const decimalValid = (text: string, to: StoredField): string =>
  `CASE WHEN ${patternValid(text, decimalPattern)} THEN ${fits(`(${text})::numeric`, to)} ELSE false END`;

/** Whether a numeric is a value of the field: no digit is ever rounded away. */
function fits(value: string, to: StoredField): string {
  const integer = to.type === "integer";
  if (to.type === "rating" || to.type === "duration") {
    const { minimum, maximum } = to.schema;
    return `(${value} = round(${value}, ${to.type === "rating" ? 0 : 3}) AND ${value} BETWEEN ${minimum} AND ${maximum})`;
  }
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(to.column.sqlType) ?? [];
  if (integer) return `(${value} = trunc(${value}) AND abs(${value}) <= ${Number.MAX_SAFE_INTEGER})`;
  if (precision !== undefined && scale !== undefined) {
    return `(${value} = round(${value}, ${scale}) AND abs(${value}) < 1e${Number(precision) - Number(scale)})`;
  }
  const most = (to.definition["precision"] as number | undefined) ?? 15;
  return `(length(btrim(replace(abs(${value})::text, '.', ''), '0')) <= ${most})`;
}

const valueUnlisted = (text: string, to: StoredField): string =>
  `(${text} <> ALL (ARRAY[${(to.values ?? []).map((v) => literal(v.value)).join(", ")}]::text[]))`;

const textPatterns: Record<string, string> = {
  currency_code: "^[A-Z]{3}$",
  email: "^[^@[:space:]]+@[^@[:space:]]+$",
  phone: phonePattern,
  url: "^(https?|mailto|tel):[^[:space:]]+$",
};

/** Texts that a field with the same column would not take. */
function textBlocked(text: string, to: StoredField): string | undefined {
  const longest = to.schema["maxLength"] as number | undefined;
  const pattern = textPatterns[to.type];
  const faults = [
    ...(longest === undefined ? [] : [`char_length(${text}) > ${longest}`]),
    ...(pattern === undefined ? [] : [`NOT ${patternValid(text, pattern)}`]),
    ...(to.type === "picklist" ? [valueUnlisted(text, to)] : []),
  ];
  return faults.length === 0 ? undefined : faults.join(" OR ");
}
