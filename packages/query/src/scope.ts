import type { ExprScope } from "@guanxi/expr";
import type { ObjectType, Snapshot } from "@guanxi/meta";

/** What names mean in a filter: the record's fields, walks over references, and the actor. */
export function filterScope(snapshot: Snapshot, object: ObjectType): ExprScope {
  const user = snapshot.objects.get("user");
  return { record: object, object: (name) => snapshot.objects.get(name), ...(user ? { user } : {}) };
}
