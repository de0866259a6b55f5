import { knows } from "@guanxi/access";
import { GuanxiError, type Issue, text } from "@guanxi/base";
import type { ObjectType, OnDelete, StoredField } from "@guanxi/meta";
import {
  childrenStatement,
  type Generation,
  needingStatement,
  orphansStatement,
  type RecordState,
  stampStatement,
} from "@guanxi/store";
import type { Session } from "../types.ts";
import { type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { referencePath } from "./faults.ts";
import { rolledUp } from "./rollups.ts";
import { afterWrite } from "./transaction.ts";

export const childrenOf = (
  session: Session,
  object: ObjectType,
  onDelete: OnDelete,
): { object: ObjectType; field: string }[] =>
  object.incoming.flatMap((reference) => {
    const child = session.snapshot.objects.get(reference.object);
    return child && reference.onDelete === onDelete ? [{ object: child, field: reference.field }] : [];
  });

/**
 * A locked record and what belongs to it by `cascade`, each once and parents before their children: every lock is taken
 * in that order, and behind a parent's lock no new child appears.
 */
export async function familyOf(
  session: Session,
  root: ObjectType,
  id: string,
  state: RecordState,
): Promise<Generation[]> {
  const { schema } = session.snapshot.settings;
  const seen = new Map<ObjectType, Set<string>>();
  const family: Generation[] = [];
  const waiting: Generation[] = [{ object: root, ids: [id] }];
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const { object } = next;
    const known = seen.get(object) ?? new Set();
    const ids = next.ids.filter((i) => !known.has(i));
    for (const i of ids) known.add(i);
    seen.set(object, known);
    if (ids.length === 0) continue;
    family.push({ object, ids });
    for (const child of childrenOf(session, object, "cascade")) {
      const found = await session.connection.run<{ id: string }>(
        childrenStatement(schema, child.object, child.field, ids, state),
      );
      if (found.length > 0) waiting.push({ object: child.object, ids: found.map((f) => f.id) });
    }
  }
  return family;
}

/** Those of the family that are records of the object. */
export const goingOf = (family: readonly Generation[], object: ObjectType): string[] =>
  family.filter((g) => g.object === object).flatMap((g) => g.ids);

/** What goes or comes along may be of an object that the actor has no right on. */
const nameFor = ({ actor }: Session, object: ObjectType): string =>
  knows(object, actor.rights) ? object.name : "record";

const unseen = text(
  "is used by records that you have no right to see; ask an administrator",
  "被您无权查看的记录使用，请联系管理员",
  "被您無權查看的記錄使用，請聯絡管理員",
);

/** That so many records of an object stand in the way. */
export const inUse = (
  { actor }: Session,
  code: "in_use" | "in_use_deleted",
  object: ObjectType,
  count: number,
): Issue =>
  knows(object, actor.rights)
    ? { path: "", code, params: { count, object: object.name } }
    : { path: "", code, text: unseen };

/** CONFLICT when a record that stays needs one that goes. */
export async function checkNeeded(
  session: Session,
  family: readonly Generation[],
  what: "delete" | "purge" = "delete",
  state: "live" | "deleted" = "live",
): Promise<void> {
  const { schema } = session.snapshot.settings;
  for (const { object, ids } of family) {
    for (const child of childrenOf(session, object, "restrict")) {
      const going = goingOf(family, child.object);
      const [row] = await session.connection.run<{ n: number }>(
        needingStatement(schema, child.object, child.field, ids, going, state),
      );
      if (!row || row.n === 0) continue;
      const code = state === "live" ? "in_use" : "in_use_deleted";
      throw new GuanxiError("CONFLICT", {
        detail: `Other records need this ${nameFor(session, object)}: ${what} them first or point them elsewhere.`,
        issues: [inUse(session, code, child.object, row.n)],
      });
    }
  }
}

/** CONFLICT when a record that came back belongs to or needs one that is deleted. */
async function checkParents(session: Session, family: readonly Generation[]): Promise<void> {
  const { settings, objects } = session.snapshot;
  const needs = (f: StoredField): boolean => f.target !== undefined && !f.system && f.onDelete !== "setNull";
  const issues: Issue[] = [];
  for (const [i, { object, ids }] of family.entries()) {
    for (const field of object.columns.filter(needs)) {
      const parent = objects.get(field.target ?? "");
      if (!parent) continue;
      const orphans = await session.connection.run(orphansStatement(settings.schema, object, field, parent, ids));
      // The caller named the first record; of those that came with it, one issue tells for all.
      const path = i === 0 ? referencePath(field, field.name) : "";
      if (orphans.length > 0) issues.push({ path, code: "reference", params: { target: nameFor(session, parent) } });
    }
  }
  if (issues.length === 0) return;
  throw new GuanxiError("CONFLICT", { detail: "What it belongs to is deleted: restore that first.", issues });
}

/** Stamps whole generations in the order given; → the JSON of the records. Throws StaleSnapshot unless all were there. */
async function stamp(
  env: RecordsEnv,
  session: Session,
  family: readonly Generation[],
  op: "delete" | "restore",
): Promise<string[]> {
  const texts: string[] = [];
  for (const { object, ids } of family) {
    const stamped = await rolledUp(env, session, { object, ids: () => ids, existed: op === "delete" }, () =>
      session.connection.run<{ data: string }>(stampStatement(object, writeContext(session), ids, op)),
    );
    if (stamped.length < ids.length) throw new StaleSnapshot();
    texts.push(...stamped.map((s) => s.data));
  }
  for (const object of new Set(family.map((g) => g.object))) await afterWrite(env, session, object);
  return texts;
}

/** Deletes a locked record and, where the definitions say so, what belongs to it; CONFLICT when something else needs any of it. */
export async function deleteFamily(env: RecordsEnv, session: Session, object: ObjectType, id: string): Promise<void> {
  const family = await familyOf(session, object, id, "live");
  await checkNeeded(session, family);
  await stamp(env, session, family.toReversed(), "delete");
}

/** Brings back a locked record and what was deleted with it, told by the same stamp; → the record's JSON. */
export async function restoreFamily(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  id: string,
  deletedAt: string,
): Promise<string> {
  const family = await familyOf(session, object, id, { deletedAt });
  const [text] = await stamp(env, session, family, "restore");
  await checkParents(session, family);
  return text as string;
}
