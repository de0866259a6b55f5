import { isDeepStrictEqual } from "node:util";
import { GuanxiError, type Issue } from "@guanxi/base";
import {
  type Extension,
  type FieldDefinition,
  isExtension,
  layer,
  lockFaults,
  type ObjectDefinition,
  parseDefinition,
  pointer,
  retarget,
  storeDefinition,
  type StoredObject,
} from "@guanxi/meta";
import { type Base, type Bases, basesOf, inTenantsWords, originOf, ownExtension } from "./brought.ts";
import { collisionsIn, namesakes, type Wanting } from "./collisions.ts";
import { changed, type Edition, type Editions } from "./editions.ts";

/** The objects of a tenant on other editions of its plugins. */
export interface Relayered {
  readonly list: readonly StoredObject[];
  /** What the tenant's own part is laid on from now on. */
  readonly bases: Bases;
  /** Ids of the objects that plugins change. */
  readonly given: ReadonlySet<number>;
  /** Names before and after; undefined for what goes, or is set aside for good. */
  readonly moves: ReadonlyMap<string, string | undefined>;
}

interface Work {
  readonly stored: readonly StoredObject[];
  readonly before: Bases;
  readonly after: Bases;
  readonly wanting: Wanting;
  /** Names of plugins that go away, and of those that come back. */
  readonly leaving: ReadonlySet<string>;
  readonly returning: ReadonlySet<string>;
  readonly nextId: () => number;
  readonly issues: Issue[];
}

/**
 * Brings a tenant's objects from its editions of plugins to others: `to` holds those that change, undefined for what is purged. What the
 * tenant has of its own stays as it is. DEFINITION, under `/{object}`, where names collide or locks are broken.
 */
export function relayer(
  stored: readonly StoredObject[],
  from: Editions,
  to: ReadonlyMap<string, Edition | undefined>,
  nextId: () => number,
): Relayered {
  const editions = changed(from, to);
  const wanting = {
    plugin: [...to.keys()].join(", "),
    version: [...to.values()].map((edition) => edition?.version).join(", "),
  };
  const isOn = (name: string, of: Editions): boolean => of.get(name)?.state === "enabled";
  const work: Work = {
    leaving: new Set([...to.keys()].filter((name) => !isOn(name, editions))),
    returning: new Set([...to.keys()].filter((name) => from.has(name) && !isOn(name, from))),
    ...{ stored, wanting, nextId, issues: [] },
    ...{ before: basesOf(from), after: basesOf(editions) },
  };
  const kept = stored.flatMap((object) => moved(work, object, from, to) ?? []);
  const made = newObjects(work, kept, from, editions);
  if (work.issues.length > 0) throw new GuanxiError("DEFINITION", { issues: work.issues });
  const names = new Map(stored.map(({ id, name }) => [id, name]));
  const is = new Map(kept.map(({ id, name }) => [id, name]));
  const renames = new Map(
    [...names].flatMap(([id, name]) => (is.get(id) === name ? [] : [[name, is.get(id)] as const])),
  );
  const list = [...kept, ...made].map((object) => follow(object, renames));
  const was = new Map(stored.map((object) => [object.id, object]));
  return {
    list: list.toSorted((a, b) => a.id - b.id),
    bases: work.after,
    given: new Set(list.filter((object) => was.get(object.id) !== object).map(({ id }) => id)),
    moves: new Map([...renames].map(([name, now]) => [name, now?.startsWith("_") ? undefined : now])),
  };
}

/** References follow: of what is set aside also to what is. */
const follow = (object: StoredObject, renames: ReadonlyMap<string, string | undefined>): StoredObject =>
  retarget(object, (target) => {
    const now = renames.get(target) ?? target;
    return now.startsWith("_") && !object.aside ? target : now;
  });

/** One stored object on the new editions; undefined where it goes. */
function moved(
  work: Work,
  object: StoredObject,
  from: Editions,
  to: ReadonlyMap<string, Edition | undefined>,
): StoredObject | undefined {
  const { source } = object;
  if (to.has(source)) {
    const edition = to.get(source);
    if (edition === undefined) return undefined;
    if (edition.state !== "enabled") return setAside(object, edition.state === "uninstalled");
  }
  const back = object.aside && to.has(source) ? broughtBack(work, object) : object;
  if (back.source === "tenant" || back.aside) return back;
  const origin = originOf(back, work.before);
  const here = withoutPurged(work, back, purgedFrom(origin, from, to));
  const before = work.before.get(origin) ?? (object.aside ? work.after.get(origin) : undefined);
  const after = work.after.get(origin) ?? renamedIn(work, origin);
  if (before === undefined) return here;
  // An object of the core, or of one that stays, is never without a base: its plugin takes it away.
  if (after === undefined) return undefined;
  return isDeepStrictEqual(before, after) ? here : onBase(work, here, before, after);
}

