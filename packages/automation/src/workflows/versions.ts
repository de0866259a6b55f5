import { Recent } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import { type Connection, quotedSchema } from "@guanxi/store";
import { isBefore } from "./definition.ts";
import { type Workflow, type WorkflowRow, compileWorkflow, workflowColumns } from "./workflow.ts";

/** Versions of a tenant's workflows that start after a commit, for all metadata versions from `from` to `to`. */
export interface VersionSet {
  readonly from: number;
  readonly to: number;
  /** By the object they watch. */
  readonly byObject: ReadonlyMap<number, readonly Workflow[]>;
  /** What conditions are checked against; undefined when there is no workflow. */
  readonly snapshot: Snapshot | undefined;
}

/** Tenants whose versions one process keeps; beyond it the one used longest ago is read again when it is needed. */
const keptTenants = 2_000;

/**
 * Finds the workflows that were current when a change was made, which may be older than the ones that are current now. A version's content never
 * changes and only its end is written later, so what was read once for a range of metadata versions stays right for it.
 */
export function createVersions(kernel: Kernel) {
  const kept = new Recent<string, VersionSet>(keptTenants);

  /** Versions for changes made under metadata versions `from` to `to`; `to` must have been committed. Reads on `connection` if it must. */
  async function covering(connection: Connection, tenant: string, from: number, to: number): Promise<VersionSet> {
    const set = kept.get(tenant);
    return set !== undefined && set.from <= from && to <= set.to ? set : load(connection, tenant, from, to);
  }

  async function load(connection: Connection, tenant: string, from: number, to: number): Promise<VersionSet> {
    const rows = await connection.sql<WorkflowRow>(
      `SELECT ${workflowColumns} FROM ${quotedSchema(tenant)}._workflow
       WHERE meta_from <= $2::bigint AND (meta_to IS NULL OR meta_to > $1::bigint) AND definition->>'on' NOT LIKE 'before\\_%' ORDER BY name, version`,
      [from, to],
    );
    const snapshot = rows.length > 0 ? await kernel.tenants.snapshot(tenant) : undefined;
    const byObject = new Map<number, Workflow[]>();
    for (const row of rows) {
      if (!snapshot) continue;
      const workflow = compileWorkflow(row, snapshot);
      if (startsByEvent(workflow)) byObject.set(row.object_id, [...(byObject.get(row.object_id) ?? []), workflow]);
    }
    const set = { from, to, byObject, snapshot };
    kept.set(tenant, set);
    return set;
  }

  return {
    covering,
    last: (tenant: string): VersionSet | undefined => kept.get(tenant),
    /** Another tenant has come under this id; under any, when undefined. */
    forget(tenant: string | undefined): void {
      if (tenant === undefined) kept.clear();
      else kept.delete(tenant);
    },
  };
}

export type Versions = ReturnType<typeof createVersions>;

const startsByEvent = ({ definition }: Workflow): boolean =>
  !isBefore(definition.on) && definition.on !== "manual" && definition.active !== false;
