import type { FieldType } from "./contract.ts";
import { canonicalUuid } from "./uuid.ts";

/** The core's object whose records are files. */
export const fileObject = "file";

/** A tenant may have had an object of that name before the core did. */
export const isFileObject = ({ name, source }: { readonly name: string; readonly source: string }): boolean =>
  name === fileObject && source === "core";

/** A file that was uploaded. */
export const file: FieldType = {
  name: "file",
  jsonTypes: ["string"],
  formats: ["uuid"],
  keywords: ["maxSize", "accept", "relation", "format"],
  defaults: false,
  indexable: true,
  namesRecords: false,
  shape: () => ({
    sqlType: "uuid",
    exprType: { kind: "ref", target: fileObject },
    schema: { type: "string", format: "uuid" },
    normalise: canonicalUuid,
  }),
};
