import { type CheckedExpression, toSql } from "@guanxi/expr";
import type { Field, Snapshot } from "@guanxi/meta";
import type { Predicate, Source } from "./plan.ts";

/** A name as an identifier. Names come from checked definitions; doubling quotes keeps even a wrong one harmless. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Who asks, and when: what a compiled statement is not made of but finds anew each time. */
export interface Asker {
  /** The actor's user id. */
  readonly user: string;
  /** The actor's user record, for `user.…` in expressions. */
  readonly userRecord: Readonly<Record<string, unknown>>;
  readonly now: Date;
  /** The value of the unique field that a record is read by. */
  readonly key?: string;
}

/** Where a parameter comes from: the statement's own value, or the asker. */
export type Slot = string | null | ((asker: Asker) => string | null);

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A value as PostgreSQL reads it. */
function printed(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) return String(value);
  const items = value.map((v: unknown) =>
    v === null || v === undefined ? "NULL" : `"${String(v).replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${items.join(",")}}`;
}

export interface ParameterSettings {
  /** Parameters before these that have fixed places. */
  readonly taken?: number;
  /** Whether the statement's own values stand in its text, where PostgreSQL can plan for them once. */
  readonly written?: boolean;
}

/** Collects a statement's parameters; the same value of the same type is sent once. */
export class Parameters {
  readonly slots: Slot[] = [];
  readonly #known = new Map<string, string>();
  readonly #taken: number;
  readonly #written: boolean;

  constructor({ taken = 0, written = false }: ParameterSettings = {}) {
    this.#taken = taken;
    this.#written = written;
  }

  /** A value of the statement's own. */
  add(value: unknown, sqlType: string): string {
    const sent = printed(value);
    if (this.#written) return `${sent === null ? "NULL" : literal(sent)}::${sqlType}`;
    return this.#place(sent === null ? "" : `=${sent}`, sent, sqlType);
  }

  /** A value that each asker brings; `name` tells it from others. */
  find(name: string, sqlType: string, find: (asker: Asker) => unknown): string {
    return this.#place(`@${name}`, (asker) => printed(find(asker)), sqlType);
  }

  user(): string {
    return this.find("user", "uuid", (asker) => asker.user);
  }

  /** Of a statement that finds none anew. */
  get values(): (string | null)[] {
    return this.slots.map((slot) => {
      if (typeof slot === "function") throw new TypeError("the statement has a parameter that its asker brings");
      return slot;
    });
  }

  #place(source: string, slot: Slot, sqlType: string): string {
    const key = `${sqlType}\n${source}`;
    const known = this.#known.get(key);
    if (known) return known;
    this.slots.push(slot);
    const placeholder = `$${this.#taken + this.slots.length}::${sqlType}`;
    this.#known.set(key, placeholder);
    return placeholder;
  }
}

export const table = ({ settings }: Snapshot, source: Source): string =>
  `${quote(settings.schema)}.${quote(source.object.table)}`;

/** Everyone whose records the user sees as an owner: themselves and those below them in the org chart. */
export const visibleOwners = (schema: string, user: string): string =>
  `SELECT subordinate FROM ${quote(schema)}._below WHERE manager = ${user} UNION ALL SELECT ${user}`;

export function predicateSql(predicate: Predicate | undefined, alias: string, schema: string, user: string): string {
  if (!predicate) throw new Error("a plan was compiled before it was authorized");
  if (predicate.kind === "all") return "true";
  if (predicate.kind === "none") return "false";
  return ownedSql(alias, visibleOwners(schema, user));
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

/** `FROM root LEFT JOIN …`: a walk to a record that is deleted or not visible finds nothing. `rootRows` may stand for the root's table. */
export function fromSql(
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
  rootRows?: string,
): string {
  return sources
    .map((source) => {
      if (!source.via) return `FROM ${rootRows ?? table(snapshot, source)} ${source.alias}`;
      const on = `${source.alias}.id = ${source.via.source}.${quote(source.via.field.column.name)}`;
      return `LEFT JOIN ${table(snapshot, source)} ${source.alias} ON ${on} AND ${sourceCondition(source, snapshot, parameters)}`;
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
    get now() {
      return place.now;
    },
    get timeZone() {
      return place.timeZone;
    },
    fiscalYearStart: place.fiscalYearStart,
  });

/** An expression over a read plan's tables. */
export function expressionSql(
  e: CheckedExpression,
  sources: readonly Source[],
  snapshot: Snapshot,
  parameters: Parameters,
): string {
  const { timeZone, fiscalYearStart } = snapshot.settings;
  return placedExpressionSql(e, {
    parameters,
    get now() {
      return parameters.find("now", "timestamptz", (asker) => asker.now.toISOString());
    },
    get timeZone() {
      return parameters.add(timeZone, "text");
    },
    fiscalYearStart,
    column(path, root) {
      if (root !== "user") return columnSql(sources, path);
      const [name = ""] = path;
      const type = snapshot.objects.get("user")?.fields.get(name)?.column.sqlType ?? "text";
      return parameters.find(`user.${name}`, type, (asker) => asker.userRecord[name]);
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

/** A column as it stands in JSON: decimals that a double cannot hold become strings, of encrypted texts there is the mask behind the point. */
export const jsonColumn = (field: Field, column: string): string =>
  field.type === "encrypted_text"
    ? `substr(${column}, position('.' IN ${column}) + 1)`
    : field.column.sqlType.startsWith("numeric") && field.schema["type"] === "string"
      ? `${column}::text`
      : column;
