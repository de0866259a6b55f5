import type { FieldType } from "./contract.ts";
import { canonicalUuid } from "./uuid.ts";

/** A record of another object, or of the same. */
export const reference: FieldType = {
  name: "reference",
  jsonTypes: ["string"],
  formats: ["uuid"],
  keywords: ["target", "onDelete", "relation", "format"],
  needs: ["target"],
  defaults: false,
  indexable: true,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "uuid",
    exprType: { kind: "ref", target: definition.target ?? "" },
    schema: { type: "string", format: "uuid" },
    normalise: canonicalUuid,
  }),
};
