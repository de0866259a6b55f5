import { GuanxiError } from "@guanxi/base";
import type { StoredObject, TenantSettings } from "@guanxi/meta";
import { type Connection, quote, type TenantRow, tenantSchema } from "@guanxi/store";
import type { Tenant } from "./types.ts";

/** A tenant's metadata as its tables hold it. */
export interface Stored {
  readonly version: number;
  readonly settings: TenantSettings;
  /** Each a StoredObject as JSON, by id. */
  readonly texts: readonly string[];
}

/** What settings are in tenants that were made before there were such. */
const younger = { purgeDeletedAfterDays: 0 } as const;

/** Reads the stored objects of a tenant on `connection`, and its settings. */
export async function loadStored(connection: Connection, schema: string): Promise<Stored> {
  const s = quote(schema);
  const rows = await connection.sql<{ version: number; settings: string; stored: string | null }>(
    `SELECT m.version, m.settings::text AS settings, o.stored::text AS stored FROM ${s}._meta m LEFT JOIN ${s}._object o ON true ORDER BY o.id`,
  );
  const [first] = rows;
  if (!first) throw new GuanxiError("NOT_FOUND");
  return {
    version: first.version,
    settings: { ...younger, ...(JSON.parse(first.settings) as TenantSettings) },
    texts: rows.flatMap((row) => row.stored ?? []),
  };
}

export const storedObjects = ({ texts }: Stored): StoredObject[] =>
  texts.map((text) => JSON.parse(text) as StoredObject);

export const toTenant = ({ id, name, plugins, createdAt }: TenantRow): Tenant => ({
  ...{ id, name, plugins },
  schema: tenantSchema(id),
  createdAt: new Date(createdAt).toISOString(),
});