/** Fields that plugins which are purged have brought to an object of somebody else's. */
export const purgedFrom = (
  origin: string,
  from: Editions,
  to: ReadonlyMap<string, Edition | undefined>,
): readonly string[] =>
  [...to].flatMap(([name, edition]) =>
    edition ? [] : (from.get(name)?.objects ?? []).flatMap((object) => addedTo(origin, object)),
  );

const addedTo = (origin: string, object: ObjectDefinition | Extension): string[] =>
  isExtension(object) && object.extends === origin ? Object.keys(object["properties"] ?? {}) : [];

function withoutPurged(work: Work, object: StoredObject, fields: readonly string[]): StoredObject {
  const base = work.after.get(originOf(object, work.before))?.definition.properties ?? {};
  const goes = (name: string): boolean => fields.includes(name) && !Object.hasOwn(base, name);
  const { definition } = object;
  const kept = Object.entries(definition.properties).filter(([name]) => !goes(name));
  if (kept.length === Object.keys(definition.properties).length) return object;
  const required = definition.required?.filter((name) => !goes(name));
  const without = { ...definition, ...(required && { required }), properties: Object.fromEntries(kept) };
  return storeDefinition(object, without, object.source, work.nextId);
}

/** A newer edition's new name for an object. */
const renamedIn = ({ before, after }: Work, origin: string): Base | undefined =>
  [...after.values()].find(({ definition }) => definition.was === origin && !before.has(definition.name));

/** The tenant's part of an object on another base. */
function onBase(work: Work, object: StoredObject, before: Base, after: Base): StoredObject {
  const [was, is] = [before, after].map(({ definition }) => inTenantsWords(definition, work.stored, work.before)) as [
    ObjectDefinition,
    ObjectDefinition,
  ];
  const { issues } = work;
  // What comes back finds the fields that it has left here.
  const faults = work.returning.size > 0 ? [] : collisionsIn(object, was, is, work.wanting);
  issues.push(...faults);
  if (faults.length > 0) return object;
  const extension = withNewNames(ownExtension(was, object.definition), was, is);
  return (
    inObject(issues, object.name, () => {
      const kept = work.leaving.size > 0 ? leftBehind(work, object, was, is) : {};
      const said = { ...(extension["properties"] as object | undefined), ...kept };
      const definition = parseDefinition(layer(is, { ...extension, properties: said }));
      const locks = lockFaults(is, definition, after.source);
      issues.push(...locks.map((issue) => ({ ...issue, path: pointer(object.name) + issue.path })));
      const stored = storeDefinition(object, withKnownNames(object.fieldIds, definition), object.source, work.nextId);
      return after.definition.name === before.definition.name || object.name !== before.definition.name
        ? stored
        : withoutOrigin(stored);
    }) ?? object
  );
}

/** Formulas and roll-ups come back with their plugin, and what is asked of values with them. */
const computed = new Set(["formula", "rollup"]);

/**
 * Fields of a plugin that goes away, on an object of somebody else's: their values are not its own to take along, so they become the tenant's.
 * What leads to an object that goes too cannot stay, but for what else it leads to.
 */
function leftBehind(
  { stored, leaving }: Work,
  object: StoredObject,
  was: ObjectDefinition,
  is: ObjectDefinition,
): Readonly<Record<string, FieldDefinition>> {
  const gone = new Set(stored.filter(({ source }) => leaving.has(source)).map(({ name }) => name));
  const fields = Object.entries(object.definition.properties).flatMap(([name, field]) => {
    const { requiredWhen: _asked, readonlyWhen: _held, defaultFormula: _given, locked: _locked, ...plain } = field;
    const own = Object.hasOwn(was.properties, name) && !Object.hasOwn(is.properties, name);
    const stays = own && !computed.has(field.fieldType ?? "");
    const left = without(gone, field);
    return stays && left ? [[name, { ...plain, ...left }] as const] : [];
  });
  return Object.fromEntries(fields);
}

