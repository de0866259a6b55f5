/** What `scanJson` meets on its way; paths are JSON pointers. */
export interface JsonVisitor {
  number?(source: string, path: string): void;
  key?(name: string, path: string): void;
}

interface Level {
  readonly array: boolean;
  part: string | number;
}

type Expected = "value" | "value or end" | "key" | "key or end" | "next";

const numberToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const hex4 = /[0-9a-fA-F]{4}/y;
const literals = ["true", "false", "null"] as const;

/**
 * Walks JSON text token by token → the index of the first character that is not JSON, or -1 when all of it is.
 * `JSON.parse` names neither the place of most faults nor the digits of a number as they were written; this does, and is
 * only called when one of the two is wanted.
 */
export function scanJson(text: string, visitor: JsonVisitor = {}): number {
  const levels: Level[] = [];
  let expected: Expected = "value";
  let at = afterSpace(text, 0);
  for (;;) {
    const level = levels.at(-1);
    if (expected === "next") {
      if (!level) return at === text.length ? -1 : at;
      if (text[at] === ",") {
        if (level.array) level.part = Number(level.part) + 1;
        expected = level.array ? "value" : "key";
      } else if (text[at] === (level.array ? "]" : "}")) levels.pop();
      else return at;
      at = afterSpace(text, at + 1);
      continue;
    }
    if ((expected === "value or end" && text[at] === "]") || (expected === "key or end" && text[at] === "}")) {
      levels.pop();
      expected = "next";
      at = afterSpace(text, at + 1);
      continue;
    }
    if (level && expected.startsWith("key")) {
      const colon = scanKey(text, at, level, levels, visitor);
      if (colon.fault) return colon.at;
      at = afterSpace(text, colon.at + 1);
      expected = "value";
      continue;
    }
    if (text[at] === "{" || text[at] === "[") {
      const array = text[at] === "[";
      levels.push({ array, part: array ? 0 : "" });
      expected = array ? "value or end" : "key or end";
      at = afterSpace(text, at + 1);
      continue;
    }
    const end = scanScalar(text, at, levels, visitor);
    if (end.fault) return end.at;
    at = afterSpace(text, end.at);
    expected = "next";
  }
}

/** Where a token ended, or where it went wrong. */
interface Stop {
  readonly at: number;
  readonly fault: boolean;
}

const ended = (at: number): Stop => ({ at, fault: false });
const fault = (at: number): Stop => ({ at, fault: true });

function scanKey(text: string, at: number, level: Level, levels: readonly Level[], visitor: JsonVisitor): Stop {
  if (text[at] !== '"') return fault(at);
  const end = stringEnd(text, at);
  if (end.fault) return end;
  const colon = afterSpace(text, end.at);
  if (text[colon] !== ":") return fault(colon);
  level.part = JSON.parse(text.slice(at, end.at)) as string;
  visitor.key?.(level.part, pointer(levels));
  return ended(colon);
}

function scanScalar(text: string, at: number, levels: readonly Level[], visitor: JsonVisitor): Stop {
  if (text[at] === '"') return stringEnd(text, at);
  const literal = literals.find((l) => text.startsWith(l, at));
  if (literal) return ended(at + literal.length);
  numberToken.lastIndex = at;
  const number = numberToken.exec(text);
  if (!number) return fault(at);
  visitor.number?.(number[0], pointer(levels));
  return ended(at + number[0].length);
}

function stringEnd(text: string, start: number): Stop {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return ended(i + 1);
    if (code < 0x20) return fault(i);
    if (code !== 0x5c) continue;
    i++;
    hex4.lastIndex = i + 1;
    if (text[i] === "u" ? !hex4.test(text) : !'"\\/bfnrt'.includes(text[i] ?? "x"))
      return fault(Math.min(i, text.length));
  }
  return fault(text.length);
}

function afterSpace(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

const pointer = (levels: readonly Level[]): string =>
  levels.map((l) => `/${String(l.part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** How many objects and arrays deep the text goes; exact for JSON, and never less than what a parser would build of it. */
export function nestingOf(text: string): number {
  let deepest = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) i = closingQuote(text, i);
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth--;
  }
  return deepest;
}

function closingQuote(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i;
    if (code === 0x5c) i++;
  }
  return text.length;
}
