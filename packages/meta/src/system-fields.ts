import { frozen, text } from "@guanxi/base";
import type { ExprType } from "@guanxi/expr";
import type { ValueSchema } from "./field-types/contract.ts";
import { fieldTypes } from "./field-types/index.ts";
import { humanise, recordTypeName } from "./names.ts";
import type { FieldFacts, FieldTypeName, ObjectDefinition, StoredField } from "./types.ts";

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
  record_type: -9,
} as const;

type SystemName = keyof typeof systemFieldIds;

const kinds: Record<string, { sqlType: string; exprType: ExprType; schema: ValueSchema }> = {
  uuid: { sqlType: "uuid", exprType: { kind: "ref", target: "" }, schema: { type: "string", format: "uuid" } },
  reference: { sqlType: "uuid", exprType: { kind: "ref", target: "user" }, schema: { type: "string", format: "uuid" } },
  datetime: { sqlType: "timestamptz", exprType: { kind: "datetime" }, schema: { type: "string", format: "date-time" } },
  integer: { sqlType: "bigint", exprType: { kind: "int" }, schema: { type: "integer" } },
};

function systemField(
  name: SystemName,
  type: FieldTypeName,
  title: StoredField["title"],
  facts: Partial<FieldFacts> = {},
): StoredField {
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
    column: {
      ...{ name, sqlType: kind.sqlType, notNull: facts.required ?? false },
      ...(name === "version" ? { initial: "1" } : {}),
    },
    schema: kind.schema,
    unique: false,
    foreignKey: false,
    definition: { fieldType: type },
    ...(type === "reference" ? { target: "user" } : {}),
    ...facts,
  };
}

const shared: readonly StoredField[] = frozen([
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

/** What the system keeps of every record, `id` foremost, and the record type where the object has any. */
export function systemFields({ name, recordTypes }: ObjectDefinition): readonly StoredField[] {
  const exprType = { kind: "ref", target: name } as const;
  const id = systemField("id", "uuid", text("ID", "ID", "ID"), {
    required: true,
    unique: true,
    exprType,
  });
  return [frozen(id), ...shared, ...(recordTypes === undefined ? [] : [frozen(recordType(recordTypes))])];
}

/** A picklist of the types. Records that are there when the first types come take the default, too. */
function recordType(types: NonNullable<ObjectDefinition["recordTypes"]>): StoredField {
  const all = Object.entries(types);
  const values = all.map(([value, { title = humanise(value), titles, active = true }]) => ({
    ...{ value, title, active },
    ...(titles === undefined ? {} : { titles }),
  }));
  const definition = { fieldType: "picklist", values } as const;
  const shape = fieldTypes.picklist.shape(definition);
  const [preset] = all.find(([, type]) => type.default === true) ?? all.find(([, type]) => type.active !== false) ?? [];
  return {
    id: systemFieldIds.record_type,
    name: recordTypeName,
    type: "picklist",
    title: text("Record type", "记录类型", "記錄類型"),
    system: true,
    required: true,
    readOnly: false,
    exprType: shape.exprType,
    column: { name: recordTypeName, sqlType: shape.sqlType, notNull: true },
    schema: shape.schema,
    unique: false,
    foreignKey: false,
    definition,
    default: preset,
    ...(shape.values === undefined ? {} : { values: shape.values }),
  };
}
