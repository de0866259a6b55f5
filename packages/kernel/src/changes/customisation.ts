import { isDeepStrictEqual } from "node:util";
import { type ObjectDefinition, type ObjectType, parseDefinition } from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";
import { shownSettings } from "../settings.ts";
import type { Plugin, Session } from "../types.ts";
import { plainDefinition } from "./draft.ts";
import type { Customisation, Definition, DefinitionKind } from "./types.ts";

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
  const sources = new Map(objects.map(({ name, source }) => [name, source]));
  // A tenant that the core's newest edition could not reach has not deleted what it lacks.
  const kept = new Set([...sources.keys(), ...own.map(({ was }) => was), ...coreObjects.map((o) => o.name)]);
  const changed = new Map([["objects", own.map(({ name }) => name).filter((name) => sources.get(name) !== "tenant")]]);
  const gone = new Map([["objects", [...brought.keys()].filter((name) => !kept.has(name))]]);
  const others = new Map<string, readonly Definition[]>();
  for (const kind of kinds) {
    const current = await kind.read(session);
    const given = new Map((kind.brought?.(session.tenant.plugins) ?? []).map((one) => [one.name, one]));
    const differing = [...current.values()].filter((one) => !isDeepStrictEqual(given.get(one.name), one));
    others.set(
      kind.name,
      differing.toSorted((a, b) => byName(a.name, b.name)),
    );
    changed.set(
      kind.name,
      differing.map(({ name }) => name).filter((name) => given.has(name)),
    );
    gone.set(
      kind.name,
      [...given.keys()].filter((name) => !current.has(name)),
    );
  }
  return {
    version: session.snapshot.version,
    objects: own,
    ...Object.fromEntries(others),
    settings: shownSettings(session.snapshot.settings),
    delete: named(gone),
    brought: named(changed),
  };
}

const named = (names: ReadonlyMap<string, readonly string[]>): Record<string, readonly string[]> =>
  Object.fromEntries([...names].flatMap(([kind, list]) => (list.length > 0 ? [[kind, list.toSorted(byName)]] : [])));

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
