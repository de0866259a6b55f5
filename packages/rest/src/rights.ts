import type { ObjectRight, Rights } from "@guanxi/kernel";

/** Whether the roles let the caller do this to an object at all; `view_all` is a way to read. */
export function may(rights: Rights, object: string, right: ObjectRight): boolean {
  const held = rights.object(object);
  return rights.all || held.has(right) || (right === "read" && held.has("view_all"));
}
