import type { Cause } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import type { Trigger } from "../workflows/definition.ts";
import { whenHolds } from "../workflows/when.ts";
import { type Workflow, concernsFields } from "../workflows/workflow.ts";

export type ChangeOp = "create" | "update" | "delete" | "restore" | "purge";

/** A committed change as conditions see it. */
export interface Change {
  readonly seq: number;
  readonly objectId: number;
  readonly record: string;
  readonly op: ChangeOp;
  readonly at: Date;
  readonly actor: string | null;
  /** Metadata version it was made under. */
  readonly meta: number;
  readonly cause: Cause;
  /** The whole record after the change, before it for a delete. */
  readonly data: Record<string, unknown>;
  /** Old values of the changed fields. */
  readonly old: Record<string, unknown> | null;
}

/** A restore starts nothing: the record is neither new nor changed. Nor does a purge: a record that was live is told of as deleted before. */
const triggerOf: Record<ChangeOp, Trigger | undefined> = {
  create: "created",
  update: "updated",
  delete: "deleted",
  restore: undefined,
  purge: undefined,
};

/** Whether the workflow starts on this change. */
export function matches(
  workflow: Workflow,
  change: Change,
  user: Record<string, unknown>,
  snapshot: Snapshot,
): boolean {
  if (change.meta < workflow.metaFrom || (workflow.metaTo !== null && change.meta >= workflow.metaTo)) return false;
  if (workflow.definition.on !== triggerOf[change.op]) return false;
  // One that cannot run any more must not go silent: it leaves a failed run that says why.
  if (workflow.fault !== undefined) return true;
  if (!concernsFields(workflow.definition, (field) => change.old !== null && field in change.old)) return false;
  const old = change.op === "update" ? { ...change.data, ...change.old } : null;
  return whenHolds(workflow.when, { record: change.data, old, user, now: change.at, settings: snapshot.settings });
}
