import { type CheckedExpression, checkExpression } from "@guanxi/expr";
import type { Snapshot } from "@guanxi/meta";
import { type WorkflowDefinition, defaultOrder, isBefore } from "./definition.ts";
import { whenScope } from "./when.ts";

/** A published version, ready to be matched. Its code is read when it runs. */
export interface Workflow {
  readonly name: string;
  readonly version: number;
  readonly objectId: number;
  readonly definition: WorkflowDefinition;
  /** Whose rights it has: whoever published it. */
  readonly actor: string;
  /** First metadata version it belongs to, and the first that it does not belong to any more. */
  readonly metaFrom: number;
  readonly metaTo: number | null;
  readonly order: number;
  readonly when: CheckedExpression | undefined;
  /** Why it cannot run any more, e.g. its condition names a field that was dropped. */
  readonly fault: string | undefined;
}

/** A row of `_workflow` without its code. */
export interface WorkflowRow extends Record<string, unknown> {
  readonly name: string;
  readonly version: number;
  readonly object_id: number;
  /** JSON text. */
  readonly definition: string;
  readonly actor: string;
  readonly meta_from: number;
  readonly meta_to: number | null;
}

export const workflowColumns = "name, version, object_id, definition, actor, meta_from, meta_to";

export function compileWorkflow(row: WorkflowRow, snapshot: Snapshot): Workflow {
  const written = JSON.parse(row.definition) as WorkflowDefinition;
  // As its object is called now.
  const definition = { ...written, object: snapshot.byId.get(row.object_id)?.name ?? written.object };
  return {
    name: row.name,
    version: row.version,
    objectId: row.object_id,
    definition,
    actor: row.actor,
    metaFrom: row.meta_from,
    metaTo: row.meta_to,
    order: definition.order ?? defaultOrder,
    ...compileWhen(definition, row.object_id, snapshot),
  };
}

function compileWhen(
  definition: WorkflowDefinition,
  objectId: number,
  snapshot: Snapshot,
): Pick<Workflow, "when" | "fault"> {
  const object = snapshot.byId.get(objectId);
  if (!object) return { when: undefined, fault: `its object "${definition.object}" is gone` };
  const gone = definition.fields?.find((field) => !object.fields.has(field));
  if (gone !== undefined) return { when: undefined, fault: `it names the field "${gone}", which is gone` };
  const computed = definition.fields?.find((field) => object.formula?.(field));
  if (computed !== undefined)
    return { when: undefined, fault: `it names the field "${computed}", which is a formula now: no update changes it` };
  const unread =
    isBefore(definition.on) && definition.fields?.find((field) => object.fields.get(field)?.unread === true);
  if (typeof unread === "string")
    return { when: undefined, fault: `it names the field "${unread}", which is write-only now` };
  if (definition.when === undefined) return { when: undefined, fault: undefined };
  try {
    return {
      when: checkExpression(definition.when, whenScope(object, definition.on, snapshot), "bool"),
      fault: undefined,
    };
  } catch (error) {
    return {
      when: undefined,
      fault: `its condition is no longer valid: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}

/** Whether an update changed one of the fields that the workflow names; true when it names none. */
export function concernsFields(definition: WorkflowDefinition, changed: (field: string) => boolean): boolean {
  return definition.fields === undefined || definition.fields.some(changed);
}
