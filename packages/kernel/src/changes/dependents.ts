import {
  type FieldDefinition,
  fieldTypeOf,
  objectUses,
  type Snapshot,
  type StoredObject,
  type Use,
} from "@guanxi/meta";
import type { Session } from "../types.ts";
import type { Draft } from "./draft.ts";
import type { ChangeSet, DefinitionKind } from "./types.ts";

/** An object or a field that is no more what others know it as. */
export interface Moved {
  readonly object: number;
  readonly field?: number;
  /** `property` or `property.fee`, as it is called before. */
  readonly name: string;
  readonly how: "delete" | "set aside" | "rename" | "change";
}

/** Who names something that moves, and who of them would name nothing afterwards. */
export interface Dependents extends Moved {
  readonly usedBy: readonly Use[];
  readonly breaks: readonly Use[];
  /** Those that would too, but that the change set writes or deletes: they are judged by what they say afterwards. */
  readonly rewritten: readonly Use[];
}

/** `workflows call_back`. */
const keyOfUse = ({ kind, name }: Pick<Use, "kind" | "name">): string => `${kind} ${name}`;

interface Sides {
  readonly session: Session;
  readonly stored: readonly StoredObject[];
  readonly draft: Draft;
  readonly set: ChangeSet;
  readonly kinds: readonly DefinitionKind[];
}

/** What goes, gets another name or another type, with everything in the tenant's metadata that depends on it. */
export async function dependentsOf({ session, stored, draft, set, kinds }: Sides): Promise<readonly Dependents[]> {
  const moved = movedBetween(stored, draft.list);
  if (moved.length === 0) return [];
  const uses = await allUses(session, session.snapshot, kinds);
  const rewritten = rewrittenBy(session.snapshot, draft, set);
  return moved.map((thing) => {
    const found = uses.filter((use) => names(use, thing));
    const broken = found.filter((use) => breaks(use, thing));
    return { ...thing, usedBy: found, ...apart(broken, rewritten) };
  });
}

/** The same with those that name something that has changed and cannot be read with it any more. */
export async function withUnreadable(
  dependents: readonly Dependents[],
  next: Snapshot,
  { session, draft, set, kinds }: Omit<Sides, "stored">,
): Promise<readonly Dependents[]> {
  if (!dependents.some(({ how }) => how === "change")) return dependents;
  const rewritten = rewrittenBy(session.snapshot, draft, set);
  const broken = new Set<string>();
  for (const kind of kinds) {
    const [before, after] = [await kind.faults?.(session), await kind.faults?.({ ...session, snapshot: next })];
    for (const name of after ?? []) if (!before?.has(name)) broken.add(`${kind.name} ${name}`);
  }
  return dependents.map((one) => {
    const unreadable = one.usedBy.filter((use) => broken.has(keyOfUse(use)));
    return one.how === "change" ? { ...one, ...apart(unreadable, rewritten) } : one;
  });
}

function apart(broken: readonly Use[], rewritten: ReadonlySet<string>): Pick<Dependents, "breaks" | "rewritten"> {
  const is = (use: Use): boolean => rewritten.has(keyOfUse(use));
  return { breaks: broken.filter((use) => !is(use)), rewritten: broken.filter(is) };
}

/** What the change set holds of definitions that name something which moves. They are put also where they say what they did: it is something else now. */
export const judgedAnew = (dependents: readonly Dependents[]): ReadonlySet<string> =>
  new Set(dependents.flatMap(({ rewritten }) => rewritten.map(keyOfUse)));

/** Each once. */
export const wordsOf = (uses: readonly Use[]): string[] => [...new Set(uses.map((use) => use.by))];

/** Whoever brings definitions that name objects or fields tells of it here: those of objects in `objectUses`, other kinds by their `uses`. */
async function allUses(session: Session, snapshot: Snapshot, kinds: readonly DefinitionKind[]): Promise<Use[]> {
  const others = await Promise.all(kinds.map((kind) => kind.uses?.(session) ?? []));
  return [...objectUses(snapshot), ...others.flat()];
}

/** A deleted object takes its fields along, and its own rules and keys, of which nobody needs to be told. */
function names(use: Use, { object, field, name, how }: Moved): boolean {
  if (use.object !== object || (use.aside && how !== "delete")) return false;
  if (field !== undefined || !goes(how)) return use.field === field;
  return !(use.kind === "objects" && use.name === name);
}

const goes = (how: Moved["how"]): boolean => how === "delete" || how === "set aside";

/** What a new type breaks is told by who reads the definition with it: `withUnreadable`, and for objects their own compilation. */
const breaks = (use: Use, { how }: Moved): boolean => goes(how) || (how === "rename" && !use.follows);

/** Definitions that the change set writes or deletes. */
function rewrittenBy(snapshot: Snapshot, draft: Draft, set: ChangeSet): Set<string> {
  const given = [...draft.given].map((id) => snapshot.byId.get(id)?.name);
  const gone = [...draft.moves].flatMap(([name, to]) => (to === undefined ? [name] : []));
  const others = [...set.others].flatMap(([kind, list]) =>
    list.map(({ value }) => `${kind} ${String((value as { name?: unknown }).name)}`),
  );
  const deleted = [...set.gone].flatMap(([kind, list]) => list.map(({ value }) => `${kind} ${value}`));
  return new Set([...[...given, ...gone].map((name) => `objects ${name}`), ...others, ...deleted]);
}

function movedBetween(before: readonly StoredObject[], after: readonly StoredObject[]): Moved[] {
  const now = new Map(after.map((object) => [object.id, object]));
  return before.flatMap((was): Moved[] => {
    const object = now.get(was.id);
    const self = { object: was.id, name: was.name };
    if (object === undefined) return [{ ...self, how: "delete" }];
    if (object === was || was.aside) return [];
    if (object.aside) return [{ ...self, how: "set aside" }];
    const renamed: Moved[] = object.name === was.name ? [] : [{ ...self, how: "rename" }];
    return [...renamed, ...movedFields(was, object)];
  });
}

function movedFields(was: StoredObject, now: StoredObject): Moved[] {
  const names = new Map(Object.entries(now.fieldIds).map(([name, id]) => [id, name]));
  return Object.entries(was.fieldIds).flatMap(([old, field]): Moved[] => {
    const name = names.get(field);
    const thing = { object: was.id, field, name: `${was.name}.${old}` };
    if (name === undefined) return [{ ...thing, how: "delete" }];
    if (name !== old) return [{ ...thing, how: "rename" }];
    const [before, after] = [was.definition.properties[old], now.definition.properties[name]];
    return before && after && typeOf(before) !== typeOf(after) ? [{ ...thing, how: "change" }] : [];
  });
}

/** What others can do with it: who may read it, and where it is kept, as much as what it holds, and by which names a list of targets leads on. */
const typeOf = (field: FieldDefinition): string =>
  [
    ...[fieldTypeOf(field), field["returns"], field.writeOnly === true, field.sensitive === true, field.history],
    ...(typeof field.target === "object" ? field.target : []),
  ].join();
