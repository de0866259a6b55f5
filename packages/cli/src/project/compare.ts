import { isDeepStrictEqual } from "node:util";
import { isObject } from "@guanxi/base";
import { changeLines, type ComparedObject, differing, objectChanges } from "../object-changes.ts";
import { type Kind, kinds, nameOf, type Named } from "./layout.ts";

/** The definitions of a folder or of a tenant. */
export type Side = Readonly<Record<Kind, readonly Named[]>> & Readonly<Record<"settings" | "delete", object>>;

/** A definition that is not the same on both sides. */
export interface Difference {
  readonly kind: string;
  readonly name: string;
  readonly is: "added" | "removed" | "changed";
  /** Lines on what has changed: fields, and members. */
  readonly parts: readonly string[];
}

/** What leads from one side to the other, in the order of names. */
export function differences(from: Side, to: Side): Difference[] {
  const definitions = kinds.flatMap((kind) => between(kind, from[kind], to[kind]));
  const rest = (["settings", "delete"] as const).flatMap((member): Difference[] => {
    // A folder says nothing of the settings that it leaves as they are.
    const parts = differing(from[member], to[member])
      .toSorted()
      .filter((part) => bothSay(from, to, member, part));
    return parts.length === 0 ? [] : [{ kind: member, name: "", is: "changed", parts: [`  ${parts.join(", ")}`] }];
  });
  return [...definitions, ...rest];
}

function between(kind: Kind, from: readonly Named[], to: readonly Named[]): Difference[] {
  const [was, is] = [from, to].map((list) => new Map(list.map((one) => [nameOf(one), canonical(kind, one)]))) as [
    Map<string, Named>,
    Map<string, Named>,
  ];
  const names = [...new Set([...was.keys(), ...is.keys()])].toSorted();
  return names.flatMap((name): Difference[] => {
    const [before, after] = [was.get(name), is.get(name)];
    if (before === undefined) return [{ kind, name, is: "added", parts: [] }];
    if (after === undefined) return [{ kind, name, is: "removed", parts: [] }];
    if (isDeepStrictEqual(before, after)) return [];
    return [{ kind, name, is: "changed", parts: partsOf(kind, before, after) }];
  });
}

const partsOf = (kind: Kind, before: Named, after: Named): string[] =>
  kind === "objects"
    ? changeLines(objectChanges(before as unknown as ComparedObject, after as unknown as ComparedObject))
    : [`  ${differing(before, after).toSorted().join(", ")}`];

const bothSay = (from: Side, to: Side, member: "settings" | "delete", part: string): boolean =>
  member === "delete" || (Object.hasOwn(from[member], part) && Object.hasOwn(to[member], part));

/** As the server keeps it: without what an object was called, with the defaults of its name. */
export function canonical(kind: Kind, definition: Named): Named {
  if (kind !== "objects") return definition;
  const { was: _was, properties = {}, ...rest } = definition;
  const fields = Object.entries(properties as Record<string, unknown>).map(([name, field]) => {
    // What an extension calls otherwise is part of what it says.
    if (!isObject(field) || definition.extends !== undefined) return [name, field];
    const { was: _old, ...plain } = field;
    return [name, plain];
  });
  const whole = definition.extends === undefined ? { plural: `${definition.name}s`, type: "object" } : {};
  return { ...whole, ...rest, properties: Object.fromEntries(fields) };
}
