import type { ExprObject, ExprScope } from "@guanxi/expr";
import { asRead, type ObjectType, type Snapshot } from "@guanxi/meta";
import type { Sources } from "./sources.ts";

/** What names mean in a filter: the record's fields, walks over references, tests of the records in its lists, and the actor. */
export function filterScope(snapshot: Snapshot, object: ObjectType, sources: Sources): ExprScope {
  const user = snapshot.objects.get("user");
  const read = (other: ObjectType | undefined): ExprObject | undefined => other && asRead(other);
  return {
    record: asRead(object),
    object: (name) => read(snapshot.objects.get(name)),
    children: (name) => read(sources.listOf(name)?.object),
    ...(user ? { user: asRead(user) } : {}),
  };
}
