import { type ErrorCode, GuanxiError, isGuanxiError, type Issue, newId } from "@guanxi/base";
import { type AheadStep, buildProgress, type Connection, dropLeftovers, isBuilding, quote } from "@guanxi/store";
import { RowsInTheWay } from "../apply.ts";
import type { Session } from "../types.ts";
import { shownRows } from "./steps.ts";
import type { ChangeSetEntry, ChangeSetStep, Touched } from "./types.ts";

/** Change sets that are being built, at most one, and those of which nothing came. One that is applied is in the history instead. */
export const buildMigration = `CREATE TABLE {schema}._change_set_build (
  id uuid PRIMARY KEY,
  state text NOT NULL,
  at timestamptz NOT NULL,
  actor uuid,
  message text,
  reverts uuid,
  changes json NOT NULL,
  steps json NOT NULL,
  done int NOT NULL DEFAULT 0,
  now text NOT NULL DEFAULT 'begin',
  problem json
);
CREATE UNIQUE INDEX _change_set_build_one ON {schema}._change_set_build (state) WHERE state = 'building';`;

/** A restored tenant has nothing of what was made for it elsewhere. */
export const buildArrival = `UPDATE {schema}._change_set_build SET state = 'failed',
  problem = json_build_object('code', 'UNAVAILABLE', 'detail', 'The tenant was restored or copied while this was being built. Send it again.')
  WHERE state = 'building';`;

/** Days that a change set of which nothing came can be looked at. */
const keptDays = 30;

/** What goes through all rows and is done ahead of a change set, and how it is told. */
export interface BuildPlan {
  /** Of the metadata that it was made for. */
  readonly version: number;
  /** Ids of the objects whose tables are too large to be changed while writers wait. */
  readonly large: ReadonlySet<number>;
  readonly ahead: readonly AheadStep[];
  readonly message: string | undefined;
  readonly reverts: string | undefined;
  /** The user; undefined for the platform itself. */
  readonly by?: string | undefined;
  readonly changes: readonly Pick<Touched, "kind" | "name">[];
}

/** Ends the transaction of a change set that has to be built first. */
export class ToBeBuilt extends Error {
  readonly plan: BuildPlan;

  constructor(plan: BuildPlan) {
    super("to be built");
    this.plan = plan;
  }
}

/** Another change set of the tenant is being built. */
export class Building extends Error {
  readonly id: string;
  /** Whether there is nobody any more who builds it. */
  readonly abandoned: boolean;

  constructor(id: string, abandoned: boolean) {
    super("building");
    this.id = id;
    this.abandoned = abandoned;
  }
}

const died = new GuanxiError("UNAVAILABLE", {
  detail: "The process that was building this ended in the middle. Nothing has changed; send it again.",
});

const tableOf = (schema: string): string => `${quote(schema)}._change_set_build`;

/**
 * To be asked behind the lock of the metadata, which nobody may change while it is being built on: throws Building, unless it is `own` that is
 * being built.
 */
export async function refuseWhileBuilding(tx: Connection, schema: string, own?: string): Promise<void> {
  const id = await buildingOf(tx, schema);
  if (id !== undefined && id !== own) throw new Building(id, !(await isBuilding(tx, schema)));
  // Somebody took our lock for gone, and has dropped what we made.
  if (id === undefined && own !== undefined) throw died;
}

async function buildingOf(on: Connection, schema: string): Promise<string | undefined> {
  const [row] = await on.sql<{ id: string }>(`SELECT id FROM ${tableOf(schema)} WHERE state = 'building'`);
  return row?.id;
}

export const hasBuild = async (on: Connection, schema: string): Promise<boolean> =>
  (await buildingOf(on, schema)) !== undefined;

const stepOf = ({ change, effect }: AheadStep): ChangeSetStep => ({
  kind: "objects",
  name: change.object.name,
  effect,
});

/** Notes that a change set is being built, behind the lock of the metadata. → its id; undefined where that is not as it was planned for. */
export async function beginBuild(tx: Connection, session: Session, plan: BuildPlan): Promise<string | undefined> {
  const { schema } = session.tenant;
  await tx.sql(`DELETE FROM ${tableOf(schema)} WHERE state = 'failed' AND at < now() - $1 * interval '1 day'`, [
    keptDays,
  ]);
  const [row] = await tx.sql<{ version: number }>(`SELECT version FROM ${quote(schema)}._meta FOR UPDATE`);
  const other = await buildingOf(tx, schema);
  // The lock of builders is ours, so whoever built that has gone.
  if (other !== undefined) throw new Building(other, true);
  if (row?.version !== plan.version) return undefined;
  const id = newId();
  await tx.sql(
    `INSERT INTO ${tableOf(schema)} (id, state, at, actor, message, reverts, changes, steps)
     VALUES ($1, 'building', $2, $3, $4, $5, $6, $7)`,
    [
      ...[id, session.now.toISOString(), plan.by ?? null, plan.message ?? null, plan.reverts ?? null],
      ...[JSON.stringify(plan.changes), JSON.stringify(plan.ahead.map(stepOf))],
    ],
  );
  return id;
}

