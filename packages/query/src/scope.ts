import type { ExprScope } from "@guanxi/expr";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import type { Sources } from "./sources.ts";

/** What names mean in a filter: the record's fields, walks over references, tests of the records in its lists, and the actor. */
export function filterScope(snapshot: Snapshot, object: ObjectType, sources: Sources): ExprScope {
  const user = snapshot.objects.get("user");
  return {
    record: object,
    object: (name) => snapshot.objects.get(name),
    children: (name) => sources.listOf(name)?.object,
    ...(user ? { user } : {}),
  };
}
