import type { RollupOp } from "../types.ts";
import type { FieldType } from "./contract.ts";

/** A column kept from the records that name this one: their number, or a sum, the least, the greatest or the mean of a field. */
export const rollup: FieldType = {
  name: "rollup",
  jsonTypes: [],
  keywords: ["of", "op", "field", "filter"],
  needs: ["of", "op"],
  defaults: false,
  indexable: true,
  namesRecords: false,
  readOnly: true,
  derived: true,
  check(definition, path, report) {
    const counts = (definition["op"] as RollupOp) === "count";
    if (!counts && definition["field"] === undefined) report.add(`${path}/field`, "required");
    if (counts && definition["field"] !== undefined)
      report.say(
        `${path}/field`,
        "means nothing with count, which counts records; use filter to leave some out",
        "对 count 无意义：count 统计记录数，请用 filter 排除部分记录",
        "對 count 無意義：count 統計記錄數，請用 filter 排除部分記錄",
      );
  },
  // Until the object that it looks at is known, which decides it (`StoredObject.results`).
  shape: () => ({ sqlType: "numeric", exprType: { kind: "decimal" }, schema: { type: "number" } }),
};
