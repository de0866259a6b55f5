import type { Report } from "./report.ts";
import { titleText } from "./titles.ts";
import type { FieldDefinition, PicklistValue } from "./types.ts";

/** A value as written under `values`: its text, titles and whether it may still be chosen, plus any further facts. */
interface ValueDefinition {
  readonly value: string;
  readonly title?: string;
  readonly titles?: Record<string, string>;
  readonly active?: boolean;
  readonly [fact: string]: unknown;
}

const writtenValues = (definition: FieldDefinition): readonly ValueDefinition[] | undefined =>
  definition["values"] as readonly ValueDefinition[] | undefined;

/** `enum` may list null where the field is not required; it says nothing about the values. */
const enumStrings = (definition: FieldDefinition): readonly string[] | undefined =>
  definition.enum?.filter((value): value is string => typeof value === "string");

/** The values in their defined order. A value without a title is its own title. */
export function picklistValues(definition: FieldDefinition): readonly PicklistValue[] {
  const written = writtenValues(definition) ?? (enumStrings(definition) ?? []).map((value) => ({ value }));
  return written.map(({ title, titles, ...facts }: ValueDefinition) => ({
    ...facts,
    title: titleText(title ?? facts.value, titles),
    active: facts.active ?? true,
  }));
}

export const activeValues = (values: readonly PicklistValue[]): readonly string[] =>
  values.filter((v) => v.active).map((v) => v.value);

/** Characters of a value: a name for programs, short enough for any index. */
const longestValue = 255;

/** Either `enum` or `values` suffices; where both stand they must list the same in the same order. */
export function checkValues(definition: FieldDefinition, path: string, report: Report): void {
  const listed = enumStrings(definition);
  const written = writtenValues(definition)?.map((v) => v.value);
  if (listed === undefined && written === undefined) {
    report.say(
      `${path}/enum`,
      "a picklist needs its values in enum or values",
      "选项列表需要在 enum 或 values 中列出值",
      "選項清單需要在 enum 或 values 中列出值",
    );
  }
  if (definition.enum?.some((v) => typeof v !== "string" && v !== null)) {
    report.say(`${path}/enum`, "a picklist's values are texts", "选项列表的值必须是文本", "選項清單的值必須是文字");
  }
  if (listed !== undefined && written !== undefined && JSON.stringify(listed) !== JSON.stringify(written)) {
    report.say(
      `${path}/values`,
      "must list the same values as enum, in the same order",
      "必须与 enum 的值和顺序一致",
      "必須與 enum 的值和順序一致",
    );
  }
  const all = written ?? listed ?? [];
  const at = `${path}/${written === undefined ? "enum" : "values"}`;
  const long = all.findIndex((value) => [...value].length > longestValue);
  if (long >= 0) report.add(`${at}/${long}`, "maxLength", { limit: longestValue });
  const repeated = all.findIndex((value, i) => all.indexOf(value) !== i);
  if (repeated >= 0) {
    report.say(`${at}/${repeated}`, "is listed twice", "重复列出", "重複列出");
  }
}
