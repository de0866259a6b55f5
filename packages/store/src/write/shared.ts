import { perKey } from "@guanxi/base";
import {
  listsRecords,
  type ObjectType,
  type SeveralField,
  shownFields,
  type Snapshot,
  type StoredField,
} from "@guanxi/meta";
import {
  jsonColumn,
  literal,
  Parameters,
  type Predicate,
  quote,
  recordSql,
  rowPredicateSql,
  severalSql,
  type Source,
  type WriteGrant,
} from "@guanxi/query";

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

/** A write's further parameters. */
export const newParameters = (): Parameters =>
  new Parameters({ taken: placesTaken, given: { user: place.user, now: place.now } });

/** An actor's record is the same value for all that they do until it changes. */
const recordText = perKey((record: Readonly<Record<string, unknown>>) => JSON.stringify(record));

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
/** Types whose values the database makes. */
const made: ReadonlySet<string> = new Set(["autonumber", "rollup"]);

/** The fields whose values come from the caller (owner among them). */
export const writtenFields = (object: ObjectType): StoredField[] =>
  object.columns.filter((f) => !stamped.has(f.name) && !made.has(f.type));

/** `"name" text, "price" numeric(15,2)`: how a JSON object is read as a row. */
export const recordShape = (fields: readonly StoredField[]): string =>
  fields.map((f) => `${quote(f.column.name)} ${f.column.sqlType}`).join(", ");

/** A value of a new record: a member that is null is none. */
export const givenSql = ({ merges }: StoredField, value: string): string =>
  merges === true ? `jsonb_strip_nulls(${value})` : value;

/** What a patch's value makes of the one that is there (RFC 7396). */
export const patchedSql = ({ merges }: StoredField, old: string, value: string): string =>
  merges === true ? `jsonb_strip_nulls(coalesce(${old}, '{}') || ${value})` : value;

/** What the row `alias` has of a field. */
const storedSql = (field: StoredField | SeveralField, alias: string): string =>
  field.branches ? severalSql(field, alias) : `${alias}.${quote(field.column.name)}`;

/** A record as API JSON text, without what is computed: as hooks see it. */
export function storedJson(object: ObjectType, alias: string): string {
  const members = shownFields(object)
    .filter((f) => f.unread !== true && f.name !== "deleted_at")
    .map((f) => `${jsonColumn(f, storedSql(f, alias))} AS ${quote(f.name)}`);
  return `(SELECT to_json("#")::text FROM (SELECT ${members.join(", ")}) "#")`;
}

/** What writes an object's answers. */
export interface Answering {
  readonly object: ObjectType;
  readonly grant: WriteGrant;
  readonly snapshot: Snapshot;
  readonly parameters: Parameters;
  /** What the CTE `r` has of the records as the statement leaves them, which their table has not yet. */
  readonly written?: "new" | "changed";
}

/** A whole record as API JSON text, with its formulas. */
export function recordJson({ object, grant, snapshot, parameters, written }: Answering, alias: string): string {
  if (object.formulas.length === 0) return storedJson(object, alias);
  const table = `${quote(snapshot.settings.schema)}.${quote(object.table)}`;
  const now = `(SELECT * FROM r UNION ALL SELECT x.* FROM ${table} x WHERE x.id NOT IN (SELECT id FROM r))`;
  // A new record is named by none, but stands beside others under a relation of what it names.
  const isOther = (source: Source): boolean =>
    written === "changed" || (written === "new" && source.related !== undefined);
  return recordSql(object, {
    ...{ row: alias, snapshot, parameters, walks: grant.walks },
    rows: (source) => (source.object === object && isOther(source) ? now : undefined),
  });
}

/** A record as the change row keeps it: what is stored and may be told, with `deleted_at`; or these fields of it. */
export function changeJson(object: ObjectType, alias: string, fields = object.columns): string {
  const members = shownFields(object, fields)
    .filter((f) => f.untold !== true)
    .map((f) => `${jsonColumn(f, storedSql(f, alias))} AS ${quote(f.name)}`);
  return `(SELECT to_jsonb("#") FROM (SELECT ${members.join(", ")}) "#")`;
}

