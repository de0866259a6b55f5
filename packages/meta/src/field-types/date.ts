import { isDate } from "../calendar.ts";
import { Fault, type FieldType, ofString } from "./contract.ts";

/** A day of the calendar, from 0001-01-01 to 9999-12-31. */
export const date: FieldType = {
  name: "date",
  jsonTypes: ["string"],
  formats: ["date"],
  keywords: ["format"],
  defaults: true,
  defaultWords: ["today"],
  indexable: true,
  namesRecords: false,
  shape: () => ({
    sqlType: "date",
    exprType: { kind: "date" },
    schema: { type: "string", format: "date" },
    normalise: ofString((value) => (isDate(value) ? value : new Fault("format", { format: "date" }))),
  }),
};
