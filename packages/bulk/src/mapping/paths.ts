import { type Field, fieldPath, type ObjectType, partField, type Snapshot } from "@guanxi/meta";

/** What a path of a mapping names. */
export interface Named {
  /** The object's field. */
  readonly whole: Field;
  /** What of it is filled: the field, or a part of it under the name `address.city`. */
  readonly field: Field;
  /** The name of the field that a record is found by. */
  readonly by: string | undefined;
}

/** Where records are found by a value. */
export interface LookedUp {
  readonly target: ObjectType;
  readonly by: Field;
}

/** Kinds whose values can be asked for by `field in […]`. */
const askable: ReadonlySet<string> = new Set(["text", "int", "decimal", "ref"]);

export const isAskable = (field: Field): boolean => askable.has(field.exprType.kind);

/** A part of a field; of a reference to several objects also the reference to one of them, under the name `about.account`. */
function memberOf(field: Field, name: string): Field | undefined {
  const part = partField(field, name);
  return part && { ...part, name: fieldPath(part) };
}

/** A field, a part of one (`address.city`), or either and the field of its target (`owner.email`, `about.account.code`). */
export function namedBy(object: ObjectType, path: string, lookup?: string): Named | undefined {
  const [name = "", ...steps] = path.split(".");
  const whole = object.fields.get(name);
  if (!whole) return undefined;
  const inside = (whole.branches !== undefined || whole.exprType.kind === "parts") && steps.length > 0;
  const field = inside ? memberOf(whole, steps[0] ?? "") : whole;
  const [walk, ...more] = inside ? steps.slice(1) : steps;
  const isPart = inside && field?.target === undefined;
  if (!field || more.length > 0 || (walk !== undefined && (isPart || lookup !== undefined))) return undefined;
  return { whole, field, by: lookup ?? walk };
}

/** Of a reference, or a list of them; undefined where records cannot be found so. */
export function lookedUpBy({ field, by: name }: Named, snapshot: Snapshot): LookedUp | undefined {
  const target = field.type === "files" ? undefined : snapshot.objects.get(field.target ?? "");
  const by = name === undefined ? undefined : target?.fields.get(name);
  return target && by && by.unread !== true && isAskable(by) ? { target, by } : undefined;
}
