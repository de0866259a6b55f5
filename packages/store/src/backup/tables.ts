import { quote } from "@guanxi/query";
import type { Connection } from "../types.ts";

export interface TableColumns {
  readonly name: string;
  /** Those that hold values of their own, in their order. */
  readonly columns: readonly string[];
}

/** A backup has them in front of the others, which are made from what they tell. */
export const metadataTables: ReadonlySet<string> = new Set(["_meta", "_object"]);

export async function tablesOf(connection: Connection, schema: string): Promise<TableColumns[]> {
  const rows = await connection.sql<{ name: string; columns: string }>(
    `SELECT c.relname AS name, json_agg(a.attname ORDER BY a.attnum)::text AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
     WHERE n.nspname = $1 AND c.relkind = 'r' GROUP BY c.relname ORDER BY c.relname`,
    [schema],
  );
  return rows.map(({ name, columns }) => ({ name, columns: JSON.parse(columns) as string[] }));
}

/** `COPY table (columns) …`. */
export const copyText = (table: string, columns: readonly string[], direction: "TO STDOUT" | "FROM STDIN"): string =>
  `COPY ${table} (${columns.map(quote).join(", ")}) ${direction}`;
