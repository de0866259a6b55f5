import { GuanxiError } from "@guanxi/base";
import { quote } from "@guanxi/query";
import { tenantSchema } from "../fixed-tables.ts";
import { qualified } from "../ddl/step.ts";
import { isDatabaseError } from "../errors.ts";
import { notify } from "../signals.ts";
import type { Connection, OwnConnection } from "../types.ts";
import { type Contents, fileIds } from "./contents.ts";

/*
 * A tenant is restored into a schema of another name, which nobody looks at, and renamed when all is there. What a killed process
 * leaves behind is such a schema, and goes before the next restore or at the next start.
 */

const prefix = "guanxi_restore_";
export const stagingOf = (tenant: string): string => prefix + tenant;
/** Keys wait here, since a key must not be there before its tenant. */
export const keysTable = "_restored_key";

const oneAtATime = "hashtextextended('guanxi:restore', 0)";

/** A tenant whose rows are in its staging schema. */
export interface LoadedTenant {
  readonly id: string;
  readonly from: string;
  readonly name: string;
  readonly plugins: readonly string[];
  readonly createdAt: string;
  /** Rows of all its tables. */
  readonly rows: number;
}

/** A key for the administrator of a restored tenant. */
export interface NewKey {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  readonly prefix: string;
  readonly hash: string;
}

/**
 * Runs `work` as the only restore on this database, on a clean slate, which it leaves as it found it; `report` hears where that fails.
 * CONFLICT while another is under way.
 */
export async function asOnlyRestore<T>(
  own: OwnConnection,
  contents: Contents,
  work: () => Promise<T>,
  report: (error: unknown) => void,
): Promise<T> {
  if (!(await lock(own)))
    throw new GuanxiError("CONFLICT", {
      detail: "Another restore or copy is under way; repeat when it has ended.",
    });
  await dropAll(own, contents);
  try {
    return await work();
  } finally {
    // On a connection that was lost and made again, what is there may be another's.
    await dropAbandoned(own, contents).catch(report);
  }
}

/** Drops what killed processes have left; nothing while a restore is under way. */
export async function dropAbandoned(own: OwnConnection, contents: Contents): Promise<void> {
  if (await lock(own)) await dropAll(own, contents);
}

/** The lock goes with the connection, however that ends. */
async function lock(own: Connection): Promise<boolean> {
  const [row] = await own.sql<{ ours: boolean }>(`SELECT pg_try_advisory_lock(${oneAtATime}) AS ours`);
  return row?.ours === true;
}

async function dropAll(own: Connection, contents: Contents): Promise<void> {
  const left = await own.sql<{ name: string }>(
    "SELECT nspname AS name FROM pg_namespace WHERE starts_with(nspname, $1)",
    [prefix],
  );
  for (const { name } of left) {
    // They were put where the tenant would have looked for them.
    for (const id of await fileIds(own, name)) await contents.delete(name.slice(prefix.length), id);
    await own.sql(`DROP SCHEMA ${quote(name)} CASCADE`);
  }
}

/** Which connection of the server's this is; another number means that it was lost, and its lock with it. */
export async function backendOf(own: Connection): Promise<number> {
  const [row] = await own.sql<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return row?.pid ?? 0;
}

/** Refuses ids that are taken; CONFLICT names them. */
export async function refuseTaken(own: Connection, ids: readonly string[]): Promise<void> {
  const taken = await own.sql<{ id: string; known: boolean }>(
    `SELECT w.id, t.id IS NOT NULL AS known FROM json_array_elements_text($1::json) w(id)
       LEFT JOIN guanxi.tenant t ON t.id = w.id LEFT JOIN pg_namespace n ON n.nspname = 't_' || w.id
     WHERE t.id IS NOT NULL OR n.nspname IS NOT NULL ORDER BY w.id`,
    [JSON.stringify(ids)],
  );
  const known = taken.filter((t) => t.known).map((t) => t.id);
  if (known.length > 0) throw takenError(known);
  if (taken.length > 0)
    throw new GuanxiError("CONFLICT", {
      detail: `The database has a schema for ${taken.map((t) => t.id).join(", ")}, though there is no such tenant; drop it or take another id.`,
    });
}

const takenError = (ids: readonly string[]): GuanxiError =>
  new GuanxiError("CONFLICT", {
    detail: `The tenant ${ids.join(", ")} is there already: delete it first, or restore under another id with as.`,
  });

/**
 * Makes the loaded tenants visible, all or none, and tells the nodes by `channel`. `backend` is the connection that loaded them.
 */
export async function publishTenants(
  own: OwnConnection,
  backend: number,
  tenants: readonly (LoadedTenant & { readonly key: NewKey | undefined })[],
  channel: string,
): Promise<void> {
  try {
    await own.transaction("READ WRITE", async (tx) => {
      if ((await backendOf(tx)) !== backend)
        throw new GuanxiError("UNAVAILABLE", { detail: "The connection to the database was lost.", retryAfter: 1 });
      for (const tenant of tenants) await publish(tx, tenant, channel);
    });
  } catch (e) {
    if (isDatabaseError(e, "42P06"))
      await refuseTaken(
        own,
        tenants.map((t) => t.id),
      );
    throw e;
  }
}

async function publish(
  tx: Connection,
  tenant: LoadedTenant & { readonly key: NewKey | undefined },
  channel: string,
): Promise<void> {
  const { id, name, plugins, createdAt, from, key } = tenant;
  const schema = stagingOf(id);
  const added = await tx.sql(
    `INSERT INTO guanxi.tenant (id, name, plugins, ready, created_at)
     VALUES ($1, $2, $3::jsonb, true, CASE WHEN $5 THEN $4::timestamptz ELSE now() END) ON CONFLICT DO NOTHING RETURNING id`,
    [id, name, JSON.stringify(plugins), createdAt, id === from],
  );
  if (added.length === 0) throw takenError([id]);
  await tx.sql(`INSERT INTO guanxi.api_key SELECT * FROM ${qualified(schema, keysTable)}`);
  await tx.sql(`DROP TABLE ${qualified(schema, keysTable)}`);
  if (key)
    await tx.sql(
      "INSERT INTO guanxi.api_key (id, tenant, user_id, name, prefix, hash) VALUES ($1, $2, $3, $4, $5, $6)",
      [...[key.id, id, key.user, key.name, key.prefix, key.hash]],
    );
  await tx.sql(`ALTER SCHEMA ${quote(schema)} RENAME TO ${quote(tenantSchema(id))}`);
  await notify(tx, channel, id);
}
