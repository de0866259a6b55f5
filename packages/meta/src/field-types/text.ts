import { type FieldType, pick, text } from "./contract.ts";

const limits = ["minLength", "maxLength", "pattern", "format", "enum", "const"];

/** A line of text; one that a unique key or an index names is kept short enough for PostgreSQL's B-trees. */
export const textType: FieldType = {
  name: "text",
  jsonTypes: ["string"],
  formats: ["*"],
  keywords: limits,
  defaults: true,
  indexable: true,
  namesRecords: true,
  shape: (definition) => ({ sqlType: "text", exprType: text, schema: { type: "string", ...pick(definition, limits) } }),
};
