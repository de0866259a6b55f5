import { GuanxiError } from "@guanxi/base";
import type { StoredObject, TenantSettings } from "@guanxi/meta";
import { type Connection, quoteSchema } from "@guanxi/store";

/** A tenant's metadata as its tables hold it. */
export interface Stored {
  readonly version: number;
  readonly settings: TenantSettings;
  readonly stored: StoredObject[];
}

/** Reads the stored objects of a tenant on `connection`, and its settings. */
export async function loadStored(connection: Connection, schema: string): Promise<Stored> {
  const s = quoteSchema(schema);
  const [row] = await connection.sql<{ version: number; settings: string; stored: string }>(
    `SELECT m.version, m.settings::text AS settings, coalesce((SELECT json_agg(o.stored ORDER BY o.id) FROM ${s}._object o), '[]')::text AS stored FROM ${s}._meta m`,
  );
  if (!row) throw new GuanxiError("NOT_FOUND");
  return {
    version: row.version,
    settings: JSON.parse(row.settings) as TenantSettings,
    stored: JSON.parse(row.stored) as StoredObject[],
  };
}
