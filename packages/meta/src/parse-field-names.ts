import { checkCurrencies, propertiesOf } from "./currencies.ts";
import { fieldTypes } from "./field-types/index.ts";
import { fieldTypeOf } from "./infer.ts";
import { textLimits } from "./keys.ts";
import { mostBranches } from "./keyword-values.ts";
import { recordTypeName, systemFieldNames } from "./names.ts";
import { isObject } from "@guanxi/base";
import { pointer, type Report } from "./report.ts";
import { checkRuleNames } from "./rules/index.ts";
import { sayComputed } from "./rules/say-computed.ts";
import { severalTargets } from "./several.ts";
import { parentOf } from "./sharing.ts";
import type { ObjectDefinition } from "./types.ts";

const systemFields = new Set<string>(systemFieldNames);

/**
 * Everything in a definition that names a field must name one that is there and fits the purpose. `complete` says that
 * the rest of the definition is well-formed.
 */
export function checkFieldNames(definition: ObjectDefinition, complete: boolean, report: Report): void {
  const names = new Set(Object.keys(definition.properties));
  // Which amounts bring a currency along is only known of fields that are well-formed.
  if (complete) for (const { name } of propertiesOf(definition)) names.add(name);
  const own = (name: unknown): name is string => typeof name === "string" && names.has(name);
  const hasTypes = definition.recordTypes !== undefined;
  const system = (name: unknown): boolean => systemFields.has(name as string) || (hasTypes && name === recordTypeName);
  const check = (name: unknown, path: string, known: boolean): boolean => {
    if (!known && typeof name === "string") report.add(path, "unknown", { field: name });
    return known;
  };
  asArray(definition.required).forEach((name, i) => {
    if (check(name, `/required/${i}`, own(name)) && complete) checkRequired(definition, String(name), i, report);
  });
  asArray(definition.rules).forEach((rule, i) => {
    const at = isObject(rule) ? rule["at"] : undefined;
    check(at, `/rules/${i}/at`, own(at) || at === "owner" || (hasTypes && at === recordTypeName));
  });
  for (const keyword of ["unique", "indexes"] as const) {
    eachKeyField(definition[keyword], (name, i, k) => {
      const path = `/${keyword}/${i}/${k}`;
      const known = check(name, path, own(name) || system(name));
      if (known && complete && own(name)) checkIndexable(definition, name, keyword, path, report);
    });
  }
  const { nameField } = definition;
  const found = nameField === undefined || nameField === "id" || check(nameField, "/nameField", own(nameField));
  const parent = parentOf(definition.sharing ?? "private");
  const hasParent = parent === undefined || check(parent, "/sharing/parent", own(parent));
  if (complete && parent !== undefined && hasParent) checkSharingParent(definition, parent, report);
  if (complete) checkRuleNames(definition, report);
  if (complete) checkTargets(definition, report);
  if (!complete || !found) return;
  checkHiddenNames(definition, report);
  checkCurrencies(definition, report);
  checkNameField(definition, report);
  checkTextLimits(definition, report);
}

const asArray = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function eachKeyField(keys: unknown, visit: (name: string, key: number, field: number) => void): void {
  asArray(keys).forEach((fields, i) => {
    asArray(fields).forEach((name, k) => typeof name === "string" && visit(name, i, k));
  });
}

function checkIndexable(
  definition: ObjectDefinition,
  name: string,
  keyword: "unique" | "indexes",
  path: string,
  report: Report,
): void {
  const type = fieldTypeOf(definition.properties[name] ?? {});
  if (type === undefined) return;
  if (severalTargets(definition.properties[name] ?? {})) {
    report.say(
      path,
      "a reference to records of several objects stands in no list of fields: no single column has its values",
      "引用多个对象的字段不能列入字段列表：其值不在单独一列中",
      "參照多個物件的欄位不能列入欄位清單：其值不在單獨一欄中",
    );
    return;
  }
  if (keyword === "unique" && fieldTypes[type].derived)
    report.say(path, `a ${type} field cannot be unique`, `${type} 字段不能唯一`, `${type} 欄位不能唯一`);
  if (fieldTypes[type].indexable) return;
  if (type === "formula") {
    report.say(
      path,
      'a formula stands in no list of fields; it may say "index": true',
      "公式不能列入字段列表；可在公式上写 index: true",
      "公式不能列入欄位清單；可在公式上寫 index: true",
    );
    return;
  }
  report.say(path, `a ${type} field cannot be indexed`, `${type} 字段不能建索引`, `${type} 欄位不能建索引`);
}

