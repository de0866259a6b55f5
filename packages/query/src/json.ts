import type { Output } from "./plan.ts";
import { quote } from "./parameters.ts";
import { type FieldSql, jsonColumn } from "./sql.ts";

/** How the records in lists are written. */
export interface ListedSql {
  /** `FROM … WHERE …`: the rows of the source with this alias that are in a list. */
  readonly rows: (alias: string, list: string) => string;
  readonly field: FieldSql;
}

/** `to_json` of a row with exactly these members. A row type, not `json_build_object`, which ends at 50 members. */
export function jsonObject(outputs: readonly Output[], field: FieldSql, listed?: ListedSql): string {
  const members = outputs.map((o) => named(member(o, field, listed), o.name)).join(", ");
  // No field can be named as the row is, or `to_json` would take the field.
  return `(SELECT to_json("#") FROM (SELECT ${members}) "#")`;
}

/** A column that is called so already needs no name: texts are half as long. */
const named = (sql: string, name: string): string =>
  sql.endsWith(`.${quote(name)}`) ? sql : `${sql} AS ${quote(name)}`;

function member(output: Output, field: FieldSql, listed: ListedSql | undefined): string {
  if (output.kind === "field") return jsonColumn(output.field, field(output.source, output.field.name));
  if (output.kind === "object")
    return `CASE WHEN ${field(output.source, output.present)} IS NOT NULL THEN ${jsonObject(output.outputs, field, listed)} END`;
  if (!listed) throw new Error(`the statement has no rows for ${output.name}`);
  const list = field(output.source, output.field.name);
  const records = `SELECT ${output.of}.id, ${jsonObject(output.outputs, listed.field)} AS j ${listed.rows(output.of, list)}`;
  return `CASE WHEN ${list} IS NOT NULL THEN (SELECT coalesce(json_agg(x.j ORDER BY ${output.field.type === "files" ? `array_position(${list}, x.id)` : "x.id"}), '[]') FROM (${records}) x) END`;
}

/** The fields that the outputs are made of, so that a page can be cut before any JSON is built. */
export function leafFields(outputs: readonly Output[]): { source: string; name: string }[] {
  const leaves = outputs.flatMap((o) =>
    o.kind !== "object"
      ? [{ source: o.source, name: o.field.name }]
      : [{ source: o.source, name: o.present }, ...leafFields(o.outputs)],
  );
  return [...new Map(leaves.map((l) => [`${l.source}.${l.name}`, l])).values()];
}
