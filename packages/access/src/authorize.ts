import { GuanxiError } from "@guanxi/base";
import { isFileObject, type ObjectType, parentOf, sharingParents, type Snapshot } from "@guanxi/meta";
import {
  type Authorized,
  type Holder,
  type Predicate,
  type ReadPlan,
  type Source,
  walkedObjects,
  type WriteGrant,
} from "@guanxi/query";
import type { ObjectRight, Rights } from "./rights.ts";

/** A snapshot's, by name. */
type Objects = ReadonlyMap<string, ObjectType>;

/** The rows of an object that an actor may read; `none` without the right. */
function readable(object: ObjectType, rights: Rights, objects: Objects): Predicate {
  const granted = rights.object(object.name);
  if (granted.has("view_all") || granted.has("edit_all")) return { kind: "all" };
  if (!granted.has("read")) return { kind: "none" };
  if (parentOf(object.sharing) !== undefined)
    return byParents(object, objects, (parent) => readable(parent, rights, objects));
  return object.sharing === "private" ? { kind: "owned" } : { kind: "all" };
}

/** Where the parent's object is set aside, there is nothing but the owner to decide. */
function byParents(object: ObjectType, objects: Objects, reached: (parent: ObjectType) => Predicate): Predicate {
  const parents = sharingParents(object, objects).map(({ field, parent }) => ({
    ...{ field, object: parent, predicate: reached(parent) },
  }));
  return parents.length === 0 ? { kind: "owned" } : { kind: "parent", parents };
}

/**
 * The same where rows are found by their id: a file is also read by whoever may read a record that names it. Lists do not ask for that,
 * since they would have to look for the records of every file.
 */
function readableById(object: ObjectType, rights: Rights, objects: Objects): Predicate {
  const own = readable(object, rights, objects);
  if (!isFileObject(object) || own.kind === "all") return own;
  const by = object.incoming.flatMap(({ object: name, field }): Holder[] => {
    const holder = objects.get(name);
    const predicate = holder && readable(holder, rights, objects);
    return predicate && predicate.kind !== "none" ? [{ object: holder, field, predicate }] : [];
  });
  return { kind: "held", own, by };
}

/** The rows that an actor may change; never more than those they may read. */
function writable(object: ObjectType, rights: Rights, objects: Objects): Predicate {
  if (rights.object(object.name).has("edit_all")) return { kind: "all" };
  if (parentOf(object.sharing) !== undefined)
    return byParents(object, objects, (parent) =>
      rights.object(parent.name).has("edit") ? writable(parent, rights, objects) : { kind: "none" },
    );
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

/** The rows that walks and relations from records which the actor reads may find, or a list in them: who got to the record that names a file gets to the file. */
const walkable = (object: ObjectType, rights: Rights, objects: Objects): Predicate =>
  isFileObject(object) ? { kind: "all" } : readable(object, rights, objects);

function rowsOf({ object, via, related }: Source, { kind }: ReadPlan, rights: Rights, objects: Objects): Predicate {
  if (via ?? related) return walkable(object, rights, objects);
  return kind === "get" ? readableById(object, rights, objects) : readable(object, rights, objects);
}

/** Gives every table of the plan the rows that the actor may read. Throws as `requireRight`, and what there is to say of a relation that they may not know of. */
export function authorize<P extends ReadPlan>(plan: P, rights: Rights, objects: Objects): Authorized<P> {
  const granted = rights.object(plan.object.name);
  if (!granted.has("read") && !granted.has("view_all")) requireRight(plan.object, "read", rights);
  const hidden = plan.relations?.objects.filter((object) => !knows(object, rights)) ?? [];
  if (plan.relations && hidden.length > 0) throw plan.relations.refusal(hidden);
  const sources = plan.sources.map((s) => ({ ...s, predicate: rowsOf(s, plan, rights, objects) }));
  return { ...plan, sources } as P as Authorized<P>;
}

/** What the actor may reach with a write of the object. Throws as `requireRight` when the roles do not allow this kind of write at all. */
export function grantWrite(
  object: ObjectType,
  right: "create" | "edit" | "delete" | "purge",
  rights: Rights,
  snapshot: Snapshot,
): WriteGrant {
  if (right === "purge") requireRight(object, "delete", rights);
  requireRight(object, right, rights);
  const references = new Map<string, Predicate>();
  for (const field of object.columns) {
    const to = field.target === undefined ? undefined : snapshot.objects.get(field.target);
    if (to) references.set(field.name, readableById(to, rights, snapshot.objects));
  }
  const walks = new Map(walkedObjects(snapshot, object).map((to) => [to.name, walkable(to, rights, snapshot.objects)]));
  return {
    read: readableById(object, rights, snapshot.objects),
    write: writable(object, rights, snapshot.objects),
    references,
    walks,
  };
}
