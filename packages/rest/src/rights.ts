import { GuanxiError } from "@guanxi/base";
import type { Kernel, ObjectRight, Rights, RouteRight, Session } from "@guanxi/kernel";
import { isFileObject, type ObjectType } from "@guanxi/meta";

/** Whether the roles let the caller do this to an object at all; `view_all` is a way to read. */
export function may(rights: Rights, object: string, right: ObjectRight): boolean {
  const held = rights.object(object);
  return rights.all || held.has(right) || (right === "read" && held.has("view_all"));
}

/** Objects that a caller with these rights may do this to; files are created by their own call alone. */
export const objectsFor = (rights: Rights, objects: Iterable<ObjectType>, right: ObjectRight): readonly ObjectType[] =>
  [...objects].filter((object) => may(rights, object.name, right) && !(right === "create" && isFileObject(object)));

/** Whether a caller with these rights gets past `admit`, for one object at least. */
export function reaches(rights: Rights, objects: Iterable<ObjectType>, right: RouteRight | undefined): boolean {
  if (right === undefined || rights.all) return true;
  return typeof right === "string" ? rights.system.has(right) : objectsFor(rights, objects, right.object).length > 0;
}

/** The session, on newer metadata where it takes that to find the object. Throws FORBIDDEN, and NOT_FOUND for an object out of reach. */
export async function admit(
  kernel: Kernel,
  session: Session,
  right: RouteRight | undefined,
  params: Readonly<Record<string, string>>,
): Promise<Session> {
  if (right === undefined) return session;
  if (typeof right === "string") {
    if (reaches(session.actor.rights, [], right)) return session;
    throw new GuanxiError("FORBIDDEN", { detail: `This needs the system right ${right}.` });
  }
  const { session: fresh, object } = await kernel.objectByPlural(session, params["plural"] ?? "");
  if (may(fresh.actor.rights, object.name, right.object)) return fresh;
  throw new GuanxiError("FORBIDDEN", { detail: `This needs the right ${right.object} on ${object.name}.` });
}
