import { GuanxiError, isGuanxiError, isObject, type Issue, type Text, text } from "@guanxi/base";
import {
  type Extension,
  isExtension,
  isSameStored,
  layer,
  lockFaults,
  type ObjectDefinition,
  parseDefinition,
  placeIn,
  retarget,
  retargetDefinition,
  storeDefinition,
  type StoredObject,
} from "@guanxi/meta";
import { baseOf, type Bases, basesOf, inTenantsWords, originOf } from "../plugins/brought.ts";
import type { Editions } from "../plugins/editions.ts";
import { relayer } from "../plugins/relayer.ts";
import { guardCore } from "./core-guard.ts";
import { comesTwice, each } from "./faults.ts";
import type { ChangeSet, Written } from "./types.ts";

/** The objects of a tenant as a change set would leave them. */
export interface Draft {
  /** By id. */
  readonly list: readonly StoredObject[];
  /** Ids of those that the change set speaks of itself. */
  readonly given: ReadonlySet<number>;
  /** Where a place in one of these stands in the body, by its name. */
  readonly places: ReadonlyMap<string, (path: string) => string>;
  /** Names before and after; undefined for what is deleted. */
  readonly moves: ReadonlyMap<string, string | undefined>;
}

interface Given extends Written<ObjectDefinition> {
  /** The object that it is an extension of, where that is there. */
  readonly extended?: StoredObject | undefined;
  /** From a place in the definition to where the body says it, below `path`. */
  readonly placeOf: (path: string) => string;
}

/** Applies a change set to the objects that are stored. Throws DEFINITION with all that is wrong with any of them by itself, FORBIDDEN. */
export async function draftObjects(
  stored: readonly StoredObject[],
  set: ChangeSet,
  editions: Editions,
  nextId: () => number,
): Promise<Draft> {
  if (set.back) return draftBack(stored, set.back.objects);
  if (set.plugins.size > 0) return draftPlugins(stored, set, editions, nextId);
  const bases = set.objects.length === 0 ? new Map<string, never>() : basesOf(editions);
  const gone = deletions(stored, set);
  const kept = stored.filter((object) => !gone.has(object.name));
  const given = await each(set.objects, (written) => readGiven(written, kept, bases));
  refuseTwice(given, gone);
  refuseNamesSetAside(given, kept);
  const sources = renamed(kept, given);
  const moved = new Set(sources.values());
  const renames = new Map([...sources].map(([definition, source]) => [source.name, definition.name]));
  const names = new Set(given.map(({ value }) => value.name));
  const nowCalled = (target: string): string => renames.get(target) ?? target;
  const asWritten = (target: string): string => (names.has(target) ? target : nowCalled(target));
  const made = await each(given, ({ path, value, placeOf }) => {
    const named = kept.find((o) => o.name === value.name && !moved.has(o));
    const previous = sources.get(value) ?? named;
    if (set.strict && previous === undefined && value.was !== undefined) sayMissing(value.was);
    if (previous) guardCore(previous, value);
    if (previous) guardLocks(previous, value, { kept, bases, placeOf });
    const written = set.strict ? value : withoutUnknownNames(previous, value);
    const definition = retargetDefinition(written, asWritten);
    // What leads to an object that gets another name is known by that.
    const before = previous && retarget(previous, nowCalled);
    const source = previous?.source ?? sourceOf(value, bases, placeOf);
    return { path, placeOf, previous, object: storeDefinition(before, definition, source, nextId) };
  });
  const changed = new Set(made.map(({ previous }) => previous));
  const list = [
    ...kept.filter((o) => !changed.has(o)).map((o) => retarget(o, nowCalled)),
    ...made.map(({ previous, object }) => unlessSame(previous, object)),
  ];
  return {
    list: list.toSorted((a, b) => a.id - b.id),
    given: new Set(made.map(({ object }) => object.id)),
    places: new Map([
      ...(set.gone.get("objects") ?? []).map(({ path, value }) => [value, (at: string) => path + at] as const),
      ...made.map(({ path, placeOf, object }) => [object.name, (at: string) => path + placeOf(at)] as const),
    ]),
    moves: new Map([...[...gone].map((name) => [name, undefined] as const), ...renames]),
  };
}

const asItIs = (path: string): string => path;

/** A definition, or an extension together with what it extends. */
function readGiven({ path, value }: Written<unknown>, kept: readonly StoredObject[], bases: Bases): Given {
  const base = isExtension(value) ? bases.get(value.extends) : undefined;
  if (!isExtension(value) || base === undefined) return { path, value: parseDefinition(value), placeOf: asItIs };
  const isIt = (o: StoredObject): boolean =>
    o.source === base.source && originOf(o, bases) === value.extends && !o.aside;
  const extended = kept.find(isIt);
  refuseSubtype(value, extended);
  const extension = withoutOldNames({ name: extended?.name ?? value.extends, ...value }, extended);
  const made = layer(inTenantsWords(base.definition, kept, bases), extension);
  const placeOf = (at: string): string => placeIn(made, extension, at);
  return { path, value: located(placeOf, () => parseDefinition(made)), extended, placeOf };
}

