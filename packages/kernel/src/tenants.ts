import { GuanxiError, newId } from "@guanxi/base";
import { compileSnapshot, type TenantSettings } from "@guanxi/meta";
import type { Storage } from "@guanxi/storage";
import {
  type Connection,
  migrateTenant,
  notify,
  quote,
  quotedSchema,
  type Store,
  type TenantComponent,
  tenantSchema,
} from "@guanxi/store";
import { arrivedChannel, goneChannel } from "./channels.ts";
import { coreLevel } from "./core-objects.ts";
import type { Vault } from "./encryption/vault.ts";
import { hashKey, newKey, prefixOf } from "./identity.ts";
import { applyDefinitions, idCounter } from "./apply.ts";
import { adminRole, roleRecord } from "./changes/roles.ts";
import { type NewTenant, parseTenant, tenantIdPattern } from "./new-tenant.ts";
import { storedBases } from "./plugins/brought.ts";
import { editionOf, writeEditions } from "./plugins/editions.ts";
import { toTenant } from "./stored.ts";
import type { Plugin, Session, Tenant } from "./types.ts";

/** Who a new tenant is given to. */
export interface FirstAdmin {
  readonly user: string;
  readonly email: string;
  readonly key: string;
}

export interface CreatedTenant {
  readonly id: string;
  readonly name: string;
  /** Null for a copy in which no administrator is active. */
  readonly admin: FirstAdmin | null;
}

interface Env {
  readonly store: Store;
  readonly storage: Storage;
  readonly plugins: readonly Plugin[];
  readonly components: readonly TenantComponent[];
  readonly vault: Vault;
  /** A session that may do everything, as a user that need not exist yet. */
  systemSession(tenant: Tenant, user: string): Promise<Session>;
  insertUser(session: Session, id: string, values: Record<string, unknown>): Promise<void>;
  createRows(session: Session, object: string, values: readonly unknown[]): Promise<readonly { id: string }[]>;
  forget(tenant: string): void;
}

/** The schema with its fixed tables and the objects of the core and the plugins. */
async function createSchema(env: Env, tx: Connection, tenant: Required<NewTenant>): Promise<void> {
  const schema = tenantSchema(tenant.id);
  const settings: TenantSettings = {
    tenant: tenant.id,
    schema,
    locale: tenant.locale,
    timeZone: tenant.timeZone,
    currency: tenant.currency,
    country: tenant.country,
    fiscalYearStart: 1,
  };
  await migrateTenant(tx, schema, env.components);
  await tx.sql(`INSERT INTO ${quote(schema)}._meta (version, settings, core_level) VALUES (1, $1, $2)`, [
    JSON.stringify(settings),
    coreLevel,
  ]);
  const ids = await idCounter(tx, schema);
  const wanted = env.plugins.filter((plugin) => tenant.plugins.includes(plugin.name));
  const editions = new Map(wanted.map((plugin) => [plugin.name, editionOf(plugin)]));
  await writeEditions(tx, schema, editions);
  const stored = storedBases(editions, ids.next);
  const next = compileSnapshot(settings, 1, stored);
  await applyDefinitions(tx, env.vault, { current: undefined, next, nextId: ids.value() });
}

export function createTenants(env: Env) {
  const { registry } = env.store;

  async function seed(tenant: Tenant, wanted: Required<NewTenant>): Promise<string> {
    const user = newId();
    const session = await env.systemSession(tenant, user);
    await env.insertUser(session, user, { name: wanted.admin.name, email: wanted.admin.email, locale: wanted.locale });
    const roles = env.plugins.filter((p) => wanted.plugins.includes(p.name)).flatMap((p) => p.roles ?? []);
    const [admin] = await env.createRows(session, "role", [adminRole, ...roles.map(roleRecord)]);
    await env.createRows(session, "user_role", [{ assignee: user, role: admin?.id }]);
    return user;
  }

  return {
    async create(input: unknown): Promise<CreatedTenant & { readonly admin: FirstAdmin }> {
      const wanted = parseTenant(input, env.plugins);
      const schema = quotedSchema(wanted.id);
      if (!(await registry.addTenant({ id: wanted.id, name: wanted.name, plugins: [...wanted.plugins] }))) {
        throw new GuanxiError("CONFLICT", {
          detail: `The tenant ${wanted.id} is there already.`,
          issues: [{ path: "/id", code: "unique" }],
        });
      }
      try {
        await env.store.transaction((tx) => createSchema(env, tx, wanted));
        await registry.setReady(wanted.id);
        const row = await registry.findTenant(wanted.id);
        if (!row) throw new Error("the tenant went away while it was made");
        const user = await seed(toTenant(row), wanted);
        const key = newKey(wanted.id);
        await registry.addKey({
          id: newId(),
          tenant: wanted.id,
          user,
          name: "first key",
          prefix: prefixOf(key),
          hash: hashKey(key),
        });
        await notify(env.store, arrivedChannel, wanted.id);
        return { id: wanted.id, name: wanted.name, admin: { user, email: wanted.admin.email, key } };
      } catch (e) {
        await env.store.sql(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        await registry.removeTenant(wanted.id);
        env.forget(wanted.id);
        throw e;
      }
    },
    async get(id: string): Promise<Tenant> {
      const row = tenantIdPattern.test(id) ? await registry.findTenant(id) : undefined;
      if (!row) throw new GuanxiError("NOT_FOUND", { detail: `There is no tenant ${id}.` });
      return toTenant(row);
    },
    list: async (): Promise<readonly Tenant[]> => (await registry.listTenants()).map(toTenant),
    async delete(id: string): Promise<void> {
      const row = tenantIdPattern.test(id) ? await registry.findTenant(id, true) : undefined;
      if (!row) throw new GuanxiError("NOT_FOUND", { detail: `There is no tenant ${id}.` });
      await registry.retireTenant(id);
      env.forget(id);
      await notify(env.store, goneChannel, id);
      // Where a backup or an export holds the tables for too long, this fails, and may be asked for again: the row is still there.
      await env.store.sql(`DROP SCHEMA IF EXISTS ${quotedSchema(id)} CASCADE`);
      await env.storage.deleteTenant(id);
      await registry.removeTenant(id);
    },
  };
}
