import { type Faults, coerce, common, fail } from "./coerce.ts";
import { type CheckedExpression, describe } from "./describe.ts";
import { ExpressionError, FormulaError } from "./errors.ts";
import { type CheckBody, formulaNode, withFormula } from "./formulas.ts";
import { functionNames, operation, overloads } from "./functions/index.ts";
import { MAX_FORMULA_PARTS, MAX_TESTS } from "./limits.ts";
import { messages } from "./messages.ts";
import { type Names, nearest, resolveField } from "./names.ts";
import type { CallNode, FieldNode, LiteralNode, TypedNode } from "./node.ts";
import { Decimal, digitsOf } from "./number.ts";
import { parse } from "./parse.ts";
import { countRelated, isTest, testRelated } from "./related.ts";
import { call, checkDigits, resolve } from "./resolve.ts";
import type { Syntax } from "./syntax.ts";
import { isStorable } from "./text.ts";
import { type ExprObject, type ExprScope, isPlain, type Kind, typeName } from "./types.ts";

/**
 * Reads and type-checks an expression; its result has the `expected` kind, where one is given.
 * Throws ExpressionError with the place and what is wrong there.
 */
export function checkExpression(source: string, scope: ExprScope, expected?: Kind): CheckedExpression {
  const names = top(scope);
  const node = check(parse(source), names);
  const root = expected === undefined ? node : expect(node, expected);
  return describe(source, root, parts(names));
}

/**
 * The formula that a field is computed by, as an expression over its record. Throws ExpressionError with the place in the
 * formula, TypeError for a field that is none.
 */
export function checkFormula(
  record: ExprObject,
  field: string,
  scope: Pick<ExprScope, "object"> = {},
): CheckedExpression {
  const formula = record.formula?.(field);
  const type = record.fieldType(field);
  if (!formula || !type) throw new TypeError(`${record.name}.${field} is not a formula`);
  const names = top({ ...scope, record });
  const place: FieldNode = { node: "field", root: "record", path: [field], type, at: 0 };
  return describe(
    formula.source,
    formulaNode({ object: record, field: place }, formula, names, checkBody),
    parts(names),
  );
}

const top = (scope: ExprScope): Names => ({
  ...{ scope, variables: new Map(), place: { root: "record", path: [] }, within: [], depth: 0 },
  budget: { parts: MAX_FORMULA_PARTS, tests: MAX_TESTS },
});

const parts = ({ budget }: Names): number => MAX_FORMULA_PARTS - budget.parts;

const checkBody: CheckBody = (source, kind, names) => expect(check(parse(source), names), kind);

function expect(node: TypedNode, kind: Kind): TypedNode {
  if (node.type.kind === kind) return node;
  const faults: Faults = [];
  const found = isPlain(kind) ? coerce(node, { kind }, faults) : undefined;
  return found ?? fail(faults, new ExpressionError(node.at, messages.expected(kind, typeName(node.type))));
}

function check(syntax: Syntax, names: Names): TypedNode {
  if (names.within.length > 0 && names.budget.parts-- <= 0) {
    throw new FormulaError(syntax.at, messages.formulaParts(MAX_FORMULA_PARTS));
  }
  switch (syntax.is) {
    case "number":
      return number(syntax.digits, syntax.at);
    case "text":
      if (!isStorable(syntax.value)) throw new ExpressionError(syntax.at, messages.characters());
      return { node: "literal", type: { kind: "text" }, at: syntax.at, value: syntax.value };
    case "bool":
      return { node: "literal", type: { kind: "bool" }, at: syntax.at, value: syntax.value };
    case "null":
      return { node: "literal", type: { kind: "null" }, at: syntax.at, value: null };
    case "name":
    case "member":
      return name(syntax, names);
    case "list":
      return list(syntax, names);
    case "call":
      return syntax.receiver === undefined ? called(syntax, names) : method(syntax, syntax.receiver, names);
    case "operator":
      return operator(syntax, names);
  }
}

function number(source: string, at: number): LiteralNode {
  const value = new Decimal(source);
  const digits = digitsOf(value);
  checkDigits(digits, at);
  const isInteger = !/[.eE]/.test(source) || /^0[xX]/.test(source);
  // Beyond what an integer field can hold there are only decimals.
  const kind = isInteger && value.lte(Number.MAX_SAFE_INTEGER) ? "int" : "decimal";
  return { node: "literal", type: { kind }, at, value, digits };
}

function name(syntax: Syntax & { is: "name" | "member" }, names: Names): TypedNode {
  if (syntax.is === "name" && !names.scope.record.fieldType(syntax.name)) {
    if (syntax.name === "now" || syntax.name === "today") return resolve(syntax.name, [], syntax.at, syntax.at);
    const isFunction = functionNames.includes(syntax.name) && !names.variables.has(syntax.name);
    if (isFunction) throw new ExpressionError(syntax.at, messages.functionAsName(syntax.name));
  }
  return withFormula(resolveField(syntax, names), names, checkBody);
}

function list(syntax: Syntax & { is: "list" }, names: Names): TypedNode {
  const items = syntax.items.map((item) => check(item, names));
  const of = common(items);
  const faults: Faults = [];
  const fitted = of && of.kind !== "list" ? items.map((item) => coerce(item, of, faults)) : [undefined];
  if (of && fitted.every((item) => item !== undefined)) {
    return { node: "list", type: { kind: "list", of }, at: syntax.at, items: fitted };
  }
  const types = [...new Set(items.map((item) => typeName(item.type)))].join(", ");
  return fail(faults, new ExpressionError(syntax.at, messages.mixedList(types)));
}

