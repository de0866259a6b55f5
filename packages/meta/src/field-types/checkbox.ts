import { type FieldType, pick } from "./contract.ts";

export const checkbox: FieldType = {
  name: "checkbox",
  jsonTypes: ["boolean"],
  keywords: ["const", "enum"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "boolean",
    exprType: { kind: "bool" },
    schema: { type: "boolean", ...pick(definition, ["const", "enum"]) },
  }),
};
