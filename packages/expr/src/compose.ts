import { type CheckedExpression, describe } from "./describe.ts";
import { operation } from "./functions/index.ts";
import type { FieldNode, LiteralNode, TypedNode } from "./node.ts";
import { call, fieldDigits } from "./resolve.ts";
import type { ExprObject } from "./types.ts";

/*
 * Conditions that programs put together, for keywords that say the same in fewer words than an expression would. They mean what the
 * written expression of the same shape means, without its limits of length.
 */

/** A part of a condition. */
export type Part = TypedNode;
export type FieldPart = FieldNode;

/** A field of the record that has values of its own. Throws TypeError where the object has none of the name. */
export function field(object: ExprObject, name: string): FieldNode {
  const type = object.fieldType(name);
  if (!type || object.formula?.(name)) throw new TypeError(`${object.name} has no field ${name}`);
  const digits = fieldDigits(type);
  const branches = type.kind === "ref" ? type.branches : undefined;
  return {
    ...{ node: "field", root: "record", path: [name], type, at: 0 },
    ...(digits && { digits }),
    ...(branches && { branches }),
  };
}

const asked = (key: string, ...args: readonly TypedNode[]): Part =>
  call(operation(key), args, args[0]?.type ?? { kind: "bool" }, 0);

const literal = (value: string | boolean): LiteralNode => ({
  node: "literal",
  type: { kind: typeof value === "string" ? "text" : "bool" },
  at: 0,
  value,
});

export const never: Part = literal(false);

/** Of the record before the change, which is empty for a new one. */
export const old = (part: FieldNode): FieldNode => ({ ...part, root: "old" });

export const not = (condition: Part): Part => asked("not", condition);
export const isEmpty = (part: Part): Part => asked("is_null", part);
export const changed = (part: FieldNode): Part => asked("changed", part, old(part));

export const isNew = (object: ExprObject): Part => asked("is_new", old(field(object, "id")));

/** False where the condition is unknown. */
export const known = (condition: Part): Part => asked("coalesce", condition, never);

export const all = (first: Part, ...more: readonly Part[]): Part =>
  more.length === 0 ? first : asked("and", first, ...more);

/** Whether any holds; none of none does. */
export function any(conditions: readonly Part[]): Part {
  const [first, second] = conditions;
  return second ? asked("or", ...conditions) : (first ?? never);
}

/** Whether a text is one of these. */
export const isOneOf = (part: Part, values: readonly string[]): Part =>
  asked("in", part, {
    node: "list",
    type: { kind: "list", of: { kind: "text" } },
    at: 0,
    items: values.map(literal),
  });

/** Whether a list of texts holds this one. */
export const holdsValue = (list: Part, value: string): Part => asked("in", literal(value), list);

/** A written condition about the record, asked of the record before the change. */
export const before = ({ root }: CheckedExpression): Part => beforeOf(root);

function beforeOf(node: TypedNode): TypedNode {
  if (node.node === "field") return node.root === "record" ? old(node) : node;
  if (node.node === "formula")
    return { ...node, body: beforeOf(node.body), of: { root: "old", path: node.of?.path ?? [] } };
  if (node.node === "call") return { ...node, args: node.args.map(beforeOf) };
  return node.node === "list" ? { ...node, items: node.items.map(beforeOf) } : node;
}

/** The condition as an expression. */
export const expression = (root: Part): CheckedExpression => describe("", root);
