import { AutonumberError, autonumberParts } from "../autonumber.ts";
import { type FieldType, text } from "./contract.ts";

/** A number that the tenant's sequence gives a new record: never twice, with gaps where a write was refused. */
export const autonumber: FieldType = {
  name: "autonumber",
  jsonTypes: ["string"],
  keywords: ["pattern"],
  needs: ["pattern"],
  defaults: false,
  indexable: true,
  namesRecords: true,
  readOnly: true,
  unique: true,
  check(definition, path, report) {
    try {
      autonumberParts(definition["pattern"] as string);
    } catch (e) {
      if (!(e instanceof AutonumberError)) throw e;
      report.add(`${path}/pattern`, "definition", {}, { text: e.text });
    }
  },
  shape: () => ({ sqlType: "text", exprType: text, schema: { type: "string" } }),
};
