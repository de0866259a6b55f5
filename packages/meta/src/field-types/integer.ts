import { bounds, checkBounds } from "./bounds.ts";
import { type FieldType, pick } from "./contract.ts";

const limits = [...bounds, "enum", "const"];

/** Whole numbers that JSON readers keep exactly: within ±(2^53 − 1). */
export const integer: FieldType = {
  name: "integer",
  jsonTypes: ["integer"],
  keywords: limits,
  defaults: true,
  indexable: true,
  namesRecords: false,
  check: checkBounds,
  shape: (definition) => ({
    sqlType: "bigint",
    exprType: { kind: "int" },
    schema: {
      type: "integer",
      ...pick(definition, limits),
      minimum: Math.max((definition["minimum"] as number | undefined) ?? -Infinity, Number.MIN_SAFE_INTEGER),
      maximum: Math.min((definition["maximum"] as number | undefined) ?? Infinity, Number.MAX_SAFE_INTEGER),
    },
    // −0 is 0 in every database.
    normalise: (value) => (value === 0 ? 0 : value),
  }),
};
