import { expressionUses, type Snapshot, type Use } from "@guanxi/meta";
import type { Workflow } from "./workflow.ts";

/** What a workflow names: its object, the fields it watches, and those of its condition. What its script says is not read. */
export function workflowUses({ name, objectId, definition }: Workflow, snapshot: Snapshot): Use[] {
  const object = snapshot.byId.get(objectId);
  if (!object) return [];
  const use = (part: string, used: Pick<Use, "object" | "field">, follows = false): Use => ({
    by: `workflow ${name} (${part})`,
    kind: "workflows",
    name,
    ...used,
    follows,
  });
  const watched = (definition.fields ?? []).flatMap((field) => {
    const id = object.fields.get(field)?.id;
    return id === undefined || id < 0 ? [] : [use("fields", { object: objectId, field: id })];
  });
  const asked = definition.when === undefined ? [] : expressionUses(definition.when, object, snapshot);
  return [use("object", { object: objectId }, true), ...watched, ...asked.map((used) => use("when", used))];
}
