import type { Text } from "@guanxi/base";
import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import { ExpressionError } from "./errors.ts";
import { MAX_DEPTH, MAX_LENGTH } from "./limits.ts";
import { messages } from "./messages.ts";
import type { Syntax } from "./syntax.ts";

const environment = new Environment({ limits: { maxDepth: MAX_DEPTH, maxAstNodes: MAX_LENGTH } });

/** Reads CEL. Throws ExpressionError with the place of the first fault. */
export function parse(source: string): Syntax {
  if (source.length > MAX_LENGTH) throw new ExpressionError(MAX_LENGTH, messages.tooLong(MAX_LENGTH));
  return convert(read(source), source, MAX_DEPTH);
}

function read(source: string): ASTNode {
  try {
    return environment.parse(source).ast;
  } catch (error) {
    if (error instanceof ParseError) throw new ExpressionError(error.range?.start ?? 0, reason(error, source));
    // The parser counts brackets only; a long run of `!` or `-` ends its stack.
    if (error instanceof RangeError) throw new ExpressionError(0, messages.tooDeep(MAX_DEPTH));
    throw error;
  }
}

const reasons: Record<string, () => Text> = {
  unterminated_string: messages.unclosedText,
  unterminated_triple_quoted_string: messages.unclosedText,
  newline_in_string: messages.lineInText,
  bytes_unicode_escape: messages.escape,
  invalid_unicode_escape: messages.escape,
  invalid_unicode_surrogate: messages.escape,
  invalid_hex_escape: messages.escape,
  invalid_octal_escape: messages.escape,
  octal_escape_out_of_range: messages.escape,
  invalid_escape_sequence: messages.escape,
  invalid_number: messages.number,
  invalid_integer: messages.number,
  invalid_hex_integer: messages.number,
  invalid_exponent: messages.number,
};

function reason(error: ParseError, source: string): Text {
  const known = reasons[error.code];
  if (known) return known();
  const { start, end } = error.range ?? { start: 0, end: 0 };
  const found = source.slice(start, Math.max(end, start + String.fromCodePoint(source.codePointAt(start) ?? 0).length));
  if (error.code === "reserved_identifier") return messages.reserved(found);
  if (error.code === "limit_exceeded") {
    return error.summary.includes("maxDepth") ? messages.tooDeep(MAX_DEPTH) : messages.tooMany();
  }
  if (!["unexpected_character", "unexpected_token", "expected_token"].includes(error.code)) return messages.syntax();
  return start >= source.length ? messages.ended() : messages.unexpected(found);
}

function convert(ast: ASTNode, source: string, depth: number): Syntax {
  if (depth === 0) throw new ExpressionError(ast.start, messages.tooDeep(MAX_DEPTH));
  const inner = (a: ASTNode): Syntax => convert(a, source, depth - 1);
  const place = { at: ast.start, end: ast.end };
  switch (ast.op) {
    case "value":
      return literal(ast, source);
    case "id":
      return { ...place, is: "name", name: ast.args };
    case ".":
      return { ...place, is: "member", of: inner(ast.args[0]), name: ast.args[1], nameAt: ast.pos };
    case "list":
      return { ...place, is: "list", items: ast.args.map(inner) };
    case "call":
      return {
        ...place,
        is: "call",
        name: ast.args[0],
        nameAt: ast.start,
        receiver: undefined,
        args: ast.args[1].map(inner),
      };
    case "rcall": {
      const [name, receiver, args] = ast.args;
      const nameAt = find(source, name, receiver.end);
      return { ...place, is: "call", name, nameAt, receiver: inner(receiver), args: args.map(inner) };
    }
    case "!_":
      return { ...place, is: "operator", sign: "!", signAt: ast.start, args: [inner(ast.args)] };
    case "-_":
      return { ...place, is: "operator", sign: "-", signAt: ast.start, args: [inner(ast.args)] };
    case "?:": {
      const [condition, yes, no] = ast.args;
      const signAt = find(source, "?", condition.end);
      return { ...place, is: "operator", sign: "?:", signAt, args: [inner(condition), inner(yes), inner(no)] };
    }
    case "&&":
    case "||": {
      const operands = chain(ast, ast.op);
      const signAt = find(source, ast.op, operands[0]?.end ?? 0);
      return { ...place, is: "operator", sign: ast.op, signAt, args: operands.map(inner) };
    }
    case "map":
      throw new ExpressionError(ast.start, messages.unsupported("{…}"));
    case "[]":
    case "[?]":
    case ".?":
      throw new ExpressionError(ast.start, messages.unsupported("x[…]"));
    default: {
      const [left, right] = ast.args;
      return {
        ...place,
        is: "operator",
        sign: ast.op,
        signAt: find(source, ast.op, left.end),
        args: [inner(left), inner(right)],
      };
    }
  }
}

/** The operands of `a && b && c`, which the parser nests to the left however long the chain is. */
function chain(ast: ASTNode, sign: "&&" | "||"): ASTNode[] {
  const operands: ASTNode[] = [];
  let left: ASTNode = ast;
  while (left.op === sign) {
    operands.push(left.args[1]);
    left = left.args[0];
  }
  return [...operands, left].reverse();
}

const find = (source: string, what: string, from: number): number => Math.max(source.indexOf(what, from), 0);

/** Numbers are taken from the source, because the parser has made them doubles. */
function literal(ast: ASTNode & { readonly op: "value" }, source: string): Syntax {
  const place = { at: ast.start, end: ast.end };
  const { args: value } = ast;
  if (value === null) return { ...place, is: "null" };
  if (typeof value === "boolean") return { ...place, is: "bool", value };
  if (typeof value === "number" || typeof value === "bigint") {
    return { ...place, is: "number", digits: source.slice(ast.start, ast.end) };
  }
  if (typeof value === "string") {
    const inside = source.slice(ast.start, ast.end).indexOf(value);
    return { ...place, is: "text", value, inside: inside < 0 ? ast.start : ast.start + inside };
  }
  throw new ExpressionError(
    ast.start,
    value instanceof Uint8Array ? messages.unsupported("b'…'") : messages.unsigned(),
  );
}
