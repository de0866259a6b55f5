import { isDeepStrictEqual } from "node:util";
import { GuanxiError, type Locale } from "@guanxi/base";
import type { Session } from "../types.ts";
import { comesTwice, each } from "./faults.ts";
import type { ChangeSet, Definition, DefinitionKind, Touched } from "./types.ts";

/** What was prepared, by kind and name. */
export type Prepared = ReadonlyMap<string, unknown>;

const keyOf = ({ name }: DefinitionKind, definition: Definition): string => `${name} ${definition.name}`;

/** Definitions that are put also where they are as they were: all, or those of these kinds and names. */
export type Anew = boolean | ReadonlySet<string>;

const isAnew = (anew: Anew, kind: DefinitionKind, definition: Definition): boolean =>
  typeof anew === "boolean" ? anew : anew.has(keyOf(kind, definition));

/** Does what takes long for those that are not as they were: `drafted` is on the metadata to come. */
export async function prepareOthers(
  kinds: readonly DefinitionKind[],
  session: Session,
  drafted: Session,
  set: ChangeSet,
  { locale, anew }: { readonly locale: Locale; readonly anew: Anew },
): Promise<Prepared> {
  const prepared = new Map<string, unknown>();
  for (const kind of kinds) {
    const current = await kind.read(session);
    await each(set.others.get(kind.name) ?? [], async ({ value }) => {
      const definition = kind.parse(value);
      if (isAnew(anew, kind, definition) || !isDeepStrictEqual(current.get(definition.name), definition))
        prepared.set(keyOf(kind, definition), await kind.prepare?.(drafted, definition, locale));
    });
  }
  return prepared;
}

/** A definition of another kind that is to be put or removed. */
export interface Pending {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly path: string;
  /** Undefined for one that is to be removed. */
  readonly put: Definition | undefined;
}

/** What a change set asks for that is not so already. */
export async function pendingOf(
  kinds: readonly DefinitionKind[],
  session: Session,
  set: ChangeSet,
  anew: Anew,
): Promise<Pending[]> {
  const pending: Pending[] = [];
  for (const kind of kinds) {
    const [puts, gone] = [set.others.get(kind.name) ?? [], set.gone.get(kind.name) ?? []];
    if (puts.length + gone.length === 0) continue;
    const current = await kind.read(session);
    const names = new Set<string>();
    const definitions = await each(puts, ({ path, value }) => {
      const put = kind.parse(value);
      if (names.has(put.name) || gone.some((g) => g.value === put.name)) sayTwice(put.name);
      names.add(put.name);
      return { kind, name: put.name, path, put };
    });
    pending.push(
      ...gone.flatMap(({ path, value }) => (current.has(value) ? [{ kind, name: value, path, put: undefined }] : [])),
      ...definitions.filter(({ put }) => isAnew(anew, kind, put) || !isDeepStrictEqual(current.get(put.name), put)),
    );
  }
  return pending;
}

function sayTwice(name: string): never {
  const issue = { path: "/name", code: "definition", text: comesTwice, params: { name } } as const;
  throw new GuanxiError("DEFINITION", { issues: [issue] });
}

export async function carryOut(session: Session, work: readonly Pending[], prepared: Prepared): Promise<void> {
  for (const { kind, name, put } of work) if (put === undefined) await kind.remove(session, name);
  const puts = work.flatMap((one) =>
    one.put === undefined ? [] : [{ path: one.path, value: { ...one, put: one.put } }],
  );
  await each(puts, ({ value: { kind, put } }) => kind.put(session, put, prepared.get(keyOf(kind, put))));
}

type Read = ReadonlyMap<DefinitionKind, ReadonlyMap<string, Definition>>;

/** Kinds in which something is to change, as they are now; where objects move, also those that name them. */
export async function readKinds(
  kinds: readonly DefinitionKind[],
  session: Session,
  work: readonly Pending[],
  moves: boolean,
): Promise<Read> {
  const read = new Map<DefinitionKind, ReadonlyMap<string, Definition>>();
  for (const kind of kinds)
    if (work.some((one) => one.kind === kind) || (kind.namesObjects && moves)) read.set(kind, await kind.read(session));
  return read;
}

export async function touchedOthers(session: Session, before: Read, work: readonly Pending[]): Promise<Touched[]> {
  const touched: Touched[] = [];
  for (const [kind, was] of before) {
    const is = await kind.read(session);
    const asked = new Set(work.filter((one) => one.kind === kind).map(({ name }) => name));
    for (const name of new Set([...was.keys(), ...is.keys()])) {
      const sides = { before: was.get(name) ?? null, after: is.get(name) ?? null };
      if (asked.has(name) || (kind.namesObjects && !isDeepStrictEqual(sides.before, sides.after)))
        touched.push({ kind: kind.name, name, ...sides });
    }
  }
  return touched;
}
