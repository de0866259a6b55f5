import { canonicalTime } from "../calendar.ts";
import { Fault, type FieldType, ofString } from "./contract.ts";

/** A time of day on the wall, `09:30` or `09:30:00`: it has no offset, so JSON Schema's `time` is not what clients see. */
export const time: FieldType = {
  name: "time",
  jsonTypes: ["string"],
  formats: ["time"],
  keywords: ["format"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  shape: () => ({
    sqlType: "time",
    exprType: { kind: "time" },
    schema: { type: "string", format: "local-time" },
    normalise: ofString((value) => canonicalTime(value) ?? new Fault("format", { format: "time" })),
  }),
};
