import { checkValueSchema, valueSchemaKeywords } from "../value-schema.ts";
import { type FieldType, pick } from "./contract.ts";

/** Any JSON value, held against the JSON Schema in its definition. A patch replaces it whole. */
export const json: FieldType = {
  name: "json",
  jsonTypes: ["object", "array", "string", "number", "integer", "boolean"],
  formats: ["*"],
  keywords: valueSchemaKeywords,
  defaults: true,
  indexable: false,
  namesRecords: false,
  check: (definition, path, report) => checkValueSchema(pick(definition, valueSchemaKeywords), path, report),
  shape: (definition) => ({
    sqlType: "jsonb",
    exprType: { kind: "json" },
    schema: pick(definition, ["type", ...valueSchemaKeywords]),
  }),
};
