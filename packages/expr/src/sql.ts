import type { CheckedExpression } from "./describe.ts";
import { operation } from "./functions/index.ts";
import type { FieldNode, FormulaNode, ListNode, LiteralNode, Root, TypedNode } from "./node.ts";
import { type SqlArg, type SqlRun, fiscalYearStart } from "./operation.ts";
import { heldDatetime, heldDecimal, heldInteger } from "./sql-text.ts";
import { partSql, referredIdSql, referredObjectSql, sqlType } from "./types.ts";
import { toParameter } from "./values.ts";

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
   * SQL of whether any child under the relation meets a test, such as `EXISTS (SELECT FROM … WHERE … AND test)`. `test` is
   * asked once, with the SQL of the child's fields. Needed where the scope has `children`.
   */
  exists?(relation: string, test: (column: (path: readonly string[]) => string) => string): string;
}

type Columns = ReadonlyMap<string, (path: readonly string[]) => string>;

/**
 * SQL of the expression, as one operand. It never raises, is null where the expression is, and names each column as it is,
 * so that an index can serve a comparison; a condition can stand in WHERE as it is.
 */
export const toSql = (expression: CheckedExpression, target: SqlTarget): string =>
  write(expression.root, target, new Map());

function write(node: TypedNode, target: SqlTarget, variables: Columns): string {
  switch (node.node) {
    case "literal":
      return literal(node, target);
    case "field":
      return field(node, target, variables);
    case "list":
      return list(node, target, variables);
    case "call": {
      const args = node.args.map((arg) => argument(arg, target, variables));
      return operation(node.operation).sql(args, runOf(target), node);
    }
    case "formula":
      return formula(node, target, variables);
    case "children":
      if (!target.exists) throw new Error(`this target has no related records for ${node.relation}.exists(…)`);
      return target.exists(node.relation, (column) =>
        write(node.test, target, new Map([...variables, [node.variable, column]])),
      );
  }
}

function formula(node: FormulaNode, target: SqlTarget, variables: Columns): string {
  const { body, type, keeps, of } = node;
  if (!target.inFormulas) throw new Error("this target has no formulas");
  const { sql, numeric } = argument(body, withConstants(target, target.inFormulas), variables);
  const value =
    type.kind === "int"
      ? heldInteger(numeric())
      : type.kind === "datetime"
        ? heldDatetime(sql())
        : keeps
          ? heldDecimal(numeric(), keeps)
          : sql();
  if (!of || typeof of.root !== "string") return value;
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

function argument(node: TypedNode, target: SqlTarget, variables: Columns): SqlArg {
  const sql = (): string => write(node, target, variables);
  const numeric = (): string => {
    if (node.node === "literal") return literal({ ...node, type: { kind: "decimal" } }, target);
    return node.type.kind === "int" ? `${sql()}::numeric` : sql();
  };
  const branches = node.node === "field" && node.part === undefined ? node.branches : undefined;
  if (node.node !== "field" || !branches) return { node, sql, numeric };
  const { root, path } = node;
  const columns = (): readonly string[] =>
    branches.map((branch) => whole(root, [...path.slice(0, -1), branch.field], target, variables));
  return { node, sql, numeric, branches: columns };
}

function literal({ value, type }: LiteralNode, target: SqlTarget): string {
  if (value === null) return `NULL::${sqlType(type)}`;
  if (type.kind === "bool") return value === true ? "TRUE" : "FALSE";
  return target.parameter(toParameter(value, type), sqlType(type));
}

function field({ root, path, part, branches, type }: FieldNode, target: SqlTarget, variables: Columns): string {
  if (branches) {
    const column = (name: string): string => whole(root, [...path.slice(0, -1), name], target, variables);
    return part === undefined ? referredIdSql(branches, column) : referredObjectSql(branches, column);
  }
  const column = whole(root, path, target, variables);
  return part === undefined ? column : partSql(column, part, type);
}

function whole(root: FieldNode["root"], path: readonly string[], target: SqlTarget, variables: Columns): string {
  if (typeof root === "string") return target.column(path, root);
  const column = variables.get(root.variable);
  if (!column) throw new Error(`no child called ${root.variable}`);
  return column(path);
}

function list({ items, type }: ListNode, target: SqlTarget, variables: Columns): string {
  const literals = items.filter((item) => item.node === "literal");
  if (literals.length < items.length) {
    // Computed integers are numeric, and may be larger than a bigint.
    const of = type.of.kind === "int" ? "numeric" : sqlType(type.of);
    return `ARRAY[${items.map((item) => write(item, target, variables)).join(", ")}]::${of}[]`;
  }
  return target.parameter(
    toParameter(
      literals.map((item) => item.value),
      type,
    ),
    sqlType(type),
  );
}
