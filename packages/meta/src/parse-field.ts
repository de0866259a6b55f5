import { unstorable } from "./characters.ts";
import { checkKeyword, notAKeyword } from "./check-keyword.ts";
import { Fault, type FieldType, valueChecks } from "./field-types/contract.ts";
import { fieldTypes, isFieldType } from "./field-types/index.ts";
import { knownFormats } from "./formats.ts";
import { fieldTypeOf, jsonTypeOf } from "./infer.ts";
import { commonFieldKeywords, fieldKeywords, writtenFieldKeywords } from "./keywords.ts";
import { isReservedField, namePattern } from "./names.ts";
import { isObject } from "@guanxi/base";
import { pointer, type Report } from "./report.ts";
import type { FieldDefinition } from "./types.ts";
import { compileValidator } from "./validator.ts";
import { checkPattern, referenceKeywords } from "./value-schema.ts";

const jsonTypes = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
const keyKeywords = new Set(["unique", "externalId", "index"]);
const referring = new Set([...referenceKeywords, "$id", "$schema"]);

/** Reports everything wrong with one property of a definition. */
export function parseField(name: string, input: unknown, required: boolean, report: Report): void {
  const path = pointer("properties", name);
  if (!namePattern.test(name)) report.add(path, "pattern", { pattern: namePattern.source });
  else if (isReservedField(name))
    report.say(path, `"${name}" is a reserved word`, `“${name}”是保留字`, `「${name}」是保留字`);
  if (!isObject(input)) {
    report.add(path, "type", { type: "object" });
    return;
  }
  const before = report.issues.length;
  checkFieldType(input["fieldType"], `${path}/fieldType`, report);
  checkKeywords(input, path, report);
  checkJsonType(input["type"], `${path}/type`, report);
  // A malformed keyword may have hidden what the type is; what depends on the type waits until it is mended.
  if (report.issues.length > before) return;
  const definition = input as FieldDefinition;
  const typeName = fieldTypeOf(definition);
  if (typeName === undefined) return;
  const type = fieldTypes[typeName];
  checkFit(definition, type, path, report);
  checkNull(definition, required, path, report);
  checkSetter(definition, required, path, report);
  checkHidden(definition, path, report);
  if (required && type.derived) sayDerived(type, path, report);
  if (report.issues.length > before) return;
  type.check?.(definition, path, report);
  if (report.issues.length > before) return;
  checkDefault(definition, type, `${path}/default`, report);
}

function checkFieldType(fieldType: unknown, path: string, report: Report): void {
  if (typeof fieldType === "string" && !isFieldType(fieldType))
    report.add(path, "enum", { values: Object.keys(fieldTypes).join(", ") });
}

function checkKeywords(input: Record<string, unknown>, path: string, report: Report): void {
  for (const [keyword, value] of Object.entries(input)) {
    const place = path + pointer(keyword);
    if (keyword.startsWith("x-")) continue;
    const known = Object.hasOwn(fieldKeywords, keyword) ? fieldKeywords[keyword] : undefined;
    if (known !== undefined) checkKeyword(known, value, place, report);
    else if (referring.has(keyword)) report.unsupported(place, keyword);
    else notAKeyword(keyword, place, report);
  }
}

function checkJsonType(type: unknown, path: string, report: Report): void {
  const wrong = [type ?? []].flat().filter((t) => typeof t === "string" && !jsonTypes.has(t));
  if (wrong.length > 0) report.add(path, "enum", { values: [...jsonTypes].join(", ") });
}

/** Each keyword must mean something on a field of this type. */
function checkFit(definition: FieldDefinition, type: FieldType, path: string, report: Report): void {
  const meaningful = (keyword: string): boolean =>
    commonFieldKeywords.has(keyword) ||
    keyword.startsWith("x-") ||
    type.keywords.includes(keyword) ||
    (keyword === "default" && type.defaults) ||
    (writtenFieldKeywords.has(keyword) && type.readOnly !== true) ||
    (keyword === "writeOnly" && (definition.writeOnly === false || mayBeHidden(type))) ||
    (keyKeywords.has(keyword) && (definition[keyword] === false || mayHave(type, keyword)));
  for (const keyword of Object.keys(definition)) {
    if (!meaningful(keyword)) {
      report.say(
        `${path}/${keyword}`,
        `means nothing on a ${type.name} field`,
        `对 ${type.name} 字段无意义`,
        `對 ${type.name} 欄位無意義`,
      );
    }
  }
  for (const keyword of type.needs ?? []) {
    if (definition[keyword] === undefined) report.add(`${path}/${keyword}`, "required");
  }
  checkTypeAndFormat(definition, type, path, report);
}

