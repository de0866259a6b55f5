import { RE2JS } from "re2js";
import { ExpressionError } from "./errors.ts";
import { MAX_PATTERN_LENGTH, MAX_PATTERN_SIZE } from "./limits.ts";
import { messages } from "./messages.ts";
import { type Pattern, type Ranges, readPattern } from "./pattern-reader.ts";

export type { Pattern } from "./pattern-reader.ts";

/**
 * Reads the part of RE2's syntax that means the same to PostgreSQL: characters, classes, groups, alternatives, repetitions,
 * `^` and `$`. Throws ExpressionError at `at` for anything else.
 */
export function parsePattern(source: string, at: number): Pattern {
  if (source.length > MAX_PATTERN_LENGTH) throw new ExpressionError(at, messages.patternSize());
  checkSyntax(source, at);
  const pattern = readPattern(source, at);
  if (sizeOf(pattern) > MAX_PATTERN_SIZE) throw new ExpressionError(at, messages.patternSize());
  return pattern;
}

function checkSyntax(source: string, at: number): void {
  try {
    RE2JS.compile(source);
  } catch (error) {
    throw new ExpressionError(at, messages.pattern(error instanceof Error ? error.message : source));
  }
}

function sizeOf(pattern: Pattern): number {
  switch (pattern.is) {
    case "repeat":
      return Math.max(pattern.max ?? pattern.min + 1, 1) * (sizeOf(pattern.of) + 1);
    case "sequence":
    case "choice":
      return pattern.items.reduce((sum, item) => sum + sizeOf(item), 1);
    default:
      return 1;
  }
}

/** A test whether any part of a text matches. */
export function compilePattern(pattern: Pattern): (text: string) => boolean {
  const compiled = RE2JS.compile(print(pattern, re2));
  return (text) => compiled.matcher(text).find();
}

/** The pattern as an advanced regular expression of PostgreSQL, for `~`. */
export const toPostgres = (pattern: Pattern): string => print(pattern, postgres);

interface Dialect {
  readonly start: string;
  readonly end: string;
  readonly character: (code: number) => string;
}

const hex = (code: number, length = 1): string => code.toString(16).padStart(length, "0");
const plain = /[A-Za-z0-9]/;

const re2: Dialect = { start: "\\A", end: "\\z", character: (code) => `\\x{${hex(code)}}` };
const postgres: Dialect = {
  start: "\\A",
  end: "\\Z",
  character: (code) => {
    const letter = String.fromCodePoint(code);
    if (plain.test(letter)) return letter;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  },
};

/** Every class is written out as ranges, so that neither side uses a table of its own. */
function print(pattern: Pattern, to: Dialect): string {
  switch (pattern.is) {
    case "start":
      return to.start;
    case "end":
      return to.end;
    case "class":
      return printClass(pattern.ranges, pattern.negated, to);
    case "sequence":
      return `(?:${pattern.items.map((item) => print(item, to)).join("")})`;
    case "choice":
      return `(?:${pattern.items.map((item) => print(item, to)).join("|")})`;
    case "repeat": {
      const { min, max } = pattern;
      return `(?:${print(pattern.of, to)}){${min},${max ?? ""}}`;
    }
  }
}

function printClass(ranges: Ranges, negated: boolean, to: Dialect): string {
  const [only] = ranges;
  if (!negated && ranges.length === 1 && only && only[0] === only[1]) return to.character(only[0]);
  const parts = ranges.map(([from, until]) =>
    from === until ? to.character(from) : `${to.character(from)}-${to.character(until)}`,
  );
  return `[${negated ? "^" : ""}${parts.join("")}]`;
}
