import { checkKeyword, notAKeyword } from "../check-keyword.ts";
import { fieldKeywords } from "../keywords.ts";
import type { Report } from "../report.ts";
import type { FieldDefinition } from "../types.ts";
import { type FieldType, pick, text } from "./contract.ts";
import { activeValues, checkValues, picklistValues } from "../picklist-values.ts";

const itemsOf = (definition: FieldDefinition): FieldDefinition => (definition["items"] ?? {}) as FieldDefinition;

/** Besides the values themselves, only words about them. */
const itemKeywords = new Set(["title", "titles", "description"]);

/** A set of values: none twice, kept in the defined order, so that equal sets are equal. */
export const multiPicklist: FieldType = {
  name: "multi_picklist",
  jsonTypes: ["array"],
  keywords: ["items", "minItems", "maxItems", "uniqueItems", "dependsOn"],
  needs: ["items"],
  defaults: true,
  indexable: false,
  namesRecords: false,
  check(definition, path, report) {
    if (!checkItems(itemsOf(definition), `${path}/items`, report)) return;
    checkValues(itemsOf(definition), `${path}/items`, report);
    if (definition["uniqueItems"] === false) {
      report.say(
        `${path}/uniqueItems`,
        "a multi_picklist never repeats a value",
        "multi_picklist 不会重复值",
        "multi_picklist 不會重複值",
      );
    }
  },
  shape(definition) {
    const values = picklistValues(itemsOf(definition));
    const order = new Map(values.map((v, i) => [v.value, i]));
    const rank = (value: unknown): number => order.get(value as string) ?? values.length;
    return {
      sqlType: "text[]",
      exprType: { kind: "list", of: text },
      schema: {
        type: "array",
        ...pick(definition, ["minItems", "maxItems"]),
        uniqueItems: true,
        items: { type: "string", enum: activeValues(values) },
      },
      values,
      // A value that is not in the list keeps the order as written, so that the schema's path fits what was sent.
      normalise: (value) =>
        Array.isArray(value) && value.every((v) => order.has(v)) ? value.toSorted((a, b) => rank(a) - rank(b)) : value,
    };
  },
};

/** Entries are texts out of a list; other keywords would say something about them that nothing holds them to. */
function checkItems(items: FieldDefinition, path: string, report: Report): boolean {
  const before = report.issues.length;
  for (const [keyword, value] of Object.entries(items)) {
    const known = keyword === "enum" || keyword === "values" ? fieldKeywords[keyword] : undefined;
    if (known !== undefined) checkKeyword(known, value, `${path}/${keyword}`, report);
    else if (!(keyword === "type" && value === "string") && !itemKeywords.has(keyword))
      notAKeyword(keyword, `${path}/${keyword}`, report);
  }
  return report.issues.length === before;
}
