import { listsRecords, type ObjectType, type Snapshot, type StoredField } from "@guanxi/meta";
import { namesSql, quote } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { changeJson, place, placedParams, updatedCte, type WriteContext } from "./shared.ts";

/** Records of one object. */
export interface Generation {
  readonly object: ObjectType;
  readonly ids: readonly string[];
}

/** What the change rows of purged records say besides; each is SQL. */
interface Told {
  readonly at: string;
  readonly actor: string;
  readonly meta: string;
  readonly cause: string;
}

/** CTE `gone`, of the rows that were taken away object by object. */
function goneCte(taken: readonly { readonly object: ObjectType; readonly rows: string }[]): string {
  const parts = taken.map(
    ({ object, rows }, turn) =>
      `SELECT ${turn} AS turn, ${object.id} AS object_id, r.id, r.version, r.created_by, r.deleted_at IS NULL AS live, ${changeJson(object, "r")} AS data FROM ${rows} r`,
  );
  return `gone AS MATERIALIZED (\n  ${parts.join("\n  UNION ALL ")}\n)`;
}

/** CTE `c`: whoever has not been told that a record was deleted is told so; that it is gone for good is told without its values. */
const purgedCte = (s: string, { at, actor, meta, cause }: Told): string => `c AS (
  INSERT INTO ${s}._change (object_id, record, op, version, at, actor, meta, cause, data)
  SELECT g.object_id, g.id, x.op, g.version + x.step, ${at}, ${actor}, ${meta}, ${cause}, x.data
  FROM gone g CROSS JOIN LATERAL (
    SELECT 'delete' AS op, 1 AS step, g.data WHERE g.live
    UNION ALL SELECT 'purge', CASE WHEN g.live THEN 2 ELSE 1 END, '{}'::jsonb
  ) x ORDER BY g.turn, g.id, x.step
)`;

/**
 * Deletes records for good, with their change rows in the order given. In one statement, because records of several objects may name each
 * other in a ring. → `n`, how many; none where the metadata is newer.
 */
export function purgeStatement(context: WriteContext, generations: readonly Generation[]): Statement {
  const s = quote(context.snapshot.settings.schema);
  const taken = generations.map(({ object }, i) => ({ object, rows: `r${i}` }));
  const deletes = taken.map(
    ({ object, rows }, i) => `${rows} AS (
  DELETE FROM ${s}.${quote(object.table)} t WHERE t.id = ANY (ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(${place.rows} -> ${i})))
    AND (SELECT version FROM ${s}._meta) = ${place.version} RETURNING t.*
)`,
  );
  const told = { at: place.now, actor: place.user, meta: place.version, cause: place.cause };
  return {
    name: `${generations[0]?.object.name}.purge`,
    text: `WITH ${[...deletes, goneCte(taken), purgedCte(s, told)].join(", ")} SELECT count(*) AS n FROM gone`,
    params: placedParams(
      generations.map(({ ids }) => ids),
      context,
    ),
    prepare: false,
  };
}

/** Deletes those of these records for good of which `condition` on `t` still holds, in their makers' name; → their ids. */
export function purgeIfStatement(
  snapshot: Snapshot,
  object: ObjectType,
  ids: readonly string[],
  condition: string,
): Statement {
  const s = quote(snapshot.settings.schema);
  const told = { at: "now()", actor: "g.created_by", meta: `(SELECT version FROM ${s}._meta)`, cause: `'{"depth":0}'` };
  return {
    name: `${object.name}.purge`,
    text: `WITH r AS (
  DELETE FROM ${s}.${quote(object.table)} t WHERE t.id IN (SELECT e::uuid FROM json_array_elements_text($1::json) e) AND ${condition} RETURNING t.*
), ${goneCte([{ object, rows: "r" }])}, ${purgedCte(s, told)} SELECT id FROM gone`,
    params: [JSON.stringify(ids)],
    prepare: false,
  };
}

/**
 * Takes ids out of a reference, or a list of them, of records that are locked. Live ones get a new version and a change row; deleted ones
 * only let go.
 */
