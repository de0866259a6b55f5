import { RE2JS } from "re2js";

/**
 * JSON Schema's `pattern` is a regular expression of ECMA-262 in Unicode mode. A backtracking engine would let one
 * tenant's pattern stop the whole process, so patterns run on RE2, in linear time. What RE2 writes differently is
 * translated here; look-around and back-references, which no linear engine has, are refused.
 */
export class PatternError extends Error {}

/** ECMA-262 WhiteSpace and LineTerminator; RE2's own `\s` knows ASCII only. */
const space =
  "\\t\\n\\x0b\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}";
const notSpace =
  "\\x00-\\x08\\x0e-\\x1f!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" +
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}";
const notLineEnd = "[^\\n\\r\\x{2028}\\x{2029}]";

const controls: Record<string, string> = { t: "\\t", n: "\\n", v: "\\x0b", f: "\\f", r: "\\r", 0: "\\x00" };

/** RE2 knows general categories by their short names, and scripts by their plain names. */
const categories: Record<string, string> = {
  Letter: "L",
  Lowercase_Letter: "Ll",
  Uppercase_Letter: "Lu",
  Titlecase_Letter: "Lt",
  Modifier_Letter: "Lm",
  Other_Letter: "Lo",
  Mark: "M",
  Combining_Mark: "M",
  Nonspacing_Mark: "Mn",
  Spacing_Mark: "Mc",
  Enclosing_Mark: "Me",
  Number: "N",
  Decimal_Number: "Nd",
  digit: "Nd",
  Letter_Number: "Nl",
  Other_Number: "No",
  Punctuation: "P",
  punct: "P",
  Connector_Punctuation: "Pc",
  Dash_Punctuation: "Pd",
  Open_Punctuation: "Ps",
  Close_Punctuation: "Pe",
  Initial_Punctuation: "Pi",
  Final_Punctuation: "Pf",
  Other_Punctuation: "Po",
  Symbol: "S",
  Math_Symbol: "Sm",
  Currency_Symbol: "Sc",
  Modifier_Symbol: "Sk",
  Other_Symbol: "So",
  Separator: "Z",
  Space_Separator: "Zs",
  Line_Separator: "Zl",
  Paragraph_Separator: "Zp",
};

const codePoint = (hex: string): string => `\\x{${Number.parseInt(hex, 16).toString(16)}}`;

function property(negated: boolean, name: string): string {
  const [key, value] = name.includes("=") ? name.split("=") : ["General_Category", name];
  if (key === "Script_Extensions" || key === "scx") throw new PatternError(`\\p{${name}}`);
  const short = categories[value ?? ""] ?? value ?? "";
  return `\\${negated ? "P" : "p"}{${short}}`;
}

const escapes: readonly [RegExp, (match: RegExpExecArray, inClass: boolean) => string][] = [
  [/\\u\{([0-9a-fA-F]+)\}/y, (m) => codePoint(m[1] ?? "")],
  [/\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})/iy, (m) => surrogatePair(m[1] ?? "", m[2] ?? "")],
  [/\\u([0-9a-fA-F]{4})/y, (m) => codePoint(m[1] ?? "")],
  [/\\x([0-9a-fA-F]{2})/y, (m) => codePoint(m[1] ?? "")],
  [/\\c([a-zA-Z])/y, (m) => codePoint(((m[1] ?? "").charCodeAt(0) % 32).toString(16))],
  [/\\(p|P)\{([^}]+)\}/y, (m) => property(m[1] === "P", m[2] ?? "")],
  [/\\s/y, (_m, inClass) => (inClass ? space : `[${space}]`)],
  [/\\S/y, (_m, inClass) => (inClass ? notSpace : `[${notSpace}]`)],
  [/\\([dDwW])/y, (m) => `\\${m[1]}`],
  [/\\([tnvfr0])/y, (m) => controls[m[1] ?? ""] ?? ""],
  [/\\b/y, (_m, inClass) => (inClass ? "\\x08" : "\\b")],
  [/\\B/y, () => "\\B"],
  [/\\(?:[1-9]|k)/y, (m) => refuse(m[0])],
  [/\\([^a-zA-Z0-9])/y, (m) => `\\${m[1]}`],
];

const surrogatePair = (high: string, low: string): string =>
  codePoint(
    String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16)).codePointAt(0)?.toString(16) ?? "",
  );

function refuse(what: string): never {
  throw new PatternError(what);
}

function translateEscape(source: string, at: number, inClass: boolean): { text: string; length: number } {
  for (const [pattern, translate] of escapes) {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match !== null) return { text: translate(match, inClass), length: match[0].length };
  }
  return refuse(source.slice(at, at + 2));
}

/** The same language in RE2's syntax; throws PatternError naming the part that has none. */
export function toRe2(source: string): string {
  let out = "";
  let inClass = false;
  for (let i = 0; i < source.length;) {
    const rest = source.slice(i, i + 4);
    if (rest.startsWith("\\")) {
      const { text, length } = translateEscape(source, i, inClass);
      out += text;
      i += length;
      continue;
    }
    const empty = !inClass && /^\[\^?\]/.exec(rest);
    if (empty) {
      // RE2 has no empty class: `[]` matches nothing, `[^]` anything.
      out += empty[0] === "[]" ? "[^\\x00-\\x{10ffff}]" : "[\\x00-\\x{10ffff}]";
      i += empty[0].length;
      continue;
    }
    if (!inClass && rest.startsWith("(?") && !/^\(\?(?::|<(?![=!]))/.test(rest)) refuse(rest.slice(0, 3));
    const [char = ""] = source.slice(i, i + 2);
    if (char === "[" && !inClass) inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "[") out += "\\";
    out += char === "." && !inClass ? notLineEnd : char;
    i += char.length;
  }
  return out;
}

/** A compiled pattern with the one method that validators call. */
export class LinearRegExp {
  readonly #source: string;
  readonly #compiled: RE2JS;

  /** Throws PatternError when it is not a regular expression, or one that cannot run in linear time. */
  constructor(source: string) {
    this.#source = source;
    try {
      new RegExp(source, "u");
      this.#compiled = RE2JS.compile(toRe2(source));
    } catch (e) {
      throw e instanceof PatternError ? e : new PatternError(e instanceof Error ? e.message : String(e));
    }
  }

  test(value: string): boolean {
    return this.#compiled.matcher(value).find();
  }

  /** Validators tell patterns apart by this text. */
  toString(): string {
    return this.#source;
  }
}
