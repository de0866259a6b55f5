import { runMigrations } from "bullmq";
import pg from "pg";

/**
 * Every turn inserts, updates three times and deletes a row, so dead rows soon outnumber live ones and each claim walks over them. Vacuum has to
 * come by number of rows, not by share of the table, and without pauses.
 */
const vacuum =
  "autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0";
const busyTables = ["job", "dedup", "event"];

/** A URL, or the parts of one. */
export type PostgresAddress =
  | string
  | { host: string; port: number; user: string; database: string; password?: string };

export const poolAddress = (address: PostgresAddress): pg.ClientConfig =>
  typeof address === "string" ? { connectionString: address } : address;

/** Creates or upgrades the queue's tables in `schema`. Safe to run by many processes at once. */
export async function preparePostgres(address: PostgresAddress, schema: string): Promise<void> {
  const client = new pg.Client(poolAddress(address));
  await client.connect();
  try {
    await runMigrations(client, schema);
    const { rows } = await client.query(
      `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relname = ANY ($2) AND c.reloptions IS NULL`,
      [schema, busyTables],
    );
    for (const { relname } of rows) await client.query(`ALTER TABLE "${schema}"."${relname}" SET (${vacuum})`);
  } finally {
    await client.end();
  }
}