const noSubtype = text(
  'what extends "{extended}" adds to that object itself; leave "name" out, or say "was": "{called}" to call it "{name}", or leave "extends" out for an object of your own',
  "extends “{extended}”是在该对象本身上添加内容；请去掉 name；要改名为“{name}”请写 was: “{called}”；要定义自己的对象请去掉 extends",
  "extends「{extended}」是在該物件本身上新增內容；請去掉 name；要改名為「{name}」請寫 was: 「{called}」；要定義自己的物件請去掉 extends",
);

/** An object gets another name only where that is said in so many words. */
function refuseSubtype({ extends: extended, name, was }: Extension, object: StoredObject | undefined): void {
  const called = object?.name ?? extended;
  if (name === undefined || name === called || was === called || was === extended) return;
  const params = { message: "", extended, called, name };
  throw definitionError([{ path: "/name", code: "definition", text: noSubtype, params }]);
}

/** Files say again what a field was called, also when its plugin has come to use that name: it stays where both are there. */
function withoutOldNames(extension: Extension, extended: StoredObject | undefined): Extension {
  const said = extension["properties"];
  if (!isObject(said) || extended === undefined) return extension;
  const properties = Object.entries(said).map(([name, field]) => {
    const was = isObject(field) ? field["was"] : undefined;
    const both = typeof was === "string" && [name, was].every((one) => Object.hasOwn(extended.fieldIds, one));
    if (!both || !isObject(field)) return [name, field];
    const { was: _was, ...rest } = field;
    return [name, rest];
  });
  return { ...extension, properties: Object.fromEntries(properties) };
}

/** Faults of a definition at the places where it was written. */
function located<T>(placeOf: (path: string) => string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isGuanxiError(error, "DEFINITION")) throw error;
    throw definitionError(error.issues.map((issue) => ({ ...issue, path: placeOf(issue.path) })));
  }
}

interface Locks {
  readonly kept: readonly StoredObject[];
  readonly bases: Bases;
  readonly placeOf: (path: string) => string;
}

function guardLocks(previous: StoredObject, definition: ObjectDefinition, { kept, bases, placeOf }: Locks): void {
  const base = baseOf(previous, kept, bases);
  if (base === undefined || previous.source === "core") return;
  const issues = lockFaults(base, definition, previous.source);
  if (issues.length > 0) throw definitionError(issues.map((issue) => ({ ...issue, path: placeOf(issue.path) })));
}

/** What extends an object that was deleted brings it back; all else that is new is the tenant's. */
const sourceOf = (value: ObjectDefinition, bases: Bases, placeOf: (path: string) => string): string =>
  placeOf === asItIs ? "tenant" : (bases.get(value.name)?.source ?? "tenant");

/** The objects on other editions of plugins. */
function draftPlugins(
  stored: readonly StoredObject[],
  set: ChangeSet,
  editions: Editions,
  nextId: () => number,
): Draft {
  const { list, given, moves } = relayer(stored, editions, set.plugins, nextId);
  const was = new Map(stored.map((object) => [object.id, object]));
  return {
    list: list.map((object) => unlessSame(was.get(object.id), object)),
    given,
    moves,
    places: new Map(),
  };
}

/** Objects as they were before. What others call them is set right. */
function draftBack(stored: readonly StoredObject[], back: ReadonlyMap<number, StoredObject | undefined>): Draft {
  const moves = new Map<string, string | undefined>();
  for (const { id, name } of stored)
    if (back.has(id) && back.get(id)?.name !== name) moves.set(name, back.get(id)?.name);
  const returned = [...back.values()].filter((object) => object !== undefined);
  const others = stored.filter(({ id }) => !back.has(id));
  const taken = returned.find(({ name }) => others.some((other) => other.name === name));
  if (taken) throw new GuanxiError("CONFLICT", { detail: `There is another object ${taken.name} by now.` });
  const list = [...others.map((o) => retarget(o, (target) => moves.get(target) ?? target)), ...returned];
  return {
    list: list.toSorted((a, b) => a.id - b.id),
    given: new Set(back.keys()),
    places: new Map(),
    moves,
  };
}

const setAside = text(
  '"{name}" is the name of an object of the plugin "{plugin}", which is disabled: take another, or enable or uninstall the plugin',
  "“{name}”是已停用插件“{plugin}”的对象名称；请换用其他名称，或启用、卸载该插件",
  "「{name}」是已停用外掛「{plugin}」的物件名稱；請換用其他名稱，或啟用、解除安裝該外掛",
);

