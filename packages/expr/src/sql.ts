import type { CheckedExpression } from "./describe.ts";
import { operation } from "./functions/index.ts";
import type { FieldNode, FormulaNode, ListNode, LiteralNode, Place, RelatedNode, Root, TypedNode } from "./node.ts";
import { type SqlArg, type SqlRun, fiscalYearStart } from "./operation.ts";
import { heldDatetime, heldDecimal, heldInteger } from "./sql-text.ts";
import { partSql, referredIdSql, referredObjectSql, sqlType } from "./types.ts";
import { toParameter } from "./values.ts";

/** A record that a test of related records asks about: SQL of what an expression says of it. */
export interface RelatedRecord {
  /** As of the target. */
  column(path: readonly string[]): string;
  /** SQL of whether there is a record at the end of a walk. */
  present(path: readonly string[]): string;
  /** As of the target. */
  related(path: readonly string[], relation: string, test?: RelatedTest): string;
}

/** Asked once, with the record that the test is about. */
export type RelatedTest = (record: RelatedRecord) => string;

/** How an expression's names and literals stand in the statement that it becomes a part of. */
export interface SqlTarget {
  /**
   * SQL of a field, as one operand (a name, or in brackets), of the type that `sqlType` says for the field's type. Own fields
   * have one element; the target makes walks into joins or subqueries.
   */
  column(path: readonly string[], root: Root): string;
  /** Takes a literal and answers its place with the cast, such as `$3::text`; lists come as arrays with `text[]`. */
  parameter(value: unknown, sqlType: string): string;
  /** SQL of the present, a timestamptz. Read only by what depends on it, as the time zone is, so that either may be a parameter. */
  readonly now: string;
  /** SQL of the tenant's time zone, an IANA name as text. */
  readonly timeZone: string;
  /** Month in which the fiscal year begins, 1 (the default) to 12. */
  readonly fiscalYearStart?: number;
  /**
   * How the constants of formulas stand, which is in the text, so that an index on a formula serves whoever asks. This and
   * `present` are needed where fields may be formulas.
   */
  readonly inFormulas?: Pick<SqlTarget, "parameter" | "timeZone">;
  /** SQL of whether there is a record at the end of a walk, or, where the path is empty, before the change. */
  present?(path: readonly string[], root: Root): string;
  /**
   * `FROM … WHERE …`: the rows under a relation of the record at the end of a walk, those that meet the test where there is one.
   * Needed where the scope has `related`.
   */
  related?(path: readonly string[], relation: string, test?: RelatedTest): string;
}

/** By the number of the test. */
type Records = ReadonlyMap<number, RelatedRecord>;

/**
 * SQL of the expression, as one operand. It never raises, is null where the expression is, and names each column as it is,
 * so that an index can serve a comparison; a condition can stand in WHERE as it is.
 */
export const toSql = (expression: CheckedExpression, target: SqlTarget): string =>
  write(expression.root, target, new Map());

function write(node: TypedNode, target: SqlTarget, records: Records): string {
  switch (node.node) {
    case "literal":
      return literal(node, target);
    case "field":
      return field(node, target, records);
    case "list":
      return list(node, target, records);
    case "call": {
      const args = node.args.map((arg) => argument(arg, target, records));
      return operation(node.operation).sql(args, runOf(target), node);
    }
    case "formula":
      return formula(node, target, records);
    case "related":
      return related(node, target, records);
  }
}

/** A record of which the test is unknown does not meet it. */
function related({ ask, number, of, relation, test }: RelatedNode, target: SqlTarget, records: Records): string {
  const rows = (not = ""): string => {
    const asked: RelatedTest | undefined =
      test && ((record) => `${write(test, target, new Map([...records, [number, record]]))}${not}`);
    if (typeof of.root === "object") return recordOf(of.root, records).related(of.path, relation, asked);
    if (!target.related) throw new Error(`this target has no related records for ${relation}.${ask}(…)`);
    return target.related(of.path, relation, asked);
  };
  switch (ask) {
    case "exists":
      return `EXISTS (SELECT ${rows()})`;
    case "all":
      return `(NOT EXISTS (SELECT ${rows(" IS NOT TRUE")}))`;
    case "exists_one":
      return `((SELECT count(*) FROM (SELECT ${rows()} LIMIT 2) found) = 1)`;
    case "size":
      return `(SELECT count(*) ${rows()})`;
  }
}

