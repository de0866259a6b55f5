import { isDeepStrictEqual } from "node:util";
import { isObject } from "@guanxi/base";
import { pointer } from "../report.ts";
import type { ObjectDefinition } from "../types.ts";
import { type Entries, type Members, objectShape, type Shape } from "./shapes.ts";

/**
 * What is added to an object that somebody else brings: members of a definition, each of which stands for itself and leaves alone what
 * it does not name. `null` takes a member away. A list adds entries and changes those of the same name (`rules`), value (`values`) or
 * text; `{"without": [names], "with": [entries]}` also takes some away, and `{"only": anything}` stands in place of all there is.
 */
export interface Extension {
  /** The object, as its plugin calls it. */
  readonly extends: string;
  /** What it is called here, where that is another name. */
  readonly name?: string;
  readonly [member: string]: unknown;
}

type Value = Readonly<Record<string, unknown>>;

export const isExtension = (value: unknown): value is Extension =>
  isObject(value) && typeof value["extends"] === "string";

/** The definition that an extension makes of a base. What a faulty extension makes is faulty: `placeIn` tells where it says so. */
export function layer(base: ObjectDefinition, { extends: _base, ...said }: Extension): ObjectDefinition {
  return put(objectShape, withRenames(base, said["properties"]), said) as unknown as ObjectDefinition;
}

/** What makes `definition` of `base`; of what is as in the base it says nothing. */
export function extensionOf(base: ObjectDefinition, definition: ObjectDefinition): Extension {
  const named = withRenames(base, definition.properties);
  const said = { extends: base.name, ...(difference(objectShape, named, definition) as Value | undefined) };
  if (isDeepStrictEqual(layer(base, said), definition)) return said;
  return { ...said, properties: { only: definition.properties } };
}

export const saysNothing = (extension: Extension): boolean => Object.keys(extension).length === 1;

/** The base with its fields under the names that `was` gives them. */
function withRenames(base: ObjectDefinition, fields: unknown): ObjectDefinition {
  if (!isObject(fields)) return base;
  const there = base.properties;
  const moves = new Map<string, string>();
  for (const [name, field] of Object.entries(fields)) {
    const was = isObject(field) ? field["was"] : undefined;
    if (typeof was !== "string" || !Object.hasOwn(there, was) || Object.hasOwn(there, name)) continue;
    if ((fields[was] ?? null) === null && !moves.has(was)) moves.set(was, name);
  }
  if (moves.size === 0) return base;
  const properties = Object.entries(there).map(([name, field]) => [moves.get(name) ?? name, field] as const);
  return { ...base, properties: Object.fromEntries(properties) };
}

const isOnly = (said: unknown): said is { readonly only: unknown } =>
  isObject(said) && Object.keys(said).length === 1 && Object.hasOwn(said, "only");

interface Edit {
  readonly without?: unknown;
  readonly with?: unknown;
}

const isEdit = (said: unknown): said is Edit =>
  isObject(said) && Object.keys(said).every((key) => key === "without" || key === "with");

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
/** What a list adds to: one text is a list of itself, as in `target`. */
const entriesOf = (base: unknown): readonly unknown[] => (typeof base === "string" ? [base] : listOf(base));
const membersOf = (value: unknown): Value => (isObject(value) ? value : {});
/** Entries that are added or changed. */
const givenIn = (said: unknown): readonly unknown[] => listOf(isEdit(said) ? said.with : said);

const nameOf = ({ by }: Entries, entry: unknown): unknown => (by !== undefined && isObject(entry) ? entry[by] : entry);
const same = (shape: Entries, a: unknown, b: unknown): boolean => isDeepStrictEqual(nameOf(shape, a), nameOf(shape, b));

function put(shape: Shape, base: unknown, said: unknown): unknown {
  if (isOnly(said)) return said.only;
  if (shape.kind === "members" && isObject(said)) return putMembers(shape, membersOf(base), said);
  if (shape.kind === "entries" && (Array.isArray(said) || isEdit(said)))
    return putEntries(shape, entriesOf(base), said);
  return said;
}

