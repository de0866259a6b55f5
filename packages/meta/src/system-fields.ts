import { frozen, text } from "@guanxi/base";
import type { ExprType } from "@guanxi/expr";
import type { ValueSchema } from "./field-types/contract.ts";
import type { Field, FieldTypeName } from "./types.ts";

/** Ids of system fields are the same in every object of every tenant, and never those of a definition. */
export const systemFieldIds = {
  id: -1,
  owner: -2,
  created_at: -3,
  created_by: -4,
  updated_at: -5,
  updated_by: -6,
  version: -7,
  deleted_at: -8,
} as const;

type SystemName = keyof typeof systemFieldIds;

const kinds: Record<string, { sqlType: string; exprType: ExprType; schema: ValueSchema }> = {
  uuid: { sqlType: "uuid", exprType: { kind: "ref", target: "" }, schema: { type: "string", format: "uuid" } },
  reference: { sqlType: "uuid", exprType: { kind: "ref", target: "user" }, schema: { type: "string", format: "uuid" } },
  datetime: { sqlType: "timestamptz", exprType: { kind: "datetime" }, schema: { type: "string", format: "date-time" } },
  integer: { sqlType: "bigint", exprType: { kind: "int" }, schema: { type: "integer" } },
};

function systemField(name: SystemName, type: FieldTypeName, title: Field["title"], facts: Partial<Field> = {}): Field {
  const kind = kinds[type] as (typeof kinds)[string];
  return {
    id: systemFieldIds[name],
    name,
    type,
    title,
    system: true,
    required: facts.required ?? false,
    readOnly: true,
    exprType: kind.exprType,
    column: { name, sqlType: kind.sqlType, notNull: facts.required ?? false },
    schema: kind.schema,
    unique: false,
    foreignKey: false,
    definition: { fieldType: type },
    ...(type === "reference" ? { target: "user" } : {}),
    ...facts,
  };
}

const shared: readonly Field[] = frozen([
  systemField("owner", "reference", text("Owner", "负责人", "負責人"), {
    readOnly: false,
    foreignKey: true,
    onDelete: "setNull",
  }),
  systemField("created_at", "datetime", text("Created at", "创建时间", "建立時間"), { required: true }),
  systemField("created_by", "reference", text("Created by", "创建人", "建立者")),
  systemField("updated_at", "datetime", text("Updated at", "更新时间", "更新時間"), { required: true }),
  systemField("updated_by", "reference", text("Updated by", "更新人", "更新者")),
  systemField("version", "integer", text("Version", "版本", "版本"), { required: true }),
  systemField("deleted_at", "datetime", text("Deleted at", "删除时间", "刪除時間")),
]);

/** What the system keeps of every record, `id` foremost. */
export function systemFields(object: string): readonly Field[] {
  const exprType = { kind: "ref", target: object } as const;
  const id = systemField("id", "uuid", text("ID", "ID", "ID"), {
    required: true,
    unique: true,
    exprType,
  });
  return [frozen(id), ...shared];
}
