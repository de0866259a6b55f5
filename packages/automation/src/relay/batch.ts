import type { Cause } from "@guanxi/kernel";
import type { Connection } from "@guanxi/store";
import { arrayOf, hot } from "../sql.ts";
import type { Change, ChangeOp } from "./match.ts";

/** A change row that was taken, without its content. */
export interface TakenRow extends Record<string, unknown> {
  readonly seq: number;
  readonly object_id: number;
  readonly meta: number;
  /** When the change was made. */
  readonly at: string;
}

const lockKey = (schema: string): string => `hashtextextended('relay ${schema}', 0)`;

/**
 * Those of the oldest undispatched rows that meet the condition, given their positions behind the last one. Only this order and limit find
 * the rows by their index at any time: before a new table is analysed, PostgreSQL takes half of it for undispatched and would read it all.
 */
const take = (schema: string, limit: number, condition: string): string => `
  WITH waiting AS MATERIALIZED (
    SELECT seq, meta FROM ${schema}._change WHERE NOT dispatched ORDER BY seq LIMIT ${limit} FOR UPDATE SKIP LOCKED
  ), batch AS (
    SELECT seq, row_number() OVER (ORDER BY seq) AS n FROM waiting WHERE ${condition}
  ), feed AS (
    UPDATE ${schema}._feed SET pos = pos + (SELECT count(*) FROM batch) WHERE EXISTS (SELECT FROM batch)
    RETURNING pos - (SELECT count(*) FROM batch) AS before
  ), taken AS (
    UPDATE ${schema}._change c SET dispatched = true, pos = feed.before + batch.n FROM batch, feed WHERE c.seq = batch.seq
    RETURNING c.seq, c.object_id, c.meta, c.at
  )`;

/**
 * The whole dispatch of a batch that can start nothing: rows of metadata versions under which the tenant had no workflow. Two statements that travel
 * as one, hence one transaction. `other` says that rows of further versions wait.
 */
export async function passBatch(
  connection: Connection,
  schema: string,
  { from, to }: { from: number; to: number },
  limit: number,
): Promise<{ events: number; other: boolean; oldest: string | null }> {
  const results = (await connection.sql(
    `SELECT pg_advisory_xact_lock(${lockKey(schema)});
     ${take(schema, limit, `meta BETWEEN ${from} AND ${to}`)}
     SELECT (SELECT count(*) FROM taken)::int AS events, (SELECT min(at) FROM taken) AS oldest,
       EXISTS (SELECT FROM waiting WHERE meta NOT BETWEEN ${from} AND ${to}) AS other`,
    [],
    "automation.pass",
  )) as unknown as [unknown, [{ events: number; other: boolean; oldest: string | null }]];
  return results[1][0];
}

/** Takes a batch within `tx`. Whoever holds the lock has seen everything that committed before, so positions follow the order of commits. */
export async function takeBatch(tx: Connection, schema: string, limit: number): Promise<TakenRow[]> {
  await tx.sql(`SELECT pg_advisory_xact_lock(${lockKey(schema)})`, [], "automation.lock_relay");
  return hot<TakenRow>(
    tx,
    "take",
    `${take(schema, limit, "true")} SELECT seq, object_id, meta, at FROM taken ORDER BY seq`,
    [],
  );
}

interface ContentRow extends TakenRow {
  readonly record: string;
  readonly op: ChangeOp;
  readonly actor: string | null;
  readonly cause: string;
  readonly data: string;
  readonly old: string | null;
}

export async function readChanges(tx: Connection, schema: string, rows: readonly TakenRow[]): Promise<Change[]> {
  const contents = await hot<ContentRow>(
    tx,
    "changes",
    `SELECT seq, object_id, record, op, at, actor, meta, cause, data, old FROM ${schema}._change WHERE seq = ANY ($1::bigint[]) ORDER BY seq`,
    [arrayOf(rows.map((row) => row.seq))],
  );
  return contents.map((row) => ({
    seq: row.seq,
    objectId: row.object_id,
    record: row.record,
    op: row.op,
    at: new Date(row.at),
    actor: row.actor,
    meta: row.meta,
    cause: JSON.parse(row.cause) as Cause,
    data: JSON.parse(row.data) as Record<string, unknown>,
    old: row.old === null ? null : (JSON.parse(row.old) as Record<string, unknown>),
  }));
}