function recordOf({ test }: Exclude<Place["root"], string>, records: Records): RelatedRecord {
  const record = records.get(test);
  if (!record) throw new Error(`no test ${test} is around`);
  return record;
}

function formula(node: FormulaNode, target: SqlTarget, records: Records): string {
  const { body, type, keeps, of } = node;
  if (!target.inFormulas) throw new Error("this target has no formulas");
  const { sql, numeric } = argument(body, withConstants(target, target.inFormulas), records);
  const value =
    type.kind === "int"
      ? heldInteger(numeric())
      : type.kind === "datetime"
        ? heldDatetime(sql())
        : keeps
          ? heldDecimal(numeric(), keeps)
          : sql();
  if (!of) return value;
  if (typeof of.root === "object")
    return `(CASE WHEN ${recordOf(of.root, records).present(of.path)} THEN ${value} END)`;
  if (!target.present) throw new Error("this target has no records that may be missing");
  return `(CASE WHEN ${target.present(of.path, of.root)} THEN ${value} END)`;
}

/** What the target knows of itself is asked for only where it is used. */
const withConstants = (target: SqlTarget, constants: NonNullable<SqlTarget["inFormulas"]>): SqlTarget =>
  Object.create(target, {
    parameter: { value: (value: unknown, type: string) => constants.parameter(value, type) },
    timeZone: { get: () => constants.timeZone },
  }) as SqlTarget;

const runOf = (target: SqlTarget): SqlRun => ({
  parameter: (value, type) => target.parameter(value, type),
  get now() {
    return target.now;
  },
  get timeZone() {
    return target.timeZone;
  },
  fiscalYearStart: fiscalYearStart(target.fiscalYearStart),
});

function argument(node: TypedNode, target: SqlTarget, records: Records): SqlArg {
  const sql = (): string => write(node, target, records);
  const numeric = (): string => {
    if (node.node === "literal") return literal({ ...node, type: { kind: "decimal" } }, target);
    return node.type.kind === "int" ? `${sql()}::numeric` : sql();
  };
  const branches = node.node === "field" && node.part === undefined ? node.branches : undefined;
  if (node.node !== "field" || !branches) return { node, sql, numeric };
  const { root, path } = node;
  const columns = (): readonly string[] =>
    branches.map((branch) => whole(root, [...path.slice(0, -1), branch.field], target, records));
  return { node, sql, numeric, branches: columns };
}

function literal({ value, type }: LiteralNode, target: SqlTarget): string {
  if (value === null) return `NULL::${sqlType(type)}`;
  if (type.kind === "bool") return value === true ? "TRUE" : "FALSE";
  return target.parameter(toParameter(value, type), sqlType(type));
}

function field({ root, path, part, branches, type }: FieldNode, target: SqlTarget, records: Records): string {
  if (branches) {
    const column = (name: string): string => whole(root, [...path.slice(0, -1), name], target, records);
    return part === undefined ? referredIdSql(branches, column) : referredObjectSql(branches, column);
  }
  const column = whole(root, path, target, records);
  return part === undefined ? column : partSql(column, part, type);
}

function whole(root: FieldNode["root"], path: readonly string[], target: SqlTarget, records: Records): string {
  return typeof root === "string" ? target.column(path, root) : recordOf(root, records).column(path);
}

function list({ items, type }: ListNode, target: SqlTarget, records: Records): string {
  const literals = items.filter((item) => item.node === "literal");
  if (literals.length < items.length) {
    // Computed integers are numeric, and may be larger than a bigint.
    const of = type.of.kind === "int" ? "numeric" : sqlType(type.of);
    return `ARRAY[${items.map((item) => write(item, target, records)).join(", ")}]::${of}[]`;
  }
  return target.parameter(
    toParameter(
      literals.map((item) => item.value),
      type,
    ),
    sqlType(type),
  );
}
