import type { Text } from "@guanxi/base";
import { ExpressionError } from "./errors.ts";
import { parseDate, parseDatetime, parseDurationText, parseRef, parseTime } from "./literals.ts";
import { messages } from "./messages.ts";
import { type Inner, type TypedNode, isNullLiteral } from "./node.ts";
import type { ExprType } from "./types.ts";

/** What could not be turned into what; the first of them explains best why an operation did not fit. */
export type Faults = { readonly at: number; readonly text: Text }[];

const isTextLiteral = (node: TypedNode): boolean =>
  node.node === "literal" && node.type.kind === "text" && node.value !== null;

/** The one type that all can be given as; undefined when there is none. Literal texts follow the others: dates, references, … */
export function common(nodes: readonly TypedNode[]): ExprType | undefined {
  const known = nodes.filter((n) => n.type.kind !== "null");
  const firm = known.filter((n) => !isTextLiteral(n));
  const leading = firm.length > 0 ? firm : known;
  const [first] = leading;
  if (!first) return { kind: "null" };
  const kinds = new Set(leading.map((n) => n.type.kind));
  if (kinds.has("list")) {
    const of = known.every((n) => n.type.kind === "list") ? common(known.flatMap(elements)) : undefined;
    return of && { kind: "list", of };
  }
  if (kinds.size === 1) return first.type;
  if (kinds.size === 2 && kinds.has("int") && kinds.has("decimal")) return { kind: "decimal" };
  if (kinds.size === 2 && kinds.has("date") && kinds.has("datetime")) return { kind: "datetime" };
  return undefined;
}

/** Nodes that stand for what a list holds; for a list that is not written out, the list itself under its elements' type. */
export function elements(list: TypedNode): readonly TypedNode[] {
  if (list.node === "list") return list.items;
  return list.type.kind === "list" ? [{ ...list, type: list.type.of } as TypedNode] : [];
}

/** The node as a value of the type, or undefined. A literal text that does not read as the type is noted in `faults`. */
export function coerce(node: TypedNode, type: ExprType, faults: Faults): TypedNode | undefined {
  if (node.type.kind === type.kind && type.kind !== "list") return node;
  if (isNullLiteral(node)) return { ...node, type } as TypedNode;
  if (node.type.kind === "null") return { node: "literal", type, at: node.at, value: null };
  if (isTextLiteral(node) && node.node === "literal") return readLiteral(node.value as string, node.at, type, faults);
  if (type.kind === "list") return coerceList(node, type, faults);
  if (type.kind === "decimal" && node.type.kind === "int") return node.node === "literal" ? { ...node, type } : node;
  if (type.kind === "datetime" && node.type.kind === "date") {
    return { node: "call", operation: "start_of_day", args: [node], type, at: node.at };
  }
  return undefined;
}

function coerceList(node: TypedNode, type: ExprType & { kind: "list" }, faults: Faults): TypedNode | undefined {
  if (node.type.kind !== "list") return undefined;
  if (node.node !== "list") {
    const [from, to] = [node.type.of.kind, type.of.kind];
    return from === to || (from === "int" && to === "decimal") ? node : undefined;
  }
  const items = node.items.map((item) => coerce(item, type.of, faults));
  return items.every((item) => item !== undefined) ? { ...node, type, items } : undefined;
}

function readLiteral(text: string, at: number, type: ExprType, faults: Faults): TypedNode | undefined {
  const parsers: Partial<Record<ExprType["kind"], (text: string) => Inner | undefined>> = {
    date: parseDate,
    datetime: parseDatetime,
    time: parseTime,
    duration: parseDurationText,
    ref: parseRef,
  };
  const parser = parsers[type.kind];
  if (!parser) return undefined;
  const value = parser(text);
  if (value !== undefined) return { node: "literal", type, at, value };
  const day = type.kind === "datetime" ? parseDate(text) : undefined;
  if (day !== undefined) return coerce({ node: "literal", type: { kind: "date" }, at, value: day }, type, faults);
  faults.push({ at, text: messages.notLiteral(text, type.kind === "ref" ? "id" : type.kind) });
  return undefined;
}

export function fail(faults: Faults, otherwise: ExpressionError): never {
  const [first] = faults;
  throw first ? new ExpressionError(first.at, first.text) : otherwise;
}
