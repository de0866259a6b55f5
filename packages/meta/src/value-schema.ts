import { knownFormats } from "./formats.ts";
import { LinearRegExp, PatternError } from "./pattern.ts";
import { isObject } from "@guanxi/base";
import { escapeToken, type Report } from "./report.ts";
import { schemaFaults } from "./validator.ts";

/** Keywords of JSON Schema 2020-12 that a json field's own schema may use at its top, besides `type`. */
export const valueSchemaKeywords: readonly string[] = [
  ...["enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"],
  ...["maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains"],
  ...["maxProperties", "minProperties", "required", "dependentRequired", "format"],
  ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "prefixItems", "items", "contains"],
  ...["properties", "patternProperties", "additionalProperties", "propertyNames"],
  ...["contentEncoding", "contentMediaType", "contentSchema", "unevaluatedItems", "unevaluatedProperties"],
];

/** Keywords that point at other schemas: nothing resolves them here. */
export const referenceKeywords: readonly string[] = [
  ...["$ref", "$dynamicRef", "$defs", "$anchor", "$dynamicAnchor", "$vocabulary", "definitions"],
];

const annotations = ["type", "title", "description", "default", "deprecated", "examples", "$comment"];
const known = new Set([...valueSchemaKeywords, ...annotations]);
const later = new Set([...referenceKeywords, "$id", "$schema", "readOnly", "writeOnly"]);

/** Whose value is one schema, a list of schemas, or schemas by name. */
const single = new Set([
  ...["not", "if", "then", "else", "items", "contains", "additionalProperties", "propertyNames", "contentSchema"],
  ...["unevaluatedItems", "unevaluatedProperties"],
]);
const lists = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const maps = new Set(["properties", "patternProperties", "dependentSchemas"]);

/** Deep enough for any document people model; compiling recurses as deep as the schema. */
const deepest = 32;
/** Schemas inside one field; compiling takes time and memory in proportion. */
const most = 500;

/** Reports every keyword of a json field's schema that is malformed, unknown or cannot be honoured. */
export function checkValueSchema(schema: Record<string, unknown>, path: string, report: Report): void {
  let count = 0;
  const walk = (node: unknown, at: string, depth: number): void => {
    if (!isObject(node)) return;
    if (++count > most || depth > deepest) {
      report.say(
        path,
        `has more than ${most} schemas inside, or nests them deeper than ${deepest}`,
        `内部模式超过 ${most} 个或嵌套超过 ${deepest} 层`,
        `內部模式超過 ${most} 個或巢狀超過 ${deepest} 層`,
      );
      return;
    }
    for (const [keyword, value] of Object.entries(node)) {
      const place = `${at}/${escapeToken(keyword)}`;
      checkKeyword(keyword, value, place, report);
      for (const [token, child] of children(keyword, value)) walk(child, place + token, depth + 1);
    }
  };
  walk(schema, path, 0);
  if (count > most || report.issues.some((i) => i.path.startsWith(path))) return;
  for (const fault of schemaFaults(schema)) {
    report.add(path + fault.path, fault.code, fault.params);
  }
}

function children(keyword: string, value: unknown): [string, unknown][] {
  if (single.has(keyword)) return [["", value]];
  if (lists.has(keyword) && Array.isArray(value)) return value.map((v, i) => [`/${i}`, v]);
  if (maps.has(keyword) && isObject(value)) return Object.entries(value).map(([k, v]) => [`/${escapeToken(k)}`, v]);
  return [];
}

function checkKeyword(keyword: string, value: unknown, place: string, report: Report): void {
  if (later.has(keyword)) report.unsupported(place, keyword);
  else if (!known.has(keyword) && !keyword.startsWith("x-")) {
    report.say(place, `"${keyword}" is not a keyword`, `“${keyword}”不是关键字`, `「${keyword}」不是關鍵字`);
  }
  if (keyword === "pattern" && typeof value === "string") checkPattern(value, place, report);
  if (keyword === "patternProperties" && isObject(value)) {
    for (const pattern of Object.keys(value)) checkPattern(pattern, `${place}/${escapeToken(pattern)}`, report);
  }
  if (keyword === "properties" && isObject(value) && Object.hasOwn(value, "__proto__")) {
    report.say(`${place}/__proto__`, "cannot be the name of a property", "不能作为属性名", "不能作為屬性名");
  }
  if (keyword === "format" && typeof value === "string" && !knownFormats.has(value))
    report.unsupported(place, `format: ${value}`);
}

export function checkPattern(pattern: string, place: string, report: Report): void {
  try {
    new LinearRegExp(pattern);
  } catch (e) {
    if (!(e instanceof PatternError)) throw e;
    report.say(
      place,
      `cannot be used as a pattern: ${e.message}`,
      `不能用作模式：${e.message}`,
      `不能用作模式：${e.message}`,
    );
  }
}
