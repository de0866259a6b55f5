import { canonicalInstant } from "../calendar.ts";
import { Fault, type FieldType, ofString } from "./contract.ts";

/** An instant: RFC 3339 with any offset in, UTC out. */
export const datetime: FieldType = {
  name: "datetime",
  jsonTypes: ["string"],
  formats: ["date-time"],
  keywords: ["format"],
  defaults: true,
  defaultWords: ["now"],
  indexable: true,
  namesRecords: false,
  shape: () => ({
    sqlType: "timestamptz",
    exprType: { kind: "datetime" },
    schema: { type: "string", format: "date-time" },
    normalise: ofString((value) => canonicalInstant(value) ?? new Fault("format", { format: "date-time" })),
  }),
};
