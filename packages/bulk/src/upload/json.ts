import { isObject, type Issue, keepsItsDigits, text } from "@guanxi/base";
import { pointer } from "@guanxi/meta";

/** Levels of objects and arrays in a row, as in the body of any request; what walks a value recursively relies on it. */
const nesting = 100;

/** A number with more digits than a double keeps, in the text that JSON wrote. */
const manyDigits = /\d[\d.]{15,}|\d[eE]/;

const shape: Issue = { path: "", code: "type", params: { type: "object" } };

/** A line of NDJSON as an object. A number that cannot be kept as it was written is an issue, never rounded. */
export function parseRow(
  line: string,
): { readonly value: Record<string, unknown> } | { readonly issues: readonly Issue[] } {
  if (depthOf(line) > nesting) return { issues: [{ path: "", code: "depth", params: { limit: nesting } }] };
  const issues: Issue[] = [];
  let value: unknown;
  try {
    value = manyDigits.test(line) ? JSON.parse(line, exactNumbers(issues)) : JSON.parse(line);
  } catch {
    return { issues: [{ path: "", code: "syntax", text: notJson }] };
  }
  if (!isObject(value)) return { issues: [shape] };
  return issues.length > 0 ? { issues } : { value: value as Record<string, unknown> };
}

const notJson = text("is not valid JSON", "不是有效的 JSON", "不是有效的 JSON");

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

function exactNumbers(issues: Issue[]): Reviver {
  return (key, value, context) => {
    if (typeof value === "number" && !keepsItsDigits(context?.source ?? ""))
      issues.push({ path: pointer(key), code: "precision", params: { precision: 15, scale: 15 } });
    return value;
  };
}

/** Levels of objects and arrays; brackets in strings do not count. */
function depthOf(line: string): number {
  let [depth, deepest, inText] = [0, 0, false];
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (inText) {
      if (c === "\\") i++;
      else if (c === '"') inText = false;
    } else if (c === '"') inText = true;
    else if (c === "{" || c === "[") deepest = Math.max(deepest, ++depth);
    else if (c === "}" || c === "]") depth--;
  }
  return deepest;
}
