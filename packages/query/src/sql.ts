import { type CheckedExpression, toSql } from "@guanxi/expr";
import type { Field, ObjectType, TenantSettings } from "@guanxi/meta";
import type { Predicate, Source } from "./plan.ts";

/** SQL text with parameters `$1…`; all of them text, cast where they stand. */
export interface SqlText {
  readonly text: string;
  readonly params: readonly (string | null)[];
}

/** A name as an identifier. Names come from checked definitions; doubling quotes keeps even a wrong one harmless. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What a statement needs of the world beside the plan. */
export interface SqlContext {
  readonly settings: TenantSettings;
  /** The actor's user id. */
  readonly user: string;
  /** The actor's user record, for `user.…` in expressions. */
  readonly userRecord: Readonly<Record<string, unknown>>;
  readonly userObject: ObjectType | undefined;
  readonly now: Date;
}

/** A value as PostgreSQL reads it. */
function printed(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) return String(value);
  const items = value.map((v: unknown) =>
    v === null || v === undefined ? "NULL" : `"${String(v).replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${items.join(",")}}`;
}

/** Collects a statement's parameters behind the `taken` ones that have fixed places; the same value of the same type is sent once. */
export class Parameters {
  readonly values: (string | null)[] = [];
  readonly #known = new Map<string, string>();
  readonly #taken: number;

  constructor(taken = 0) {
    this.#taken = taken;
  }

  add(value: unknown, sqlType: string): string {
    const sent = printed(value);
    const key = `${sqlType}\n${sent === null ? "" : `=${sent}`}`;
    const known = this.#known.get(key);
    if (known) return known;
    this.values.push(sent);
    const placeholder = `$${this.#taken + this.values.length}::${sqlType}`;
    this.#known.set(key, placeholder);
    return placeholder;
  }
}

export const table = (context: SqlContext, source: Source): string =>
  `${quote(context.settings.schema)}.${quote(source.object.table)}`;

/** Everyone whose records the user sees as an owner: themselves and those below them in the org chart. */
export const visibleOwners = (schema: string, user: string): string =>
  `ARRAY(SELECT subordinate FROM ${quote(schema)}._below WHERE manager = ${user} UNION ALL SELECT ${user})`;

export function predicateSql(predicate: Predicate | undefined, alias: string, schema: string, user: string): string {
  if (!predicate) throw new Error("a plan was compiled before it was authorized");
  if (predicate.kind === "all") return "true";
  if (predicate.kind === "none") return "false";
  return `${alias}.owner = ANY(${visibleOwners(schema, user)})`;
}

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
  context: SqlContext,
  parameters: Parameters,
  predicate = predicateSql,
): string {
  const parts: string[] = [];
  if (source.deleted !== "any")
    parts.push(`${source.alias}.deleted_at IS ${source.deleted === "only" ? "NOT " : ""}NULL`);
  if (source.predicate?.kind !== "all") {
    parts.push(
      predicate(source.predicate, source.alias, context.settings.schema, parameters.add(context.user, "uuid")),
    );
  }
  return parts.length > 0 ? parts.join(" AND ") : "true";
}

/** `FROM root LEFT JOIN …`: a walk to a record that is deleted or not visible finds nothing. `rootRows` may stand for the root's table. */
export function fromSql(
  sources: readonly Source[],
  context: SqlContext,
  parameters: Parameters,
  rootRows?: string,
): string {
  return sources
    .map((source) => {
      if (!source.via) return `FROM ${rootRows ?? table(context, source)} ${source.alias}`;
      const on = `${source.alias}.id = ${source.via.source}.${quote(source.via.field.column.name)}`;
      return `LEFT JOIN ${table(context, source)} ${source.alias} ON ${on} AND ${sourceCondition(source, context, parameters)}`;
    })
    .join("\n");
}

/** The alias of the source at the end of a walk. */
function aliasOf(sources: readonly Source[], walk: readonly string[]): string {
  let alias = "t0";
  for (const name of walk) {
    const next = sources.find((s) => s.via?.source === alias && s.via.field.name === name);
    if (!next) throw new Error(`the plan has no join for ${walk.join(".")}`);
    alias = next.alias;
  }
  return alias;
}

function columnSql(sources: readonly Source[], path: readonly string[]): string {
  const last = path.at(-1) ?? "";
  const walk = path.slice(0, -1);
  if (last === "id" && walk.length > 0) return columnSql(sources, walk);
  return `${aliasOf(sources, walk)}.${quote(last)}`;
}

/** How an expression's names are written where it stands. */
export interface ExpressionPlace {
  readonly parameters: Parameters;
  readonly now: string;
  readonly timeZone: string;
  readonly fiscalYearStart: number;
  column(path: readonly string[], root: "record" | "old" | "user"): string;
}

export const placedExpressionSql = (e: CheckedExpression, place: ExpressionPlace): string =>
  toSql(e, {
    column: (path, root) => place.column(path, root),
    parameter: (value, sqlType) => place.parameters.add(value, sqlType),
    now: place.now,
    timeZone: place.timeZone,
    fiscalYearStart: place.fiscalYearStart,
  });

/** An expression over a read plan's tables. */
export function expressionSql(
  e: CheckedExpression,
  sources: readonly Source[],
  context: SqlContext,
  parameters: Parameters,
): string {
  return placedExpressionSql(e, {
    parameters,
    now: parameters.add(context.now.toISOString(), "timestamptz"),
    timeZone: parameters.add(context.settings.timeZone, "text"),
    fiscalYearStart: context.settings.fiscalYearStart,
    column(path, root) {
      if (root !== "user") return columnSql(sources, path);
      const field = context.userObject?.fields.get(path[0] ?? "");
      return parameters.add(context.userRecord[path[0] ?? ""], field?.column.sqlType ?? "text");
    },
  });
}

/** The expression a field is sorted and compared by: picklists in their defined order, the rest as they are. */
export function sortSql(field: Field, column: string, parameters: Parameters): { sql: string; type: string } {
  if (field.type === "picklist" && field.values) {
    const order = parameters.add(
      field.values.map((v) => v.value),
      "text[]",
    );
    return { sql: `array_position(${order}, ${column})`, type: "int" };
  }
  return { sql: column, type: field.column.sqlType };
}

/** A column as it stands in JSON: decimals that a double cannot hold become strings. */
export const jsonColumn = (field: Field, column: string): string =>
  field.column.sqlType.startsWith("numeric") && field.schema["type"] === "string" ? `${column}::text` : column;
