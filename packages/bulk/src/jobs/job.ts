import { GuanxiError, isId } from "@guanxi/base";
import type { Page, Session } from "@guanxi/kernel";
import { type Connection, quote, type Row } from "@guanxi/store";
import type { ImportPlan } from "../mapping/definition.ts";

export const jobStatuses = ["queued", "running", "finished", "failed", "cancelled"] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** A job as the API shows it. */
export interface JobView {
  readonly id: string;
  readonly kind: "import";
  /** Null when the object is no more. */
  readonly object: string | null;
  readonly status: JobStatus;
  readonly mode: string;
  readonly key: string | null;
  readonly format: string;
  /** The stored mapping's name. */
  readonly mapping: string | null;
  /** Rows of the upload, and how many of them are done with. */
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  /** Rows of an upsert that changed nothing. */
  readonly unchanged: number;
  readonly rejected: number;
  /** Why it failed as a whole: a problem. */
  readonly error: unknown;
  readonly created_by: string;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

interface JobRow extends Row {
  readonly id: string;
  readonly seq: number;
  readonly object_id: number;
  readonly actor: string;
  readonly plan: string;
  readonly status: JobStatus;
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
  readonly error: string | null;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
}

const columns =
  "id, seq, object_id, actor, plan, status, total, processed, created, updated, unchanged, rejected, error, created_at, started_at, ended_at";

const time = (value: string): string => new Date(value).toISOString();

function view(session: Session, row: JobRow): JobView {
  const plan = planOf(row);
  const { total, processed, created, updated, unchanged, rejected } = row;
  return {
    id: row.id,
    kind: "import",
    object: session.snapshot.byId.get(row.object_id)?.name ?? null,
    status: row.status,
    mode: plan.mode,
    key: plan.key ?? null,
    format: plan.format,
    mapping: plan.mappingName ?? null,
    ...{ total, processed, created, updated, unchanged, rejected },
    error: row.error === null ? null : (JSON.parse(row.error) as unknown),
    created_by: row.actor,
    created_at: time(row.created_at),
    started_at: row.started_at === null ? null : time(row.started_at),
    ended_at: row.ended_at === null ? null : time(row.ended_at),
  };
}

export const planOf = (row: { readonly plan: string }): ImportPlan => JSON.parse(row.plan) as ImportPlan;

/** Whose jobs a caller may know of: their own; administrators everybody's. */
const ownership = (session: Session): string | null => (session.actor.rights.all ? null : session.actor.user);

async function find(session: Session, id: string): Promise<JobRow> {
  const rows = isId(id)
    ? await session.connection.sql<JobRow>(
        `SELECT ${columns} FROM ${quote(session.tenant.schema)}._job
         WHERE id = $1 AND status <> 'receiving' AND ($2::uuid IS NULL OR actor = $2)`,
        [id, ownership(session)],
      )
    : [];
  if (!rows[0]) throw new GuanxiError("NOT_FOUND", { detail: "There is no such job." });
  return rows[0];
}

export const readJob = async (session: Session, id: string): Promise<JobView> => view(session, await find(session, id));

export const readPlan = async (session: Session, id: string): Promise<ImportPlan> => planOf(await find(session, id));

export interface JobFilter extends Page {
  readonly status?: string | undefined;
}

/** Newest first. */
export async function listJobs(
  session: Session,
  filter: JobFilter,
): Promise<{ data: JobView[]; next: number | undefined }> {
  const rows = await session.connection.sql<JobRow>(
    `SELECT ${columns} FROM ${quote(session.tenant.schema)}._job
     WHERE status <> 'receiving' AND ($1::uuid IS NULL OR actor = $1) AND ($2::text IS NULL OR status = $2) AND ($3::bigint IS NULL OR seq < $3)
     ORDER BY seq DESC LIMIT $4`,
    [ownership(session), filter.status ?? null, filter.before ?? null, filter.limit + 1],
  );
  const page = rows.slice(0, filter.limit);
  return {
    data: page.map((row) => view(session, row)),
    next: rows.length > page.length ? page.at(-1)?.seq : undefined,
  };
}

/** Ends a job where it stands; what it has imported stays. CONFLICT when it has ended already. */
export async function cancelJob(
  session: Session,
  inTransaction: (work: (tx: Connection) => Promise<void>) => Promise<void>,
  id: string,
): Promise<void> {
  const job = await find(session, id);
  const schema = quote(session.tenant.schema);
  await inTransaction(async (tx) => {
    const cancelled = await tx.sql(
      `UPDATE ${schema}._job SET status = 'cancelled', worker = NULL, lease_until = NULL, ended_at = now(), updated_at = now()
       WHERE id = $1 AND status IN ('queued', 'running') RETURNING id`,
      [job.id],
    );
    if (cancelled.length === 0) throw new GuanxiError("CONFLICT", { detail: "The job has ended already." });
    await tx.sql(`DELETE FROM ${schema}._job_chunk WHERE job = $1`, [job.id]);
  });
}

export interface RejectedRow extends Row {
  readonly row: number;
  /** JSON text of what was sent. */
  readonly data: string;
  readonly reason: string;
}

export const rejectedRows = (session: Session, job: string, after: number, limit: number): Promise<RejectedRow[]> =>
  session.connection.sql<RejectedRow>(
    `SELECT row, data, reason FROM ${quote(session.tenant.schema)}._job_error WHERE job = $1 AND row > $2 ORDER BY row LIMIT $3`,
    [job, after, limit],
  );
