import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { and, desc, drizzle, DrizzleQueryError, eq, isNull, migrate, sql } from "./drizzle.ts";
import { storeError } from "./errors.ts";
import { createIdempotencyTable, type IdempotencyTable } from "./idempotency.ts";
import { type ApiKeyRow, apiKeys, type TenantRow, tenants } from "./tables.ts";
import type { Watch } from "./watch.ts";

/** The tables that all tenants share: who the tenants are, and the keys to them. */
export interface Registry {
  migrate(): Promise<void>;
  /** False when the id is taken. */
  addTenant(row: { id: string; name: string; plugins: string[] }): Promise<boolean>;
  setReady(id: string): Promise<void>;
  /** From now on nobody sees the tenant and no key opens it; its id stays taken. */
  retireTenant(id: string): Promise<void>;
  removeTenant(id: string): Promise<void>;
  /** Ready ones only, unless `unfinished`. */
  findTenant(id: string, unfinished?: boolean): Promise<TenantRow | undefined>;
  listTenants(): Promise<TenantRow[]>;
  addKey(row: typeof apiKeys.$inferInsert): Promise<ApiKeyRow>;
  findKey(hash: string): Promise<ApiKeyRow | undefined>;
  listKeys(tenant: string): Promise<ApiKeyRow[]>;
  /** Whether there was such a key. Whoever listens on the channel hears the tenant's id with the commit. */
  revokeKey(tenant: string, id: string, channel: string): Promise<boolean>;
  touchKey(id: string): Promise<void>;
  readonly idempotency: IdempotencyTable;
}

const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));

/** The methods, with what the database refuses in our terms. Drizzle's own error repeats the parameters, among them hashes of keys. */
function inOurTerms<T extends object>(name: string, watch: Watch, methods: T): T {
  const wrapped = Object.entries(methods).map(([method, value]) => {
    if (typeof value !== "function") return [method, value];
    const call = async (...args: unknown[]): Promise<unknown> => {
      try {
        const work = async (): Promise<unknown> => (value as (...args: unknown[]) => unknown)(...args);
        return await watch.connection(() => watch.statement(`${name}.${method}`, work));
      } catch (e) {
        throw storeError(e instanceof DrizzleQueryError ? e.cause : e, `${name}.${method}`);
      }
    };
    return [method, call];
  });
  return Object.fromEntries(wrapped) as T;
}

export function createRegistry(pool: postgres.Sql, watch: Watch): Registry {
  const db = drizzle(pool);
  return inOurTerms<Registry>("registry", watch, {
    async migrate() {
      // Nodes that start together wait here for the first of them.
      await pool.begin(async (tx) => {
        await tx`SELECT pg_advisory_xact_lock(hashtextextended('guanxi:registry', 0))`;
        await migrate(db, { migrationsFolder, migrationsSchema: "guanxi", migrationsTable: "_registry_migration" });
      });
    },
    addTenant: async (row) =>
      (await db.insert(tenants).values(row).onConflictDoNothing().returning({ id: tenants.id })).length > 0,
    setReady: async (id) => void (await db.update(tenants).set({ ready: true }).where(eq(tenants.id, id))),
    async retireTenant(id) {
      await db.transaction(async (tx) => {
        await tx.update(tenants).set({ ready: false }).where(eq(tenants.id, id));
        await tx.delete(apiKeys).where(eq(apiKeys.tenant, id));
      });
    },
    removeTenant: async (id) => void (await db.delete(tenants).where(eq(tenants.id, id))),
    async findTenant(id, unfinished = false) {
      const [row] = await db
        .select()
        .from(tenants)
        .where(unfinished ? eq(tenants.id, id) : and(eq(tenants.id, id), eq(tenants.ready, true)));
      return row;
    },
    listTenants: () => db.select().from(tenants).where(eq(tenants.ready, true)).orderBy(tenants.id),
    async addKey(row) {
      const [stored] = await db.insert(apiKeys).values(row).returning();
      return stored as ApiKeyRow;
    },
    async findKey(hash) {
      const [row] = await db
        .select()
        .from(apiKeys)
        .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt)));
      return row;
    },
    listKeys: (tenant) =>
      db
        .select()
        .from(apiKeys)
        .where(and(eq(apiKeys.tenant, tenant), isNull(apiKeys.revokedAt)))
        .orderBy(desc(apiKeys.createdAt)),
    revokeKey: async (tenant, id, channel) =>
      (
        await db
          .update(apiKeys)
          .set({ revokedAt: sql`now()` })
          .where(and(eq(apiKeys.tenant, tenant), eq(apiKeys.id, id), isNull(apiKeys.revokedAt)))
          .returning({ id: apiKeys.id, told: sql`pg_notify(${channel}::text, ${tenant}::text)` })
      ).length > 0,
    touchKey: async (id) =>
      void (await db
        .update(apiKeys)
        .set({ lastUsedAt: sql`now()` })
        .where(eq(apiKeys.id, id))),
    idempotency: inOurTerms("idempotency", watch, createIdempotencyTable(db)),
  });
}
