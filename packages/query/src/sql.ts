import { type Field, listsRecords, type ObjectType, type Snapshot } from "@guanxi/meta";
import { type Parameters, quote } from "./parameters.ts";
import type { ParentPredicate, Predicate, Source } from "./plan.ts";

export const table = ({ settings }: Snapshot, source: Source): string =>
  `${quote(settings.schema)}.${quote(source.object.table)}`;

/** Everyone whose records the user sees as an owner: themselves and those below them in the org chart. */
export const visibleOwners = (schema: string, user: string): string =>
  `SELECT subordinate FROM ${quote(schema)}._below WHERE manager = ${user} UNION ALL SELECT ${user}`;

export function predicateSql(predicate: Predicate | undefined, alias: string, schema: string, user: string): string {
  if (!predicate) throw new Error("a plan was compiled before it was authorized");
  if (predicate.kind === "all") return "true";
  if (predicate.kind === "none") return "false";
  if (predicate.kind === "held") return heldSql(predicate, alias, schema, user);
  if (predicate.kind === "parent") return parentSql(predicate, alias, schema, user, predicateSql);
  return ownedSql(alias, visibleOwners(schema, user));
}

/**
 * The same for a page of rows that are walked to in its order: `OFFSET 0` keeps PostgreSQL from first collecting all parents that the
 * actor reaches, which it would look into for few rows.
 */
export const pagePredicateSql: typeof predicateSql = (predicate, alias, schema, user) =>
  predicate?.kind === "parent"
    ? parentSql(predicate, alias, schema, user, pagePredicateSql, " OFFSET 0")
    : predicateSql(predicate, alias, schema, user);

/** Who sees a record is not changed by its parent's deletion, which may be taken back. */
function parentSql(
  { parents }: ParentPredicate,
  alias: string,
  schema: string,
  user: string,
  inner: typeof predicateSql,
  more = "",
): string {
  const cases = parents.map(({ field, object, predicate }) => {
    const [column, row] = [`${alias}.${quote(field.column.name)}`, `${alias}p`];
    const found = inner(predicate, row, schema, user);
    const from = `SELECT FROM ${quote(schema)}.${quote(object.table)} ${row} WHERE ${row}.id = ${column} AND ${found}${more}`;
    const reached = predicate.kind === "all" || predicate.kind === "none" ? found : `EXISTS (${from})`;
    return `WHEN ${column} IS NOT NULL THEN ${reached}`;
  });
  return `(CASE ${cases.join(" ")} ELSE ${inner({ kind: "owned" }, alias, schema, user)} END)`;
}

/** Whether the row `alias` of the object names a record in the field, which may hold many. */
export function namesSql(object: ObjectType, field: string, alias: string, id: string): string {
  const column = `${alias}.${quote(field)}`;
  return listsRecords(object.fields.get(field)?.type) ? `${column} @> ARRAY[${id}]` : `${column} = ${id}`;
}

function heldSql(
  { own, by }: Extract<Predicate, { kind: "held" }>,
  alias: string,
  schema: string,
  user: string,
): string {
  const held = by.map(
    ({ object, field, predicate }) =>
      `EXISTS (SELECT FROM ${quote(schema)}.${quote(object.table)} h WHERE ${namesSql(object, field, "h", `${alias}.id`)} AND h.deleted_at IS NULL AND ${rowPredicateSql(predicate, "h", schema, user)})`,
  );
  return `(${[rowPredicateSql(own, alias, schema, user), ...held].join(" OR ")})`;
}

/** `IS TRUE` keeps PostgreSQL from turning it into a join: it hashes the owners once, where it would compare a row with each element of an array. */
const ownedSql = (alias: string, owners: string): string => `(${alias}.owner IN (${owners})) IS TRUE`;

/**
 * The same for a row that is found by its key: one look into the org chart's index instead of everyone below. Its cost does not depend
 * on who asks, so that PostgreSQL keeps one plan for all.
 */
