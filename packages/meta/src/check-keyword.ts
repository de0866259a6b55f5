import type { Keyword } from "./keywords.ts";
import { isObject } from "@guanxi/base";
import type { Report } from "./report.ts";
import { compileValidator, type Validator } from "./validator.ts";

const validators = new Map<Keyword, Validator>();

/** Parts of a working keyword's value that nothing honours yet, by how the report names them. */
function laterPart(name: string, value: unknown): string | undefined {
  if (name === "sharing" && (isObject(value) ? "parent" in value : value === "parent")) return "sharing: parent";
  return undefined;
}

/** Holds one keyword's value against its own schema. */
export function checkKeyword(keyword: Keyword, name: string, value: unknown, path: string, report: Report): void {
  const later = laterPart(name, value);
  if (later !== undefined) {
    report.notYet(path, later);
    return;
  }
  let validate = validators.get(keyword);
  if (validate === undefined) validators.set(keyword, (validate = compileValidator(keyword.schema)));
  for (const fault of validate(value)) report.add(path + fault.path, fault.code, fault.params);
}

export const notAKeyword = (keyword: string, path: string, report: Report): void =>
  report.say(path, `"${keyword}" is not a keyword`, `“${keyword}”不是关键字`, `「${keyword}」不是關鍵字`);
