import { ExpressionError } from "./errors.ts";
import { messages } from "./messages.ts";
import type { FieldNode } from "./node.ts";
import { fieldDigits } from "./resolve.ts";
import type { Syntax } from "./syntax.ts";
import type { ExprObject, ExprScope, ExprType } from "./types.ts";

/** What names mean at one place of an expression: the scope, and the variables of the child tests around it. */
export interface Names {
  readonly scope: ExprScope;
  readonly variables: ReadonlyMap<string, ExprObject>;
}

interface Step {
  readonly name: string;
  readonly at: number;
}

/** The names of `a.b.c`; undefined when it is anything else. */
function stepsOf(syntax: Syntax): Step[] | undefined {
  if (syntax.is === "name") return [{ name: syntax.name, at: syntax.at }];
  if (syntax.is !== "member") return undefined;
  const before = stepsOf(syntax.of);
  return before && [...before, { name: syntax.name, at: syntax.nameAt }];
}

/** A field, or a walk over references to one. Throws ExpressionError naming what is unknown. */
export function resolveField(syntax: Syntax & { is: "name" | "member" }, names: Names): FieldNode {
  const steps = stepsOf(syntax);
  const [first, ...rest] = steps ?? [];
  if (!first) throw new ExpressionError(syntax.at, messages.unsupported(`(…).${(syntax as { name: string }).name}`));
  const { scope, variables } = names;
  const variable = variables.get(first.name);
  if (variable) return walk(variable, { variable: first.name }, orId(rest, first.at), names, syntax.at);
  if (first.name === "old") {
    if (!scope.old) throw new ExpressionError(first.at, messages.noOld());
    if (rest.length === 0) throw new ExpressionError(first.at, messages.oldAlone());
    return walk(scope.record, "old", rest, names, syntax.at);
  }
  if (first.name === "user") {
    if (!scope.user) throw new ExpressionError(first.at, messages.noUser());
    return walk(scope.user, "user", orId(rest, first.at), names, syntax.at);
  }
  return walk(scope.record, "record", [first, ...rest], names, syntax.at);
}

/** A record by itself stands for its id: `owner == user`. */
const orId = (steps: readonly Step[], at: number): readonly Step[] => (steps.length > 0 ? steps : [{ name: "id", at }]);

function walk(start: ExprObject, root: FieldNode["root"], steps: readonly Step[], names: Names, at: number): FieldNode {
  let object = start;
  let type: ExprType = { kind: "null" };
  for (const [i, step] of steps.entries()) {
    if (i > 0) object = target(type, steps[i - 1]!.name, step.at, names.scope);
    const found = object.fieldType(step.name);
    if (!found)
      throw new ExpressionError(step.at, messages.unknownField(step.name, nearest(step.name, object.fieldNames?.())));
    type = found;
  }
  const digits = fieldDigits(type);
  return { node: "field", root, path: steps.map((s) => s.name), type, at, ...(digits && { digits }) };
}

function target(type: ExprType, field: string, at: number, scope: ExprScope): ExprObject {
  if (type.kind !== "ref") throw new ExpressionError(at, messages.notReference(field, type.kind));
  const object = scope.object?.(type.target);
  if (!object) throw new ExpressionError(at, messages.noWalk(field));
  return object;
}

/** The known name that differs least, if it is close enough to be a slip. */
export function nearest(name: string, known: Iterable<string> = []): string | undefined {
  const tolerated = Math.max(1, Math.floor(name.length / 3));
  let best: string | undefined;
  let least = tolerated + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const apart = distance(name, candidate);
    if (apart < least) [best, least] = [candidate, apart];
  }
  return best;
}

/** Letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
