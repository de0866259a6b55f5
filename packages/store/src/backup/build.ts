import { quote } from "@guanxi/query";
import { qualified } from "../ddl/step.ts";
import type { Connection } from "../types.ts";

/**
 * Takes the keys, foreign keys and indexes off the tables of a schema, because filled tables are indexed faster than indexed ones are
 * filled, and rows come in no order that foreign keys like. → the statements that put them back, in their order.
 */
export async function strip(tx: Connection, schema: string): Promise<string[]> {
  const keys = await tx.sql<{ table: string; name: string; type: string; definition: string }>(
    `SELECT t.relname AS table, c.conname AS name, c.contype::text AS type, pg_get_constraintdef(c.oid) AS definition
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = $1 AND c.contype IN ('p', 'u', 'f') ORDER BY c.contype = 'f', t.relname, c.conname`,
    [schema],
  );
  const indexes = await tx.sql<{ name: string; definition: string }>(
    `SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE n.nspname = $1 AND t.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid AND c.contype IN ('p', 'u'))
     ORDER BY t.relname, i.relname`,
    [schema],
  );
  // References rest on the keys that they name.
  for (const { table, name } of keys.toReversed())
    await tx.sql(`ALTER TABLE ${qualified(schema, table)} DROP CONSTRAINT ${quote(name)}`);
  for (const { name } of indexes) await tx.sql(`DROP INDEX ${qualified(schema, name)}`);
  const add = (key: (typeof keys)[number]): string =>
    `ALTER TABLE ${qualified(schema, key.table)} ADD CONSTRAINT ${quote(key.name)} ${key.definition}`;
  return [
    ...keys.filter((k) => k.type !== "f").map(add),
    ...indexes.map(({ definition }) => definition),
    ...keys.filter((k) => k.type === "f").map(add),
  ];
}
