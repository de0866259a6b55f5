import { sqlType } from "@guanxi/expr";
import type { Field, StoredField } from "./types.ts";

/** A member of a field, such as `city` of an address, as a field that is read, sorted and grouped by; undefined when there is none. */
export function partField(field: Field, part: string): StoredField | undefined {
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
