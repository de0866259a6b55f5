import type { ObjectType, Snapshot } from "@guanxi/meta";
import { predicateSql, quote, rowPredicateSql, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { grantShape, plannedStatement, type WritePlan } from "./plans.ts";
import { changeJson, place, storedJson, type WriteContext } from "./shared.ts";

/** A record under a lock; no row when the actor does not see it. */
export interface LockedRow extends Record<string, unknown> {
  readonly id: string;
  readonly version: number;
  readonly writable: boolean;
  readonly data: string;
  readonly deleted_at: string | null;
}

const lockable = { live: "t.deleted_at IS NULL", deleted: "t.deleted_at IS NOT NULL", any: "true" };

/** Locks a record. `UPDATE` keeps new children away as a delete must; `NO KEY UPDATE` does not. */
export function lockStatement(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  id: string,
  strength: "UPDATE" | "NO KEY UPDATE",
  state: "live" | "deleted" | "any" = "live",
): Statement {
  const { schema } = context.snapshot.settings;
  return plannedStatement(
    object,
    `lock ${state} for ${strength.toLowerCase()}`,
    grantShape(grant),
    [id],
    context,
    () => ({
      text: `WITH o AS MATERIALIZED (
  SELECT t.* FROM ${quote(schema)}.${quote(object.table)} t
  WHERE t.id = (${place.rows} ->> 0)::uuid AND ${lockable[state]} AND ${rowPredicateSql(grant.read, "t", schema, place.user)} FOR ${strength} OF t
)
SELECT o.id, o.version, coalesce(${predicateSql(grant.write, "o", schema, place.user)}, false) AS writable, ${storedJson(object, "o")} AS data, o.deleted_at FROM o`,
      constants: [],
    }),
  );
}

function stampPlan(object: ObjectType, snapshot: Snapshot, op: "delete" | "restore"): WritePlan {
  const s = quote(snapshot.settings.schema);
  const state = op === "delete" ? "IS NULL" : "IS NOT NULL";
  const kept = op === "delete" ? changeJson(object, "o") : changeJson(object, "r");
  return {
    text: `WITH o AS MATERIALIZED (
  SELECT t.* FROM ${s}.${quote(object.table)} t WHERE t.id IN (SELECT value::uuid FROM jsonb_array_elements_text(${place.rows})) AND t.deleted_at ${state}
  ORDER BY t.id FOR UPDATE OF t
), r AS (
  UPDATE ${s}.${quote(object.table)} t SET deleted_at = ${op === "delete" ? place.now : "NULL"}, version = t.version + 1, updated_at = ${place.now}, updated_by = ${place.user}
  FROM o WHERE t.id = o.id AND (SELECT version FROM ${s}._meta) = ${place.version}
  RETURNING t.*
), c AS (
  INSERT INTO ${s}._change (object_id, record, op, version, at, actor, meta, cause, data)
  SELECT ${object.id}, r.id, '${op}', r.version, ${place.now}, ${place.user}, ${place.version}, ${place.cause}, ${kept} FROM r JOIN o ON o.id = r.id
)
SELECT r.id, r.version, ${storedJson(object, "r")} AS data FROM r`,
    constants: [],
  };
}

/** Stamps the records as deleted, or takes the stamp away, with their change rows. The caller has checked who may. */
export const stampStatement = (
  object: ObjectType,
  context: WriteContext,
  ids: readonly string[],
  op: "delete" | "restore",
): Statement => plannedStatement(object, op, "", ids, context, () => stampPlan(object, context.snapshot, op));