/** Where a field leads without these objects; undefined where that is nowhere. */
function without(gone: ReadonlySet<string>, { target }: FieldDefinition): Pick<FieldDefinition, "target"> | undefined {
  if (target === undefined) return {};
  if (typeof target === "string") return gone.has(target) ? undefined : { target };
  const left = target.filter((name) => !gone.has(name));
  return left.length > 0 ? { target: left } : undefined;
}

const withoutOrigin = ({ origin: _origin, ...object }: StoredObject): StoredObject => object;

/** Runs `work`; its faults are told under the object's name. */
function inObject<T>(issues: Issue[], name: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof GuanxiError) || error.issues.length === 0) throw error;
    issues.push(...error.issues.map((issue) => ({ ...issue, path: pointer(name) + issue.path })));
    return undefined;
  }
}

/** What the extension says of a field that has another name in the new base. */
function withNewNames(extension: Extension, before: ObjectDefinition, after: ObjectDefinition): Extension {
  const said = extension["properties"];
  if (typeof said !== "object" || said === null) return extension;
  const moves = new Map<string, string>();
  for (const [name, { was }] of Object.entries(after.properties)) {
    const known = was !== undefined && Object.hasOwn(before.properties, was) && !Object.hasOwn(after.properties, was);
    if (known && !Object.hasOwn(before.properties, name)) moves.set(was, name);
  }
  const properties = Object.entries(said as Record<string, Record<string, unknown> | null>).map(([name, field]) => {
    const was = moves.get(String(field?.["was"]));
    // Who has called it so before its plugin did says nothing of that any more.
    const { was: _was, ...said } = field ?? {};
    if (was === name) return [name, said] as const;
    return [moves.get(name) ?? name, field && was !== undefined ? { ...field, was } : field] as const;
  });
  return { ...extension, properties: Object.fromEntries(properties) };
}

/** A former name that this tenant never had is none. */
function withKnownNames(fieldIds: StoredObject["fieldIds"], definition: ObjectDefinition): ObjectDefinition {
  const properties = Object.entries(definition.properties).map(([name, field]) => {
    const { was, ...plain } = field;
    const known = was === undefined || Object.hasOwn(fieldIds, was) || Object.hasOwn(fieldIds, name);
    return [name, known ? field : plain] as const;
  });
  return { ...definition, properties: Object.fromEntries(properties) };
}

/** The object keeps its table; uninstalled, under a name that no definition can have. */
function setAside(object: StoredObject, forGood: boolean): StoredObject {
  const { id, definition, aside = { name: definition.name, plural: definition.plural } } = object;
  const names = forGood ? { name: `_${id}`, plural: `_${id}` } : aside;
  const { origin = aside.name } = object;
  return {
    ...object,
    name: names.name,
    definition: { ...definition, ...names },
    aside,
    ...(origin === names.name ? {} : { origin }),
  };
}

function broughtBack({ stored, issues, wanting }: Work, object: StoredObject): StoredObject {
  const { aside, origin, ...rest } = object;
  if (aside === undefined) return object;
  const definition = { ...object.definition, ...aside };
  const others = stored.filter((other) => other.id !== object.id && !other.aside);
  issues.push(...namesakes(definition, others, wanting));
  return {
    ...rest,
    name: aside.name,
    definition,
    ...(origin === undefined || origin === aside.name ? {} : { origin }),
  };
}

/** Objects that the new editions bring and the old ones did not. What a tenant has deleted stays so. */
function newObjects(work: Work, kept: readonly StoredObject[], from: Editions, to: Editions): StoredObject[] {
  const { before, after, issues, nextId, wanting } = work;
  const there = new Set(kept.filter(({ source }) => source !== "tenant").map((object) => originOf(object, after)));
  return [...after].flatMap(([name, base]) => {
    const { definition, source } = base;
    const known = from.get(source)?.objects.some((object) => object.name === name);
    if (there.has(name) || before.has(name) || known || !to.has(source)) return [];
    const clashes = namesakes(definition, kept, wanting);
    issues.push(...clashes);
    if (clashes.length > 0) return [];
    const { was: _was, ...unnamed } = inTenantsWords(definition, work.stored, before);
    return inObject(issues, name, () => storeDefinition(undefined, withKnownNames({}, unnamed), source, nextId)) ?? [];
  });
}
