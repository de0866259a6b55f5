import { GuanxiError, isId } from "@guanxi/base";
import { type Session, pageCursor } from "@guanxi/kernel";
import { isoTime, parsed } from "../sql.ts";
import { quotedSchema } from "@guanxi/store";
import { hostCalls } from "../calls/index.ts";
import { type RunFilter, runList } from "./parameters.ts";

interface RunRow extends Record<string, unknown> {
  readonly id: string;
  readonly seq: number;
  readonly workflow: string;
  readonly workflow_version: number;
  readonly status: string;
  readonly object_id: number;
  readonly record: string;
  readonly attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly due_at: string | null;
  readonly ended_at: string | null;
  readonly error: string | null;
  readonly cost: string | null;
}

interface DetailRow extends RunRow {
  readonly actor: string;
  readonly cause: string;
  readonly result: string | null;
  readonly log: string | null;
}

const columns =
  "id, seq, workflow, workflow_version, status, object_id, record, attempt, created_at, started_at, due_at, ended_at, error, cost";

/** A run as the API shows it. */
const shown = (session: Session, row: RunRow) => ({
  id: row.id,
  workflow: row.workflow,
  workflow_version: row.workflow_version,
  status: row.status,
  object: session.snapshot.byId.get(row.object_id)?.name ?? null,
  record: row.record,
  attempts: row.attempt,
  created_at: isoTime(row.created_at),
  started_at: isoTime(row.started_at),
  due_at: isoTime(row.due_at),
  ended_at: isoTime(row.ended_at),
  error: parsed(row.error),
  cost: parsed(row.cost),
});

/** Newest first. */
export async function listRuns(session: Session, filter: RunFilter): Promise<{ data: unknown[]; next: string | null }> {
  const params: unknown[] = [];
  const conditions = [
    filter.workflow === undefined ? undefined : `workflow = $${params.push(filter.workflow)}`,
    filter.status === undefined ? undefined : `status = $${params.push(filter.status)}`,
    filter.record === undefined ? undefined : `record = $${params.push(filter.record)}`,
    filter.before === undefined ? undefined : `seq < $${params.push(filter.before)}`,
  ].filter((condition) => condition !== undefined);
  const rows = await session.connection.sql<RunRow>(
    `SELECT ${columns} FROM ${quotedSchema(session.tenant.id)}._run ${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""}
     ORDER BY seq DESC LIMIT $${params.push(filter.limit + 1)}`,
    params,
  );
  const page = rows.slice(0, filter.limit);
  const last = page.at(-1);
  return {
    data: page.map((row) => shown(session, row)),
    next: rows.length > page.length && last ? pageCursor(runList, last.seq) : null,
  };
}

interface CallRow extends Record<string, unknown> {
  readonly call: number;
  readonly op: string;
  readonly args: string;
  readonly ok: boolean;
  readonly value: string;
  readonly at: number;
}

/** Log lines with their times as the API writes them. */
function logOf(text: string | null): unknown {
  const lines = (parsed(text) ?? []) as readonly { readonly at: number }[];
  return lines.map((line) => ({ ...line, at: new Date(line.at).toISOString() }));
}

/** One run with its journal, log, cause and what it has written. */
export async function readRun(session: Session, id: string): Promise<unknown> {
  if (!isId(id)) throw new GuanxiError("NOT_FOUND");
  const schema = quotedSchema(session.tenant.id);
  const [row] = await session.connection.sql<DetailRow>(
    `SELECT ${columns}, actor, cause, result, log FROM ${schema}._run WHERE id = $1`,
    [id],
  );
  if (!row) throw new GuanxiError("NOT_FOUND");
  const calls = await session.connection.sql<CallRow>(
    `SELECT call, op, args, ok, value, at FROM ${schema}._journal WHERE run = $1 ORDER BY seq`,
    [id],
  );
  return {
    ...shown(session, row),
    actor: row.actor,
    cause: parsed(row.cause),
    result: parsed(row.result),
    log: logOf(row.log),
    journal: calls.map(shownCall),
    effects: calls.flatMap(effectOf),
  };
}

const shownCall = ({ call, op, args, ok, value, at }: CallRow) => ({
  call,
  op,
  args: parsed(args),
  ...(ok ? { ok, value: parsed(value) } : { ok, error: parsed(value) }),
  at: new Date(at).toISOString(),
});

/** The record that a call has written. */
function effectOf({ op, args, ok, value }: CallRow): { op: string; object: string; record: string }[] {
  if (!ok || hostCalls.get(op)?.kind !== "effect") return [];
  const { object, id } = JSON.parse(args) as { object: string; id?: string };
  const record = id ?? (JSON.parse(value) as { id?: string } | null)?.id;
  return record === undefined ? [] : [{ op: op.replace("records.", ""), object, record }];
}
