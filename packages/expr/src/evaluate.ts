import { isObject } from "@guanxi/base";
import { localOrNull } from "./calendar.ts";
import type { CheckedExpression } from "./describe.ts";
import { operation } from "./functions/index.ts";
import type { FieldNode, FormulaNode, Inner, TypedNode } from "./node.ts";
import { type Decimal, held } from "./number.ts";
import { type Run, fiscalYearStart } from "./operation.ts";
import { type Value, fromJson, toValue } from "./values.ts";

/**
 * Records are JSON as the API shows them: numbers as JSON numbers (or as text where they have more than 15 digits), date
 * `2026-01-31`, datetime RFC 3339, time `09:30:00`, duration in seconds, references as ids; a missing field is null.
 */
export interface EvalEnv {
  readonly record: Readonly<Record<string, unknown>>;
  /** The record before the change; absent or null when it is new. */
  readonly old?: Readonly<Record<string, unknown>> | null;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly now: Date;
  /** IANA name of the tenant's time zone. */
  readonly timeZone: string;
  /** Month in which the fiscal year begins, 1 (the default) to 12. */
  readonly fiscalYearStart?: number;
}

/** The value of the expression, as SQL gives it. Throws TypeError for a record whose values do not fit their fields' types. */
export function evaluate(expression: CheckedExpression, env: EvalEnv): Value {
  return toValue(valueOf(expression.root, env, runOf(env)), expression.type);
}

/** Whether a condition holds; one that is unknown does not. */
export const holds = (expression: CheckedExpression, env: EvalEnv): boolean => evaluate(expression, env) === true;

const runOf = (env: EvalEnv): Run => ({
  now: BigInt(env.now.getTime()) * 1_000n,
  zone: env.timeZone,
  fiscalYearStart: fiscalYearStart(env.fiscalYearStart),
  isNew: env.old === undefined || env.old === null,
});

function valueOf(node: TypedNode, env: EvalEnv, run: Run): Inner {
  switch (node.node) {
    case "literal":
      return node.value;
    case "field":
      return fieldValue(node, env);
    case "list":
      return node.items.map((item) => valueOf(item, env, run));
    case "call":
      return callValue(operation(node.operation), node, env, run);
    case "formula":
      return formulaValue(node, env, run);
    case "related":
      throw new Error(`${node.relation}.${node.ask}(…) has no evaluation in memory`);
  }
}

function callValue(
  called: ReturnType<typeof operation>,
  node: TypedNode & { node: "call" },
  env: EvalEnv,
  run: Run,
): Inner {
  const args = node.args.map((arg) => valueOf(arg, env, run));
  return !called.nulls && args.includes(null) ? null : called.evaluate(args, run, node);
}

function formulaValue({ body, type, keeps, of }: FormulaNode, env: EvalEnv, run: Run): Inner {
  if (of?.root === "old" && run.isNew) return null;
  const value = valueOf(body, env, run);
  if (value === null) return null;
  if (type.kind === "int") return (value as Decimal).abs().gt(Number.MAX_SAFE_INTEGER) ? null : value;
  // What is a day of the calendar on the tenant's clock may be none in UTC.
  if (type.kind === "datetime") return localOrNull(value as bigint);
  return keeps ? held(value as Decimal, keeps) : value;
}

function fieldValue({ root, path, part, branches, branch, type }: FieldNode, env: EvalEnv): Inner {
  if (typeof root !== "string" || path.length !== 1) throw new Error(`${path.join(".")} has no evaluation in memory`);
  const record = root === "record" ? env.record : env[root];
  const [field] = path;
  const value = member(record, branch?.of ?? field);
  if (branch) return fromJson(member(value, "object") === branch.target ? member(value, "id") : null, type);
  if (branches) return fromJson(member(value, part ?? "id"), type);
  return fromJson(part === undefined ? value : member(value, part), type);
}

const member = (value: unknown, name: string | undefined): unknown =>
  isObject(value) && name !== undefined && Object.hasOwn(value, name) ? value[name] : null;
