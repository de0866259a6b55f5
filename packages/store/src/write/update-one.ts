import type { ObjectType, StoredField } from "@guanxi/meta";
import { type Parameters, quote, rowPredicateSql, shapeOf, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { callersStatement, grantShape, type WritePlan } from "./plans.ts";
import {
  faultList,
  newParameters,
  idsSql,
  patchedSql,
  place,
  recordJson,
  recordShape,
  referenceChecks,
  referenceSql,
  updatedCte,
  type WriteContext,
} from "./shared.ts";
import { type PatchRow, ruleConditions } from "./update.ts";

/** What every update changes beside the patch. */
const stamps = ["version", "updated_at", "updated_by"];

/** Whoever found the record by the rows they see may change it when those they may change are as many. */
const writableSql = ({ read, write }: WriteGrant, schema: string): string =>
  shapeOf(write) === shapeOf(read) ? "true" : `coalesce(${rowPredicateSql(write, "o", schema, place.user)}, false)`;

/** The names of `k` that are columns of the object have a point, so that no field can be named as the others are. */
const proposedName = ({ column }: StoredField): string => quote(`n.${column.name}`);

/** What the patch would do, and all that speaks against it: one row, or none where the actor sees no such record. */
function checkedCte(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  fields: readonly StoredField[],
  parameters: Parameters,
): string {
  const { schema } = context.snapshot.settings;
  const patched = new Set(fields.map((f) => f.name));
  const checks = referenceChecks(object, grant, context.snapshot).filter((c) => patched.has(c.field.name));
  const sent = `jsonb_to_record(${place.rows} -> 'patch') AS v(${recordShape(fields)})`;
  const proposed = (name: string): string => `${patched.has(name) ? "v" : "o"}.${quote(name)}`;
  const references = referenceSql(checks, schema, {
    wanted: (column, field) => `SELECT ${idsSql(field, `v.${column}`)} FROM ${sent}`,
    proposed: (column) => `v.${column}`,
    old: (column) => `o.${column}`,
  });
  const broken = faultList(
    ruleConditions(object, context, parameters, proposed).map((sql, i) => `CASE WHEN ${sql} THEN '${i}' END`),
  );
  const columns = (row: string): string => fields.map((f) => `${row}.${quote(f.column.name)}`).join(", ");
  return `${references.ctes}k AS MATERIALIZED (
  SELECT o.id, o.version AS old_version, ${writableSql(grant, schema)} AS writable, coalesce((${place.rows} ->> 'version')::bigint = o.version, true) AS fresh,
    ${references.missing} AS missing, ${broken} AS broken, (${columns("o")}) IS DISTINCT FROM (${columns("v")}) AS differs,
    ${fields.map((f) => `v.${quote(f.column.name)} AS ${proposedName(f)}`).join(", ")}
  FROM o CROSS JOIN LATERAL ${fields.some((f) => f.merges) ? mergedSql(fields, sent) : sent}
)`;
}

/** The values that the patch `sent` leaves, where some are merged with the old ones. */
function mergedSql(fields: readonly StoredField[], sent: string): string {
  const columns = fields.map((f) => {
    const column = quote(f.column.name);
    return `${patchedSql(f, `o.${column}`, `v.${column}`)} AS ${column}`;
  });
  return `(SELECT ${columns.join(", ")} FROM ${sent}) v`;
}

function compile(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  fields: readonly StoredField[],
): WritePlan {
  const parameters = newParameters();
  const answering = { object, grant, snapshot: context.snapshot, parameters, written: "changed" as const };
  const { schema } = context.snapshot.settings;
  const s = quote(schema);
  const table = `${s}.${quote(object.table)}`;
  const changed = object.columns.filter((f) => fields.includes(f) || stamps.includes(f.name));
  const text = `WITH o AS MATERIALIZED (
  SELECT t.* FROM ${table} t WHERE t.id = (${place.rows} ->> 'id')::uuid AND t.deleted_at IS NULL AND ${rowPredicateSql(grant.read, "t", schema, place.user)}
  FOR NO KEY UPDATE OF t
), ${checkedCte(object, grant, context, fields, parameters)}, r AS (
  UPDATE ${table} t SET ${fields.map((f) => `${quote(f.column.name)} = k.${proposedName(f)}`).join(", ")}, version = t.version + 1, updated_at = ${place.now}, updated_by = ${place.user}
  FROM k WHERE t.id = k.id AND k.writable AND k.fresh AND k.missing IS NULL AND k.broken IS NULL AND k.differs
    AND (SELECT version FROM ${s}._meta) = ${place.version}
  RETURNING t.*
), ${updatedCte(object, schema, changed)}
SELECT (${place.rows} ->> 'id')::uuid AS id, k.id IS NOT NULL AS found, coalesce(k.writable, false) AS writable, coalesce(k.fresh, true) AS fresh,
  coalesce(r.version, k.old_version) AS version, k.missing, k.broken, (SELECT version FROM ${s}._meta) AS meta,
  CASE WHEN r.id IS NOT NULL THEN ${recordJson(answering, "r")} WHEN o.id IS NOT NULL THEN ${recordJson(answering, "o")} END AS data
FROM (SELECT) one LEFT JOIN k ON true LEFT JOIN r ON true LEFT JOIN o ON true`;
  return { text, constants: parameters.values };
}

/** `updateStatement` for one record and a patch that is not empty, made for the patch's fields alone. */
export function updateOneStatement(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  row: PatchRow,
): Statement {
  return callersStatement(object, "update", grantShape(grant), { ...row }, Object.keys(row.patch), context, (fields) =>
    compile(object, grant, context, fields),
  );
}
