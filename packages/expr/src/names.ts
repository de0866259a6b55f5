import { ExpressionError } from "./errors.ts";
import { messages } from "./messages.ts";
import type { FieldNode, Place } from "./node.ts";
import { fieldDigits } from "./resolve.ts";
import type { Syntax } from "./syntax.ts";
import type { Branch, ExprObject, ExprScope, ExprType } from "./types.ts";

/** The record that a test of related records asks about. */
interface Variable {
  readonly object: ExprObject;
  readonly place: Place;
}

/** What names mean at one place of an expression: the scope, and the variables of the tests around it. */
export interface Names {
  readonly scope: ExprScope;
  readonly variables: ReadonlyMap<string, Variable>;
  /** The record whose fields are plain names. */
  readonly place: Place;
  /** The formulas around this place, the outermost first. */
  readonly within: readonly { readonly object: string; readonly field: string }[];
  /** Tests of related records around this place, those around a formula included. */
  readonly depth: number;
  /** What the formulas of one expression may still come to, all of them together, and the tests that it may still have. */
  readonly budget: { parts: number; tests: number };
}

/** A field, and the object that it is of. */
export interface FoundField {
  readonly object: ExprObject;
  readonly field: FieldNode;
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
export function resolveField(syntax: Syntax & { is: "name" | "member" }, names: Names): FoundField {
  const steps = stepsOf(syntax);
  const [first, ...rest] = steps ?? [];
  if (!first) throw new ExpressionError(syntax.at, messages.unsupported(`(…).${(syntax as { name: string }).name}`));
  const { scope, variables, place } = names;
  const variable = variables.get(first.name);
  if (variable) return walk(variable.object, variable.place, orId(rest, first.at), scope, syntax.at);
  if (first.name === "old") {
    if (!scope.old) throw new ExpressionError(first.at, messages.noOld());
    if (rest.length === 0) throw new ExpressionError(first.at, messages.oldAlone());
    return walk(scope.record, from("old"), rest, scope, syntax.at);
  }
  if (first.name === "user") {
    if (!scope.user) throw new ExpressionError(first.at, messages.noUser());
    return walk(scope.user, from("user"), orId(rest, first.at), scope, syntax.at);
  }
  return walk(scope.record, place, [first, ...rest], scope, syntax.at);
}

const from = (root: Place["root"]): Place => ({ root, path: [] });

/** A relation of a record. */
export interface FoundRelation {
  readonly relation: string;
  /** The object whose records are under it. */
  readonly object: ExprObject;
  readonly of: Place;
  /** The record's own field of the relation's name: a list of these records, or what counts them. */
  readonly field: ExprType | undefined;
}

/** The relation at the end of `account.opportunities`; undefined where there is none. Throws ExpressionError for an unknown field on the way. */
export function resolveRelation(syntax: Syntax, names: Names): FoundRelation | undefined {
  const steps = stepsOf(syntax);
  const { scope, variables, place } = names;
  const [first, ...rest] = steps ?? [];
  if (!first || !scope.related || first.name === "old" || first.name === "user") return undefined;
  const variable = variables.get(first.name);
  const start = variable ?? { object: scope.record, place };
  const way = variable ? rest : [first, ...rest];
  const before = walkTo(start.object, way.slice(0, -1), scope);
  const relation = way.at(-1)?.name;
  const found = before && relation !== undefined ? scope.related(before.object, relation) : undefined;
  if (!before || relation === undefined || !found) return undefined;
  const of = { root: start.place.root, path: [...start.place.path, ...before.path] };
  return { relation, object: found, of, field: before.object.fieldType(relation) };
}

/** The object whose records references lead to; undefined where one of the steps is no reference, or leads to several. */
function walkTo(
  start: ExprObject,
  steps: readonly Step[],
  scope: ExprScope,
): { object: ExprObject; path: string[] } | undefined {
  let object: ExprObject | undefined = start;
  let branches: readonly Branch[] | undefined;
  const path: string[] = [];
  for (const step of steps) {
    const branch = branches?.find(({ target }) => target === step.name);
    if (!object || (branches && !branch)) return undefined;
    const type: ExprType = branch ? { kind: "ref", target: branch.target } : known(object, step);
    if (type.kind !== "ref") return undefined;
    path.splice(branch ? -1 : path.length, branch ? 1 : 0, branch?.field ?? step.name);
    branches = type.branches;
    if (!branches) object = scope.object?.(type.target);
  }
  return object && !branches ? { object, path } : undefined;
}

function known(object: ExprObject, { name, at }: Step): ExprType {
  const type = object.fieldType(name);
  if (!type)
    throw new ExpressionError(
      at,
      object.whyNot?.(name) ?? messages.unknownField(name, nearest(name, object.fieldNames?.())),
    );
  return type;
}

/** A record by itself stands for its id: `owner == user`. */
const orId = (steps: readonly Step[], at: number): readonly Step[] => (steps.length > 0 ? steps : [{ name: "id", at }]);

function walk(
  start: ExprObject,
  { root, path }: Place,
  steps: readonly Step[],
  scope: ExprScope,
  at: number,
): FoundField {
  let object = start;
  let type: ExprType = { kind: "null" };
  const names: string[] = [];
  let inside: Inside = {};
  for (const [i, step] of steps.entries()) {
    if (type.kind === "parts") {
      inside = { part: step.name };
      type = member(type.parts, step);
      continue;
    }
    if (type.kind === "ref" && type.branches) {
      const [of = "", led] = [names.at(-1), leadTo(type.branches, step)];
      if (led.field !== undefined) names.splice(-1, 1, led.field);
      inside =
        led.field === undefined ? { ...led.inside, branches: type.branches } : { branch: { of, target: step.name } };
      type = led.type;
      continue;
    }
    inside = {};
    if (i > 0) object = target(type, steps[i - 1]!.name, step.at, root, scope);
    names.push(step.name);
    type = known(object, step);
  }
  const digits = fieldDigits(type);
  const whole = [...path, ...names];
  // A part has no unit of its own.
  const unit = inside.part === undefined ? object.unit?.(whole.at(-1) ?? "") : undefined;
  const facts = {
    ...(type.kind === "ref" && type.branches && { branches: type.branches }),
    ...inside,
    ...(digits && { digits }),
    ...(unit === undefined ? {} : { unit: [...whole.slice(0, -1), unit] }),
  };
  return { object, field: { node: "field", root, path: whole, type, at, ...facts } };
}

/** What of a field's value a node is. */
type Inside = Pick<FieldNode, "part" | "branches" | "branch">;

interface Led {
  readonly type: ExprType;
  /** The branch that is followed. */
  readonly field?: string;
  readonly inside?: Inside;
}

/** `about.object`, `about.id`, or `about.account`, which leads on to the fields of accounts. */
function leadTo(branches: readonly Branch[], { name, at }: Step): Led {
  if (name === "object") return { type: { kind: "text" }, inside: { part: "object" } };
  if (name === "id") return { type: { kind: "ref", target: "" } };
  const branch = branches.find(({ target }) => target === name);
  if (branch) return { type: { kind: "ref", target: name }, field: branch.field };
  const known = ["object", "id", ...branches.map(({ target }) => target)];
  throw new ExpressionError(at, messages.unknownMember(name, known.join(", ")));
}

function member(parts: Readonly<Record<string, ExprType>>, { name, at }: Step): ExprType {
  const type = Object.hasOwn(parts, name) ? parts[name] : undefined;
  if (!type) throw new ExpressionError(at, messages.unknownField(name, nearest(name, Object.keys(parts))));
  return type;
}

/** Of the actor and of the record before the change there are the own fields, and no more. */
const isAlone = (root: Place["root"]): boolean => root === "old" || root === "user";

function target(type: ExprType, field: string, at: number, root: Place["root"], scope: ExprScope): ExprObject {
  if (type.kind !== "ref") throw new ExpressionError(at, messages.notReference(field, type.kind));
  const object = isAlone(root) ? undefined : scope.object?.(type.target);
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
