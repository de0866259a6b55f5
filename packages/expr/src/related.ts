import { ExpressionError, FormulaError } from "./errors.ts";
import { MAX_TEST_DEPTH, MAX_TESTS } from "./limits.ts";
import { messages } from "./messages.ts";
import { type FoundRelation, type Names, resolveRelation } from "./names.ts";
import type { Ask, RelatedNode, TypedNode } from "./node.ts";
import { integerDigits } from "./number.ts";
import type { Syntax } from "./syntax.ts";

type Test = Exclude<Ask, "size">;
const tests: ReadonlySet<string> = new Set(["exists", "all", "exists_one"] satisfies Test[]);

export const isTest = (name: string): name is Test => tests.has(name);

/** How many records are under the relation of this name; undefined where it is none, or a text or a list has the name. */
export function countRelated(counted: Syntax, names: Names): RelatedNode | undefined {
  const found = resolveRelation(counted, names);
  const kind = found?.field?.kind;
  if (!found || kind === "list" || kind === "text") return undefined;
  return { ...related("size", found, lastName(counted), names), type: { kind: "int" }, digits: integerDigits };
}

/** `opportunities.exists(o, o.amount > 1000)`: whether the test holds of any of the records under a relation; so `all` and `exists_one`. */
export function testRelated(
  { name, nameAt, args }: Syntax & { is: "call"; name: Test },
  receiver: Syntax,
  names: Names,
  /** Reads a test as a condition. */
  check: (test: Syntax, names: Names) => TypedNode,
): RelatedNode {
  const [variable, test] = args;
  if (args.length !== 2) throw new ExpressionError(nameAt, messages.argumentCount(name, "2", args.length));
  if (!names.scope.related) throw new ExpressionError(nameAt, messages.noRelated());
  const found = resolveRelation(receiver, names) ?? noRelation(name, receiver);
  if (variable?.is !== "name" || !test) throw new ExpressionError(nameAt, messages.syntax());
  refuseTaken(variable, names);
  const node = related(name, found, lastName(receiver), names);
  const record = { object: found.object, place: { root: { test: node.number }, path: [] } };
  const variables = new Map([...names.variables, [variable.name, record]]);
  return { ...node, test: check(test, { ...names, variables, depth: names.depth + 1 }) };
}

function related(ask: Ask, found: FoundRelation, at: number, { depth, budget, within }: Names): RelatedNode {
  const Refusal = within.length > 0 ? FormulaError : ExpressionError;
  if (depth >= MAX_TEST_DEPTH) throw new Refusal(at, messages.testDepth(MAX_TEST_DEPTH));
  if (budget.tests <= 0) throw new Refusal(at, messages.tests(MAX_TESTS));
  const { relation, of, object } = found;
  const named = within.length === 0 && found.field?.kind !== "list";
  const about = { relation, of, object: object.name, named };
  return { node: "related", ask, number: MAX_TESTS - budget.tests--, ...about, type: { kind: "bool" }, at };
}

const lastName = (syntax: Syntax): number => (syntax.is === "member" ? syntax.nameAt : syntax.at);

function noRelation(ask: Ask, receiver: Syntax): never {
  const isName = receiver.is === "name" || receiver.is === "member";
  const place = lastName(receiver);
  throw new ExpressionError(place, isName ? messages.unknownRelation(receiver.name) : messages.relationOnly(ask));
}

function refuseTaken({ name, at }: Syntax & { is: "name" }, { scope, variables }: Names): void {
  const isTaken = scope.record.fieldType(name) !== undefined || variables.has(name);
  if (isTaken || ["old", "user", "now", "today"].includes(name))
    throw new ExpressionError(at, messages.variableTaken(name));
}
