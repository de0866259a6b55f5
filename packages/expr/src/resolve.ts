import { type Faults, coerce, common, elements, fail } from "./coerce.ts";
import { ExpressionError } from "./errors.ts";
import { overloads } from "./functions/index.ts";
import { FIELD_DIGITS, MAX_DIGITS } from "./limits.ts";
import { messages } from "./messages.ts";
import type { CallNode, TypedNode } from "./node.ts";
import { type Digits, integerDigits, widest } from "./number.ts";
import type { Operation, Param } from "./operation.ts";
import { type ExprType, isPlain, type Kind, typeName } from "./types.ts";

const anyKind: readonly Kind[] = [
  "text",
  "bool",
  "int",
  "decimal",
  "date",
  "datetime",
  "time",
  "duration",
  "list",
  "ref",
];

/**
 * A call of the operation of this name that takes the arguments: first as they are, then with literals and dates turned
 * into what it wants. `at` is where the call begins, `nameAt` where its name or sign stands, for errors.
 */
export function resolve(name: string, args: readonly TypedNode[], at: number, nameAt: number): CallNode {
  const candidates = overloads(name).filter((o) => takes(o, args.length));
  if (candidates.length === 0) {
    throw new ExpressionError(nameAt, messages.argumentCount(name, counts(overloads(name)), args.length));
  }
  const faults: Faults = [];
  for (const exact of [true, false]) {
    for (const operation of candidates) {
      const fitted = fit(operation, args, exact, faults);
      if (fitted) return call(operation, fitted.args, fitted.common, at);
    }
  }
  const types = args.map((a) => typeName(a.type)).join(", ");
  return fail(faults, new ExpressionError(nameAt, messages.operands(name, types)));
}

const takes = ({ params, rest }: Operation, count: number): boolean =>
  rest ? count >= params.length : count === params.length;

const counts = (all: readonly Operation[]): string =>
  [...new Set(all.map((o) => `${o.params.length}${o.rest ? "+" : ""}`))].join(" / ");

interface Fitted {
  readonly args: readonly TypedNode[];
  readonly common: ExprType;
}

function fit(operation: Operation, args: readonly TypedNode[], exact: boolean, faults: Faults): Fitted | undefined {
  const params = args.map((_, i) => operation.params[Math.min(i, operation.params.length - 1)]!);
  const lists = args.filter((_, i) => params[i] === "T[]");
  if (lists.some((a) => a.type.kind !== "list")) return undefined;
  const free = [...args.filter((_, i) => params[i] === "T"), ...lists.flatMap(elements)];
  const shared = common(free);
  if (!shared || (free.length > lists.length && !(operation.among ?? anyKind).includes(shared.kind))) return undefined;
  const fitted = args.map((arg, i) => fitOne(arg, params[i]!, shared, exact, faults));
  return fitted.every((a) => a !== undefined) ? { args: fitted, common: shared } : undefined;
}

function fitOne(arg: TypedNode, param: Param, shared: ExprType, exact: boolean, faults: Faults): TypedNode | undefined {
  if (param === "T") return coerce(arg, shared, faults);
  if (param === "T[]") return coerce(arg, { kind: "list", of: shared }, faults);
  const kinds: readonly Kind[] =
    param === "number" ? ["int", "decimal"] : param === "moment" ? ["date", "datetime"] : [param];
  if (kinds.includes(arg.type.kind)) return arg;
  if (exact) return undefined;
  for (const kind of kinds) {
    const found = isPlain(kind) ? coerce(arg, { kind }, faults) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** A call whose arguments already fit. Throws ExpressionError for what the types alone do not tell. */
export function call(operation: Operation, args: readonly TypedNode[], shared: ExprType, at: number): CallNode {
  operation.check?.(args);
  const type = resultType(operation, args, shared);
  const node: CallNode = { node: "call", operation: operation.key, args, type, at };
  if (type.kind !== "int" && type.kind !== "decimal") return node;
  const digits = operation.digits?.(args) ?? widest(args.filter(isNumber).map((a) => a.digits ?? integerDigits));
  checkDigits(digits, at);
  return { ...node, digits };
}

const isNumber = (node: TypedNode): boolean => node.type.kind === "int" || node.type.kind === "decimal";

function resultType({ returns }: Operation, args: readonly TypedNode[], shared: ExprType): ExprType {
  if (returns === "T") return shared;
  if (returns !== "number") return { kind: returns };
  return { kind: args.some((a) => a.type.kind === "decimal") ? "decimal" : "int" };
}

export function checkDigits(digits: Digits, at: number): void {
  if (digits.whole > MAX_DIGITS || digits.scale > MAX_DIGITS)
    throw new ExpressionError(at, messages.digits(MAX_DIGITS));
}

/** The digits that a field of this type may have. */
export function fieldDigits(type: ExprType): Digits | undefined {
  if (type.kind === "int") return integerDigits;
  return type.kind === "decimal" ? { whole: FIELD_DIGITS, scale: FIELD_DIGITS } : undefined;
}
