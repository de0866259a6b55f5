import { isId } from "@guanxi/base";
import type { FieldDefinition } from "../types.ts";
import { Fault, type FieldType, pick, type ValueSchema } from "./contract.ts";

/** Ids of one list: it is written whole and checked one by one. */
const longest = 1_000;

/** A set of records of another object, or of the same: none twice, in the order of their ids. */
export const references: FieldType = {
  name: "references",
  jsonTypes: ["array"],
  keywords: ["target", "onDelete", "relation", "minItems", "maxItems"],
  needs: ["target"],
  defaults: false,
  indexable: false,
  namesRecords: false,
  check(definition, path, report) {
    if (typeof definition.target !== "string")
      report.say(
        `${path}/target`,
        "a list holds records of one object; use a list for each object, or an object of its own with a reference to several",
        "列表只能包含一个对象的记录，请为每个对象建列表，或用一个带多目标引用的对象",
        "清單只能包含一個物件的記錄，請為每個物件建清單，或用一個帶多目標參照的物件",
      );
    if (definition.onDelete !== "cascade") return;
    report.say(
      `${path}/onDelete`,
      "a list of records restricts the deletion of its records, or loses them (setNull)",
      "记录列表只能限制删除（restrict）或移除被删除的记录（setNull）",
      "記錄清單只能限制刪除（restrict）或移除被刪除的記錄（setNull）",
    );
  },
  shape: (definition) => ({
    sqlType: "uuid[]",
    exprType: { kind: "list", of: { kind: "ref", target: String(definition.target ?? "") } },
    schema: idsSchema(definition),
    normalise: (value) => canonicalIds(value, (ids) => ids.toSorted()),
  }),
};

/** What a list of ids is held to. */
export const idsSchema = (definition: FieldDefinition): ValueSchema => ({
  type: "array",
  ...pick(definition, ["minItems"]),
  maxItems: Math.min((definition["maxItems"] as number | undefined) ?? longest, longest),
  uniqueItems: true,
  items: { type: "string", format: "uuid" },
});

/** Ids without doubles, in the order that `arrange` gives them. */
export function canonicalIds(value: unknown, arrange: (ids: string[]) => string[]): unknown {
  if (!Array.isArray(value)) return value;
  const wrong = value.findIndex((id) => typeof id === "string" && !isId(id));
  if (wrong >= 0) return new Fault("format", { format: "uuid" }, `/${wrong}`);
  if (!value.every((id) => typeof id === "string")) return value;
  return arrange([...new Set(value.map((id) => id.toLowerCase()))]);
}
