import { quote } from "@guanxi/query";
import type { Connection } from "../types.ts";

/** Where the contents of a tenant's files are, for what reads or writes a backup. */
export interface Contents {
  /** Undefined where it is lost. */
  read(tenant: string, id: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  keep(tenant: string, id: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  delete(tenant: string, id: string): Promise<void>;
}

/** Ids of the files whose records are in a schema; none where it has no tables yet, or the tenant's own object has the name. */
export async function fileIds(connection: Connection, schema: string): Promise<readonly string[]> {
  const s = quote(schema);
  const [tables] = await connection.sql<{ there: boolean }>(
    "SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL AS there",
    [`${s}._object`, `${s}.file`],
  );
  if (!tables?.there) return [];
  const rows = await connection.sql<{ id: string }>(
    `SELECT f.id FROM ${s}.file f WHERE EXISTS (SELECT FROM ${s}._object o WHERE o.name = 'file' AND o.stored ->> 'source' = 'core') ORDER BY f.id`,
  );
  return rows.map(({ id }) => id);
}
