import { checkExpression, type CheckedExpression, ExpressionError, type ExprObject, type Kind } from "@guanxi/expr";
import type { Report } from "../report.ts";
import type { Field, ObjectDefinition } from "../types.ts";

/** What rules are compiled from. */
export interface RuleSource {
  readonly definition: ObjectDefinition;
  readonly object: ExprObject;
  readonly fields: ReadonlyMap<string, Field>;
  /** The actor's object, where the tenant has one. */
  readonly user: ExprObject | undefined;
  readonly report: Report;
}

interface Written {
  readonly path: string;
  /** Whether the record before the change may be asked about. */
  readonly old: boolean;
  readonly kind: Kind;
  readonly params?: Record<string, unknown>;
}

/** A written expression about a record; a fault is reported at its path with the position. */
export function readExpression(
  source: string,
  { object, user, report }: Omit<RuleSource, "definition" | "fields">,
  { path, old, kind, params = {} }: Written,
): CheckedExpression | undefined {
  try {
    return checkExpression(source, { record: object, old, ...(user === undefined ? {} : { user }) }, kind);
  } catch (e) {
    if (!(e instanceof ExpressionError)) throw e;
    report.add(path, "expression", params, { text: e.text, position: e.position });
    return undefined;
  }
}
