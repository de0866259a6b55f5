import type { Output } from "./plan.ts";
import { jsonColumn, quote } from "./sql.ts";

/** How a field of a source is written where the JSON is built. */
export type ColumnSql = (source: string, column: string) => string;

const plain: ColumnSql = (source, column) => `${source}.${quote(column)}`;

/** `to_json` of a row with exactly these members. A row type, not `json_build_object`, which ends at 50 members. */
export function jsonObject(outputs: readonly Output[], column: ColumnSql = plain): string {
  const members = outputs.map((o) => named(member(o, column), o.name)).join(", ");
  // No field can be named as the row is, or `to_json` would take the field.
  return `(SELECT to_json("#") FROM (SELECT ${members}) "#")`;
}

/** A column that is called so already needs no name: texts are half as long. */
const named = (sql: string, name: string): string =>
  sql.endsWith(`.${quote(name)}`) ? sql : `${sql} AS ${quote(name)}`;

function member(output: Output, column: ColumnSql): string {
  if (output.kind === "field") return jsonColumn(output.field, column(output.source, output.field.column.name));
  return `CASE WHEN ${column(output.source, "id")} IS NOT NULL THEN ${jsonObject(output.outputs, column)} END`;
}

/** The columns that the outputs are made of, so that a page can be cut before any JSON is built. */
export function leafColumns(outputs: readonly Output[]): { source: string; column: string }[] {
  const leaves = outputs.flatMap((o) =>
    o.kind === "field"
      ? [{ source: o.source, column: o.field.column.name }]
      : [{ source: o.source, column: "id" }, ...leafColumns(o.outputs)],
  );
  return [...new Map(leaves.map((l) => [`${l.source}.${l.column}`, l])).values()];
}
