import type { Field, ObjectType, Snapshot } from "@guanxi/meta";
import { jsonColumn, literal, type Predicate, quote, rowPredicateSql, type WriteGrant } from "@guanxi/query";

/** What a write needs of the world beside its values. */
export interface WriteContext {
  /** The metadata it was checked under; when the tenant has a newer version, nothing is stored. */
  readonly snapshot: Snapshot;
  readonly user: string;
  /** The actor's user record, for `user.…` in rules. */
  readonly userRecord: Readonly<Record<string, unknown>>;
  readonly now: Date;
  /** Kept on the change row as JSON. */
  readonly cause: unknown;
}

/** The parameters that every write statement begins with, in this order, and how they are written in its text. */
export const place = {
  rows: "$1::jsonb",
  version: "$2::bigint",
  user: "$3::uuid",
  now: "$4::timestamptz",
  cause: "$5::jsonb",
  timeZone: "$6::text",
  userRecord: "$7::jsonb",
} as const;
export const placesTaken = Object.keys(place).length;

const records = new WeakMap<object, string>();

/** An actor's record is the same value for all that they do until it changes. */
function recordText(record: Readonly<Record<string, unknown>>): string {
  const known = records.get(record) ?? JSON.stringify(record);
  records.set(record, known);
  return known;
}

export const placedParams = (rows: unknown, context: WriteContext): (string | null)[] => [
  JSON.stringify(rows),
  String(context.snapshot.version),
  context.user,
  context.now.toISOString(),
  JSON.stringify(context.cause),
  context.snapshot.settings.timeZone,
  recordText(context.userRecord),
];

/** Names of faults, comma-separated; null when there is none. */
export const faultList = (faults: readonly string[]): string =>
  faults.length === 0 ? "NULL::text" : `nullif(concat_ws(',', ${faults.join(", ")}), '')`;

/** Set by the write itself, never by the value. */
const stamped = new Set(["id", "created_at", "created_by", "updated_at", "updated_by", "version", "deleted_at"]);

/** The fields whose values come from the caller (owner among them). */
export const writtenFields = (object: ObjectType): Field[] =>
  [...object.fields.values()].filter((f) => !stamped.has(f.name) && f.type !== "autonumber");

/** `"name" text, "price" numeric(15,2)`: how a JSON object is read as a row. */
export const recordShape = (fields: readonly Field[]): string =>
  fields.map((f) => `${quote(f.column.name)} ${f.column.sqlType}`).join(", ");

/** A whole record as API JSON text. */
export function recordJson(object: ObjectType, alias: string): string {
  const members = [...object.fields.values()]
    .filter((f) => f.name !== "deleted_at")
    .map((f) => `${jsonColumn(f, `${alias}.${quote(f.column.name)}`)} AS ${quote(f.name)}`);
  return `(SELECT to_json("#")::text FROM (SELECT ${members.join(", ")}) "#")`;
}

/** A whole record as the change row keeps it: the same JSON, with `deleted_at`; or these fields of it. */
export function changeJson(object: ObjectType, alias: string, fields = [...object.fields.values()]): string {
  const members = fields.map((f) => `${jsonColumn(f, `${alias}.${quote(f.column.name)}`)} AS ${quote(f.name)}`);
  return `(SELECT to_jsonb("#") FROM (SELECT ${members.join(", ")}) "#")`;
}

export interface ReferenceCheck {
  readonly field: Field;
  readonly table: string;
  readonly predicate: Predicate;
}

/** The references whose targets must be there and visible. `created_by` and its like are the system's own. */
export function referenceChecks(object: ObjectType, grant: WriteGrant, snapshot: Snapshot): ReferenceCheck[] {
  return writtenFields(object).flatMap((field) => {
    const to = field.target === undefined ? undefined : snapshot.objects.get(field.target);
    return to ? [{ field, table: to.table, predicate: grant.references.get(field.name) ?? { kind: "none" } }] : [];
  });
}

const referenceName = (field: string): string => quote(`ref_${field}`);

/**
 * A CTE of the targets that `wanted` (a subquery of ids) names and the actor may see, locked so that none is deleted
 * before this write commits. It must be read by the statement, or PostgreSQL skips it.
 */
export const referenceCte = (check: ReferenceCheck, wanted: string, schema: string): string =>
  `${referenceName(check.field.name)} AS MATERIALIZED (SELECT t.id FROM ${quote(schema)}.${quote(check.table)} t WHERE t.id = ANY (ARRAY(${wanted}))
  AND t.deleted_at IS NULL AND ${rowPredicateSql(check.predicate, "t", schema, place.user)} FOR KEY SHARE OF t),\n`;

/**
 * The field's name where its target is not among those of `referenceCte`, else NULL. `proposed` and `old` are SQL: a value that stays is
 * not asked about.
 */
export function absentReference(name: string, proposed: string, old?: string): string {
  const changes = old === undefined ? "" : ` AND ${proposed} IS DISTINCT FROM ${old}`;
  return `CASE WHEN ${proposed} IS NOT NULL${changes} AND ${proposed} NOT IN (SELECT id FROM ${referenceName(name)}) THEN ${literal(name)} END`;
}
