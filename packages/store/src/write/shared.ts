import { Recent } from "@guanxi/base";
import type { Field, ObjectType, Snapshot } from "@guanxi/meta";
import { jsonColumn, type Predicate, quote, rowPredicateSql } from "@guanxi/query";
import type { Statement } from "../types.ts";

/** Who may touch which rows, as `access` granted it. */
export interface WriteGrant {
  readonly read: Predicate;
  readonly write: Predicate;
  /** By reference field: the rows it may name. */
  readonly references: ReadonlyMap<string, Predicate>;
}

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

export const placedParams = (rows: unknown, context: WriteContext): (string | null)[] => [
  JSON.stringify(rows),
  String(context.snapshot.version),
  context.user,
  context.now.toISOString(),
  JSON.stringify(context.cause),
  context.snapshot.settings.timeZone,
  JSON.stringify(context.userRecord),
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

/**
 * A CTE of the targets that `wanted` (a subquery of ids) names and the actor may see, locked so that none is deleted
 * before this write commits. It must be read by the statement, or PostgreSQL skips it.
 */
export const referenceCte = (check: ReferenceCheck, wanted: string, schema: string): string =>
  `${quote(`ref_${check.field.name}`)} AS MATERIALIZED (SELECT t.id FROM ${quote(schema)}.${quote(check.table)} t WHERE t.id = ANY (ARRAY(${wanted}))
  AND t.deleted_at IS NULL AND ${rowPredicateSql(check.predicate, "t", schema, place.user)} FOR KEY SHARE OF t),\n`;

/** The part of a plan's cache key that tells its predicates' shapes apart. */
export const grantShape = (grant: WriteGrant): string =>
  `${grant.read.kind}/${grant.write.kind}/${[...grant.references].map(([f, p]) => `${f}:${p.kind}`).join(",")}`;

/** A write's SQL; `constants` are the parameters behind the placed ones, the same for every call. */
export interface WritePlan {
  readonly text: string;
  readonly constants: readonly (string | null)[];
}

/** Plans of one object that depend on which fields a caller wrote; a form sends the same ones again. */
const mostCallersPlans = 50;
/** So often must a caller's plan be used before PostgreSQL keeps it prepared. */
const often = 3;

interface Plans {
  /** By kind and shape of grant. */
  readonly fixed: Map<string, WritePlan>;
  /** By the fields that were written, too. */
  readonly callers: Recent<string, { plan: WritePlan; times: number }>;
}

const plans = new WeakMap<Snapshot, Map<ObjectType, Plans>>();

function plansOf(object: ObjectType, snapshot: Snapshot): Plans {
  const objects = plans.get(snapshot) ?? new Map<ObjectType, Plans>();
  plans.set(snapshot, objects);
  const known = objects.get(object) ?? { fixed: new Map(), callers: new Recent(mostCallersPlans) };
  objects.set(object, known);
  return known;
}

const statementOf = (
  object: ObjectType,
  kind: string,
  { text, constants }: WritePlan,
  rows: unknown,
  context: WriteContext,
): Omit<Statement, "prepare"> => ({
  name: `${object.name}.${kind}`,
  text,
  params: [...placedParams(rows, context), ...constants],
});

/** The statement of a plan that is compiled once per object of a snapshot and shape of grant. */
export function plannedStatement(
  object: ObjectType,
  kind: string,
  shape: string,
  rows: unknown,
  context: WriteContext,
  compile: () => WritePlan,
): Statement {
  const { fixed } = plansOf(object, context.snapshot);
  const key = `${kind} ${shape}`;
  const plan = fixed.get(key) ?? compile();
  fixed.set(key, plan);
  return { ...statementOf(object, kind, plan, rows, context), prepare: true };
}

/** The same for a plan that serves writes of these fields alone. */
export function callersStatement(
  object: ObjectType,
  kind: string,
  shape: string,
  row: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  context: WriteContext,
  compile: () => WritePlan,
): Statement {
  const { callers } = plansOf(object, context.snapshot);
  const key = `${kind} ${shape} ${fields.map((f) => f.name).join()}`;
  const entry = callers.getOrMake(key, () => ({ plan: compile(), times: 0 }));
  entry.times++;
  return { ...statementOf(object, kind, entry.plan, row, context), prepare: entry.times > often, adHoc: true };
}
