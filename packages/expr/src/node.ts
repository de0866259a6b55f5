import type { Decimal, Digits } from "./number.ts";
import type { Branch, ExprType, Formula } from "./types.ts";

/**
 * A value inside an evaluation. By type: text, references: string; bool: boolean; int, decimal: Decimal; date: days since 1970;
 * time: microseconds since midnight; datetime, duration: microseconds as bigint; list: array; json, parts: as parsed.
 */
export type Inner = null | string | boolean | number | bigint | Decimal | readonly Inner[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: unknown;
}

export type Root = "record" | "old" | "user";

interface Typed {
  readonly type: ExprType;
  /** Characters from the start of the source. */
  readonly at: number;
  /** Of numbers only. */
  readonly digits?: Digits;
}

export interface LiteralNode extends Typed {
  readonly node: "literal";
  readonly value: Inner;
}
export interface FieldNode extends Typed {
  readonly node: "field";
  /** Where the path begins; for the record of a child test, its variable's name. */
  readonly root: Root | { readonly variable: string };
  readonly path: readonly string[];
  /** The path of the field that says in which unit it is. */
  readonly unit?: readonly string[];
  /** The member of the field at the path's end. */
  readonly part?: string;
  /** Of a reference to records of several objects, whose value is the id; its part `object` is the name of the object. */
  readonly branches?: readonly Branch[];
  /** Where the path ends at one of the branches of such a reference: the reference's own name, and the object. */
  readonly branch?: { readonly of: string; readonly target: string };
}
export interface ListNode extends Typed {
  readonly type: ExprType & { readonly kind: "list" };
  readonly node: "list";
  readonly items: readonly TypedNode[];
}
export interface CallNode extends Typed {
  readonly node: "call";
  /** Key of an operation in the registry. */
  readonly operation: string;
  readonly args: readonly TypedNode[];
}
export interface ChildrenNode extends Typed {
  readonly node: "children";
  readonly relation: string;
  readonly variable: string;
  readonly test: TypedNode;
}
/** A formula in the place of its field. */
export interface FormulaNode extends Typed {
  readonly node: "formula";
  readonly body: TypedNode;
  /** The record whose formula it is, where it may be missing: at the end of a walk, or before the change. */
  readonly of?: { readonly root: FieldNode["root"]; readonly path: readonly string[] };
  /** Of decimals: see `Formula`. */
  readonly keeps?: Formula["digits"];
}

/** A checked expression: inert data, from which both evaluations are made. */
export type TypedNode = LiteralNode | FieldNode | ListNode | CallNode | ChildrenNode | FormulaNode;

export const isNullLiteral = (node: TypedNode): boolean => node.node === "literal" && node.value === null;

/** A node with everything below it. */
export function nodesOf(root: TypedNode): readonly TypedNode[] {
  const all: TypedNode[] = [root];
  for (const node of all) all.push(...childrenOf(node));
  return all;
}

/** Every field that an expression asks for, as often as it does. */
export const fieldsOf = (root: TypedNode): readonly FieldNode[] =>
  nodesOf(root).filter((node) => node.node === "field");

export function childrenOf(node: TypedNode): readonly TypedNode[] {
  if (node.node === "call") return node.args;
  if (node.node === "list") return node.items;
  if (node.node === "formula") return [node.body];
  return node.node === "children" ? [node.test] : [];
}