function putMembers({ of }: Members, base: Value, said: Value): Value {
  const members = new Map(Object.entries(base));
  for (const [member, value] of Object.entries(said)) {
    if (value === null) members.delete(member);
    else members.set(member, put(of(member), members.get(member), value));
  }
  return Object.fromEntries(members);
}

function putEntries(shape: Entries, base: readonly unknown[], said: unknown): readonly unknown[] {
  const without = isEdit(said) ? listOf(said.without) : [];
  const entries = base.filter((entry) => !without.some((name) => isDeepStrictEqual(name, nameOf(shape, entry))));
  for (const entry of givenIn(said)) {
    const at = entries.findIndex((there) => same(shape, there, entry));
    if (at < 0) entries.push(put(shape.item, undefined, entry));
    else entries[at] = put(shape.item, entries[at], entry);
  }
  return entries;
}

/** What brings `base` to `value`; undefined where they are equal. */
function difference(shape: Shape, base: unknown, value: unknown): unknown {
  if (isDeepStrictEqual(base, value)) return undefined;
  const said = brief(shape, base, value);
  return said !== null && isDeepStrictEqual(put(shape, base, said), value) ? said : { only: value };
}

function brief(shape: Shape, base: unknown, value: unknown): unknown {
  if (shape.kind === "members" && isObject(value)) return memberDifferences(shape, membersOf(base), value);
  if (shape.kind === "entries" && Array.isArray(value)) return entryDifferences(shape, entriesOf(base), value);
  return value;
}

function memberDifferences({ of }: Members, base: Value, value: Value): Value {
  const was = new Map(Object.entries(base));
  const changed = Object.entries(value).flatMap(([member, now]) => {
    const said = difference(of(member), was.get(member), now);
    return said === undefined ? [] : [[member, said] as const];
  });
  const gone = [...was.keys()]
    .filter((member) => !Object.hasOwn(value, member))
    .map((member) => [member, null] as const);
  return Object.fromEntries([...changed, ...gone]);
}

function entryDifferences(shape: Entries, base: readonly unknown[], value: readonly unknown[]): unknown {
  const given = value.flatMap((entry) => {
    const before = base.find((there) => same(shape, there, entry));
    if (before === undefined) return [entry];
    const said = difference(shape.item, before, entry);
    if (said === undefined) return [];
    return [shape.by === undefined ? said : { [shape.by]: nameOf(shape, entry), ...membersOf(said) }];
  });
  const without = base.filter((there) => !value.some((entry) => same(shape, there, entry)));
  if (without.length === 0) return given;
  const names = { without: without.map((entry) => nameOf(shape, entry)) };
  return given.length === 0 ? names : { ...names, with: given };
}

/** Where a place in the definition that `layer` made stands in what was written, or the nearest place around it that does. */
export function placeIn(definition: ObjectDefinition, extension: Extension, path: string): string {
  const tokens = path.split("/").slice(1);
  return placeBelow(
    objectShape,
    definition,
    extension,
    tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~")),
  );
}

function placeBelow(shape: Shape, made: unknown, said: unknown, [token, ...rest]: readonly string[]): string {
  if (token === undefined) return "";
  if (isOnly(said)) return pointer("only", token, ...rest);
  const inside = isObject(made) || Array.isArray(made) ? (made as Value)[token] : undefined;
  if (shape.kind === "entries") {
    const at = givenIn(said).findIndex((entry) => same(shape, entry, inside));
    if (at < 0) return "";
    return (isEdit(said) ? pointer("with", at) : pointer(at)) + placeBelow(shape.item, inside, givenIn(said)[at], rest);
  }
  if (shape.kind === "whole") return pointer(token, ...rest);
  // What is missing has its place where it would stand.
  if (!isObject(said) || !Object.hasOwn(said, token))
    return inside === undefined && rest.length === 0 ? pointer(token) : "";
  return pointer(token) + placeBelow(shape.of(token), inside, said[token], rest);
}
