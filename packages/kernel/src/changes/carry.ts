import { diffSnapshots, type MetaChange, type Snapshot, type StoredObject, tableById } from "@guanxi/meta";
import { type Ahead, compileAhead, type Connection, isDatabaseError, quote, sizesOf } from "@guanxi/store";
import { countOf, type Loss, lossesOf, refuseLosses, runDdl, tryDdl, writeDefinitions } from "../apply.ts";
import { changed, type Editions, listPlugins, writeEditions } from "../plugins/editions.ts";
import { refuseOpening } from "../encryption/column.ts";
import type { RecordsEnv } from "../records/context.ts";
import { moveRights } from "../role-rights.ts";
import type { Snapshots } from "../snapshots.ts";
import type { Session } from "../types.ts";
import type { Builds } from "./build.ts";
import { type BuildPlan, ToBeBuilt } from "./builds.ts";
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
  readonly builds: Builds;
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
  /** What was made ahead of it; undefined before. */
  readonly built?: BuildPlan | undefined;
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
  const planned = await planTables(env, facts, work);
  // Tables last, since from then on their writers wait.
  await writeDefinitions(tx, env.records.vault, { current, next, nextId });
  await writeEditions(tx, inside.tenant.schema, set.plugins);
  if (set.plugins.size > 0) await listPlugins(tx, inside.tenant.id, changed(editions, set.plugins));
  await tx.sql(`UPDATE ${quote(inside.tenant.schema)}._meta SET version = $1, settings = $2`, [
    version,
    JSON.stringify(next.settings),
  ]);
  const tables = await changeTables(env, facts, planned);
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

interface TablePlan {
  readonly changes: readonly MetaChange[];
  readonly losses: readonly Loss[];
  readonly ahead: Ahead;
  /** In plans, records by the id of their object. */
  readonly rows: ReadonlyMap<number, number>;
}

/** What tables have to become. Throws ToBeBuilt where that takes long and was not built, and refuses losses that are not allowed. */
async function planTables(env: EngineEnv, facts: Facts, work: readonly Pending[]): Promise<TablePlan> {
  const { tx, inside, next, draft, set, plan, built } = facts;
  const current = inside.snapshot;
  const placeOf = (object: string, path: string): string => draft.places.get(object)?.(path) ?? path;
  const changes = placed(placeOf, () => diffSnapshots(current, next));
  refuseOpening(inside.actor.rights, changes);
  const losses = await lossesOf(tx, current, changes);
  if (!plan) refuseLosses(losses, set.allow, placeOf);
  const large = built?.large ?? (await largeOf(tx, current, changes, env.builds.largeTableBytes));
  const ahead = compileAhead(next.settings.schema, changes, { before: current, after: next, large });
  if (!plan && built === undefined && takesLong(ahead)) throw new ToBeBuilt(buildPlanOf(facts, work, large, ahead));
  return { changes, losses, ahead, rows: plan ? await rowsOf(tx, current, changes) : new Map<number, number>() };
}

function buildPlanOf(
  { inside, stored, next, draft, set }: Facts,
  work: readonly Pending[],
  large: ReadonlySet<number>,
  { steps }: Ahead,
): BuildPlan {
  const touched = [
    ...touchedObjects(stored, draft.list),
    ...touchedSettings(inside.snapshot.settings, next.settings),
    ...work.map(({ kind, name }) => ({ kind: kind.name, name })),
  ];
  return {
    ...{ version: inside.snapshot.version, large, ahead: steps, message: set.message, reverts: set.back?.set },
    changes: touched.map(({ kind, name }) => ({ kind, name })),
  };
}

/** Brings the tables to the new definitions, or in a plan tells how far that comes. */
async function changeTables(
  env: EngineEnv,
  { tx, next, dependents, set, plan }: Facts,
  { changes, losses, ahead, rows }: TablePlan,
): Promise<{ ok: boolean; steps: ChangeSetStep[] }> {
  const ran = plan
    ? await tryDdl(env.records, tx, changes, next, ahead)
    : await runDdl(tx, env.records.vault, changes, next, ahead);
  const facts = { ran, losses, allow: set.allow, dependents, rows, back: set.back !== undefined };
  const refused = losses.some(({ allow }) => !set.allow.includes(allow));
  return { ok: !refused && ran.every(({ inTheWay }) => inTheWay === undefined), steps: tableSteps(facts) };
}

const takesLong = ({ steps, heavy }: Ahead): boolean => steps.length > 0 || heavy.size > 0;

/** Ids of the objects whose tables are there, change, and are larger than that. */
async function largeOf(
  tx: Connection,
  current: Snapshot,
  changes: readonly MetaChange[],
  bytes: number,
): Promise<ReadonlySet<number>> {
  const ids = changes.flatMap((change) =>
    change.kind === "compute_rollup" ? [change.group.parent.id, change.group.child.id] : [change.object.id],
  );
  const tables = [...new Set(ids)].flatMap((id) => tableById(current, id) ?? []);
  if (tables.length === 0) return new Set();
  const sizes = await sizesOf(
    tx,
    current.settings.schema,
    tables.map(({ table }) => table),
  );
  return new Set(tables.filter(({ table }) => (sizes.get(table) ?? 0) > bytes).map(({ id }) => id));
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
