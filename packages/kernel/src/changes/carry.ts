import { diffSnapshots, type MetaChange, type Snapshot, type StoredObject, tableById } from "@guanxi/meta";
import { type Connection, isDatabaseError, quote } from "@guanxi/store";
import { countOf, lossesOf, refuseLosses, runDdl, tryDdl, writeDefinitions } from "../apply.ts";
import { changed, type Editions, listPlugins, writeEditions } from "../plugins/editions.ts";
import type { RecordsEnv } from "../records/context.ts";
import { moveRights } from "../role-rights.ts";
import type { Snapshots } from "../snapshots.ts";
import type { Session } from "../types.ts";
import type { Dependents } from "./dependents.ts";
import type { Draft } from "./draft.ts";
import { placed } from "./faults.ts";
import { carryOut, type Pending, type Prepared, readKinds, touchedOthers } from "./others.ts";
import { definitionSteps, tableSteps } from "./steps.ts";
import { touchedObjects, touchedPlugins, touchedSettings } from "./touched.ts";
import type { Applied, ChangeSet, ChangeSetStep, DefinitionKind } from "./types.ts";

export interface EngineEnv {
  readonly snapshots: Snapshots;
  readonly records: RecordsEnv;
  readonly kinds: readonly DefinitionKind[];
  /** Entries of the history that keep their definitions. */
  readonly changeSetsKept: number;
}

/** What a change set comes to, where nothing stands against it in the definitions. */
export interface Facts {
  readonly tx: Connection;
  /** On the metadata before. */
  readonly inside: Session;
  readonly stored: readonly StoredObject[];
  readonly next: Snapshot;
  readonly nextId: number;
  readonly draft: Draft;
  readonly dependents: readonly Dependents[];
  readonly set: ChangeSet;
  /** Of plugins, before. */
  readonly editions: Editions;
  readonly plan: boolean;
}

/** Tables first, then what describes them, and the definitions of other kinds on these. */
export async function carryThrough(
  env: EngineEnv,
  facts: Facts,
  work: readonly Pending[],
  prepared: Prepared,
): Promise<Pick<Applied, "ok" | "steps" | "touched">> {
  const { tx, inside, stored, next, nextId, draft, plan, set, editions } = facts;
  const current = inside.snapshot;
  const version = current.version + 1;
  const before = await readKinds(env.kinds, inside, work, draft.moves.size > 0);
  const tables = await changeTables(env, facts);
  await writeDefinitions(tx, env.records.vault, { current, next, nextId });
  await writeEditions(tx, inside.tenant.schema, set.plugins);
  if (set.plugins.size > 0) await listPlugins(tx, inside.tenant.id, changed(editions, set.plugins));
  await tx.sql(`UPDATE ${quote(inside.tenant.schema)}._meta SET version = $1, settings = $2`, [
    version,
    JSON.stringify(next.settings),
  ]);
  const after = { ...inside, snapshot: next === current ? { ...next, version } : next };
  const others = async (on: Session): Promise<void> => {
    await moveRights(env.records, on, draft.moves);
    await carryOut(on, work, prepared);
  };
  if (plan && !tables.ok) await tried(env, after, others);
  else await others(after);
  const touched = [
    ...touchedObjects(stored, draft.list),
    ...touchedSettings(current.settings, next.settings),
    ...touchedPlugins(editions, set.plugins),
    ...(await touchedOthers(after, before, work)),
  ];
  return { ok: tables.ok, steps: [...tables.steps, ...definitionSteps(touched, tables.steps, env.kinds)], touched };
}

/** Brings the tables to the new definitions, or in a plan tells how far that comes. */
async function changeTables(
  env: EngineEnv,
  { tx, inside, next, draft, dependents, set, plan }: Facts,
): Promise<{ ok: boolean; steps: ChangeSetStep[] }> {
  const placeOf = (object: string, path: string): string => draft.places.get(object)?.(path) ?? path;
  const changes = placed(placeOf, () => diffSnapshots(inside.snapshot, next));
  const losses = await lossesOf(tx, inside.snapshot, changes);
  if (!plan) refuseLosses(losses, set.allow, placeOf);
  const rows = plan ? await rowsOf(tx, inside.snapshot, changes) : new Map<number, number>();
  const ran = plan ? await tryDdl(env.records.store, tx, changes, next) : await runDdl(tx, changes, next);
  const facts = { ran, losses, allow: set.allow, dependents, rows, back: set.back !== undefined };
  const refused = losses.some(({ allow }) => !set.allow.includes(allow));
  return { ok: !refused && ran.every(({ inTheWay }) => inTheWay === undefined), steps: tableSteps(facts) };
}

async function rowsOf(tx: Connection, current: Snapshot, changes: readonly MetaChange[]): Promise<Map<number, number>> {
  const rows = new Map<number, number>();
  for (const { object } of changes) {
    const old = tableById(current, object.id);
    if (old && !rows.has(object.id)) rows.set(object.id, await countOf(tx, current.settings.schema, old.table));
  }
  return rows;
}

/** In a plan in which tables are not as they would be: what fails for that reason is left out. */
async function tried(env: EngineEnv, session: Session, work: (session: Session) => Promise<void>): Promise<void> {
  try {
    await env.records.store.savepoint(session.connection, (connection) => work({ ...session, connection }));
  } catch (error) {
    if (!isDatabaseError(error)) throw error;
  }
}
