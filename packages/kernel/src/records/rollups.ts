import { type ObjectType, type RollupGroup, rollupsOver } from "@guanxi/meta";
import type { WriteGrant } from "@guanxi/query";
import {
  lockParentsStatement,
  rolledParentsStatement,
  type RolledUp,
  rolledRowsStatement,
  rollUpLostStatement,
  rollUpStatement,
  writtenStatement,
} from "@guanxi/store";
import type { RecordAnswer, Session } from "../types.ts";
import { type RecordsEnv, writeContext } from "./context.ts";
import { changesAlone, etagOf } from "./etag.ts";

/** A write of records, as far as roll-ups over them are concerned. */
interface RolledWrite {
  readonly object: ObjectType;
  /** The records. Asked only where a roll-up is concerned. */
  ids(): readonly string[] | Promise<readonly string[]>;
  /** The fields that may change; undefined where whole records come or go. */
  readonly fields?: ReadonlySet<string> | undefined;
  /** Whether the records may have been counted before. */
  readonly existed: boolean;
  /** Records that references will name, as far as is known before. */
  named?(reference: string): readonly string[];
}

/** The roll-ups that a write of these fields may touch; of all fields without `fields`. */
export function touchedRollups(
  session: Session,
  object: ObjectType,
  fields?: ReadonlySet<string>,
): readonly RollupGroup[] {
  const groups = rollupsOver(session.snapshot, object);
  if (fields === undefined || groups.length === 0) return groups;
  return groups.filter((group) => touchedIn(group, fields).size > 0);
}

/** The roll-ups of a group that may change with these fields. None looks at itself by any way, so that from level to level they get fewer. */
const touchedIn = ({ rollups }: RollupGroup, fields: ReadonlySet<string> | undefined): ReadonlySet<string> =>
  new Set(
    rollups.filter(({ uses }) => fields === undefined || !uses.isDisjointFrom(fields)).map(({ field }) => field.name),
  );

/**
 * Runs a write in the session's transaction and brings the roll-ups over its records up to date, then those over these, level by level. Locks
 * are taken from the top, as a delete takes a family: first what stands highest, the records themselves last.
 */
export async function rolledUp<T>(
  env: RecordsEnv,
  session: Session,
  write: RolledWrite,
  run: () => Promise<T>,
): Promise<T> {
  const groups = touchedRollups(session, write.object, write.fields);
  if (groups.length === 0) return run();
  const ids = await write.ids();
  // One update locks its parents in their order; where it is all that follows a new record, nothing is to be locked before.
  const [only, second] = groups;
  const alone = !write.existed && only && !second && above(session, [only], write.fields).length === 0;
  if (!alone) await lockParents(session, groups, { ...write, ids: () => ids });
  return rollUpLevel(env, session, groups, { ...write, ids: () => ids }, run);
}

/** `groups` look at the records of `write`; whoever stands above those is locked. */
async function rollUpLevel<T>(
  env: RecordsEnv,
  session: Session,
  groups: readonly RollupGroup[],
  write: RolledWrite,
  run: () => Promise<T>,
): Promise<T> {
  if (groups.length === 0) return run();
  const ids = await write.ids();
  let before: string | undefined;
  if (write.existed) {
    const statement = rolledRowsStatement(session.snapshot, write.object, groups, ids);
    before = (await session.connection.run<{ rows: string }>(statement))[0]?.rows;
  }
  const result = await run();
  for (const group of groups) {
    const parents: RolledWrite = {
      object: group.parent,
      fields: touchedIn(group, write.fields),
      existed: true,
      ids: () => parentsOf(session, group, ids, before),
    };
    const next = above(session, [group], write.fields);
    await rollUpLevel(env, session, next, parents, () => rollUp(session, group, ids, before));
    await env.aftermath(group.parent)?.(session);
  }
  return result;
}

const fieldsIn = (groups: readonly RollupGroup[], fields: ReadonlySet<string> | undefined): ReadonlySet<string> =>
  new Set(groups.flatMap((group) => [...touchedIn(group, fields)]));

/** The roll-ups over the parents of groups of one object that follow when these fields of their records change. */
const above = (
  session: Session,
  groups: readonly [RollupGroup, ...RollupGroup[]],
  fields: ReadonlySet<string> | undefined,
): readonly RollupGroup[] => touchedRollups(session, groups[0].parent, fieldsIn(groups, fields));

/** Answers with the records as they are now. */
export async function readAnew(
  session: Session,
  object: ObjectType,
  grant: WriteGrant,
  answers: readonly RecordAnswer[],
): Promise<RecordAnswer[]> {
  const ids = answers.map(({ id }) => id);
  const found = await session.connection.run<{ id: string; data: string }>(
    writtenStatement(object, grant, writeContext(session), ids),
  );
  const texts = new Map(found.map(({ id, data }) => [id, data]));
  return answers.map((answer) => {
    const text = texts.get(answer.id) ?? answer.text;
    return { ...answer, text, etag: etagOf(answer.version, text, changesAlone(object)) };
  });
}

/** Locks the parents of records and what stands above them, object by object and each in the order of ids. */
export async function lockParents(
  session: Session,
  groups: readonly RollupGroup[],
  { ids, fields, named = () => [] }: Pick<RolledWrite, "ids" | "fields" | "named">,
): Promise<void> {
  const children = groups.length > 0 ? await ids() : [];
  for (const [first, ...others] of Map.groupBy(groups, (group) => group.parent).values()) {
    if (!first) continue;
    const own = [first, ...others] as const;
    const next = own.flatMap(({ reference }) => named(reference.name));
    const higher = above(session, own, fields);
    if (higher.length > 0) {
      const parents = [...next];
      for (const group of own) parents.push(...(await parentsOf(session, group, children, undefined)));
      await lockParents(session, higher, { ids: () => parents, fields: fieldsIn(own, fields) });
    }
    await session.connection.run(lockParentsStatement(session.snapshot, own, children, next));
  }
}

async function parentsOf(
  session: Session,
  group: RollupGroup,
  ids: readonly string[],
  before: string | undefined,
): Promise<string[]> {
  const found = await session.connection.run<{ id: string }>(
    rolledParentsStatement(session.snapshot, group, ids, before ?? "[]"),
  );
  return found.map(({ id }) => id);
}

async function rollUp(
  session: Session,
  group: RollupGroup,
  ids: readonly string[],
  before: string | undefined,
): Promise<void> {
  const { connection, snapshot } = session;
  const changed = await connection.run<RolledUp>(rollUpStatement(snapshot, group, ids, before));
  const lost = changed.filter((parent) => parent.lost).map(({ id }) => id);
  if (lost.length > 0) await connection.run(rollUpLostStatement(snapshot, group, lost));
}
