import { type Locale, type Problem } from "@guanxi/base";
import { type Connection, isGone, quotedSchema, type Row, type Store } from "@guanxi/store";
import type { ImportPlan } from "../mapping/definition.ts";
import type { BulkSettings } from "../settings.ts";
import { planOf } from "./job.ts";

/** A job that this worker holds until its lease ends. */
export interface ClaimedJob {
  readonly tenant: string;
  /** Quoted. */
  readonly schema: string;
  readonly id: string;
  readonly worker: string;
  readonly objectId: number;
  readonly actor: string;
  readonly locale: Locale;
  readonly request: string | null;
  readonly plan: ImportPlan;
  readonly faults: number;
}

/** Another worker holds the job, or nobody has it any more. */
export class LostJob extends Error {}

interface ClaimRow extends Row {
  readonly id: string;
  readonly object_id: number;
  readonly actor: string;
  readonly locale: string;
  readonly request: string | null;
  readonly plan: string;
  readonly faults: number;
}

/** A tenant whose tables are older than jobs, or which is being deleted, has none. */
const withoutTable = (e: unknown): never[] => {
  if (isGone(e)) return [];
  throw e;
};

/**
 * The oldest job of the tenant that has not ended, unless another worker holds it: one job of a tenant at a time. Else the ms after which
 * it is worthwhile to look again, or undefined when there is no job.
 */
export async function claimJob(
  store: Store,
  tenant: string,
  worker: string,
  settings: BulkSettings,
): Promise<ClaimedJob | number | undefined> {
  const schema = quotedSchema(tenant);
  const rows = await store
    .sql<ClaimRow>(
      `UPDATE ${schema}._job SET status = 'running', worker = $1, lease_until = now() + $2 * interval '1 ms', updated_at = now(),
         started_at = coalesce(started_at, now())
       WHERE id = (SELECT id FROM ${schema}._job WHERE status IN ('queued', 'running') ORDER BY seq LIMIT 1)
         AND status IN ('queued', 'running') AND (lease_until IS NULL OR lease_until <= now())
       RETURNING id, object_id, actor, locale, request, plan, faults`,
      [worker, settings.leaseMs],
    )
    .catch(withoutTable);
  const row = rows[0];
  if (!row) return waitFor(store, schema);
  const { id, object_id: objectId, actor, request, faults } = row;
  return {
    tenant,
    schema,
    id,
    worker,
    objectId,
    actor,
    locale: row.locale as Locale,
    request,
    plan: planOf(row),
    faults,
  };
}

async function waitFor(store: Store, schema: string): Promise<number | undefined> {
  const [row] = await store
    .sql<{ ms: number }>(
      `SELECT (extract(epoch FROM coalesce(lease_until - now(), interval '0')) * 1000)::float8 AS ms
       FROM ${schema}._job WHERE status IN ('queued', 'running') ORDER BY seq LIMIT 1`,
    )
    .catch(withoutTable);
  return row === undefined ? undefined : Math.max(0, row.ms);
}

/** Keeps the job for another lease. A row that is locked is being written to by its own worker, which proves as much. */
export async function renewJob(store: Store, job: ClaimedJob, settings: BulkSettings): Promise<void> {
  await store.sql(
    `UPDATE ${job.schema}._job SET lease_until = now() + $3 * interval '1 ms' WHERE id IN (
       SELECT id FROM ${job.schema}._job WHERE id = $1 AND worker = $2 AND status = 'running' FOR NO KEY UPDATE SKIP LOCKED)`,
    [job.id, job.worker, settings.leaseMs],
  );
}

/** Gives the job back, free for anyone after `ms`. */
export async function releaseJob(store: Connection, job: ClaimedJob, ms: number, faults: number): Promise<void> {
  await store.sql(
    `UPDATE ${job.schema}._job SET worker = NULL, lease_until = now() + $3 * interval '1 ms', faults = $4 WHERE id = $1 AND worker = $2 AND status = 'running'`,
    [job.id, job.worker, ms, faults],
  );
}

/** Ends the job; with an error, as failed, and its other rows are dropped. */
export async function endJob(store: Store, job: ClaimedJob, error: Problem | undefined): Promise<void> {
  await store.transaction(async (tx) => {
    const ended = await tx.sql(
      `UPDATE ${job.schema}._job SET status = $3, error = $4, worker = NULL, lease_until = NULL, ended_at = now(), updated_at = now()
       WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id`,
      [job.id, job.worker, error ? "failed" : "finished", error ? JSON.stringify(error) : null],
    );
    if (ended.length > 0) await tx.sql(`DELETE FROM ${job.schema}._job_chunk WHERE job = $1`, [job.id]);
  });
}

/** Removes uploads that broke off with their process, and jobs that ended long ago. */
export async function removeOld(store: Store, tenant: string, settings: BulkSettings): Promise<void> {
  await store
    .sql(
      `DELETE FROM ${quotedSchema(tenant)}._job WHERE (status = 'receiving' AND lease_until < now())
         OR (ended_at < now() - $1 * interval '1 day')`,
      [settings.keepDays],
    )
    .catch(withoutTable);
}
