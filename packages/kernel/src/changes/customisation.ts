import { isDeepStrictEqual } from "node:util";
import { type ObjectDefinition, type ObjectType, parseDefinition } from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";
import { shownSettings } from "../settings.ts";
import type { Plugin, Session } from "../types.ts";
import { plainDefinition } from "./draft.ts";
import type { Customisation, DefinitionKind } from "./types.ts";

/**
 * What a tenant has that the platform does not bring, and what it has not although the platform brings it: a change set that makes another
 * tenant of the same plugins equal. `session` is fresh.
 */
export async function customisationOf(
  session: Session,
  plugins: readonly Plugin[],
  kinds: readonly DefinitionKind[],
): Promise<Customisation> {
  const brought = broughtObjects(session, plugins);
  const objects = [...session.snapshot.objects.values()].toSorted((a, b) => byName(a.name, b.name));
  const own = objects.flatMap((object) => ownDefinition(object, brought) ?? []);
  const others = new Map<string, unknown>();
  const kept = new Set([...session.snapshot.objects.keys(), ...own.map(({ was }) => was)]);
  const gone = new Map<string, readonly string[]>([
    ["objects", [...brought.keys()].filter((name) => !kept.has(name)).toSorted(byName)],
  ]);
  for (const kind of kinds) {
    const [current, given] = [await kind.read(session), kind.brought?.(session.tenant.plugins) ?? []];
    const same = new Set(given.filter((one) => isDeepStrictEqual(current.get(one.name), one)).map(({ name }) => name));
    const all = [...current.values()].toSorted((a, b) => byName(a.name, b.name));
    others.set(
      kind.name,
      all.filter(({ name }) => !same.has(name)),
    );
    const missing = given.filter(({ name }) => !current.has(name)).map(({ name }) => name);
    gone.set(kind.name, missing.toSorted(byName));
  }
  return {
    version: session.snapshot.version,
    objects: own,
    ...Object.fromEntries(others),
    settings: shownSettings(session.snapshot.settings),
    delete: Object.fromEntries([...gone].filter(([, names]) => names.length > 0)),
  };
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function broughtObjects({ tenant }: Session, plugins: readonly Plugin[]): ReadonlyMap<string, ObjectDefinition> {
  const theirs = plugins.filter((p) => tenant.plugins.includes(p.name)).flatMap((p) => p.objects.map(parseDefinition));
  return new Map([...coreObjects, ...theirs].map((definition) => [definition.name, definition]));
}

/** Undefined for an object that is as the platform brings it. Former names that only this tenant knew are left out. */
function ownDefinition(
  { name, source, stored }: ObjectType,
  brought: ReadonlyMap<string, ObjectDefinition>,
): ObjectDefinition | undefined {
  const { definition } = stored;
  const { was, ...unnamed } = definition;
  const isRenamed = source !== "tenant" && was !== undefined && !brought.has(name) && brought.has(was);
  const origin = source === "tenant" ? undefined : brought.get(isRenamed ? was : name);
  if (origin !== undefined && isDeepStrictEqual(plainDefinition(definition), plainDefinition(origin))) return undefined;
  const properties = Object.entries(definition.properties).map(([field, { was: old, ...rest }]) => [
    field,
    old !== undefined && origin !== undefined && Object.hasOwn(origin.properties, old) ? { ...rest, was: old } : rest,
  ]);
  return { ...unnamed, ...(isRenamed ? { was } : {}), properties: Object.fromEntries(properties) };
}
