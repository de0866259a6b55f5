import { perKey } from "@guanxi/base";
import type { ObjectType, RollupGroup, Snapshot } from "@guanxi/meta";
import { quote, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { among, deltaSql, lookedAt, recomputeSql, tableOf } from "./rollup-sql.ts";
import { grantShape, plannedStatement } from "./plans.ts";
import { newParameters, place, recordJson, type WriteContext } from "./shared.ts";

const texts = perKey((_: Snapshot) => new Map<string, string>());

/** A text that is made once for a snapshot. */
function kept(snapshot: Snapshot, name: string, key: string, make: () => string): Pick<Statement, "name" | "text"> {
  const known = texts(snapshot);
  const text = known.get(`${name} ${key}`) ?? make();
  known.set(`${name} ${key}`, text);
  return { name, text };
}

const keyOf = (groups: readonly RollupGroup[]): string => groups.map((g) => `${g.parent.id}.${g.reference.id}`).join();

/** Locks the parents, in the order of their ids, that the records `children` name now and those that they are to name, `others`. `groups` have one parent. */
export function lockParentsStatement(
  snapshot: Snapshot,
  groups: readonly [RollupGroup, ...RollupGroup[]],
  children: readonly string[],
  others: readonly string[],
): Statement {
  const [{ parent, child }] = groups;
  const named = groups.map(
    ({ reference }) =>
      `SELECT t.${quote(reference.column.name)} FROM ${tableOf(snapshot, child)} t WHERE ${among("t.id", "$1")}`,
  );
  return {
    ...kept(
      snapshot,
      `${child.name}.lock_parents`,
      keyOf(groups),
      () =>
        `SELECT p.id FROM ${tableOf(snapshot, parent)} p WHERE p.id = ANY (ARRAY(${named.join(" UNION ALL ")})) OR ${among("p.id", "$2")} ORDER BY p.id FOR NO KEY UPDATE OF p`,
    ),
    params: [JSON.stringify(children), JSON.stringify(others)],
    prepare: true,
  };
}

/** Locks records that roll-ups look at. → `rows`, JSON of what these see of them; deleted ones are not among them. */
export const rolledRowsStatement = (
  snapshot: Snapshot,
  child: ObjectType,
  groups: readonly RollupGroup[],
  children: readonly string[],
): Statement => ({
  ...kept(snapshot, `${child.name}.rolled_rows`, keyOf(groups), () => {
    // No field can be named as the row is, or `json_agg` would take the field.
    const columns = lookedAt(groups).map(({ name }) => `t.${quote(name)}`);
    return `WITH o AS MATERIALIZED (
  SELECT ${columns.join(", ")} FROM ${tableOf(snapshot, child)} t WHERE ${among("t.id", "$1")} AND t.deleted_at IS NULL ORDER BY t.id FOR NO KEY UPDATE OF t
) SELECT coalesce(json_agg("#"), '[]')::text AS rows FROM o "#"`;
  }),
  params: [JSON.stringify(children)],
  prepare: true,
});

/** Ids of the parents that records name, or named `before` (as `rolledRowsStatement` gives it). */
export const rolledParentsStatement = (
  snapshot: Snapshot,
  group: RollupGroup,
  children: readonly string[],
  before: string,
): Statement => ({
  ...kept(snapshot, `${group.child.name}.rolled_parents`, keyOf([group]), () => {
    const column = quote(group.reference.column.name);
    return `SELECT t.${column} AS id FROM ${tableOf(snapshot, group.child)} t WHERE ${among("t.id", "$1")} AND t.${column} IS NOT NULL
  UNION SELECT b.${column} FROM jsonb_to_recordset($2::jsonb) AS b(${column} uuid) WHERE b.${column} IS NOT NULL`;
  }),
  params: [JSON.stringify(children), before],
  prepare: true,
});

/** A parent that may have changed. */
export interface RolledUp extends Record<string, unknown> {
  readonly id: string;
  /** Whether its least or greatest value is among those that went. */
  readonly lost: boolean;
}

/** Brings a group's roll-ups up to date with the records `children`, which were `before` (the text of `rolledRowsStatement`) or were not counted. */
export const rollUpStatement = (
  snapshot: Snapshot,
  group: RollupGroup,
  children: readonly string[],
  before: string | undefined,
): Statement => ({
  ...kept(snapshot, `${group.child.name}.roll_up`, `${keyOf([group])} ${before !== undefined}`, () =>
    deltaSql(snapshot, group, before !== undefined),
  ),
  params: [JSON.stringify(children), ...(before === undefined ? [] : [before])],
  prepare: true,
});

/** Records that this transaction has written, as their answers are by now. */
export const writtenStatement = (
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  records: readonly string[],
): Statement =>
  plannedStatement(object, "written", grantShape(grant), records, context, () => {
    const { snapshot } = context;
    const parameters = newParameters();
    const data = recordJson({ object, grant, snapshot, parameters }, "t");
    const text = `SELECT t.id, ${data} AS data FROM ${tableOf(snapshot, object)} t WHERE ${among("t.id", place.rows)}`;
    return { text, constants: parameters.values };
  });

const extremes: ReadonlySet<string> = new Set(["min", "max"]);

/** Finds the least and greatest values anew, of parents that are locked. */
export const rollUpLostStatement = (snapshot: Snapshot, group: RollupGroup, parents: readonly string[]): Statement => ({
  ...kept(snapshot, `${group.child.name}.roll_up_lost`, keyOf([group]), () =>
    recomputeSql(snapshot, { ...group, rollups: group.rollups.filter(({ op }) => extremes.has(op)) }, true),
  ),
  params: [JSON.stringify(parents)],
  prepare: true,
});

/** Computes these roll-ups of locked parents from all their records; → `id` of those that differed. */
export const recomputeStatement = (snapshot: Snapshot, group: RollupGroup, parents: readonly string[]): Statement => ({
  name: `${group.parent.name}.recompute`,
  text: recomputeSql(snapshot, group, true),
  params: [JSON.stringify(parents)],
  prepare: false,
});
