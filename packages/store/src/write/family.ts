import { listsRecords, type ObjectType, type StoredField } from "@guanxi/meta";
import { quote } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { idsSql } from "./shared.ts";

const given = "(SELECT value::uuid FROM json_array_elements_text($1::json))";

/** Of records `t` of the object: that the field names any of the records given. */
const namesGiven = (object: ObjectType, field: string): string =>
  listsRecords(object.fields.get(field)?.type) ? `t.${quote(field)} && ARRAY${given}` : `t.${quote(field)} IN ${given}`;

const statement = (name: string, text: string, ...params: string[]): Statement => ({
  name,
  text,
  params,
  prepare: false,
});

/** Which records are meant: live ones, deleted ones, those deleted at a time, or whether deleted or not. */
export type RecordState = "live" | "deleted" | "any" | { readonly deletedAt: string };

const stateSql = (state: RecordState, time: string): string => {
  if (typeof state === "object") return ` AND t.deleted_at = ${time}::timestamptz`;
  return { live: " AND t.deleted_at IS NULL", deleted: " AND t.deleted_at IS NOT NULL", any: "" }[state];
};

/**
 * Ids of the records of `child` whose `field` names one of `parents`, locked: one that another transaction moves away,
 * deletes or restores while the lock is waited for is not among them, unless its state still fits.
 */
export function childrenStatement(
  schema: string,
  child: ObjectType,
  field: string,
  parents: readonly string[],
  state: RecordState,
): Statement {
  return statement(
    `${child.name}.children`,
    `SELECT t.id FROM ${quote(schema)}.${quote(child.table)} t
     WHERE ${namesGiven(child, field)}${stateSql(state, "$2")} ORDER BY t.id FOR UPDATE OF t`,
    JSON.stringify(parents),
    ...(typeof state === "object" ? [state.deletedAt] : []),
  );
}

/** `n`: how many records of `child` beside `going` name one of `parents`. */
export const needingStatement = (
  schema: string,
  child: ObjectType,
  field: string,
  parents: readonly string[],
  going: readonly string[],
  state: "live" | "deleted",
): Statement =>
  statement(
    `${child.name}.needing`,
    `SELECT count(*) AS n FROM ${quote(schema)}.${quote(child.table)} t
     WHERE ${namesGiven(child, field)}${stateSql(state, "")}
       AND t.id NOT IN (SELECT value::uuid FROM json_array_elements_text($2::json))`,
    JSON.stringify(parents),
    JSON.stringify(going),
  );

/** Ids of those of `children` whose `field` names no live record of `parent`; the live ones are kept from being deleted. */
export const orphansStatement = (
  schema: string,
  child: ObjectType,
  field: StoredField,
  parent: ObjectType,
  children: readonly string[],
): Statement => {
  const column = `t.${quote(field.column.name)}`;
  const own = `${quote(schema)}.${quote(child.table)} t WHERE t.id IN ${given} AND ${column} IS NOT NULL`;
  return statement(
    `${child.name}.orphans`,
    `WITH p AS MATERIALIZED (
      SELECT p.id FROM ${quote(schema)}.${quote(parent.table)} p
      WHERE p.id IN (SELECT ${idsSql(field, column)} FROM ${own}) AND p.deleted_at IS NULL FOR KEY SHARE OF p
    ) SELECT t.id FROM ${own} AND ${listsRecords(field.type) ? `NOT ${column} <@ ARRAY(SELECT id FROM p)` : `${column} NOT IN (SELECT id FROM p)`}`,
    JSON.stringify(children),
  );
};
