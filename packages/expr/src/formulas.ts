import { ExpressionError, FormulaError } from "./errors.ts";
import { operation } from "./functions/index.ts";
import { MAX_FORMULA_LEVELS } from "./limits.ts";
import { messages } from "./messages.ts";
import type { FoundField, Names } from "./names.ts";
import { childrenOf, type FieldNode, type FormulaNode, type Place, type TypedNode } from "./node.ts";
import { type Digits, integerDigits } from "./number.ts";
import { call } from "./resolve.ts";
import type { ExprObject, ExprScope, Formula, Kind } from "./types.ts";

/** Reads and checks a formula's source as a value of this kind. */
export type CheckBody = (source: string, kind: Kind, names: Names) => TypedNode;

/** The field, or what it is computed by; faults inside the formula are told at the field. */
export function withFormula({ object, field }: FoundField, names: Names, check: CheckBody): TypedNode {
  const name = field.path.at(-1) ?? "";
  const formula = object.formula?.(name);
  if (!formula) return field;
  const place: Place = { root: field.root, path: field.path.slice(0, -1) };
  try {
    return formulaNode({ object, field }, formula, { ...names, place }, check);
  } catch (e) {
    if (e instanceof FormulaError) throw new FormulaError(field.at, e.text);
    if (e instanceof ExpressionError) throw new ExpressionError(field.at, messages.inFormula(name, e.text));
    throw e;
  }
}

/** A formula of the record at `names.place`. Throws ExpressionError with the place in its source, FormulaError for what it leads to. */
export function formulaNode(
  { object, field }: FoundField,
  { source, digits }: Formula,
  { scope, place, within, depth, budget }: Names,
  check: CheckBody,
): FormulaNode {
  const entered = [...within, { object: object.name, field: field.path.at(-1) ?? "" }];
  refuseCycle(entered);
  const { object: find, related } = scope;
  const inner: ExprScope = {
    record: wholeOf(object),
    ...(find && { object: (name) => wholeOf(find(name)) }),
    ...(related && { related: (from, relation) => wholeOf(related(from, relation)) }),
  };
  const { type, at } = field;
  const around = { within: entered, depth, budget };
  const written = check(source, type.kind, { scope: inner, variables: new Map(), place, ...around });
  const body = type.kind === "decimal" ? ofOneUnit(written) : written;
  const held = heldDigits(type.kind, digits);
  const mayMiss = place.root === "old" || place.path.length > 0;
  return {
    ...{ node: "formula", body, type, at },
    ...(held && { digits: held }),
    ...(digits && { keeps: digits }),
    ...(mayMiss && { of: place }),
  };
}

const wholeOf = <O extends ExprObject | undefined>(object: O): O | ExprObject => object?.whole ?? object;

/** Null where the fields that it is computed of are in different units. */
function ofOneUnit(body: TypedNode): TypedNode {
  const all: TypedNode[] = [body];
  // What a test of related records compares is theirs, and no amount of this record.
  for (const node of all) if (node.node !== "related") all.push(...childrenOf(node));
  const units = new Map<string, FieldNode>();
  for (const node of all)
    if (node.node === "field" && node.unit)
      units.set(node.unit.join("."), {
        ...{ node: "field", root: node.root, path: node.unit, type: { kind: "text" }, at: node.at },
      });
  const [first, ...others] = units.values();
  if (!first || others.length === 0) return body;
  const { type, at } = body;
  const same = others.map((other) => call(operation("equal"), [first, other], first.type, at));
  const [only, second] = same;
  const condition = only && !second ? only : call(operation("and"), same, { kind: "bool" }, at);
  return call(operation("if"), [condition, body, { node: "literal", type, at, value: null }], type, at);
}

function heldDigits(kind: Kind, digits: Formula["digits"]): Digits | undefined {
  if (kind === "int") return integerDigits;
  return digits && { whole: digits.precision - digits.scale, scale: digits.scale };
}

function refuseCycle(entered: Names["within"]): void {
  const last = entered.at(-1);
  const first = entered.findIndex((e) => e.object === last?.object && e.field === last.field);
  if (first < entered.length - 1) {
    const cycle = entered.slice(first);
    const isOfOne = cycle.every((e) => e.object === last?.object);
    const steps = cycle.map((e) => (isOfOne ? e.field : `${e.object}.${e.field}`));
    throw new FormulaError(0, messages.formulaCycle(steps.join(" → ")));
  }
  if (entered.length > MAX_FORMULA_LEVELS) throw new FormulaError(0, messages.formulaLevels(MAX_FORMULA_LEVELS));
}
