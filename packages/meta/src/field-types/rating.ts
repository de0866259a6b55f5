import type { Report } from "../report.ts";
import type { FieldDefinition } from "../types.ts";
import type { FieldType } from "./contract.ts";

/** More marks than this nobody tells apart at a glance. */
const mostMarks = 10;
const usual = { minimum: 1, maximum: 5 };

/** Marks out of a few: whole numbers from 1, or 0, up to the best. */
export const rating: FieldType = {
  name: "rating",
  jsonTypes: ["integer"],
  keywords: ["minimum", "maximum"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  check(definition, path, report) {
    within(definition, "minimum", [0, 1], path, report);
    within(definition, "maximum", [2, mostMarks], path, report);
  },
  shape: (definition) => ({
    sqlType: "smallint",
    exprType: { kind: "int" },
    schema: {
      type: "integer",
      minimum: (definition["minimum"] as number | undefined) ?? usual.minimum,
      maximum: (definition["maximum"] as number | undefined) ?? usual.maximum,
    },
    // −0 is 0 in every database.
    normalise: (value) => (value === 0 ? 0 : value),
  }),
};

function within(
  definition: FieldDefinition,
  keyword: string,
  [low, high]: readonly [number, number],
  path: string,
  report: Report,
): void {
  const limit = definition[keyword] as number | undefined;
  if (limit === undefined || (Number.isInteger(limit) && limit >= low && limit <= high)) return;
  report.say(
    `${path}/${keyword}`,
    `must be a whole number from ${low} to ${high}`,
    `必须是 ${low} 到 ${high} 的整数`,
    `必須是 ${low} 到 ${high} 的整數`,
  );
}