function checkRequired(definition: ObjectDefinition, name: string, i: number, report: Report): void {
  if (fieldTypeOf(definition.properties[name] ?? {}) !== "formula") return;
  sayComputed(`/required/${i}`, report);
}

function checkNameField(definition: ObjectDefinition, report: Report): void {
  const type = fieldTypeOf(definition.properties[definition.nameField ?? ""] ?? { fieldType: "text" });
  if (type === undefined || fieldTypes[type].namesRecords) return;
  report.say(
    "/nameField",
    `a ${type} field cannot name a record`,
    `${type} 字段不能作为名称`,
    `${type} 欄位不能作為名稱`,
  );
}

/** What names a write-only field here would tell what it holds. */
function checkHiddenNames(definition: ObjectDefinition, report: Report): void {
  const { nameField, currencyDate, unique = [], indexes = [], states = {}, recordTypes = {}, properties } = definition;
  const places: (readonly [name: string | undefined, path: string])[] = [
    [nameField, "/nameField"],
    [currencyDate, "/currencyDate"],
    ...Object.entries({ unique, indexes }).flatMap(([keyword, lists]) =>
      lists.flatMap((names, i) => names.map((name, k) => [name, `/${keyword}/${i}/${k}`] as const)),
    ),
    ...Object.keys(states).map((name) => [name, pointer("states", name)] as const),
    ...Object.entries(recordTypes).flatMap(([type, said]) =>
      (["picklists", "states"] as const).flatMap((keyword) =>
        Object.keys(said[keyword] ?? {}).map((name) => [name, pointer("recordTypes", type, keyword, name)] as const),
      ),
    ),
    ...Object.entries(properties).map(
      ([field, { dependsOn }]) => [dependsOn?.field, pointer("properties", field, "dependsOn", "field")] as const,
    ),
  ];
  for (const [name, path] of places) {
    if (name === undefined || properties[name]?.writeOnly !== true) continue;
    report.say(
      path,
      `"${name}" is write-only, and this would tell what it holds`,
      `“${name}”是只写字段，此处会泄露其值`,
      `「${name}」是唯寫欄位，此處會洩露其值`,
    );
  }
}

function checkSharingParent({ properties }: ObjectDefinition, parent: string, report: Report): void {
  if (fieldTypeOf(properties[parent] ?? {}) === "reference") return;
  report.say(
    "/sharing/parent",
    "is a reference to one record, which decides who sees this one",
    "应为引用单条记录的字段，由该记录决定谁能看到本记录",
    "應為參照單筆記錄的欄位，由該記錄決定誰能看到本記錄",
  );
}

function checkTargets({ properties }: ObjectDefinition, report: Report): void {
  let targets = 0;
  for (const [name, field] of Object.entries(properties)) {
    targets += severalTargets(field)?.length ?? 0;
    if (targets <= mostBranches) continue;
    report.say(
      pointer("properties", name, "target"),
      `the references of one object lead to several objects ${mostBranches} times at most, all together`,
      `一个对象的多目标引用合计最多 ${mostBranches} 个目标`,
      `一個物件的多目標參照合計最多 ${mostBranches} 個目標`,
    );
    return;
  }
}

function checkTextLimits(definition: ObjectDefinition, report: Report): void {
  for (const [name, limit] of textLimits(definition)) {
    const written = definition.properties[name]?.["maxLength"];
    if (typeof written !== "number" || written <= limit) continue;
    report.say(
      pointer("properties", name, "maxLength"),
      `may be at most ${limit} for a text in a unique key or an index`,
      `唯一键或索引中的文本最多 ${limit}`,
      `唯一鍵或索引中的文字最多 ${limit}`,
    );
  }
}
