import { literal, quote } from "@guanxi/query";
import { aheadPrefix } from "./ddl/names.ts";
import { isDatabaseError } from "./errors.ts";
import type { Connection, OwnConnection } from "./types.ts";

/*
 * Whoever makes things ahead for a tenant holds a lock on a connection of their own. It goes with that connection, so that a lock which is
 * free while a change set is being built tells that its builder is gone.
 */
const lockOf = (schema: string): string => `hashtextextended(${literal(`guanxi:build:${schema}`)}, 0)`;

/** How often PostgreSQL looks whether the builder of a statement that is under way is still there. */
const clientCheck = "1s";

/** Makes this connection the tenant's builder; false where another one is. */
export async function holdBuild(own: OwnConnection, schema: string): Promise<boolean> {
  const [row] = await own.sql<{ ours: boolean }>(`SELECT pg_try_advisory_lock(${lockOf(schema)}) AS ours`);
  return row?.ours === true;
}

/**
 * Fits a connection for building: it waits for locks and older transactions `waitMs`, takes no further cores from those who write meanwhile,
 * and its statements end soon after the process that sent them, where the system of the database can tell.
 */
export async function fitForBuilding(own: OwnConnection, waitMs: number): Promise<void> {
  await own.sql(
    `SET lock_timeout = ${waitMs}; SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0`,
  );
  try {
    await own.sql(`SET client_connection_check_interval = '${clientCheck}'`);
  } catch (e) {
    if (!isDatabaseError(e, "22023")) throw e;
  }
}

/** Whether the tenant has a builder. Otherwise there is none until the transaction `tx` ends. */
export async function isBuilding(tx: Connection, schema: string): Promise<boolean> {
  const [row] = await tx.sql<{ free: boolean }>(`SELECT pg_try_advisory_xact_lock(${lockOf(schema)}) AS free`);
  return row?.free !== true;
}

/** Drops what was made ahead in a schema and is taken over by nothing. */
export async function dropLeftovers(tx: Connection, schema: string): Promise<void> {
  const found = await tx.sql<{ text: string }>(leftovers, [schema, aheadPrefix], "building.leftovers");
  for (const { text } of found) await tx.sql(text);
}

const leftovers = `WITH t AS (
  SELECT c.oid, c.relname, c.relkind, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = $1 AND c.relkind IN ('r', 'i')
)
SELECT text FROM (
  SELECT 1 AS turn, format('DROP INDEX %I.%I', nspname, relname) AS text FROM t WHERE relkind = 'i' AND starts_with(relname, $2)
  UNION ALL
  SELECT 2, format('ALTER TABLE %I.%I DROP CONSTRAINT %I', nspname, relname, k.conname)
  FROM t JOIN pg_constraint k ON k.conrelid = t.oid WHERE starts_with(k.conname, $2)
  UNION ALL
  SELECT 3, format('ALTER TABLE %I.%I DROP COLUMN %I', nspname, relname, a.attname)
  FROM t JOIN pg_attribute a ON a.attrelid = t.oid WHERE relkind = 'r' AND NOT a.attisdropped AND starts_with(a.attname, $2)
) x ORDER BY turn`;

/** Names of the columns that an index is made of. */
export async function columnsOfIndex(on: Connection, schema: string, index: string): Promise<string[]> {
  const rows = await on.sql<{ name: string }>(
    `SELECT a.attname AS name FROM pg_class i JOIN pg_namespace n ON n.oid = i.relnamespace JOIN pg_index x ON x.indexrelid = i.oid
     JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = ANY(x.indkey::int2[])
     WHERE n.nspname = $1 AND i.relname = $2 ORDER BY array_position(x.indkey::int2[], a.attnum)`,
    [schema, index],
  );
  return rows.map(({ name }) => name);
}

/** Bytes of tables, by name; of those that are there. */
export async function sizesOf(
  on: Connection,
  schema: string,
  tables: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await on.sql<{ name: string; bytes: number }>(
    `SELECT c.relname AS name, pg_relation_size(c.oid) AS bytes FROM pg_class c
     WHERE c.relnamespace = ${literal(quote(schema))}::regnamespace AND c.relkind = 'r'
       AND c.relname = ANY(SELECT json_array_elements_text($1::json))`,
    [JSON.stringify(tables)],
  );
  return new Map(rows.map(({ name, bytes }) => [name, bytes]));
}

/** How far the index is that is being built in a schema, in PostgreSQL's words: `phase`, and from 0 to 1 what of it is done. */
export async function buildProgress(
  on: Connection,
  schema: string,
): Promise<{ readonly phase: string; readonly share?: number } | undefined> {
  const [row] = await on.sql<{ phase: string; share: string | null }>(
    `SELECT p.phase, coalesce(p.tuples_done::float / nullif(p.tuples_total, 0), p.blocks_done::float / nullif(p.blocks_total, 0))::text AS share
     FROM pg_stat_progress_create_index p JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND p.datname = current_database()`,
    [schema],
  );
  return row && { phase: row.phase, ...(row.share === null ? {} : { share: Math.min(1, Number(row.share)) }) };
}
