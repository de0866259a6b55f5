import { isSameStored, type StoredObject, type TenantSettings } from "@guanxi/meta";
import { shownSettings } from "../settings.ts";
import type { Editions } from "../plugins/editions.ts";
import type { ChangeSet, Touched } from "./types.ts";

/** What people call an object, set aside or not. */
const shownName = (object: StoredObject | null): string => object?.aside?.name ?? object?.name ?? "";

/** The objects that are not as before. */
export function touchedObjects(before: readonly StoredObject[], after: readonly StoredObject[]): Touched[] {
  const [was, is] = [before, after].map((list) => new Map(list.map((object) => [object.id, object]))) as [
    Map<number, StoredObject>,
    Map<number, StoredObject>,
  ];
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((id) => {
    const [old, now] = [was.get(id) ?? null, is.get(id) ?? null];
    return isSameStored(old, now) ? [] : [{ kind: "objects", name: shownName(now ?? old), before: old, after: now }];
  });
}

export const touchedPlugins = (editions: Editions, changed: ChangeSet["plugins"]): Touched[] =>
  [...changed].map(([name, after]) => ({
    ...{ kind: "plugins", name },
    ...{ before: editions.get(name) ?? null, after: after ?? null },
  }));

/** The settings that are not as before, each by its name. */
export function touchedSettings(before: TenantSettings, after: TenantSettings): Touched[] {
  const now = new Map<string, unknown>(Object.entries(shownSettings(after)));
  return Object.entries(shownSettings(before)).flatMap(([name, was]) =>
    was === now.get(name) ? [] : [{ kind: "settings", name, before: was, after: now.get(name) }],
  );
}
