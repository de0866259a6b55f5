import { ExpressionError } from "../errors.ts";
import { messages } from "../messages.ts";
import type { CallNode, TypedNode } from "../node.ts";
import { Decimal } from "../number.ts";
import type { Operation, SqlArg, SqlRun } from "../operation.ts";
import { type Pattern, compilePattern, parsePattern, toPostgres } from "../pattern.ts";
import { likeLiteral } from "../sql-text.ts";
import { characters, lower, trimmed, upper } from "../text.ts";

const literalOf = (node: TypedNode | undefined): string | undefined =>
  node?.node === "literal" && typeof node.value === "string" ? node.value : undefined;

/** A test for a part of a text: LIKE for a literal, because an index can serve it, and a function for anything else. */
function part(
  name: string,
  test: (text: string, part: string) => boolean,
  like: (pattern: string) => string,
  sql: (text: string, part: string) => string,
): Operation {
  return {
    name,
    key: name,
    params: ["text", "text"],
    returns: "bool",
    method: true,
    evaluate: ([text, wanted]) => test(text as string, wanted as string),
    sql: ([text, wanted], run) => {
      const literal = literalOf(wanted?.node);
      if (literal === undefined) return sql(text!.sql(), wanted!.sql());
      return `(${text!.sql()} LIKE ${run.parameter(like(likeLiteral(literal)), "text")})`;
    },
  };
}

function mapping(name: string, map: (text: string) => string, sql: (text: string) => string): Operation {
  return {
    name,
    key: name,
    params: ["text"],
    returns: "text",
    method: true,
    evaluate: ([text]) => map(text as string),
    sql: ([text]) => sql(text!.sql()),
  };
}

const compiled = new WeakMap<CallNode, (text: string) => boolean>();

function patternOf(node: TypedNode | undefined): Pattern {
  const source = literalOf(node);
  if (source === undefined) throw new ExpressionError(node?.at ?? 0, messages.literalOnly("matches"));
  return parsePattern(source, node?.at ?? 0);
}

function matcher(node: CallNode): (text: string) => boolean {
  let test = compiled.get(node);
  if (!test) {
    test = compilePattern(patternOf(node.args[1]));
    compiled.set(node, test);
  }
  return test;
}

const escaped = trimmed.map((code) => `\\u${code.toString(16).padStart(4, "0")}`).join("");

export const texts: readonly Operation[] = [
  {
    name: "size",
    key: "size_text",
    params: ["text"],
    returns: "int",
    digits: () => ({ whole: 10, scale: 0 }),
    method: true,
    evaluate: ([text]) => new Decimal(characters(text as string)),
    sql: ([text]) => `char_length(${text!.sql()})`,
  },
  part(
    "contains",
    (text, wanted) => text.includes(wanted),
    (pattern) => `%${pattern}%`,
    (text, wanted) => `(strpos(${text}, ${wanted}) > 0)`,
  ),
  part(
    "startsWith",
    (text, wanted) => text.startsWith(wanted),
    (pattern) => `${pattern}%`,
    (text, wanted) => `starts_with(${text}, ${wanted})`,
  ),
  part(
    "endsWith",
    (text, wanted) => text.endsWith(wanted),
    (pattern) => `%${pattern}`,
    (text, wanted) => `starts_with(reverse(${text}), reverse(${wanted}))`,
  ),
  {
    name: "matches",
    key: "matches",
    params: ["text", "text"],
    returns: "bool",
    method: true,
    check: ([, pattern]) => void patternOf(pattern),
    evaluate: ([text], _run, node) => matcher(node)(text as string),
    sql: ([text, pattern]: readonly SqlArg[], run: SqlRun) =>
      `(${text!.sql()} ~ ${run.parameter(toPostgres(patternOf(pattern?.node)), "text")})`,
  },
  mapping("lower", lower, (text) => `lower(${text})`),
  mapping("upper", upper, (text) => `upper(${text})`),
  mapping(
    "trim",
    (text) => text.trim(),
    (text) => `btrim(${text}, E'${escaped}')`,
  ),
];
