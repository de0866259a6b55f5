import type { Text } from "@guanxi/base";
/**
 * The type of an expression or field. A reference compares by id and may be walked in SQL. Fields hold integers within
 * ±(2^53−1), decimals of up to 100 digits before and after the point, days of the years 1 to 9999, durations of at most 10,000
 * years without months, and lists without nulls: within these bounds both evaluations agree and SQL never raises.
 */
export type ExprType =
  | { readonly kind: "text" | "bool" | "int" | "decimal" | "date" | "datetime" | "time" | "duration" | "json" | "null" }
  | { readonly kind: "list"; readonly of: ExprType }
  /** One value with members that have names and types of their own, such as an address; JSON in the database. */
  | { readonly kind: "parts"; readonly parts: Readonly<Record<string, ExprType>> }
  /** With `branches`, the record may be of any of several objects, and `target` is empty. */
  | { readonly kind: "ref"; readonly target: string; readonly branches?: readonly Branch[] };

/** One of the references, at most one of them filled, that a reference to records of several objects is kept as. */
export interface Branch {
  /** The object that it leads to. */
  readonly target: string;
  /** Its name in SQL. */
  readonly field: string;
}

export type Kind = ExprType["kind"];

/** How a field is computed. It stands wherever its name does, so that evaluations only ever meet fields with values. */
export interface Formula {
  /** An expression over the record that the field is of. */
  readonly source: string;
  /** How many digits a decimal keeps in all, and after the point: it is rounded, and null where it needs more. */
  readonly digits?: { readonly precision: number; readonly scale: number } | undefined;
}
/** Whether the kind says all there is to say of a type. */
export const isPlain = (kind: Kind): kind is Exclude<Kind, "list" | "ref" | "parts"> =>
  kind !== "list" && kind !== "ref" && kind !== "parts";

/** What the checker must know of an object: its fields (system fields included) by name. */
export interface ExprObject {
  readonly name: string;
  fieldType(field: string): ExprType | undefined;
  /** What a field is computed by; undefined where it has values of its own. */
  formula?(field: string): Formula | undefined;
  /** The text field that says in which unit a decimal is; a formula of decimals in different units is null. */
  unit?(field: string): string | undefined;
  /** The object as its formulas may name it, where this is what others may. */
  readonly whole?: ExprObject;
  /** Why a field that there is cannot be named here; undefined where there is none, or nothing to say of it. */
  whyNot?(field: string): Text | undefined;
  /** All names, where known: an error about an unknown name then suggests the nearest one. */
  fieldNames?(): Iterable<string>;
}

/** What names mean in an expression. */
export interface ExprScope {
  /** The record whose fields are plain names. */
  readonly record: ExprObject;
  /** Whether `old` (the record before the change) is there. */
  readonly old?: boolean;
  /** The actor's object, when `user` is there. */
  readonly user?: ExprObject;
  /** Finds the object of a reference for walks (`account.owner.name`); absent where only own fields may be used. */
  readonly object?: (name: string) => ExprObject | undefined;
  /**
   * Finds the object whose records are under a relation of an object (they refer to its records, or are in a list of it), for
   * `opportunities.exists(o, …)`; absent where only own fields may be used. Such a test has no evaluation in memory.
   */
  readonly related?: (object: ExprObject, relation: string) => ExprObject | undefined;
}

const sqlTypes: Record<Exclude<Kind, "list">, string> = {
  text: "text",
  bool: "boolean",
  int: "bigint",
  decimal: "numeric",
  date: "date",
  datetime: "timestamptz",
  time: "time",
  duration: "interval",
  json: "jsonb",
  parts: "jsonb",
  ref: "uuid",
  null: "text",
};

/** The PostgreSQL type that a field of this type has, and to which literals of it are cast. */
export const sqlType = (type: ExprType): string =>
  type.kind === "list" ? `${sqlType(type.of)}[]` : sqlTypes[type.kind];

/** SQL of a member of `column`, as one operand of the SQL type that the member's type says. */
export function partSql(column: string, part: string, type: ExprType): string {
  const text = `(${column} ->> '${part}')`;
  return type.kind === "text" ? text : `${text}::${sqlType(type)}`;
}

/** SQL of the name of the object that a reference to several leads to; `column` writes its branches. */
export const referredObjectSql = (branches: readonly Branch[], column: (field: string) => string): string =>
  `(CASE ${branches.map(({ target, field }) => `WHEN ${column(field)} IS NOT NULL THEN '${target}'`).join(" ")} END)`;

/** SQL of the id of the record that it leads to. */
export const referredIdSql = (branches: readonly Branch[], column: (field: string) => string): string =>
  `COALESCE(${branches.map(({ field }) => column(field)).join(", ")})`;

/** The type as a person reads it in an error. */
export function typeName(type: ExprType): string {
  if (type.kind === "list") return `list of ${typeName(type.of)}`;
  if (type.kind === "parts") return `value of ${Object.keys(type.parts).join(", ")}`;
  if (type.kind !== "ref") return type.kind;
  return `reference to ${type.branches?.map(({ target }) => target).join(" or ") ?? type.target}`;
}
