import { isDeepStrictEqual } from "node:util";
import { type Extension, type ObjectDefinition, saysNothing, type StoredObject } from "@guanxi/meta";
import { coreObjects } from "../core-objects.ts";
import { baseOf, type Bases, basesOf, originOf, ownExtension } from "../plugins/brought.ts";
import type { Editions } from "../plugins/editions.ts";
import { shownSettings } from "../settings.ts";
import type { Session } from "../types.ts";
import type { Customisation, Definition, DefinitionKind } from "./types.ts";

/**
 * What a tenant has that the platform does not bring, and what it has not although the platform brings it: a change set that makes another
 * tenant of the same plugins equal. `session` is fresh.
 */
export async function customisationOf(
  session: Session,
  editions: Editions,
  kinds: readonly DefinitionKind[],
): Promise<Customisation> {
  const bases = basesOf(editions);
  const stored = [...session.snapshot.objects.values()]
    .map((object) => object.stored)
    .toSorted((a, b) => byName(a.name, b.name));
  const own = stored.flatMap((object) => ownPart(object, stored, bases) ?? []);
  const sources = new Map(stored.map(({ name, source }) => [name, source]));
  // A tenant that the core's newest edition could not reach has not deleted what it lacks.
  const kept = new Set([...stored.map((object) => originOf(object, bases)), ...coreObjects.map((o) => o.name)]);
  const changed = new Map([["objects", own.map(({ name }) => name).filter((name) => sources.get(name) !== "tenant")]]);
  const gone = new Map([["objects", [...bases.keys()].filter((name) => !kept.has(name))]]);
  // The roles of a disabled plugin are still there.
  const plugins = [...editions.values()].filter(({ state }) => state !== "uninstalled").map(({ name }) => name);
  const others = new Map<string, readonly Definition[]>();
  for (const kind of kinds) {
    const current = await kind.read(session);
    const given = new Map((kind.brought?.(plugins) ?? []).map((one) => [one.name, one]));
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
    objects: own.map(({ written }) => written),
    ...Object.fromEntries(others),
    settings: shownSettings(session.snapshot.settings),
    delete: named(gone),
    brought: named(changed),
  };
}

const named = (names: ReadonlyMap<string, readonly string[]>): Record<string, readonly string[]> =>
  Object.fromEntries([...names].flatMap(([kind, list]) => (list.length > 0 ? [[kind, list.toSorted(byName)]] : [])));

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Undefined for an object that is as the platform brings it. Former names that only this tenant knew are left out. */
function ownPart(object: StoredObject, stored: readonly StoredObject[], bases: Bases): Named | undefined {
  const { name, definition } = object;
  const base = baseOf(object, stored, bases);
  if (base === undefined) return { name, written: ofItsOwn(definition) };
  const written = ownExtension(base, definition);
  return saysNothing(written) ? undefined : { name, written };
}

interface Named {
  readonly name: string;
  readonly written: ObjectDefinition | Extension;
}

function ofItsOwn({ was: _was, ...definition }: ObjectDefinition): ObjectDefinition {
  const properties = Object.entries(definition.properties).map(([name, { was: _old, ...field }]) => [name, field]);
  return { ...definition, properties: Object.fromEntries(properties) };
}