const isOld = (syntax: Syntax | undefined): boolean => syntax?.is === "name" && syntax.name === "old";

function operator(syntax: Syntax & { is: "operator" }, names: Names): TypedNode {
  const { sign, signAt, at, args: operands } = syntax;
  const [first, second] = operands;
  if (sign === "-" && operands.length === 1 && first?.is === "number") {
    const literal = number(first.digits, first.at);
    return { ...literal, at, value: (literal.value as Decimal).negated() };
  }
  const isEquality = sign === "==" || sign === "!=";
  if (isEquality && (first?.is === "null" || second?.is === "null")) {
    const other = first?.is === "null" ? second! : first!;
    const test = isOld(other) ? isNew(at, names) : nullTest("is_null", check(other, names), at);
    return sign === "==" ? test : call(operation("not"), [test], test.type, at);
  }
  const node = resolve(
    sign,
    operands.map((o) => check(o, names)),
    at,
    signAt,
  );
  if (isEquality || sign === "in") refuseUnknownObject(node);
  return node;
}

/** The name of an object is compared with those it can be: any other is a slip, or what an object was called before. */
function refuseUnknownObject({ args }: CallNode): void {
  const named = args.find((arg) => arg.node === "field" && arg.part === "object");
  const targets = named?.node === "field" ? named.branches?.map(({ target }) => target) : undefined;
  if (!targets) return;
  for (const item of args.flatMap((arg) => (arg.node === "list" ? arg.items : [arg])))
    if (item.node === "literal" && typeof item.value === "string" && !targets.includes(item.value))
      throw new ExpressionError(item.at, messages.unknownMember(item.value, targets.join(", ")));
}

const nullTest = (key: string, node: TypedNode, at: number): CallNode => call(operation(key), [node], node.type, at);

function isNew(at: number, names: Names): CallNode {
  if (!names.scope.old) throw new ExpressionError(at, messages.noOld());
  const id: FieldNode = {
    node: "field",
    root: "old",
    path: ["id"],
    type: { kind: "ref", target: names.scope.record.name },
    at,
  };
  return call(operation("is_new"), [id], id.type, at);
}

type CallSyntax = Syntax & { is: "call" };

function called(syntax: CallSyntax, names: Names): TypedNode {
  const { name, at, args } = syntax;
  if (!functionNames.includes(name)) {
    throw new ExpressionError(syntax.nameAt, messages.unknownFunction(name, nearest(name, functionNames)));
  }
  const wanted = { is_new: 0, has: 1, changed: 1 }[name];
  if (wanted !== undefined && wanted !== args.length) {
    throw new ExpressionError(syntax.nameAt, messages.argumentCount(name, String(wanted), args.length));
  }
  if (name === "is_new") return isNew(at, names);
  if (name === "has" || name === "changed") return ofField(name, args[0]!, at, names);
  if (name === "size" && args.length === 1) return size(syntax, args[0]!, names);
  return resolve(
    name,
    args.map((a) => check(a, names)),
    at,
    syntax.nameAt,
  );
}

function ofField(name: "has" | "changed", syntax: Syntax, at: number, names: Names): TypedNode {
  const field = syntax.is === "name" || syntax.is === "member" ? check(syntax, names) : undefined;
  const isField = field?.node === "field" || field?.node === "formula";
  if (isField && name === "has") return nullTest("is_not_null", field, at);
  const own = syntax.is === "name" && names.scope.record.fieldType(syntax.name) ? syntax : undefined;
  const part = oldPart(field);
  if (!isField || !(own ?? part)) throw new ExpressionError(syntax.at, messages.fieldOnly(name));
  if (!names.scope.old) throw new ExpressionError(at, messages.noOld());
  const before = own ? check({ ...own, is: "member", of: { ...own, name: "old" }, nameAt: own.at }, names) : part;
  return call(operation("changed"), [field, before as TypedNode], field.type, at);
}

/** What a part, or a branch, of one of the record's own fields was before the change; undefined for other nodes. */
const oldPart = (node: TypedNode | undefined): FieldNode | undefined =>
  node?.node === "field" &&
  node.root === "record" &&
  node.path.length === 1 &&
  (node.part ?? node.branch ?? node.branches) !== undefined
    ? { ...node, root: "old" }
    : undefined;

/** Changes of lists that CEL knows and this language does not. */
const unknownMacros = new Set(["map", "filter"]);
const checkTest = (test: Syntax, names: Names): TypedNode => expect(check(test, names), "bool");

function method(syntax: CallSyntax, receiver: Syntax, names: Names): TypedNode {
  const { name, at, nameAt, args } = syntax;
  if (isTest(name)) return testRelated({ ...syntax, name }, receiver, names, checkTest);
  if (unknownMacros.has(name)) throw new ExpressionError(nameAt, messages.unsupported(`${name}(…)`));
  if (!functionNames.includes(name)) {
    throw new ExpressionError(nameAt, messages.unknownFunction(name, nearest(name, functionNames)));
  }
  if (!overloads(name).some((o) => o.method)) throw new ExpressionError(nameAt, messages.notMethod(name));
  if (name === "size" && args.length === 0) return size(syntax, receiver, names);
  return resolve(
    name,
    [receiver, ...args].map((a) => check(a, names)),
    at,
    nameAt,
  );
}

/** Characters of a text, entries of a list, or records under a relation, unless a text or a list has its name. */
const size = (syntax: CallSyntax, counted: Syntax, names: Names): TypedNode =>
  countRelated(counted, names) ?? resolve("size", [check(counted, names)], syntax.at, syntax.nameAt);
