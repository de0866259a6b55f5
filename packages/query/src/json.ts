import type { Output } from "./plan.ts";
import { quote } from "./parameters.ts";
import { type FieldSql, jsonColumn } from "./sql.ts";

/** `to_json` of a row with exactly these members. A row type, not `json_build_object`, which ends at 50 members. */
export function jsonObject(outputs: readonly Output[], field: FieldSql): string {
  const members = outputs.map((o) => named(member(o, field), o.name)).join(", ");
  // No field can be named as the row is, or `to_json` would take the field.
  return `(SELECT to_json("#") FROM (SELECT ${members}) "#")`;
}

/** A column that is called so already needs no name: texts are half as long. */
const named = (sql: string, name: string): string =>
  sql.endsWith(`.${quote(name)}`) ? sql : `${sql} AS ${quote(name)}`;

function member(output: Output, field: FieldSql): string {
  if (output.kind === "field") return jsonColumn(output.field, field(output.source, output.field.name));
  return `CASE WHEN ${field(output.source, "id")} IS NOT NULL THEN ${jsonObject(output.outputs, field)} END`;
}

/** The fields that the outputs are made of, so that a page can be cut before any JSON is built. */
export function leafFields(outputs: readonly Output[]): { source: string; name: string }[] {
  const leaves = outputs.flatMap((o) =>
    o.kind === "field"
      ? [{ source: o.source, name: o.field.name }]
      : [{ source: o.source, name: "id" }, ...leafFields(o.outputs)],
  );
  return [...new Map(leaves.map((l) => [`${l.source}.${l.name}`, l])).values()];
}
