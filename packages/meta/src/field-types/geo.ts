import { isObject } from "@guanxi/base";
import type { FieldType } from "./contract.ts";

const degrees = (most: number): Record<string, unknown> => ({ type: "number", minimum: -most, maximum: most });

/** A point on the earth in degrees of WGS 84, north and east positive. Replaced whole: half of a point is none. */
export const geo: FieldType = {
  name: "geo",
  jsonTypes: ["object"],
  keywords: [],
  defaults: true,
  indexable: false,
  namesRecords: false,
  shape: () => ({
    sqlType: "jsonb",
    exprType: { kind: "parts", parts: { lat: { kind: "decimal" }, lng: { kind: "decimal" } } },
    schema: {
      type: "object",
      properties: { lat: degrees(90), lng: degrees(180) },
      required: ["lat", "lng"],
      additionalProperties: false,
    },
    // −0 is 0 in every database.
    normalise: (value) =>
      isObject(value)
        ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, part === 0 ? 0 : part]))
        : value,
  }),
};
