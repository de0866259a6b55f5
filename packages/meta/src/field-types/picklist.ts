import { type FieldType, pick, text } from "./contract.ts";
import { activeValues, checkValues, picklistValues } from "../picklist-values.ts";

const limits = ["minLength", "maxLength", "pattern"];

export const picklist: FieldType = {
  name: "picklist",
  jsonTypes: ["string"],
  keywords: ["enum", "values", "dependsOn", ...limits],
  defaults: true,
  indexable: true,
  namesRecords: false,
  check: (definition, path, report) => checkValues(definition, path, report),
  shape(definition) {
    const values = picklistValues(definition);
    return {
      sqlType: "text",
      exprType: text,
      schema: { type: "string", ...pick(definition, limits), enum: activeValues(values) },
      values,
    };
  },
};
