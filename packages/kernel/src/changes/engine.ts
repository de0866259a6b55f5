import { isDeepStrictEqual } from "node:util";
import { GuanxiError, isGuanxiError } from "@guanxi/base";
import {
  compileSnapshot,
  loadSnapshot,
  type Snapshot,
  type StoredObject,
  tablesOf,
  type TenantSettings,
} from "@guanxi/meta";
import { type Connection, notify, quote } from "@guanxi/store";
import { draftIds, idCounter } from "../apply.ts";
import { metaChannel } from "../channels.ts";
import { withLocks } from "../locks.ts";
import { settingFaults } from "../settings.ts";
import { loadStored, storedObjects } from "../stored.ts";
import { type Editions, readEditions } from "../plugins/editions.ts";
import type { Session } from "../types.ts";
import { type BuildPlan, endBuild, refuseWhileBuilding, ToBeBuilt } from "./builds.ts";
import { carryThrough, type EngineEnv } from "./carry.ts";
import { type Dependents, dependentsOf, judgedAnew, withUnreadable, wordsOf } from "./dependents.ts";
import { type Draft, draftObjects } from "./draft.ts";
import { placed } from "./faults.ts";
import { keepChangeSet, pruneChangeSets } from "./history.ts";
import { pendingOf, type Prepared, prepareOthers } from "./others.ts";
import { brokenSteps } from "./steps.ts";
import type { Applied, ChangeSet, ChangeSetOptions, DefinitionKind, StillBuilding } from "./types.ts";

/** What is to be done, which may depend on what is there: asked under the lock, and before it where something has to be prepared. */
export type Ask = (session: Session, stored: readonly StoredObject[]) => ChangeSet | Promise<ChangeSet>;

/** Carries the answer of a plan out of its transaction, which it ends. */
class Planned extends Error {
  readonly answer: Applied;

  constructor(answer: Applied) {
    super("planned");
    this.answer = answer;
  }
}

export interface ApplyOptions extends ChangeSetOptions {
  /** Nothing that would have to be prepared. */
  readonly onlyObjects?: boolean;
  /** No user has asked for it. */
  readonly byPlatform?: boolean;
}

/**
 * Applies a change set, all or nothing, under the tenant's metadata lock, as one new version; every node hears of it. Where `ask` wants
 * nothing but objects, nothing has to be prepared. What takes long on large tables is built before; where that is not done in time, the answer
 * is that it goes on.
 */
export async function applyChangeSet(
  env: EngineEnv,
  session: Session,
  ask: Ask,
  { onlyObjects = false, ...options }: ApplyOptions = {},
): Promise<Applied | StillBuilding> {
  const prepared: Prepared = onlyObjects ? new Map() : await prepare(env, session, ask, options);
  const applied = async (tx: Connection, build?: Build): Promise<Applied> => {
    const answer = await applyLocked(env, session, tx, { ask, prepared, build }, options);
    if (options.plan) throw new Planned(answer);
    return answer;
  };
  return env.builds.whenFree(session.tenant, async () => {
    try {
      const answer = await withLocks(env.records.store, applied);
      if (answer.id !== null) env.snapshots.forget(session.tenant.id);
      return answer;
    } catch (error) {
      if (error instanceof Planned) return error.answer;
      if (!(error instanceof ToBeBuilt)) throw error;
      const plan = { ...error.plan, by: options.byPlatform ? undefined : session.actor.user };
      return env.builds.build(session, plan, async (tx, id) => {
        // It goes on for as long as its tables need, which is why it is not done at once.
        await tx.sql("SET LOCAL statement_timeout = 0");
        const answer = await applied(tx, { id, plan });
        env.records.store.afterCommit(tx, () => env.snapshots.forget(session.tenant.id));
        return answer;
      });
    }
  });
}

/** What was made ahead, under which id. */
interface Build {
  readonly id: string;
  readonly plan: BuildPlan;
}

interface Job {
  readonly ask: Ask;
  readonly prepared: Prepared;
  readonly build: Build | undefined;
}

/** What takes long, on the objects as they would be. An object that changes meanwhile is as one that changes later. */
async function prepare(
  env: EngineEnv,
  session: Session,
  ask: Ask,
  { locale = "en", anew = false }: ChangeSetOptions,
): Promise<Prepared> {
  const kinds = env.kinds.filter((kind) => kind.prepare);
  const fresh = await env.records.refresh(session);
  const stored = tablesOf(fresh.snapshot).map((object) => object.stored);
  const set = await ask(fresh, stored);
  if (!kinds.some(({ name }) => set.others.get(name)?.length)) return new Map();
  const editions = await readEditions(fresh.connection, fresh.tenant.schema);
  const plan = await planObjects(env.kinds, fresh, { stored, editions }, set, draftIds());
  if (plan.next === undefined) return new Map();
  const drafted = { ...fresh, snapshot: plan.next };
  return prepareOthers(kinds, fresh, drafted, set, { locale, anew: anew || judgedAnew(plan.dependents) });
}

/** What a change set changes. */
export interface Before {
  readonly stored: readonly StoredObject[];
  readonly editions: Editions;
}

interface ObjectPlan {
  readonly draft: Draft;
  readonly dependents: readonly Dependents[];
  /** Whether definitions would be left that name nothing, or cannot be read any more. */
  readonly broken: boolean;
  /** Undefined where objects are among these. */
  readonly next: Snapshot | undefined;
}

