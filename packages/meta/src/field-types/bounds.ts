import { compareDecimals, exactDecimal, isMultipleOf } from "../decimal.ts";
import type { Report } from "../report.ts";
import type { FieldDefinition } from "../types.ts";
import { Fault } from "./contract.ts";

/** JSON Schema's limits of numbers. */
export const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

type Verdict = (comparison: -1 | 0 | 1) => boolean;

const verdicts: Record<string, Verdict> = {
  minimum: (c) => c >= 0,
  maximum: (c) => c <= 0,
  exclusiveMinimum: (c) => c > 0,
  exclusiveMaximum: (c) => c < 0,
};

/** The limits for a decimal that is text in JSON, which a validator's own keywords pass over. */
export function boundFault(value: string, definition: FieldDefinition): Fault | undefined {
  const exact = exactDecimal(value);
  if (exact === undefined) return undefined;
  for (const keyword of bounds) {
    const limit = definition[keyword] as number | undefined;
    const exactLimit = limit === undefined ? undefined : exactDecimal(limit);
    if (exactLimit === undefined) continue;
    const verdict = verdicts[keyword];
    const holds = verdict === undefined ? isMultipleOf(exact, exactLimit) : verdict(compareDecimals(exact, exactLimit));
    if (!holds) return new Fault(keyword as Fault["code"], { limit });
  }
  return undefined;
}

/** Limits that no number could meet. */
export function checkBounds(definition: FieldDefinition, path: string, report: Report): void {
  const low = (definition["minimum"] ?? definition["exclusiveMinimum"]) as number | undefined;
  const high = (definition["maximum"] ?? definition["exclusiveMaximum"]) as number | undefined;
  if (low !== undefined && high !== undefined && low > high) {
    const keyword = definition["minimum"] === undefined ? "exclusiveMinimum" : "minimum";
    report.say(`${path}/${keyword}`, "is more than the largest value allowed", "大于允许的最大值", "大於允許的最大值");
  }
}
