import type { FieldSql } from "./expressions.ts";
import type { Found, Output } from "./plan.ts";
import { literal, quote } from "./parameters.ts";
import { jsonColumn } from "./sql.ts";

/** How the records in lists are written. */
export interface ListedSql {
  /** `FROM … WHERE …`: the rows of the source with this alias that are in a list. */
  readonly rows: (alias: string, list: string) => string;
  readonly field: FieldSql;
}

/** `to_json` of a row with exactly these members. A row type, not `json_build_object`, which ends at 50 members. */
export const jsonObject = (outputs: readonly Output[], field: FieldSql, listed?: ListedSql): string =>
  jsonOf(outputs.map((o) => named(member(o, field, listed), o.name)));

/** No field can be named as the row is, or `to_json` would take the field. */
const jsonOf = (members: readonly string[]): string => `(SELECT to_json("#") FROM (SELECT ${members.join(", ")}) "#")`;

/** A column that is called so already needs no name: texts are half as long. */
const named = (sql: string, name: string): string =>
  sql.endsWith(`.${quote(name)}`) ? sql : `${sql} AS ${quote(name)}`;

function member(output: Output, field: FieldSql, listed: ListedSql | undefined): string {
  if (output.kind === "field") return jsonColumn(output.field, field(output.source, output.field.name));
  if (output.kind === "object")
    return `CASE WHEN ${field(output.source, output.present)} IS NOT NULL THEN ${jsonObject(output.outputs, field, listed)} END`;
  if (output.kind === "one") return oneOf(output.among, field, listed);
  if (!listed) throw new Error(`the statement has no rows for ${output.name}`);
  const list = field(output.source, output.field.name);
  const records = `SELECT ${output.of}.id, ${jsonObject(output.outputs, listed.field)} AS j ${listed.rows(output.of, list)}`;
  return `CASE WHEN ${list} IS NOT NULL THEN (SELECT coalesce(json_agg(x.j ORDER BY ${output.field.type === "files" ? `array_position(${list}, x.id)` : "x.id"}), '[]') FROM (${records}) x) END`;
}

/** Of the records that a reference to several objects may lead to, the one that it does lead to. */
function oneOf(among: readonly Found[], field: FieldSql, listed: ListedSql | undefined): string {
  const cases = among.map(({ name, source, present, outputs }) => {
    const members = outputs.map((o) => named(member(o, field, listed), o.name));
    return `WHEN ${field(source, present)} IS NOT NULL THEN ${jsonOf([`${literal(name)} AS object`, ...members])}`;
  });
  return `CASE ${cases.join(" ")} END`;
}

/** The fields that the outputs are made of, so that a page can be cut before any JSON is built. */
export function leafFields(outputs: readonly Output[]): { source: string; name: string }[] {
  const leaves = outputs.flatMap((o) => {
    if (o.kind === "one") return leafFields(o.among);
    return o.kind === "object"
      ? [{ source: o.source, name: o.present }, ...leafFields(o.outputs)]
      : [{ source: o.source, name: o.field.name }];
  });
  return [...new Map(leaves.map((l) => [`${l.source}.${l.name}`, l])).values()];
}
