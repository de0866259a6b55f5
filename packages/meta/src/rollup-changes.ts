import { toSql } from "@guanxi/expr";
import { coreOf } from "./object-type.ts";
import { rollupOf, rollupsOf } from "./rollups.ts";
import { fieldOrBranch } from "./several.ts";
import type { Field, MetaChange, ObjectType, Rollup, RollupGroup, Snapshot } from "./types.ts";

type Compute = Extract<MetaChange, { kind: "compute_rollup" }>;

/**
 * The roll-ups whose values are to be computed on the way from one snapshot to the next: the new ones, and those that look at
 * something else than before. Each comes after those that it looks at.
 */
export function rollupChanges(before: Snapshot, after: Snapshot): Compute[] {
  const changed = [...after.byId.values()].flatMap((object) => {
    const from = before.byId.get(object.id);
    // A new object has no records yet.
    if (!from || coreOf(object).rollups.length === 0) return [];
    return rollupsOf(after, object).flatMap((group) =>
      group.rollups
        .filter(({ field }) => meaning(before, from, field) !== meaning(after, object, field))
        .map((rollup) => ({ depth: depthOf(after, group, rollup), group: { ...group, rollups: [rollup] } })),
    );
  });
  return changed
    .toSorted((a, b) => a.depth - b.depth)
    .map(({ group }) => ({ kind: "compute_rollup", object: group.parent, group }));
}

/** What decides the values of a roll-up, by stable ids: equal for equal values, whatever things are called. */
function meaning(snapshot: Snapshot, object: ObjectType, { id }: Pick<Field, "id">): string | undefined {
  const field = [...object.fields.values()].find((f) => f.id === id);
  const found = field?.type === "rollup" ? rollupOf(snapshot, object, field) : undefined;
  if (!found) return undefined;
  const { group, rollup } = found;
  const { child, reference } = group;
  const { op, value, filter } = rollup;
  const of = (f: Field | undefined): string =>
    f?.column === undefined ? "" : `${f.id} ${f.column.sqlType} ${meaning(snapshot, child, f) ?? ""}`;
  const { timeZone, fiscalYearStart } = snapshot.settings;
  const constant = (given: unknown, sqlType: string): string => JSON.stringify([given, sqlType]);
  const condition =
    filter &&
    toSql(filter, {
      column: ([name = ""]) => of(fieldOrBranch(child, name)),
      parameter: constant,
      get now(): string {
        throw new Error("the filter of a roll-up does not know what time it is");
      },
      timeZone,
      fiscalYearStart,
      inFormulas: { parameter: constant, timeZone },
    });
  return JSON.stringify([child.id, reference.id, op, of(value), condition]);
}

/** How many roll-ups stand between this one and values that somebody wrote. */
function depthOf(snapshot: Snapshot, { child }: RollupGroup, { uses }: Rollup): number {
  const below = [...uses].map((name) => {
    const field = child.fields.get(name);
    const found = field?.type === "rollup" ? rollupOf(snapshot, child, field) : undefined;
    return found ? depthOf(snapshot, found.group, found.rollup) + 1 : 0;
  });
  return Math.max(0, ...below);
}
