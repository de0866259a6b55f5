import { fieldOrBranch, listsRecords, type ObjectType } from "@guanxi/meta";
import {
  literal,
  type Parameters,
  placedExpressionSql,
  predicateSql,
  quote,
  rowPredicateSql,
  type WriteGrant,
} from "@guanxi/query";
import type { Statement } from "../types.ts";
import { grantShape, plannedStatement, type WritePlan } from "./plans.ts";
import {
  faultList,
  newParameters,
  patchedSql,
  place,
  recordJson,
  recordShape,
  referenceChecks,
  referenceSql,
  updatedCte,
  type WriteContext,
  writtenFields,
} from "./shared.ts";

export interface PatchRow {
  readonly id: string;
  /** Refuses unless the record has this version. */
  readonly version?: number | undefined;
  readonly patch: Readonly<Record<string, unknown>>;
}

/** One answer row per patch, in no particular order. Nothing is written when one of them was refused. */
export interface UpdatedRow extends Record<string, unknown> {
  readonly id: string;
  /** Whether the actor sees the record. */
  readonly found: boolean;
  readonly writable: boolean;
  /** Whether the record had the wanted version. */
  readonly fresh: boolean;
  /** The version after the write, the same as before when the patch changes nothing. */
  readonly version: number | null;
  /** Reference fields whose target is not there for the actor, comma-separated. */
  readonly missing: string | null;
  /** Positions of the broken rules, comma-separated. */
  readonly broken: string | null;
  /** The record's JSON after the write. */
  readonly data: string | null;
  /** The tenant's metadata version now. */
  readonly meta: number;
}

/** The conditions of the object's rules over the proposed row (`proposed` writes its columns), the old row `o` and the actor. */
export function ruleConditions(
  object: ObjectType,
  context: WriteContext,
  parameters: Parameters,
  proposed: (name: string) => string,
): string[] {
  const { settings, objects } = context.snapshot;
  const user = objects.get("user");
  const userType = (field: string): string => (user && fieldOrBranch(user, field))?.column?.sqlType ?? "text";
  return object.rules.map((rule) =>
    placedExpressionSql(rule.when, {
      parameters,
      now: place.now,
      timeZone: place.timeZone,
      settings,
      // There is always one before an update.
      present: () => "TRUE",
      column(path, root) {
        const [name = ""] = path;
        if (root === "user") return `(${place.userRecord} ->> ${literal(name)})::${userType(name)}`;
        return root === "old" ? `o.${quote(name)}` : proposed(name);
      },
    }),
  );
}

/** Every column as the patch would leave it. */
function proposedColumns(object: ObjectType): string {
  const written = new Set(writtenFields(object));
  return object.columns
    .map((field) => {
      const name = field.column.name;
      const [old, given] = [`o.${quote(name)}`, `v.${quote(name)}`];
      return written.has(field)
        ? `CASE WHEN p.patch ? ${literal(name)} THEN ${patchedSql(field, old, given)} ELSE ${old} END AS ${quote(name)}`
        : old;
    })
    .join(", ");
}

function compile(object: ObjectType, grant: WriteGrant, context: WriteContext): WritePlan {
  const parameters = newParameters();
  const answering = { object, grant, snapshot: context.snapshot, parameters, written: "changed" as const };
  const { schema } = context.snapshot.settings;
  const s = quote(schema);
  const table = `${s}.${quote(object.table)}`;
  const fields = writtenFields(object);
  const content = fields.map((f) => quote(f.column.name));
  const references = referenceSql(referenceChecks(object, grant, context.snapshot), schema, {
    wanted: (column, { name, type }) =>
      listsRecords(type)
        ? `SELECT unnest(n.${column}) FROM n JOIN input p ON p.id = n.id WHERE p.patch ? ${literal(name)}`
        : `SELECT (p.patch ->> ${literal(name)})::uuid FROM input p`,
    proposed: (column) => `n.${column}`,
    old: (column) => `o.${column}`,
  });
  const broken = faultList(
    ruleConditions(object, context, parameters, (name) => `n.${quote(name)}`).map(
      (sql, i) => `CASE WHEN ${sql} THEN '${i}' END`,
    ),
  );
  const text = `WITH input AS MATERIALIZED (
  SELECT (e ->> 'id')::uuid AS id, (e ->> 'version')::bigint AS version, e -> 'patch' AS patch FROM jsonb_array_elements(${place.rows}) e
), o AS MATERIALIZED (
  SELECT t.* FROM ${table} t WHERE t.id = ANY (ARRAY(SELECT id FROM input)) AND t.deleted_at IS NULL AND ${rowPredicateSql(grant.read, "t", schema, place.user)}
  ORDER BY t.id FOR NO KEY UPDATE OF t
), n AS MATERIALIZED (
  SELECT ${proposedColumns(object)} FROM o JOIN input p ON p.id = o.id CROSS JOIN LATERAL jsonb_to_record(p.patch) AS v(${recordShape(fields)})
), ${references.ctes}checked AS MATERIALIZED (
  SELECT p.id, o.id IS NOT NULL AS found, coalesce(${predicateSql(grant.write, "o", schema, place.user)}, false) AS writable,
    o.version AS old_version, coalesce(p.version = o.version, true) AS fresh, ${references.missing} AS missing, ${broken} AS broken
  FROM input p LEFT JOIN o ON o.id = p.id LEFT JOIN n ON n.id = p.id
), going AS MATERIALIZED (
  SELECT n.* FROM n JOIN o ON o.id = n.id
  WHERE (SELECT version FROM ${s}._meta) = ${place.version}
    AND NOT EXISTS (SELECT FROM checked WHERE NOT (found AND writable AND fresh AND missing IS NULL AND broken IS NULL))
    AND (${content.map((c) => `o.${c}`).join(", ")}) IS DISTINCT FROM (${content.map((c) => `n.${c}`).join(", ")})
), r AS (
  UPDATE ${table} t SET ${content.map((c) => `${c} = g.${c}`).join(", ")}, version = t.version + 1, updated_at = ${place.now}, updated_by = ${place.user}
  FROM going g WHERE t.id = g.id
  RETURNING t.*
), ${updatedCte(object, schema)}
SELECT k.id, k.found, k.writable, k.fresh, coalesce(r.version, k.old_version) AS version, k.missing, k.broken, (SELECT version FROM ${s}._meta) AS meta,
  CASE WHEN r.id IS NOT NULL THEN ${recordJson(answering, "r")} WHEN o.id IS NOT NULL THEN ${recordJson(answering, "o")} END AS data
FROM checked k LEFT JOIN r ON r.id = k.id LEFT JOIN o ON o.id = k.id`;
  return { text, constants: parameters.values };
}

/** One statement that applies `rows` to their records and writes their change rows, or nothing at all. */
export const updateStatement = (
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  rows: readonly PatchRow[],
): Statement =>
  plannedStatement(object, "update", grantShape(grant), rows, context, () => compile(object, grant, context));