interface ReferenceCheck {
  readonly field: StoredField;
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

/** The ids in a reference's value, one or many. */
export const idsSql = ({ type }: StoredField, value: string): string =>
  listsRecords(type) ? `unnest(${value})` : value;

const acceptedSql = (type: string): string =>
  type.endsWith("*") ? `t.content_type LIKE ${literal(`${type.slice(0, -1)}%`)}` : `t.content_type = ${literal(type)}`;

/** What a field of files has against the file `t`; undefined where it takes any. */
function unfitSql({ type, definition: { maxSize, accept } }: StoredField): string | undefined {
  if ((type !== "file" && type !== "files") || (maxSize ?? accept) === undefined) return undefined;
  const size = maxSize === undefined ? "" : ` WHEN t.size > ${maxSize} THEN ':maxSize'`;
  const kind = accept === undefined ? "" : ` WHEN NOT (${accept.map(acceptedSql).join(" OR ")}) THEN ':accept'`;
  return `CASE${size}${kind} END`;
}

/** Where a statement has the values to be written; each is SQL for a field's column. */
interface ReferenceValues {
  /** A subquery of the ids that are asked about. */
  readonly wanted: (column: string, field: StoredField) => string;
  readonly proposed: (column: string) => string;
  /** A value that stays is not asked about. */
  readonly old?: (column: string) => string;
}

/** The first file of a list that does not fit, and where it stands; what was in it before stays. */
const firstUnfit = ({ name }: StoredField, cte: string, list: string, old: string | undefined): string => {
  const came = old === undefined ? "" : ` AND (f.id = ANY (${old})) IS NOT TRUE`;
  const at = `array_position(${list}, f.id)`;
  return `(SELECT ${literal(name)} || f.unfit || ':' || ${at} - 1 FROM ${cte} f WHERE f.unfit IS NOT NULL AND f.id = ANY (${list})${came} ORDER BY ${at} LIMIT 1)`;
};

/**
 * `ctes` find the targets that are there for the actor, and lock them so that none is deleted before this write commits; they end in a comma.
 * `missing` names the fields whose targets are not among them, or are files that do not fit (`scan:maxSize`; of a list the first, `scans:maxSize:2`). It must be read by the statement, or PostgreSQL skips the CTEs.
 */
export function referenceSql(
  checks: readonly ReferenceCheck[],
  schema: string,
  { wanted, proposed, old }: ReferenceValues,
): { ctes: string; missing: string } {
  const parts = checks.map(({ field, table, predicate }) => {
    const [cte, column] = [quote(`ref_${field.name}`), quote(field.column.name)];
    const found = `SELECT id FROM ${cte}`;
    const kept = old ? `coalesce(${old(column)}, '{}') || ` : "";
    const changes = old ? ` AND ${proposed(column)} IS DISTINCT FROM ${old(column)}` : "";
    const unfit = unfitSql(field);
    const isList = listsRecords(field.type);
    const otherwise = !unfit
      ? ""
      : isList
        ? `ELSE ${firstUnfit(field, cte, proposed(column), old?.(column))} `
        : `WHEN ${proposed(column)} IS NOT NULL${changes} THEN (SELECT ${literal(field.name)} || f.unfit FROM ${cte} f WHERE f.id = ${proposed(column)}) `;
    return {
      cte: `${cte} AS MATERIALIZED (SELECT t.id${unfit ? `, ${unfit} AS unfit` : ""} FROM ${quote(schema)}.${quote(table)} t WHERE t.id = ANY (ARRAY(${wanted(column, field)}))
  AND t.deleted_at IS NULL AND ${rowPredicateSql(predicate, "t", schema, place.user)} FOR KEY SHARE OF t),\n`,
      absent: isList
        ? `CASE WHEN NOT ${proposed(column)} <@ (${kept}ARRAY(${found})) THEN ${literal(field.name)} ${otherwise}END`
        : `CASE WHEN ${proposed(column)} IS NOT NULL${changes} AND ${proposed(column)} NOT IN (${found}) THEN ${literal(field.name)} ${otherwise}END`,
    };
  });
  return { ctes: parts.map((p) => p.cte).join(""), missing: faultList(parts.map((p) => p.absent)) };
}

/** CTE `c`: the change rows of the new records `r`. */
export const createdCte = (object: ObjectType, schema: string): string => `c AS (
  INSERT INTO ${quote(schema)}._change (object_id, record, op, version, at, actor, meta, cause, data)
  SELECT ${object.id}, r.id, 'create', 1, ${place.now}, ${place.user}, ${place.version}, ${place.cause}, ${changeJson(object, "r")} FROM r
)`;

/** Of fields whose values are not told, that they changed: members that are null here and that the new record has none of. */
function untoldSql(object: ObjectType, fields: readonly StoredField[] = object.columns): string {
  const untold = shownFields(object, fields).filter((f) => f.untold === true);
  if (untold.length === 0) return "";
  const rows = untold.map((f) => `(${literal(f.name)}, ${storedSql(f, "o")} IS DISTINCT FROM ${storedSql(f, "r")})`);
  return ` || (SELECT coalesce(jsonb_object_agg(u.name, NULL), '{}') FROM (VALUES ${rows.join(", ")}) u(name, changed) WHERE u.changed)`;
}

/** CTE `c`: the change rows of the records `r`, which were `o` and may differ in `fields`. */
export const updatedCte = (object: ObjectType, schema: string, fields?: readonly StoredField[]): string => `c AS (
  INSERT INTO ${quote(schema)}._change (object_id, record, op, version, at, actor, meta, cause, data, old)
  SELECT ${object.id}, r.id, 'update', r.version, ${place.now}, ${place.user}, ${place.version}, ${place.cause}, j.new,
    (SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(j.old) e WHERE e.value IS DISTINCT FROM j.new -> e.key)${untoldSql(object, fields)}
  FROM r JOIN o ON o.id = r.id CROSS JOIN LATERAL (SELECT ${changeJson(object, "r")} AS new, ${changeJson(object, "o", fields)} AS old) j
)`;
