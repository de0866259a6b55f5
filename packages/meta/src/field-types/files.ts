import type { FieldType } from "./contract.ts";
import { fileObject } from "./file.ts";
import { canonicalIds, idsSchema } from "./references.ts";

/** Files that were uploaded: none twice, in the order in which they were given. */
export const files: FieldType = {
  name: "files",
  jsonTypes: ["array"],
  keywords: ["maxSize", "accept", "relation", "minItems", "maxItems"],
  defaults: false,
  indexable: false,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "uuid[]",
    exprType: { kind: "list", of: { kind: "ref", target: fileObject } },
    schema: idsSchema(definition),
    normalise: (value) => canonicalIds(value, (ids) => ids),
  }),
};