/** What is being done, and how many of the steps are. */
export async function noteProgress(
  on: Connection,
  schema: string,
  id: string,
  { now, done }: { readonly now: string; readonly done: number },
): Promise<void> {
  await on.sql(`UPDATE ${tableOf(schema)} SET done = $2, now = $3 WHERE id = $1`, [id, done, now]);
}

/** It is applied, in this transaction, or there is nobody who would look it up. */
export async function endBuild(tx: Connection, schema: string, id: string): Promise<void> {
  await tx.sql(`DELETE FROM ${tableOf(schema)} WHERE id = $1`, [id]);
}

/** Notes why nothing comes of it, which stays the reason whoever clears up. */
export async function noteFailure(on: Connection, schema: string, id: string, error: unknown): Promise<void> {
  const { code, detail, issues } = isGuanxiError(error) ? error : new GuanxiError("INTERNAL");
  const steps =
    error instanceof RowsInTheWay
      ? `, steps = (SELECT json_agg(CASE WHEN e ->> 'effect' = $3 THEN e::jsonb || jsonb_build_object('inTheWay', $4::jsonb) ELSE e::jsonb END ORDER BY n)
          FROM json_array_elements(steps) WITH ORDINALITY x(e, n))`
      : "";
  await on.sql(`UPDATE ${tableOf(schema)} SET problem = $2${steps} WHERE id = $1 AND state = 'building'`, [
    ...[id, JSON.stringify({ code, detail, issues })],
    ...(error instanceof RowsInTheWay ? [error.step.effect, JSON.stringify(shownRows(error.rows))] : []),
  ]);
}

/** Drops what was made for a change set of which nothing comes; as if it had never been, but for what is told of it. */
export async function clearBuild(tx: Connection, schema: string, id: string): Promise<void> {
  // As everybody does who changes tables.
  await tx.sql(`SELECT FROM ${quote(schema)}._meta FOR UPDATE`);
  const [row] = await tx.sql(`SELECT FROM ${tableOf(schema)} WHERE id = $1 AND state = 'building' FOR UPDATE`, [id]);
  // Where somebody else cleared up meanwhile, our last statement may have come after that.
  if (row === undefined && (await buildingOf(tx, schema)) !== undefined) return;
  await dropLeftovers(tx, schema);
  const { code, detail, issues } = died;
  await tx.sql(
    `UPDATE ${tableOf(schema)} SET state = 'failed', problem = coalesce(problem, $2::json) WHERE id = $1 AND state = 'building'`,
    [id, JSON.stringify({ code, detail, issues })],
  );
}

/** The change set that was being built by somebody who has gone; in a transaction, until whose end nobody builds then. */
export async function abandonedBuild(tx: Connection, schema: string): Promise<string | undefined> {
  const id = await buildingOf(tx, schema);
  return id !== undefined && !(await isBuilding(tx, schema)) ? id : undefined;
}

interface Row extends Record<string, unknown> {
  readonly id: string;
  readonly state: "building" | "failed";
  readonly at: string;
  readonly actor: string | null;
  readonly message: string | null;
  readonly reverts: string | null;
  readonly changes: string;
  readonly steps: string;
  readonly done: number;
  readonly now: string;
  readonly problem: string | null;
}

/** One that is being built or has failed; undefined where it is neither. */
export async function readBuild({ connection, tenant }: Session, id: string): Promise<ChangeSetEntry | undefined> {
  const [row] = await connection.sql<Row>(
    `SELECT id, state, at, actor, message, reverts, changes, steps, done, now, problem FROM ${tableOf(tenant.schema)} WHERE id = $1`,
    [id],
  );
  if (row === undefined) return undefined;
  const steps = JSON.parse(row.steps) as ChangeSetStep[];
  return {
    id: row.id,
    state: row.state,
    version: null,
    at: new Date(row.at).toISOString(),
    by: row.actor,
    message: row.message,
    reverts: row.reverts,
    pruned: false,
    changes: JSON.parse(row.changes) as ChangeSetEntry["changes"],
    steps,
    ...(row.state === "building" ? { progress: await progressOf(connection, tenant.schema, row, steps.length) } : {}),
    ...(row.state === "failed" && row.problem !== null ? { problem: problemIn(row.problem) } : {}),
  };
}

async function progressOf(
  connection: Connection,
  schema: string,
  { done, now }: Row,
  of: number,
): Promise<NonNullable<ChangeSetEntry["progress"]>> {
  return { done, of, now, ...(await buildProgress(connection, schema)) };
}

function problemIn(text: string): GuanxiError {
  const { code, detail, issues } = JSON.parse(text) as { code: ErrorCode; detail?: string; issues?: readonly Issue[] };
  return new GuanxiError(code, { ...(detail === undefined ? {} : { detail }), issues: issues ?? [] });
}
