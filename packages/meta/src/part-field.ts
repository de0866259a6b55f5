import { sqlType } from "@guanxi/expr";
import type { Field, SeveralField, StoredField } from "./types.ts";

/** A member of a field, such as `city` of an address or `account` of a reference to several objects, as a field that is read, sorted and grouped by; undefined when there is none. */
export function partField(field: Field, part: string): StoredField | undefined {
  if (field.branches) return branchPart(field, part);
  const { exprType: whole } = field;
  const exprType = whole.kind === "parts" && Object.hasOwn(whole.parts, part) ? whole.parts[part] : undefined;
  if (!exprType || !field.column) return undefined;
  const decimal = exprType.kind === "decimal";
  return {
    id: field.id,
    name: `${field.name}.${part}`,
    type: decimal ? "number" : "text",
    title: field.title,
    system: field.system,
    required: false,
    readOnly: field.readOnly,
    exprType,
    column: { name: field.column.name, sqlType: sqlType(exprType), notNull: false },
    part,
    schema: { type: decimal ? "number" : "string" },
    unique: false,
    foreignKey: false,
    definition: {},
  };
}

/** `about.object`, `about.id`, or a branch by the name of the object that it leads to. */
function branchPart(field: SeveralField, part: string): StoredField | undefined {
  const branch = field.branches.find(({ target }) => target === part);
  if (branch || (part !== "object" && part !== "id")) return branch;
  const isObject = part === "object";
  const sqlType = isObject ? "text" : "uuid";
  return {
    ...{ id: field.id, name: `${field.name}.${part}`, type: isObject ? "text" : "uuid", title: field.title, part },
    ...{ system: false, required: false, readOnly: field.readOnly, unique: false, foreignKey: false, definition: {} },
    exprType: isObject ? { kind: "text" } : { kind: "ref", target: "" },
    column: { name: field.name, sqlType, notNull: false },
    schema: (field.schema["properties"] as Readonly<Record<string, StoredField["schema"]>>)[part] ?? {},
  };
}
