import type { Cause } from "@guanxi/kernel";
import type { FinishedCall } from "@guanxi/sandbox";
import { type Connection, type Store, quotedSchema } from "@guanxi/store";
import type { AutomationSettings } from "../settings.ts";
import { arrayOf, hot } from "../sql.ts";
import type { RunCost } from "./run.ts";

/** A run that this worker holds until its lease ends. `attempt` is the fence: whoever holds another one cannot write any more. */
export interface ClaimedRun {
  readonly tenant: string;
  readonly id: string;
  readonly workflow: string;
  readonly version: number;
  readonly objectId: number;
  readonly record: string;
  readonly actor: string;
  readonly attempt: number;
  readonly faults: number;
  readonly losses: number;
  /** JSON text `{record, old, actor}`. */
  readonly input: string;
  readonly cause: Cause;
  readonly startedAt: number;
  readonly cost: RunCost | null;
  readonly history: readonly FinishedCall[];
}

interface Row extends Record<string, unknown> {
  readonly id: string;
  readonly workflow: string;
  readonly workflow_version: number;
  readonly object_id: number;
  readonly record: string;
  readonly actor: string;
  readonly attempt: number;
  readonly faults: number;
  readonly losses: number;
  readonly seq: number;
  readonly input: string;
  readonly cause: string;
  readonly cost: string | null;
  readonly started_at: string;
}

/**
 * Claims the oldest runs of a tenant that may start. A run may not while an earlier run of the same workflow on the same record is running or about
 * to be tried again; several such runs claimed together are started one after the other by `turn`. Claims of one tenant exclude each other, since
 * one that cannot see another's could take a later run and leave the earlier. Earlier runs are looked for by conditions that only the index by record
 * can serve: before a table is analysed, PostgreSQL takes all of a workflow's runs, or all that wait, for fewer than those of one record.
 */
export function claimRuns(
  store: Store,
  tenant: string,
  worker: string,
  settings: AutomationSettings,
): Promise<ClaimedRun[]> {
  const schema = quotedSchema(tenant);
  return store.transaction(async (tx) => {
    await tx.sql(`SELECT pg_advisory_xact_lock(hashtextextended('claim ${schema}', 0))`, [], "automation.lock_claim");
    const rows = await hot<Row>(
      tx,
      "claim",
      `UPDATE ${schema}._run r SET status = 'running', attempt = attempt + 1, worker = $1::uuid, due_at = NULL, updated_at = now(),
         lease_until = now() + $2::int * interval '1 ms', started_at = coalesce(started_at, now())
       FROM (
         SELECT id FROM ${schema}._run q
         WHERE status = 'queued' AND (due_at IS NULL OR due_at <= now()) AND NOT EXISTS (
           SELECT FROM ${schema}._run e WHERE e.record = q.record AND e.seq < q.seq AND e.workflow IS NOT DISTINCT FROM q.workflow
             AND CASE e.status WHEN 'running' THEN true WHEN 'queued' THEN e.due_at > now() ELSE false END)
         ORDER BY seq LIMIT ${settings.claimRuns} FOR UPDATE SKIP LOCKED
       ) next WHERE r.id = next.id
       RETURNING r.id, r.workflow, r.workflow_version, r.object_id, r.record, r.actor, r.attempt, r.faults, r.losses, r.input, r.cause, r.cost, r.started_at, r.seq`,
      [worker, settings.leaseMs],
    );
    const histories = await readHistories(
      tx,
      schema,
      rows.filter((row) => row.attempt > 1).map((row) => row.id),
    );
    return rows.toSorted((a, b) => a.seq - b.seq).map((row) => claimed(tenant, row, histories.get(row.id) ?? []));
  });
}

function claimed(tenant: string, row: Row, history: readonly FinishedCall[]): ClaimedRun {
  return {
    tenant,
    id: row.id,
    workflow: row.workflow,
    version: row.workflow_version,
    objectId: row.object_id,
    record: row.record,
    actor: row.actor,
    attempt: row.attempt,
    faults: row.faults,
    losses: row.losses,
    input: row.input,
    cause: JSON.parse(row.cause) as Cause,
    startedAt: new Date(row.started_at).getTime(),
    cost: row.cost === null ? null : (JSON.parse(row.cost) as RunCost),
    history,
  };
}

interface JournalRow extends Record<string, unknown> {
  readonly run: string;
  readonly call: number;
  readonly op: string;
  readonly args: string;
  readonly ok: boolean;
  readonly value: string;
  readonly at: number;
}

/** The finished calls of runs that have been tried before, in the order of their completion. */
async function readHistories(
  tx: Connection,
  schema: string,
  runs: readonly string[],
): Promise<Map<string, FinishedCall[]>> {
  const histories = new Map<string, FinishedCall[]>(runs.map((id) => [id, []]));
  if (runs.length === 0) return histories;
  const rows = await hot<JournalRow>(
    tx,
    "history",
    `SELECT run, call, op, args, ok, value, at FROM ${schema}._journal WHERE run = ANY ($1::uuid[]) ORDER BY run, seq`,
    [arrayOf(runs)],
  );
  for (const { run, call, op, args, ok, value, at } of rows)
    histories
      .get(run)
      ?.push(ok ? { call, op, args, ok: true, value, at } : { call, op, args, ok: false, error: value, at });
  return histories;
}

/** Runs of this worker stay its own for another lease; those it does not hold any more are left alone. */
export async function renewLeases(
  store: Store,
  tenant: string,
  worker: string,
  runs: readonly string[],
  leaseMs: number,
): Promise<void> {
  const schema = quotedSchema(tenant);
  await hot(
    store,
    "renew",
    // A run that is locked is being written to by its own worker, which proves as much as a renewal.
    `UPDATE ${schema}._run SET lease_until = now() + $3::int * interval '1 ms' WHERE id IN (
       SELECT id FROM ${schema}._run WHERE id = ANY ($1::uuid[]) AND worker = $2::uuid AND status = 'running' FOR NO KEY UPDATE SKIP LOCKED)`,
    [arrayOf(runs), worker, leaseMs],
  );
}