export function rowPredicateSql(predicate: Predicate | undefined, alias: string, schema: string, user: string): string {
  if (predicate?.kind === "parent") return parentSql(predicate, alias, schema, user, rowPredicateSql);
  if (predicate?.kind !== "owned") return predicateSql(predicate, alias, schema, user);
  return `(${alias}.owner = ${user} OR EXISTS (SELECT FROM ${quote(schema)}._below b WHERE b.manager = ${user} AND b.subordinate = ${alias}.owner))`;
}

/** `deleted_at` and the row predicate of a source, as one condition. */
export function sourceCondition(
  source: Source,
  snapshot: Snapshot,
  parameters: Parameters,
  predicate = predicateSql,
): string {
  const parts: string[] = [];
  if (source.deleted !== "any")
    parts.push(`${source.alias}.deleted_at IS ${source.deleted === "only" ? "NOT " : ""}NULL`);
  if (source.predicate?.kind !== "all") {
    parts.push(predicate(source.predicate, source.alias, snapshot.settings.schema, parameters.user()));
  }
  return parts.length > 0 ? parts.join(" AND ") : "true";
}

/** How the tables of a statement are found. */
export interface TableSettings {
  /** What stands for a source's table. */
  readonly rows?: (source: Source) => string | undefined;
  readonly predicate?: typeof predicateSql;
  /**
   * Whether related records are looked for one row at a time, since few rows ask: `OFFSET 0` keeps PostgreSQL from reading the
   * whole table of these records at once, for as many rows as it believes there are before a page is cut.
   */
  readonly fewAsk?: boolean;
}

/** `FROM root LEFT JOIN …`: a walk to a record that is deleted or not visible finds nothing. */
export function fromSql(
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
  { rows = () => undefined, predicate = predicateSql }: TableSettings = {},
): string {
  return sources
    .filter((source) => !source.related && source.within === undefined)
    .map((source) => {
      const found = rows(source) ?? table(snapshot, source);
      if (!source.via) return `FROM ${found} ${source.alias}`;
      const on = `${source.alias}.id = ${source.via.source}.${quote(source.via.field.column.name)}`;
      return `LEFT JOIN ${found} ${source.alias} ON ${on} AND ${sourceCondition(source, snapshot, parameters, predicate)}`;
    })
    .join("\n");
}

/** The records in a list, `FROM … WHERE …`, as far as they are there for the asker. */
export const listedSql = (source: Source, list: string, snapshot: Snapshot, parameters: Parameters): string =>
  `FROM ${table(snapshot, source)} ${source.alias} WHERE ${source.alias}.id = ANY (${list}) AND ${sourceCondition(source, snapshot, parameters)}`;

/** As in casts. */
export const sqlTypeOf = (field: Field): string => (field.column ?? field.formula)?.sqlType ?? "jsonb";

/** The expression a field is sorted and compared by: picklists in their defined order, the rest as they are. */
export function sortSql(field: Field, column: string, parameters: Parameters): { sql: string; type: string } {
  if (field.type === "picklist" && field.values) {
    const order = parameters.add(
      field.values.map((v) => v.value),
      "text[]",
    );
    return { sql: `array_position(${order}, ${column})`, type: "int" };
  }
  return { sql: column, type: sqlTypeOf(field) };
}

/** A duration as a number of seconds; null stays null. */
export const secondsSql = (column: string): string => `trim_scale(extract(epoch FROM ${column}))`;

/**
 * A column as it stands in JSON: decimals that a double cannot hold become strings, durations seconds, of encrypted texts there is the mask
 * behind the point.
 */
export function jsonColumn(field: Field, column: string): string {
  if (field.type === "encrypted_text") return `substr(${column}, position('.' IN ${column}) + 1)`;
  if (sqlTypeOf(field) === "interval") return secondsSql(column);
  return sqlTypeOf(field).startsWith("numeric") && field.schema["type"] === "string" ? `${column}::text` : column;
}
