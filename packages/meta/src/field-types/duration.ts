import { bounds, checkBounds } from "./bounds.ts";
import { type FieldType, pick } from "./contract.ts";
import { normaliseNumber } from "./number.ts";

/** Seconds of ten thousand years, the longest duration that expressions can add to any date. */
const longest = 3_652_425 * 86_400;

/** Milliseconds: with the digits of `longest` they are as many as every JSON reader keeps. */
const digits = { precision: 15, scale: 3 };

/** How long something takes: seconds in JSON, less than 0 where the definition allows it. */
export const duration: FieldType = {
  name: "duration",
  jsonTypes: ["number", "integer"],
  keywords: bounds,
  defaults: true,
  indexable: true,
  namesRecords: false,
  check: checkBounds,
  shape: (definition) => ({
    sqlType: "interval",
    exprType: { kind: "duration" },
    schema: {
      type: "number",
      ...pick(definition, bounds),
      minimum: Math.max((definition["minimum"] as number | undefined) ?? -Infinity, -longest),
      maximum: Math.min((definition["maximum"] as number | undefined) ?? Infinity, longest),
    },
    normalise: normaliseNumber(digits),
  }),
};
