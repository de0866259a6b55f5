import { isDeepStrictEqual } from "node:util";
import type { FieldDefinition } from "@guanxi/meta";

/** As much of an object's definition as is compared. */
export interface ComparedObject {
  readonly name: string;
  readonly properties: Readonly<Record<string, FieldDefinition>>;
}

export type Outcome = "created" | "changed" | "unchanged";

export interface ObjectChanges {
  readonly outcome: Outcome;
  /** The object's name before; absent unless it was renamed. */
  readonly was?: string;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  readonly changed: readonly string[];
  /** Other keywords of the object that are not as before: title, rules … */
  readonly keywords: readonly string[];
}

const apart = new Set(["name", "properties", "was"]);

/** What became of an object; `before` is undefined where there was none. Every field of both is told at most once. */
export function objectChanges(before: ComparedObject | undefined, after: ComparedObject): ObjectChanges {
  const now = Object.keys(after.properties);
  if (before === undefined)
    return { outcome: "created", added: now, removed: [], renamed: [], changed: [], keywords: [] };
  const [old, next] = [before.properties, after.properties];
  const fresh = now.filter((field) => !Object.hasOwn(old, field));
  const renamed = fresh.flatMap((to) => {
    const from: unknown = next[to]?.["was"];
    return typeof from === "string" && Object.hasOwn(old, from) && !Object.hasOwn(next, from) ? [{ from, to }] : [];
  });
  const gone = new Set(renamed.map(({ from }) => from));
  const arrived = new Set(renamed.map(({ to }) => to));
  return {
    outcome: isDeepStrictEqual(before, after) ? "unchanged" : "changed",
    ...(before.name === after.name ? {} : { was: before.name }),
    added: fresh.filter((field) => !arrived.has(field)),
    removed: Object.keys(old).filter((field) => !Object.hasOwn(next, field) && !gone.has(field)),
    renamed,
    changed: now.filter((field) => Object.hasOwn(old, field) && !isDeepStrictEqual(old[field], next[field])),
    keywords: keywordsOf(before, after),
  };
}

const keywordsOf = (before: object, after: object): string[] =>
  differing(before, after).filter((key) => !apart.has(key));

/** The members that are not the same in both. */
export function differing(before: object, after: object): string[] {
  const [old, next] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
  const all = new Set([...old.keys(), ...next.keys()]);
  return [...all].filter((key) => !isDeepStrictEqual(old.get(key), next.get(key)));
}

/** The lines below an object's name: `  added    number, ends`. */
export function changeLines({ added, removed, renamed, changed, keywords }: ObjectChanges): string[] {
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ["added", added],
    ["removed", removed],
    ["renamed", renamed.map(({ from, to }) => `${from} to ${to}`)],
    ["changed", changed],
    ["and", keywords],
  ];
  const width = Math.max(...parts.map(([word]) => word.length));
  return parts
    .filter(([, list]) => list.length > 0)
    .map(([word, list]) => `  ${word.padEnd(width)}  ${list.join(", ")}`);
}
