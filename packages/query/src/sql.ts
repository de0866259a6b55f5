import { type CheckedExpression, partSql, toSql } from "@guanxi/expr";
import {
  byColumn,
  type Field,
  fieldOrBranch,
  formulaOf,
  listsRecords,
  type ObjectType,
  partField,
  type SeveralField,
  type Snapshot,
  type StoredField,
  type TenantSettings,
} from "@guanxi/meta";
import { constant, Parameters, quote } from "./parameters.ts";
import type { Predicate, Source } from "./plan.ts";
import { severalSql } from "./several.ts";

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
  return ownedSql(alias, visibleOwners(schema, user));
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

interface FromSettings {
  /** What stands for a source's table. */
  readonly rows?: (source: Source) => string | undefined;
  readonly predicate?: typeof predicateSql;
}

/** `FROM root LEFT JOIN …`: a walk to a record that is deleted or not visible finds nothing. */
export function fromSql(
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
  { rows = () => undefined, predicate = predicateSql }: FromSettings = {},
): string {
  return sources
    .filter((source) => !source.list)
    .map((source) => {
      const found = rows(source) ?? table(snapshot, source);
      if (!source.via) return `FROM ${found} ${source.alias}`;
      const on = `${source.alias}.id = ${source.via.source}.${quote(source.via.field.column.name)}`;
      return `LEFT JOIN ${found} ${source.alias} ON ${on} AND ${sourceCondition(source, snapshot, parameters, predicate)}`;
    })
    .join("\n");
}

/** The alias of the source at the end of a walk from another. */
function aliasOf(sources: readonly Source[], walk: readonly string[], start: string): string {
  let alias = start;
  for (const name of walk) {
    const next = sources.find((s) => s.via?.source === alias && s.via.field.name === name);
    if (!next) throw new Error(`the plan has no join for ${walk.join(".")}`);
    alias = next.alias;
  }
  return alias;
}

function columnSql(sources: readonly Source[], path: readonly string[], start: string): string {
  const last = path.at(-1) ?? "";
  const walk = path.slice(0, -1);
  if (last === "id" && walk.length > 0) return columnSql(sources, walk, start);
  return `${aliasOf(sources, walk, start)}.${quote(last)}`;
}

/** How an expression's names are written where it stands. */
export interface ExpressionPlace {
  readonly parameters: Parameters;
  readonly now: string;
  readonly timeZone: string;
  readonly settings: Pick<TenantSettings, "timeZone" | "fiscalYearStart">;
  column(path: readonly string[], root: "record" | "old" | "user"): string;
  /** Whether there is a record at the end of a walk, or before the change. */
  present(path: readonly string[], root: "record" | "old" | "user"): string;
  /** Whether any of the records in a list meets a test, which is asked with the SQL of their fields. */
  exists?(list: string, test: (column: (path: readonly string[]) => string) => string): string;
}

export const placedExpressionSql = (e: CheckedExpression, place: ExpressionPlace): string =>
  toSql(e, {
    column: (path, root) => place.column(path, root),
    parameter: (value, sqlType) => place.parameters.add(value, sqlType),
    get now() {
      return place.now;
    },
    get timeZone() {
      return place.timeZone;
    },
    fiscalYearStart: place.settings.fiscalYearStart,
    inFormulas: { parameter: constant, timeZone: constant(place.settings.timeZone, "text") },
    present: (path, root) => place.present(path, root),
    ...(place.exists && { exists: (list, test) => place.exists?.(list, test) ?? "false" }),
  });

/** The records in a list, `FROM … WHERE …`, as far as they are there for the asker. */
export const listedSql = (source: Source, list: string, snapshot: Snapshot, parameters: Parameters): string =>
  `FROM ${table(snapshot, source)} ${source.alias} WHERE ${source.alias}.id = ANY (${list}) AND ${sourceCondition(source, snapshot, parameters)}`;

/** An expression over a read plan's tables, about a record of the source `start`. */
export function expressionSql(
  e: CheckedExpression,
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
  start = "t0",
): string {
  const { settings } = snapshot;
  let tests = 0;
  return placedExpressionSql(e, {
    parameters,
    get now() {
      return parameters.find("now", "timestamptz", (asker) => asker.now.toISOString());
    },
    get timeZone() {
      return parameters.add(settings.timeZone, "text");
    },
    settings,
    present: (path) => `${aliasOf(sources, path, start)}.id IS NOT NULL`,
    exists(list, test) {
      const source = sources.find((s) => s.list?.name === list);
      if (!source) throw new Error(`the plan has no source for ${list}`);
      // A test in a test has rows of its own.
      const alias = `${source.alias}_${++tests}`;
      const rows = listedSql({ ...source, alias }, `${start}.${quote(list)}`, snapshot, parameters);
      return `EXISTS (SELECT ${rows} AND ${test(([name = ""]) => `${alias}.${quote(name)}`)})`;
    },
    column(path, root) {
      if (root !== "user") return columnSql(sources, path, start);
      const [name = ""] = path;
      const user = snapshot.objects.get("user");
      const type = (user && fieldOrBranch(user, name))?.column?.sqlType ?? "text";
      return parameters.find(`user.${name}`, type, ({ userRecord }) =>
        user ? byColumn(user, userRecord)[name] : undefined,
      );
    },
  });
}

/** How a field of a source is written. */
export type FieldSql = (source: string, name: string) => string;

/** The member of a field that `address.city` names; no field's own name has a point. */
function partOf(object: ObjectType, name: string): StoredField | undefined {
  const [whole = "", part] = name.split(".");
  const field = part === undefined ? undefined : object.fields.get(whole);
  return field && part !== undefined ? partField(field, part) : undefined;
}

/** `about`, `about.object` or `about.id`. */
function severalOf(object: ObjectType, name: string): { field: SeveralField; part?: string } | undefined {
  if (!object.hasSeveral) return undefined;
  const [whole = "", part] = name.split(".");
  const field = object.fields.get(whole);
  return field?.branches && { field, ...(part === undefined ? {} : { part }) };
}

/** How the fields of a plan are written: their columns, or what they are computed by, which is null where there is no record. */
export const fieldsOf =
  (sources: readonly Source[], snapshot: Snapshot, parameters: Parameters): FieldSql =>
  (alias, name) => {
    const source = sources.find((s) => s.alias === alias);
    const several = source && severalOf(source.object, name);
    if (several) return severalSql(several.field, alias, several.part);
    const part = source && partOf(source.object, name);
    if (part) return partSql(`${alias}.${quote(part.column.name)}`, part.part ?? "", part.exprType);
    if (!source?.object.fields.get(name)?.formula) return `${alias}.${quote(name)}`;
    const sql = expressionSql(formulaOf(snapshot, source.object, name), sources, snapshot, parameters, alias);
    return source.via ? `(CASE WHEN ${alias}.id IS NOT NULL THEN ${sql} END)` : sql;
  };

/** What a formula over own fields is in an index of its table; the same as where a statement asks for it. */
export const formulaIndexSql = (snapshot: Snapshot, object: ObjectType, name: string): string =>
  expressionSql(formulaOf(snapshot, object, name), [], snapshot, new Parameters(), quote(object.table));

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