function refuseNamesSetAside(given: readonly Given[], kept: readonly StoredObject[]): void {
  const issues = given.flatMap(({ path, value: { name } }): Issue[] => {
    const aside = kept.find((object) => object.aside && object.name === name);
    const params = { message: "", name, plugin: aside?.source };
    return aside ? [{ path: `${path}/name`, code: "definition", text: setAside, params }] : [];
  });
  if (issues.length > 0) throw definitionError(issues);
}

/** The names of stored objects that go. The core's do not. */
function deletions(stored: readonly StoredObject[], set: ChangeSet): Set<string> {
  const names = new Set(set.gone.get("objects")?.map(({ value }) => value));
  const going = stored.filter((object) => names.has(object.name) && !object.aside);
  const core = going.find(({ source }) => source === "core");
  if (core) throw new GuanxiError("FORBIDDEN", { detail: `${core.name} belongs to the core and cannot be deleted.` });
  return new Set(going.map(({ name }) => name));
}

const definitionError = (issues: readonly Issue[]): GuanxiError => new GuanxiError("DEFINITION", { issues });

const alsoDeleted = text(
  '"{name}" is also among the objects to delete',
  "“{name}”同时列在要删除的对象中",
  "「{name}」同時列在要刪除的物件中",
);
const alreadyRenamed = text(
  '"{was}" is already renamed to "{name}"',
  "“{was}”已重命名为“{name}”",
  "「{was}」已重新命名為「{name}」",
);
const noSuchObject = text('there is no object "{was}"', "没有对象“{was}”", "沒有物件「{was}」");

function refuseTwice(given: readonly Given[], gone: ReadonlySet<string>): void {
  const issues = given.flatMap(({ path, value }, i): Issue[] => {
    const { name, was } = value;
    const twice = given.findIndex((other) => other.value.name === name) < i;
    const say = (words: Text): Issue => ({ path: `${path}/name`, code: "definition", text: words, params: { name } });
    if (twice) return [say(comesTwice)];
    return gone.has(name) && was === undefined ? [say(alsoDeleted)] : [];
  });
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
}

/**
 * Which object each definition is a new name of, where its `was` says so. It does not where an object has that name already, unless that one
 * gets another name in the same change set; nor where it has said so before.
 */
function renamed(kept: readonly StoredObject[], given: readonly Given[]): ReadonlyMap<ObjectDefinition, StoredObject> {
  const byName = new Map(kept.map((object) => [object.name, object]));
  const claims = new Map<ObjectDefinition, StoredObject>();
  for (const { value, extended } of given) {
    if (extended && extended.name !== value.name) claims.set(value, extended);
    const source = extended ? undefined : byName.get(value.was ?? "");
    const said = byName.get(value.name)?.definition.was === value.was;
    if (source !== undefined && source.name !== value.name && !said) claims.set(value, source);
  }
  for (let before = -1; before !== claims.size;) {
    before = claims.size;
    const moving = new Set(claims.values());
    for (const definition of claims.keys()) {
      const named = byName.get(definition.name);
      if (named && !moving.has(named)) claims.delete(definition);
    }
  }
  refuseSharedName(given, claims);
  return claims;
}

function refuseSharedName(given: readonly Given[], claims: ReadonlyMap<ObjectDefinition, StoredObject>): void {
  const first = new Map<StoredObject, string>();
  const issues = given.flatMap(({ path, value }): Issue[] => {
    const source = claims.get(value);
    if (source === undefined) return [];
    const other = first.get(source);
    if (other === undefined) first.set(source, value.name);
    if (other === undefined) return [];
    const params = { was: source.name, name: other };
    return [{ path: `${path}/was`, code: "definition", text: alreadyRenamed, params }];
  });
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
}

/** Files that renamed a field elsewhere come to a tenant that never had it. */
function withoutUnknownNames(previous: StoredObject | undefined, definition: ObjectDefinition): ObjectDefinition {
  const known = previous?.fieldIds ?? {};
  const fields = Object.entries(definition.properties).map(([name, field]) => {
    const { was, ...plain } = field;
    return [name, was === undefined || known[was] !== undefined || known[name] !== undefined ? field : plain] as const;
  });
  return { ...definition, properties: Object.fromEntries(fields) };
}

function sayMissing(was: string): never {
  throw new GuanxiError("DEFINITION", {
    issues: [{ path: "/was", code: "definition", text: noSuchObject, params: { was } }],
  });
}

/** What it was called is no part of what it is: a definition without its `was` is the same. */
const unlessSame = (previous: StoredObject | undefined, object: StoredObject): StoredObject =>
  previous !== undefined && isSameStored(withoutWas(previous), withoutWas(object)) ? previous : object;

const withoutWas = ({ definition, ...stored }: StoredObject): StoredObject => ({
  ...stored,
  definition: plainDefinition(definition),
});

/** A definition without what anything in it was called. */
function plainDefinition({ was: _was, properties, ...definition }: ObjectDefinition): ObjectDefinition {
  const plain = Object.entries(properties).map(([name, { was: _old, ...field }]) => [name, field] as const);
  return { ...definition, properties: Object.fromEntries(plain) };
}
