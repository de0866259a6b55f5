import { GuanxiError, type Issue, keepsItsDigits, text as words } from "@guanxi/base";
import { nestingOf, scanJson } from "./scan.ts";

/**
 * JSON text → its value. Throws MALFORMED with the place for what is not JSON or is nested deeper than `nestingLimit`, and
 * VALIDATION for what JavaScript cannot hold unchanged: numbers whose digits a double would alter, and the member
 * `__proto__`, which copying code could take for an object's prototype.
 */
export function parseJson(text: string, nestingLimit: number): unknown {
  const value = parse(text);
  if (nestingOf(text) > nestingLimit) throw tooDeep(nestingLimit);
  if (needsInspection.test(text)) inspect(text);
  return value;
}

/**
 * Only texts with such a piece can hold something that `inspect` refuses: many digits, a long exponent, the name itself
 * or an escaped letter of it. Most have none and are not walked again.
 */
const needsInspection = /[\d.]{16}|\d[eE][+-]?\d\d|__proto__|\\u00(?:5[fF]|6[fF]|7[024])/;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (e) {
    if (!(e instanceof SyntaxError)) throw e;
    throw notJson(text, scanJson(text));
  }
}

function notJson(text: string, position: number): GuanxiError {
  const lines = text.slice(0, position).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  const end = position >= text.length;
  return new GuanxiError("MALFORMED", {
    detail: end ? "the JSON text ends too early" : `not JSON from line ${lines.length}, column ${column}`,
    issues: [{ path: "", code: "syntax", position, line: lines.length, column }],
  });
}

const tooDeep = (limit: number): GuanxiError =>
  new GuanxiError("MALFORMED", { detail: `objects and arrays may be nested ${limit} levels deep at most` });

const lossy = words(
  "has more digits than a JSON number keeps; fields that hold more take a string",
  "位数超出 JSON 数字所能保留的范围；可容纳更多位数的字段接受字符串",
  "位數超出 JSON 數字所能保留的範圍；可容納更多位數的欄位接受字串",
);

function inspect(text: string): void {
  const issues: Issue[] = [];
  scanJson(text, {
    number(source, path) {
      if (!keepsItsDigits(source)) issues.push({ path, code: "precision", text: lossy });
    },
    key(name, path) {
      if (name === "__proto__") issues.push({ path, code: "unknown", params: { field: name } });
    },
  });
  if (issues.length > 0) throw new GuanxiError("VALIDATION", { issues });
}
