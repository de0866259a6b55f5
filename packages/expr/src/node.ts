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

/** Where a path begins: for the record that a test of related records asks about, the number of the test. */
export type Start = Root | { readonly test: number };

/** A record: where a path begins, and the references that lead on from there. */
export interface Place {
  readonly root: Start;
  readonly path: readonly string[];
}

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
  readonly root: Start;
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
/** Whether any, all or exactly one of the records under a relation meet the test, or how many records there are. */
export type Ask = "exists" | "all" | "exists_one" | "size";

/** A question about the records under a relation of the record `of`. */
export interface RelatedNode extends Typed {
  readonly node: "related";
  readonly ask: Ask;
  /** Tells tests of one expression apart. */
  readonly number: number;
  readonly of: Place;
  readonly relation: string;
  /** Whose records they are. */
  readonly object: string;
  /** Whether nothing else names it that the asker may know: neither a list of the record nor a formula. */
  readonly named: boolean;
  /** Undefined for `size`. */
  readonly test?: TypedNode;
}
/** A formula in the place of its field. */
export interface FormulaNode extends Typed {
  readonly node: "formula";
  readonly body: TypedNode;
  /** The record whose formula it is, where it may be missing: at the end of a walk, or before the change. */
  readonly of?: Place;
  /** Of decimals: see `Formula`. */
  readonly keeps?: Formula["digits"];
}

/** A checked expression: inert data, from which both evaluations are made. */
export type TypedNode = LiteralNode | FieldNode | ListNode | CallNode | RelatedNode | FormulaNode;

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
  return node.node === "related" && node.test ? [node.test] : [];
}
