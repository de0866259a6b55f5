import { perKey, type Text, text } from "@guanxi/base";
import type { ExprObject } from "@guanxi/expr";
import type { Field, ObjectType } from "./types.ts";

/** The object without some of its fields, as expressions name it; the object itself where it has none of those. `why` tells of one of them. */
function without(object: ObjectType, left: (field: Field) => boolean, why: (name: string) => Text): ExprObject {
  const gone = new Set([...object.fields.values()].filter(left).map((field) => field.name));
  if (gone.size === 0) return object;
  return {
    name: object.name,
    fieldType: (field) => (gone.has(field) ? undefined : object.fieldType(field)),
    formula: (field) => object.formula?.(field),
    unit: (field) => object.unit?.(field),
    whyNot: (field) => (gone.has(field) ? why(field) : undefined),
    fieldNames: () => [...object.fields.keys()].filter((name) => !gone.has(name)),
  };
}

/** What queries and conditions before a write may name. Formulas were given by who defines the object, and may say more. */
export const asRead = perKey((object: ObjectType): ExprObject => {
  const seen = without(object, (field) => field.unread === true, sayUnread);
  return seen === object ? object : { ...seen, whole: object };
});

/** What conditions on a change may name, by themselves or in formulas: what the change has kept. */
export const asTold = perKey((object: ObjectType): ExprObject =>
  without(object, (field) => field.untold === true, sayUntold),
);

const sayUnread = (name: string): Text =>
  text(
    `"${name}" is write-only: nobody reads it or asks for it`,
    `“${name}”是只写字段，不能读取或查询`,
    `「${name}」是唯寫欄位，不能讀取或查詢`,
  );

const sayUntold = (name: string): Text =>
  text(
    `changes do not tell what "${name}" holds, only that it changed: name it in "fields", or read the record in the script`,
    `变更不会给出“${name}”的值，只说明它已改变：请在 fields 中列出它，或在脚本中读取记录`,
    `變更不會給出「${name}」的值，只說明它已改變：請在 fields 中列出它，或在腳本中讀取記錄`,
  );
