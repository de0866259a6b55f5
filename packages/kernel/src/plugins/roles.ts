import { isDeepStrictEqual } from "node:util";
import type { StoredObject } from "@guanxi/meta";
import { roleRecord } from "../changes/roles.ts";
import type { Definition } from "../changes/types.ts";
import type { Plugin } from "../types.ts";
import type { Edition } from "./editions.ts";

interface There {
  readonly stored: readonly StoredObject[];
  /** What the tenant has of the plugin, where that counts. */
  readonly before: Edition | undefined;
  /** The tenant's roles by name. */
  readonly has: ReadonlyMap<string, Definition>;
}

/**
 * The roles that come with a plugin: those that are missing, and rights on objects that were not there before for roles of the same name.
 * What a tenant has made of a role stays.
 */
export function rolesOf(plugin: Plugin, { stored, before, has }: There): Definition[] {
  const callings = new Map(
    stored.flatMap(({ origin, aside, source }) =>
      aside && origin && source === plugin.name ? [[origin, aside.name] as const] : [],
    ),
  );
  const old = new Set(before?.objects.map((object) => object.name));
  return (plugin.roles ?? []).flatMap((role) => {
    const rights = Object.fromEntries(
      Object.entries(role.rights).map(([object, granted]) => [callings.get(object) ?? object, granted] as const),
    );
    const there = has.get(role.name);
    if (there === undefined) return [roleRecord({ ...role, rights })];
    const own = (there["rights"] ?? {}) as Readonly<Record<string, unknown>>;
    const arriving = Object.entries(rights).filter(([object]) => !old.has(object) && !Object.hasOwn(own, object));
    const next = { ...there, rights: { ...own, ...Object.fromEntries(arriving) } };
    return isDeepStrictEqual(next, there) ? [] : [next];
  });
}
