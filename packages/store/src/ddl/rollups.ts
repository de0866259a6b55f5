import type { RollupGroup, Snapshot } from "@guanxi/meta";
import { recomputeSql } from "../write/rollup-sql.ts";
import { type DdlStep, qualified } from "./step.ts";

/**
 * Computes roll-ups from the records that are there. Nobody writes such a record between the first look at them and the commit:
 * who waits meanwhile finds the new metadata, and keeps the roll-ups from then on.
 */
export function computeRollup(snapshot: Snapshot, group: RollupGroup): DdlStep[] {
  const { parent, child, rollups } = group;
  const fields = rollups.map(({ field }) => `${parent.table}.${field.name}`).join(", ");
  return [
    {
      sql: `LOCK TABLE ${qualified(snapshot.settings.schema, child.table)} IN SHARE ROW EXCLUSIVE MODE`,
      effect: `hold writes of ${child.table}`,
    },
    { sql: recomputeSql(snapshot, group), effect: `compute ${fields} from ${child.table}` },
  ];
}
