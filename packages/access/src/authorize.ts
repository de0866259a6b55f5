import { GuanxiError } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import {
  type Authorized,
  type Predicate,
  type ReadPlan,
  type Source,
  walkedObjects,
  type WriteGrant,
} from "@guanxi/query";
import type { ObjectRight, Rights } from "./rights.ts";

/** The rows of an object that an actor may read; `none` without the right. */
function readable(object: ObjectType, rights: Rights): Predicate {
  const granted = rights.object(object.name);
  if (granted.has("view_all") || granted.has("edit_all")) return { kind: "all" };
  if (!granted.has("read")) return { kind: "none" };
  return object.sharing === "private" ? { kind: "owned" } : { kind: "all" };
}

/** The rows that an actor may change; never more than those they may read. */
function writable(object: ObjectType, rights: Rights): Predicate {
  if (rights.object(object.name).has("edit_all")) return { kind: "all" };
  return object.sharing === "write" ? { kind: "all" } : { kind: "owned" };
}

/** An object that the actor has no right on does not exist for them. */
export const knows = (object: ObjectType, rights: Rights): boolean => rights.object(object.name).size > 0;

/** Throws NOT_FOUND for an object the actor may not know of, FORBIDDEN where only this right is missing. */
function requireRight(object: ObjectType, right: ObjectRight, rights: Rights): void {
  if (rights.object(object.name).has(right)) return;
  if (!knows(object, rights)) throw new GuanxiError("NOT_FOUND", { detail: `There is no ${object.plural}.` });
  throw new GuanxiError("FORBIDDEN", { detail: `Your roles do not let you ${right} ${object.plural}.` });
}

const withPredicate = (source: Source, rights: Rights): Source => ({
  ...source,
  predicate: readable(source.object, rights),
});

/** Gives every table of the plan the rows that the actor may read. Throws as `requireRight`. */
export function authorize<P extends ReadPlan>(plan: P, rights: Rights): Authorized<P> {
  const granted = rights.object(plan.object.name);
  if (!granted.has("read") && !granted.has("view_all")) requireRight(plan.object, "read", rights);
  return { ...plan, sources: plan.sources.map((s) => withPredicate(s, rights)) } as P as Authorized<P>;
}

/** What the actor may reach with a write of the object. Throws as `requireRight` when the roles do not allow this kind of write at all. */
export function grantWrite(
  object: ObjectType,
  right: "create" | "edit" | "delete",
  rights: Rights,
  snapshot: Snapshot,
): WriteGrant {
  requireRight(object, right, rights);
  const references = new Map<string, Predicate>();
  for (const field of object.fields.values()) {
    const to = field.target === undefined ? undefined : snapshot.objects.get(field.target);
    if (to) references.set(field.name, readable(to, rights));
  }
  const walks = new Map(walkedObjects(snapshot, object).map((to) => [to.name, readable(to, rights)]));
  return { read: readable(object, rights), write: writable(object, rights), references, walks };
}
