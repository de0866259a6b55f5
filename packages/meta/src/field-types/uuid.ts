import { isId } from "@guanxi/base";
import { Fault, type FieldType, ofString } from "./contract.ts";

/** An id of another system. Expressions treat it as a reference that cannot be walked. */
export const uuid: FieldType = {
  name: "uuid",
  jsonTypes: ["string"],
  formats: ["uuid"],
  keywords: ["format"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  shape: () => ({
    sqlType: "uuid",
    exprType: { kind: "ref", target: "" },
    schema: { type: "string", format: "uuid" },
    normalise: canonicalUuid,
  }),
};

export const canonicalUuid = ofString((value) =>
  isId(value) ? value.toLowerCase() : new Fault("format", { format: "uuid" }),
);
