import { perKey } from "@guanxi/base";
import { coreOf } from "./object-type.ts";
import { type Find, readRollup } from "./rollup-check.ts";
import type { Field, ObjectType, Rollup, RollupGroup, Snapshot, StoredField } from "./types.ts";

/** What a write changes beside the fields that it names. */
export const stampFields: ReadonlySet<string> = new Set(["version", "updated_at", "updated_by"]);

/** All roll-ups of a snapshot. They are read when first asked for; objects without any are not looked into. */
const groupsOf = perKey(({ objects }: Snapshot): readonly RollupGroup[] => {
  const find: Find = (name) => {
    const object = objects.get(name);
    return object && coreOf(object);
  };
  return [...objects.values()].flatMap((parent) => {
    const read = coreOf(parent).rollups.map((source) => readRollup(coreOf(parent), source, find));
    const groups = Map.groupBy(read, ({ child, reference }) => `${child.name}.${reference.name}`);
    return [...groups.values()].flatMap((own) => {
      const [first] = own;
      const child = first && objects.get(first.child.name);
      return first && child ? [{ parent, child, reference: first.reference, rollups: own.map((r) => r.rollup) }] : [];
    });
  });
});

const byChild = perKey((snapshot: Snapshot) =>
  Map.groupBy(
    groupsOf(snapshot).toSorted((a, b) => a.parent.id - b.parent.id || a.reference.id - b.reference.id),
    (group) => group.child,
  ),
);

const none: readonly RollupGroup[] = [];

/** The roll-ups over records of an object, in the order in which they are kept. */
export const rollupsOver = (snapshot: Snapshot, child: ObjectType): readonly RollupGroup[] =>
  byChild(snapshot).get(child) ?? none;

/** The roll-ups that an object has. */
export const rollupsOf = (snapshot: Snapshot, parent: ObjectType): readonly RollupGroup[] =>
  groupsOf(snapshot).filter((group) => group.parent === parent);

/** What roll-ups are in a new record, which no other names yet. */
export const initialValues = perKey((object: ObjectType): Readonly<Record<string, unknown>> => {
  const fields = object.columns.filter((f) => f.type === "rollup" && f.column.initial !== undefined);
  const shown = ({ schema, column }: StoredField): unknown =>
    schema["type"] === "string" ? column.initial : Number(column.initial);
  return Object.fromEntries(fields.map((field) => [field.name, shown(field)]));
});

/** The roll-up that a field is. */
export function rollupOf(
  snapshot: Snapshot,
  object: ObjectType,
  field: Field,
): { readonly group: RollupGroup; readonly rollup: Rollup } | undefined {
  for (const group of rollupsOf(snapshot, object)) {
    const rollup = group.rollups.find((r) => r.field.id === field.id);
    if (rollup) return { group, rollup };
  }
  return undefined;
}

/** Whether writes of an object may change roll-ups of the same object, by themselves or through those of others. */
export const rollsUpItself = perKey((snapshot: Snapshot) =>
  perKey((object: ObjectType): boolean => {
    const seen = new Set<ObjectType>();
    const waiting = [object];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      for (const { parent } of rollupsOver(snapshot, next)) {
        if (parent === object) return true;
        if (!seen.has(parent)) waiting.push(parent);
        seen.add(parent);
      }
    }
    return false;
  }),
);
