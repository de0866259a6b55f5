import type { SnapshotPart, WriteKind } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import { type Connection, quote } from "@guanxi/store";
import { type Workflow, type WorkflowRow, compileWorkflow, workflowColumns } from "./workflow.ts";
import { isBefore } from "./definition.ts";

/** The workflows that are current on a snapshot. */
export interface WorkflowSet {
  readonly byName: ReadonlyMap<string, Workflow>;
  /** Code and condition of those that start inside a write, in their order. */
  before(objectId: number, kind: WriteKind): readonly BeforeWorkflow[];
}

export interface BeforeWorkflow extends Workflow {
  readonly code: string;
}

export const workflowsPart: SnapshotPart<WorkflowSet> = {
  name: "workflows",
  async load(connection: Connection, snapshot: Snapshot): Promise<WorkflowSet> {
    const rows = await connection.sql<WorkflowRow & { code: string | null }>(
      // Only before-scripts are kept in memory with their code: they run inside requests.
      `SELECT ${workflowColumns}, CASE WHEN definition->>'on' LIKE 'before\\_%' THEN code END AS code
       FROM ${quote(snapshot.settings.schema)}._workflow WHERE meta_to IS NULL ORDER BY name`,
    );
    return workflowSet(rows, snapshot);
  },
};

function workflowSet(rows: readonly (WorkflowRow & { code: string | null })[], snapshot: Snapshot): WorkflowSet {
  const byName = new Map<string, Workflow>();
  const before = new Map<string, BeforeWorkflow[]>();
  for (const row of rows) {
    const workflow = compileWorkflow(row, snapshot);
    byName.set(workflow.name, workflow);
    if (!isBefore(workflow.definition.on) || workflow.definition.active === false) continue;
    const key = `${workflow.objectId} ${workflow.definition.on}`;
    before.set(key, [...(before.get(key) ?? []), { ...workflow, code: row.code ?? "" }]);
  }
  for (const list of before.values()) list.sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1));
  const none: readonly BeforeWorkflow[] = [];
  return { byName, before: (objectId, kind) => before.get(`${objectId} before_${kind}`) ?? none };
}
