import type { Fragment } from "./keyword-values.ts";
import type { Report } from "./report.ts";
import { compileValidator, type Validator } from "./validator.ts";

const validators = new Map<Fragment, Validator>();

/** Holds one keyword's value against its own schema. */
export function checkKeyword(schema: Fragment, value: unknown, path: string, report: Report): void {
  let validate = validators.get(schema);
  if (validate === undefined) validators.set(schema, (validate = compileValidator(schema)));
  for (const fault of validate(value)) report.add(path + fault.path, fault.code, fault.params);
}

export const notAKeyword = (keyword: string, path: string, report: Report): void =>
  report.say(path, `"${keyword}" is not a keyword`, `“${keyword}”不是关键字`, `「${keyword}」不是關鍵字`);
