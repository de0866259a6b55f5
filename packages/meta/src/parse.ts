import { unstorable } from "./characters.ts";
import { checkKeyword, notAKeyword } from "./check-keyword.ts";
import { checkFieldNames } from "./parse-field-names.ts";
import { mostFields } from "./keyword-values.ts";
import { objectKeywords, unhonouredObjectKeywords } from "./keywords.ts";
import { isReservedObject, isReservedPlural, namePattern } from "./names.ts";
import { parseField } from "./parse-field.ts";
import { isObject } from "@guanxi/base";
import { isExtension } from "./layers/layer.ts";
import { isLockable } from "./layers/locks.ts";
import { pointer, Report } from "./report.ts";
import type { ObjectDefinition } from "./types.ts";

/**
 * Reads a definition as a user wrote it. Throws GuanxiError DEFINITION with every fault at its JSON pointer; what the
 * standard has and a definition of ours cannot, such as `$ref`, is a fault with the code `unsupported`.
 */
export function parseDefinition(input: unknown): ObjectDefinition {
  const report = new Report();
  const bad = unstorable(input);
  if (!isObject(input)) report.add("", "type", { type: "object" });
  else if (bad !== undefined) report.add(bad.path, bad.code, bad.params);
  else if (isExtension(input)) sayNothingToExtend(input.extends, report);
  else checkObject(input, report);
  report.throwIfAny();
  return withDefaults(input as Record<string, unknown> & { name: string });
}

const withDefaults = (input: Record<string, unknown> & { name: string }): ObjectDefinition =>
  ({
    ...input,
    plural: input["plural"] ?? `${input.name}s`,
    type: "object",
    properties: input["properties"] ?? {},
  }) as ObjectDefinition;

function checkObject(input: Record<string, unknown>, report: Report): void {
  for (const [keyword, value] of Object.entries(input)) {
    const path = pointer(keyword);
    if (keyword.startsWith("x-")) continue;
    const known = Object.hasOwn(objectKeywords, keyword) ? objectKeywords[keyword] : undefined;
    if (known !== undefined) checkKeyword(known, value, path, report);
    else if (unhonouredObjectKeywords.has(keyword)) report.unsupported(path, keyword);
    else notAKeyword(keyword, path, report);
  }
  checkNames(input, report);
  const fields = isObject(input["properties"]) ? input["properties"] : {};
  // Too many are reported as such; neither they nor what names them is looked at.
  if (Object.keys(fields).length > mostFields) return;
  const required = new Set(Array.isArray(input["required"]) ? input["required"] : []);
  for (const [name, definition] of Object.entries(fields)) parseField(name, definition, required.has(name), report);
  checkNamesOfRules(input["rules"], report);
  checkLock(input["locked"], fields, report);
  // What names fields can only be judged where every field is well-formed by itself.
  const complete = report.issues.length === 0;
  checkFieldNames({ ...input, properties: fields } as unknown as ObjectDefinition, complete, report);
}

const reservedWord = (word: string, path: string, report: Report): void =>
  report.say(path, `"${word}" is a reserved word`, `“${word}”是保留字`, `「${word}」是保留字`);

function checkNames(input: Record<string, unknown>, report: Report): void {
  const { name } = input;
  if (name === undefined) report.add("/name", "required");
  if (typeof name !== "string" || !namePattern.test(name)) return;
  if (isReservedObject(name)) reservedWord(name, "/name", report);
  const plural = input["plural"] ?? `${name}s`;
  if (typeof plural !== "string") return;
  if (!namePattern.test(plural)) report.add("/plural", "pattern", { pattern: namePattern.source });
  if (isReservedPlural(plural)) reservedWord(plural, "/plural", report);
}

/** What extends an object is put together with it before it is read. */
const sayNothingToExtend = (name: string, report: Report): void =>
  report.say(
    "/extends",
    `there is no object "${name}" of the platform or of an installed plugin; leave "extends" out to define one of your own`,
    `平台和已安装的插件都没有对象“${name}”；要定义自己的对象，请去掉 extends`,
    `平台和已安裝的外掛都沒有物件「${name}」；要定義自己的物件，請去掉 extends`,
  );

function checkLock(locked: unknown, fields: object, report: Report): void {
  if (!Array.isArray(locked)) return;
  locked.forEach((part: unknown, i) => {
    if (typeof part !== "string" || isLockable(part) || Object.hasOwn(fields, part)) return;
    report.say(
      `/locked/${i}`,
      `"${part}" is neither a field nor a member that can be locked`,
      `“${part}”既不是字段，也不是可以锁定的成员`,
      `「${part}」既不是欄位，也不是可以鎖定的成員`,
    );
  });
}

function checkNamesOfRules(rules: unknown, report: Report): void {
  if (!Array.isArray(rules)) return;
  const names = rules.map((rule: unknown) => (isObject(rule) ? rule["name"] : undefined));
  names.forEach((name, i) => {
    if (name !== undefined && names.indexOf(name) !== i) {
      report.say(`/rules/${i}/name`, "is the name of another rule", "与其他规则重名", "與其他規則重名");
    }
  });
}
