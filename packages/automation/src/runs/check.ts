import { type Store, isGone, quotedSchema } from "@guanxi/store";
import { hot } from "../sql.ts";

export interface Found {
  /** Runs wait to be started. */
  readonly work: boolean;
  /** Changes wait for the relay. */
  readonly changes: boolean;
  /** When to look again: something falls due or a lease ends, ms since 1970. */
  readonly next: number | undefined;
}

/** Runs that one look wakes; more fall due at the same moment only after a long standstill. */
const wakeLimit = 2_000;

/**
 * Looks after one tenant: runs whose wait is over and runs whose worker has died go back into the queue. This is the record's own word on what is
 * to be done, so it makes up for any lost signal or job. A tenant that is gone has nothing to do.
 */
export async function checkTenant(store: Store, tenant: string): Promise<Found> {
  const schema = quotedSchema(tenant);
  const ripe = (condition: string): string =>
    `SELECT id FROM ${schema}._run WHERE ${condition} LIMIT ${wakeLimit} FOR UPDATE SKIP LOCKED`;
  try {
    const [row] = await hot<{ woken: boolean; queued: boolean; changes: boolean; next: number | null }>(
      store,
      "check",
      `WITH due AS (
         UPDATE ${schema}._run SET status = 'queued', due_at = NULL, updated_at = now()
         WHERE id IN (${ripe("status = 'waiting' AND due_at <= now()")}) RETURNING 1
       ), lost AS (
         UPDATE ${schema}._run SET status = 'queued', worker = NULL, lease_until = NULL, losses = losses + 1, updated_at = now()
         WHERE id IN (${ripe("status = 'running' AND lease_until < now()")}) RETURNING 1
       )
       SELECT EXISTS (SELECT FROM due UNION ALL SELECT FROM lost) AS woken,
         EXISTS (SELECT FROM ${schema}._run WHERE status = 'queued' AND (due_at IS NULL OR due_at <= now())) AS queued,
         (SELECT seq FROM ${schema}._change WHERE NOT dispatched ORDER BY seq LIMIT 1) IS NOT NULL AS changes,
         extract(epoch FROM least(
           (SELECT min(due_at) FROM ${schema}._run WHERE status = 'waiting' AND due_at > now()),
           (SELECT min(due_at) FROM ${schema}._run WHERE status = 'queued' AND due_at > now()),
           (SELECT min(lease_until) FROM ${schema}._run WHERE status = 'running' AND lease_until >= now())))::float8 * 1000 AS next`,
      [],
    );
    return {
      work: row?.woken === true || row?.queued === true,
      changes: row?.changes === true,
      next: row?.next ?? undefined,
    };
  } catch (error) {
    if (isGone(error)) return { work: false, changes: false, next: undefined };
    throw error;
  }
}
