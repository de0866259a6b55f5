import type { StoredField } from "@guanxi/meta";
import { literal } from "@guanxi/query";
import { patternValid } from "./text-patterns.ts";

type Schema = Readonly<Record<string, unknown>>;

/** Holds for json values that are not values of a field with members; null where the value is null. */
export function partsBlocked(column: string, to: StoredField): string {
  const properties = to.schema["properties"] as Readonly<Record<string, Schema>>;
  const required = (to.schema["required"] as readonly string[] | undefined) ?? [];
  const cases = Object.entries(properties).map(([name, schema]) => `WHEN ${literal(name)} THEN ${memberValid(schema)}`);
  const wrong = [
    `EXISTS (SELECT FROM jsonb_each(${column}) e WHERE NOT CASE e.key ${cases.join(" ")} ELSE false END)`,
    ...required.map((name) => `NOT ${column} ? ${literal(name)}`),
  ];
  const empty = to.column.notNull ? `WHEN ${column} IS NULL THEN true ` : "";
  // A CASE is taken in its order; what stands around an AND is not.
  return `CASE ${empty}WHEN jsonb_typeof(${column}) = 'object' THEN ${wrong.join(" OR ")} ELSE ${column} IS NOT NULL END`;
}

function memberValid(schema: Schema): string {
  const text = "(e.value #>> '{}')";
  const { minimum, maximum, maxLength, format } = schema;
  const number = `WHEN 'number' THEN ${text}::numeric BETWEEN ${String(minimum)} AND ${String(maximum)}`;
  const checked =
    format === undefined ? `char_length(${text}) <= ${String(maxLength)}` : patternValid(text, "^[A-Z]{2}$");
  const string = `WHEN 'null' THEN true WHEN 'string' THEN ${checked}`;
  return `CASE jsonb_typeof(e.value) ${schema["type"] === "number" ? number : string} ELSE false END`;
}
