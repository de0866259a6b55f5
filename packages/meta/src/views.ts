import { perKey } from "@guanxi/base";
import type { ExprObject } from "@guanxi/expr";
import type { Field, ObjectType } from "./types.ts";

/** The object without some of its fields, as expressions name it; the object itself where it has none of those. */
function without(object: ObjectType, left: (field: Field) => boolean): ExprObject {
  const gone = new Set([...object.fields.values()].filter(left).map((field) => field.name));
  if (gone.size === 0) return object;
  return {
    name: object.name,
    fieldType: (field) => (gone.has(field) ? undefined : object.fieldType(field)),
    formula: (field) => object.formula?.(field),
    unit: (field) => object.unit?.(field),
    fieldNames: () => [...object.fields.keys()].filter((name) => !gone.has(name)),
  };
}

/** What queries and conditions before a write may name. Formulas were given by who defines the object, and may say more. */
export const asRead = perKey((object: ObjectType): ExprObject => {
  const seen = without(object, (field) => field.unread === true);
  return seen === object ? object : { ...seen, whole: object };
});

/** What conditions on a change may name, by themselves or in formulas: what the change has kept. */
export const asTold = perKey((object: ObjectType): ExprObject => without(object, (field) => field.untold === true));