/** Nobody could mend a value that follows from other records and is there twice. */
const mayHave = (type: FieldType, keyword: string): boolean =>
  type.indexable && (keyword === "index" || type.derived !== true);

function checkTypeAndFormat(definition: FieldDefinition, type: FieldType, path: string, report: Report): void {
  const jsonType = jsonTypeOf(definition);
  if (typeof jsonType === "string" && !type.jsonTypes.includes(jsonType)) {
    report.say(
      `${path}/type`,
      `does not fit a ${type.name} field`,
      `与 ${type.name} 字段不符`,
      `與 ${type.name} 欄位不符`,
    );
  }
  const { format } = definition;
  if (format !== undefined && type.formats?.includes("*")) {
    if (!knownFormats.has(format)) report.unsupported(`${path}/format`, `format: ${format}`);
  } else if (format !== undefined && type.formats !== undefined && !type.formats.includes(format)) {
    report.say(
      `${path}/format`,
      `does not fit a ${type.name} field`,
      `与 ${type.name} 字段不符`,
      `與 ${type.name} 欄位不符`,
    );
  }
  if (typeof definition["pattern"] === "string" && type.name !== "autonumber" && type.name !== "json") {
    checkPattern(definition["pattern"], `${path}/pattern`, report);
  }
}

const sayDerived = ({ name }: FieldType, path: string, report: Report): void =>
  report.say(
    path,
    `a ${name} field cannot be required: its value follows from other records`,
    `${name} 字段不能设为必填：其值由其他记录得出`,
    `${name} 欄位不能設為必填：其值由其他記錄得出`,
  );

/** A required field is never null, whatever else its schema lets through. */
function checkNull(definition: FieldDefinition, required: boolean, path: string, report: Report): void {
  if (!required) return;
  const say = (keyword: string): void =>
    report.say(`${path}/${keyword}`, "a required field cannot be null", "必填字段不能为 null", "必填欄位不能為 null");
  if ([definition.type ?? []].flat().includes("null")) say("type");
  if (definition.enum?.includes(null)) say("enum");
  if (definition.onDelete === "setNull") say("onDelete");
}

/** Keywords about who sets the value and when, that leave each other nothing to do. */
function checkSetter(definition: FieldDefinition, required: boolean, path: string, report: Report): void {
  const { defaultFormula, requiredWhen, readonlyWhen, readOnly } = definition;
  const idle = (keyword: string, beside: string): void =>
    report.say(
      `${path}/${keyword}`,
      `means nothing beside ${beside}`,
      `与 ${beside} 同时使用无意义`,
      `與 ${beside} 同時使用無意義`,
    );
  if (defaultFormula !== undefined && definition.default !== undefined) idle("defaultFormula", "default");
  if (requiredWhen !== undefined && required) idle("requiredWhen", "required");
  if (readonlyWhen !== undefined && readOnly === true) idle("readonlyWhen", "readOnly");
  if (readOnly === true && (definition.default ?? null) === null && defaultFormula === undefined) {
    report.say(
      `${path}/readOnly`,
      "needs a default or a defaultFormula: nobody else sets the field",
      "需要 default 或 defaultFormula，否则无人设置该字段",
      "需要 default 或 defaultFormula，否則無人設定該欄位",
    );
  }
}

/** What is encrypted is shown as a mask, and what names records is read with them. */
const shownByNature: ReadonlySet<string> = new Set(["encrypted_text", "reference", "references", "file", "files"]);
const mayBeHidden = (type: FieldType): boolean => type.readOnly !== true && !shownByNature.has(type.name);

/** Keywords by which somebody would learn what a field holds. */
const telling = ["readOnly", "unique", "externalId", "index", "dependsOn"] as const;

function checkHidden(definition: FieldDefinition, path: string, report: Report): void {
  if (definition.writeOnly !== true) return;
  for (const keyword of telling)
    if ((definition[keyword] ?? false) !== false)
      report.say(
        `${path}/${keyword}`,
        "does not go with writeOnly: it would tell what the field holds",
        "不能与 writeOnly 同时使用：会泄露字段的值",
        "不能與 writeOnly 同時使用：會洩露欄位的值",
      );
}

/** A default must be a value that the field would take. */
function checkDefault(definition: FieldDefinition, type: FieldType, path: string, report: Report): void {
  const value = definition.default;
  if (value === undefined || value === null || type.defaultWords?.includes(value as string)) return;
  const shape = type.shape(definition);
  const canonical = unstorable(value) ?? shape.normalise?.(value, { country: undefined }) ?? value;
  const faults = canonical instanceof Fault ? [canonical] : compileValidator(valueChecks(shape))(canonical);
  for (const fault of faults) report.add(path + fault.path, fault.code, fault.params);
}