export function releaseStatement(
  context: WriteContext,
  { object, ids }: Generation,
  field: StoredField,
  gone: readonly string[],
): Statement {
  const { schema } = context.snapshot.settings;
  const table = `${quote(schema)}.${quote(object.table)}`;
  const column = quote(field.column.name);
  const given = (member: string): string => `ARRAY(SELECT value::uuid FROM jsonb_array_elements_text(${member}))`;
  const records = given(`${place.rows} -> 'records'`);
  const left = listsRecords(field.type)
    ? `ARRAY(SELECT e.id FROM unnest(t.${column}) WITH ORDINALITY AS e(id, n) WHERE e.id <> ALL (${given(`${place.rows} -> 'gone'`)}) ORDER BY e.n)`
    : "NULL";
  const stamps = object.columns.filter(({ name }) => ["version", "updated_at", "updated_by"].includes(name));
  return {
    name: `${object.name}.release`,
    text: `WITH o AS MATERIALIZED (
  SELECT t.* FROM ${table} t WHERE t.id = ANY (${records}) AND t.deleted_at IS NULL
), r AS (
  UPDATE ${table} t SET ${column} = ${left}, version = t.version + 1, updated_at = ${place.now}, updated_by = ${place.user}
  FROM o WHERE t.id = o.id RETURNING t.*
), d AS (
  UPDATE ${table} t SET ${column} = ${left} WHERE t.id = ANY (${records}) AND t.deleted_at IS NOT NULL
), ${updatedCte(object, schema, [field, ...stamps])}
SELECT`,
    params: placedParams({ records: ids, gone }, context),
    prepare: false,
  };
}

const given = "(SELECT e::uuid FROM json_array_elements_text($1::json) e)";

/** `n`: how many records of `object` beside `going` were made, changed last or are owned by one of `users`. */
export const namingStatement = (
  schema: string,
  object: ObjectType,
  users: readonly string[],
  going: readonly string[],
): Statement => ({
  name: `${object.name}.naming`,
  text: `SELECT count(*) AS n FROM ${quote(schema)}.${quote(object.table)} t
    WHERE (t.owner IN ${given} OR t.created_by IN ${given} OR t.updated_by IN ${given})
      AND t.id NOT IN (SELECT e::uuid FROM json_array_elements_text($2::json) e)`,
  params: [JSON.stringify(users), JSON.stringify(going)],
  prepare: false,
});

/** A record that has been deleted for long enough; `at` is when, `by` who deleted it. */
export interface DueRow extends Record<string, unknown> {
  readonly id: string;
  readonly version: number;
  readonly by: string | null;
  readonly at: string;
}

/** Up to `most` records deleted `days` ago or longer, the first deleted first, behind `after`. Those that another needs (by one of `needing`) are left out. */
export function dueStatement(
  schema: string,
  object: ObjectType,
  needing: readonly { readonly object: ObjectType; readonly field: string }[],
  { days, most, after }: { readonly days: number; readonly most: number; readonly after: DueRow | undefined },
): Statement {
  const s = quote(schema);
  const unneeded = needing.map(
    (by) =>
      ` AND NOT EXISTS (SELECT FROM ${s}.${quote(by.object.table)} h WHERE ${namesSql(by.object, by.field, "h", "t.id")})`,
  );
  return {
    name: `${object.name}.due`,
    text: `SELECT t.id, t.version, t.updated_by AS by, t.deleted_at::text AS at FROM ${s}.${quote(object.table)} t
      WHERE t.deleted_at <= now() - $1::int * interval '1 day' AND ($2::timestamptz IS NULL OR (t.deleted_at, t.id) > ($2::timestamptz, $3::uuid))${unneeded.join("")}
      ORDER BY t.deleted_at, t.id LIMIT ${most}`,
    params: [String(days), after?.at ?? null, after?.id ?? null],
    prepare: false,
  };
}

/**
 * Takes the values out of the change rows of purged records. Where somebody has still to be told of a change, the record is noted, so that
 * `forgetNotedStatement` does it afterwards.
 */
export const forgetStatement = (schema: string, records: readonly string[]): Statement => ({
  name: "_change.forget",
  text: `WITH f AS (
    UPDATE ${quote(schema)}._change c SET data = '{}', old = NULL WHERE c.record IN ${given} AND c.dispatched AND c.op <> 'purge'
  )
  INSERT INTO ${quote(schema)}._forget (record)
  SELECT DISTINCT c.record FROM ${quote(schema)}._change c WHERE c.record IN ${given} AND NOT c.dispatched AND c.op <> 'purge' ON CONFLICT DO NOTHING`,
  params: [JSON.stringify(records)],
  prepare: false,
});

/** The same for up to `most` of the records noted whose changes everybody has been told of; → their ids. */
export const forgetNotedStatement = (schema: string, most: number): Statement => ({
  name: "_change.forget_noted",
  text: `WITH due AS (
    DELETE FROM ${quote(schema)}._forget WHERE record IN (
      SELECT f.record FROM ${quote(schema)}._forget f
      WHERE NOT EXISTS (SELECT FROM ${quote(schema)}._change c WHERE c.record = f.record AND NOT c.dispatched) LIMIT ${most} FOR UPDATE SKIP LOCKED
    ) RETURNING record
  ), f AS (
    UPDATE ${quote(schema)}._change c SET data = '{}', old = NULL FROM due WHERE c.record = due.record AND c.op <> 'purge'
  )
  SELECT record AS id FROM due`,
  params: [],
  prepare: false,
});
