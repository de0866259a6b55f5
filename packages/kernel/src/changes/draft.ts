import { isDeepStrictEqual } from "node:util";
import { GuanxiError, type Issue, type Text, text } from "@guanxi/base";
import {
  type ObjectDefinition,
  parseDefinition,
  retarget,
  retargetDefinition,
  storeDefinition,
  type StoredObject,
} from "@guanxi/meta";
import { guardCore } from "./core-guard.ts";
import { comesTwice, each } from "./faults.ts";
import type { ChangeSet, Written } from "./types.ts";

/** The objects of a tenant as a change set would leave them. */
export interface Draft {
  /** By id. */
  readonly list: readonly StoredObject[];
  /** Ids of those that the change set speaks of itself. */
  readonly given: ReadonlySet<number>;
  /** Where each of these stands in the body, by its name. */
  readonly paths: ReadonlyMap<string, string>;
  /** Names before and after; undefined for what is deleted. */
  readonly moves: ReadonlyMap<string, string | undefined>;
}

type Given = Written<ObjectDefinition>;

/** Applies a change set to the objects that are stored. Throws DEFINITION with all that is wrong with any of them by itself, FORBIDDEN. */
export async function draftObjects(
  stored: readonly StoredObject[],
  set: ChangeSet,
  nextId: () => number,
): Promise<Draft> {
  if (set.back) return draftBack(stored, set.back.objects);
  const given = await each(set.objects, ({ path, value }): Given => ({ path, value: parseDefinition(value) }));
  const gone = deletions(stored, set);
  const kept = stored.filter((object) => !gone.has(object.name));
  refuseTwice(given, gone);
  const sources = renamed(kept, given);
  const moved = new Set(sources.values());
  const renames = new Map([...sources].map(([definition, source]) => [source.name, definition.name]));
  const names = new Set(given.map(({ value }) => value.name));
  const nowCalled = (target: string): string => renames.get(target) ?? target;
  const asWritten = (target: string): string => (names.has(target) ? target : nowCalled(target));
  const made = await each(given, ({ path, value }) => {
    const named = kept.find((o) => o.name === value.name && !moved.has(o));
    const previous = sources.get(value) ?? named;
    if (set.strict && previous === undefined && value.was !== undefined) sayMissing(value.was);
    if (previous) guardCore(previous, value);
    const written = set.strict ? value : withoutUnknownNames(previous, value);
    const definition = retargetDefinition(written, asWritten);
    // What leads to an object that gets another name is known by that.
    const before = previous && retarget(previous, nowCalled);
    return { path, previous, object: storeDefinition(before, definition, previous?.source ?? "tenant", nextId) };
  });
  const changed = new Set(made.map(({ previous }) => previous));
  const list = [
    ...kept.filter((o) => !changed.has(o)).map((o) => retarget(o, nowCalled)),
    ...made.map(({ previous, object }) => unlessSame(previous, object)),
  ];
  return {
    list: list.toSorted((a, b) => a.id - b.id),
    given: new Set(made.map(({ object }) => object.id)),
    paths: new Map([
      ...(set.gone.get("objects") ?? []).map(({ path, value }) => [value, path] as const),
      ...made.map(({ path, object }) => [object.name, path] as const),
    ]),
    moves: new Map([...[...gone].map((name) => [name, undefined] as const), ...renames]),
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
    paths: new Map(),
    moves,
  };
}

/** The names of stored objects that go. The core's do not. */
function deletions(stored: readonly StoredObject[], set: ChangeSet): Set<string> {
  const names = new Set(set.gone.get("objects")?.map(({ value }) => value));
  const going = stored.filter((object) => names.has(object.name));
  const core = going.find(({ source }) => source === "core");
  if (core) throw new GuanxiError("FORBIDDEN", { detail: `${core.name} belongs to the core and cannot be deleted.` });
  return new Set(going.map(({ name }) => name));
}

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
  for (const { value } of given) {
    const source = byName.get(value.was ?? "");
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
  previous !== undefined && isDeepStrictEqual(withoutWas(previous), withoutWas(object)) ? previous : object;

function withoutWas({ definition, ...stored }: StoredObject): unknown {
  return { ...stored, definition: plainDefinition(definition) };
}

/** A definition without what anything in it was called. */
export function plainDefinition({ was: _was, properties, ...definition }: ObjectDefinition): object {
  const plain = Object.entries(properties).map(([name, { was: _old, ...field }]) => [name, field] as const);
  return { ...definition, properties: Object.fromEntries(plain) };
}
