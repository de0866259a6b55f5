import { type MetaChange, tableById } from "@guanxi/meta";
import type { Sides } from "./columns-before.ts";
import { type AheadStep, LargeTable } from "./large-table.ts";
import type { DdlStep } from "./step.ts";

export type { AheadStep } from "./large-table.ts";

/** What is to be made ahead, and what that leaves to the transaction. */
export interface Ahead {
  /** In the order in which they are made. */
  readonly steps: readonly AheadStep[];
  /** The statements of these changes instead of their usual ones: what was made takes its place. */
  readonly adopt: ReadonlyMap<MetaChange, readonly DdlStep[]>;
  /** Changes that hold writers for long even so: values of another type, what is built on these, roll-ups computed. */
  readonly heavy: ReadonlySet<MetaChange>;
}

/** Pure text; `changes` as `diffSnapshots` gives them. */
export function compileAhead(schema: string, changes: readonly MetaChange[], sides: Sides): Ahead {
  const { before, large } = sides;
  const steps: AheadStep[] = [];
  const adopt = new Map<MetaChange, readonly DdlStep[]>();
  const heavy = new Set<MetaChange>();
  for (const change of changes) {
    if (change.kind === "compute_rollup" && [change.group.parent, change.group.child].some(({ id }) => large.has(id)))
      heavy.add(change);
    const was = tableById(before, change.object.id);
    if (was === undefined || !large.has(was.id)) continue;
    const table = new LargeTable(schema, was, change.object, { changes, sides });
    const made = table.ahead(change);
    steps.push(...made.steps.map((step) => ({ ...step, change })));
    if (made.adopt) adopt.set(change, made.adopt);
    else if (made.heavy) heavy.add(change);
  }
  return { steps: steps.toSorted((a, b) => turnOf(a) - turnOf(b)), adopt, heavy };
}

/** Columns before what stands on them, and last what refuses writes from then on. */
const turnOf = ({ long, inTheWay }: AheadStep): number => (long === undefined ? 0 : inTheWay === undefined ? 1 : 2);