/** The objects as they would be, and who depends on what goes. Throws what is wrong with the definitions. */
export async function planObjects(
  kinds: readonly DefinitionKind[],
  session: Session,
  { stored, editions }: Before,
  set: ChangeSet,
  nextId: () => number,
): Promise<ObjectPlan> {
  const current = session.snapshot;
  const settings = settingsWith(current.settings, set);
  const draft = await draftObjects(stored, set, editions, nextId);
  const dependents = await dependentsOf({ session, stored, draft, set, kinds });
  const same = settings === current.settings && isSame(stored, draft.list);
  const placeOf = (object: string, path: string): string => draft.places.get(object)?.(path) ?? `/${object}${path}`;
  const compile = (): Snapshot => compileSnapshot(settings, current.version + 1, draft.list, current);
  if (isBroken(dependents)) return { draft, dependents, broken: true, next: unlessFaulty(compile) };
  const next = same ? current : placed(placeOf, compile);
  // Roll-ups have followed what was renamed.
  const settled = same ? draft : { ...draft, list: storedIn(next) };
  const all = await withUnreadable(dependents, next, { session, draft: settled, set, kinds });
  return { draft: settled, dependents: all, broken: isBroken(all), next };
}

/** By id, as drafts have them. */
const storedIn = (snapshot: Snapshot): StoredObject[] =>
  tablesOf(snapshot)
    .map((object) => object.stored)
    .toSorted((a, b) => a.id - b.id);

const isBroken = (dependents: readonly Dependents[]): boolean => dependents.some(({ breaks }) => breaks.length > 0);

function unlessFaulty(compile: () => Snapshot): Snapshot | undefined {
  try {
    return compile();
  } catch (error) {
    if (isGuanxiError(error, "DEFINITION")) return undefined;
    throw error;
  }
}

const isSame = (before: readonly StoredObject[], after: readonly StoredObject[]): boolean =>
  before.length === after.length && before.every((object, i) => object === after[i]);

function settingsWith(settings: TenantSettings, set: ChangeSet): TenantSettings {
  const issues = settingFaults(set.settings, "/settings");
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { issues });
  const wanted = { ...settings, ...set.settings };
  return isDeepStrictEqual(wanted, settings) ? settings : wanted;
}

async function applyLocked(
  env: EngineEnv,
  session: Session,
  tx: Connection,
  { ask, prepared, build }: Job,
  { ifVersion, plan = false, anew = false, byPlatform = false }: ApplyOptions,
): Promise<Applied> {
  const { schema } = session.tenant;
  await tx.sql(`SELECT FROM ${quote(schema)}._meta FOR UPDATE`);
  await refuseWhileBuilding(tx, schema, build?.id);
  const { inside, stored } = await lockedSession(session, tx);
  const { version } = inside.snapshot;
  if (ifVersion !== undefined && ifVersion !== version) throw new GuanxiError("PRECONDITION");
  const set = await ask(inside, stored);
  const ids = await idCounter(tx, schema);
  const editions = await readEditions(tx, schema);
  const { draft, dependents, broken, next } = await planObjects(env.kinds, inside, { stored, editions }, set, ids.next);
  if (broken && !plan) throw stillUsed(dependents);
  if (next === undefined) return { id: null, version, ok: false, steps: brokenSteps(dependents), touched: [] };
  const work = await pendingOf(env.kinds, inside, set, anew || judgedAnew(dependents));
  if (next === inside.snapshot && work.length + set.plugins.size === 0)
    return { id: null, version, ok: true, steps: [], touched: [] };
  const built = build?.plan;
  const facts = { tx, inside, stored, next, nextId: ids.value(), draft, dependents, set, editions, plan, built };
  const { ok, steps, touched } = await carryThrough(env, facts, work, prepared);
  if (plan) return { id: null, version, ok: ok && !broken, steps, touched };
  if (build) await endBuild(tx, schema, build.id);
  const entry = { id: build?.id, version: version + 1, message: set.message, reverts: set.back?.set, touched, steps };
  const id = await keepChangeSet(byPlatform ? { ...inside, actor: undefined } : inside, entry);
  await pruneChangeSets(tx, schema, env.changeSetsKept);
  await notify(tx, metaChannel, session.tenant.id);
  return { id, version: version + 1, ok: true, steps, touched };
}

/** The session on what is committed, in the transaction that has the lock. */
async function lockedSession(
  session: Session,
  tx: Connection,
): Promise<{ inside: Session; stored: readonly StoredObject[] }> {
  const found = await loadStored(tx, session.tenant.schema);
  const { version, settings, texts } = found;
  const current =
    version === session.snapshot.version ? session.snapshot : loadSnapshot(settings, version, texts, session.snapshot);
  return { inside: { ...session, connection: tx, snapshot: current }, stored: storedObjects(found) };
}

export function stillUsed(dependents: readonly Dependents[]): GuanxiError {
  const uses = dependents
    .filter(({ breaks }) => breaks.length > 0)
    .map(({ name, how, breaks }) => `${name}, which this would ${how}, is used by: ${wordsOf(breaks).join("; ")}`);
  return new GuanxiError("CONFLICT", {
    detail: `${uses.join(". ")}. Change or delete these in the same change set.`,
  });
}
