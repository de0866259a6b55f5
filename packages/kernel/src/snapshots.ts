import { type Clock, GuanxiError, type Observe } from "@guanxi/base";
import { compileSnapshot, type Snapshot, type StoredObject, type TenantSettings } from "@guanxi/meta";
import { type Connection, migrateTenant, quoteSchema, type Store, type TenantComponent } from "@guanxi/store";
import type { SnapshotPart, Tenant } from "./types.ts";

/** A tenant's metadata as one immutable value: objects and what other rooms loaded with them. */
export interface Compiled {
  readonly tenant: Tenant;
  readonly snapshot: Snapshot;
  readonly parts: ReadonlyMap<string, unknown>;
}

export const schemaOf = (tenant: string): string => `t_${tenant}`;

/** Heard by every node: the payload's tenant has new metadata. */
export const metaChannel = "guanxi_meta";
/** Heard by every node: the payload's tenant was deleted. Another one of the same id has nothing in common with it. */
export const goneChannel = "guanxi_gone";

interface Options {
  readonly store: Store;
  readonly observe: Observe;
  readonly clock: Clock;
  readonly components: readonly TenantComponent[];
  readonly parts: readonly SnapshotPart<unknown>[];
  readonly maxTenants: number;
}

/** Reads the stored objects of a tenant on `connection`, and its settings. */
export async function loadStored(
  connection: Connection,
  schema: string,
): Promise<{ version: number; settings: TenantSettings; stored: StoredObject[] }> {
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

/** Compiled tenants of this process, the least recently used dropped first; at most one load of a tenant at a time. */
export class Snapshots {
  readonly #options: Options;
  readonly #known = new Map<string, Compiled>();
  readonly #loading = new Map<string, Promise<Compiled>>();
  readonly #migrated = new Set<string>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** The tenant's metadata as last seen; loaded when it is not there. UNAUTHENTICATED callers never get here. */
  async get(tenant: string): Promise<Compiled> {
    const known = this.#known.get(tenant);
    if (!known) return this.reload(tenant);
    this.#known.delete(tenant);
    this.#known.set(tenant, known);
    return known;
  }

  /** The next `get` loads anew, reusing what did not change. */
  forget(tenant: string): void {
    const known = this.#known.get(tenant);
    this.#loading.delete(tenant);
    if (known) this.#stale.set(tenant, known);
    this.#known.delete(tenant);
  }

  /** Signals may have been lost, of deleted tenants too. */
  forgetAll(): void {
    for (const tenant of [...this.#known.keys(), ...this.#stale.keys()]) this.drop(tenant);
  }

  /** Gone for good: the tenant was deleted. */
  drop(tenant: string): void {
    this.forget(tenant);
    this.#stale.delete(tenant);
    this.#migrated.delete(tenant);
  }

  readonly #stale = new Map<string, Compiled>();

  /** The newest metadata in the database. */
  async reload(tenant: string): Promise<Compiled> {
    const running = this.#loading.get(tenant);
    if (running) return running;
    const load = this.#load(tenant, this.#known.get(tenant) ?? this.#stale.get(tenant));
    this.#loading.set(tenant, load);
    try {
      const compiled = await load;
      // A `forget` that came meanwhile has taken this load out of the map: its result may be old already.
      if (this.#loading.get(tenant) === load) this.#remember(tenant, compiled);
      return compiled;
    } finally {
      if (this.#loading.get(tenant) === load) this.#loading.delete(tenant);
    }
  }

  #remember(tenant: string, compiled: Compiled): void {
    this.#stale.delete(tenant);
    this.#known.delete(tenant);
    this.#known.set(tenant, compiled);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#options.maxTenants) break;
      this.#known.delete(oldest);
    }
  }

  async #load(id: string, previous: Compiled | undefined): Promise<Compiled> {
    const { store, components } = this.#options;
    const row = previous ? undefined : await store.registry.findTenant(id);
    const tenant =
      previous?.tenant ??
      (row ? { id, name: row.name, schema: schemaOf(id), plugins: row.plugins, createdAt: row.createdAt } : undefined);
    if (!tenant) throw new GuanxiError("NOT_FOUND", { detail: `There is no tenant ${id}.` });
    if (!this.#migrated.has(id)) {
      await store.transaction((tx) => migrateTenant(tx, tenant.schema, components));
      this.#migrated.add(id);
    }
    return store.transaction((tx) => this.compile(tx, tenant, previous));
  }

  /** Compiles what stands in the database as `connection` sees it. */
  async compile(connection: Connection, tenant: Tenant, previous: Compiled | undefined): Promise<Compiled> {
    const started = performance.now();
    const { version, settings, stored } = await loadStored(connection, tenant.schema);
    if (previous?.snapshot.version === version) return previous;
    const snapshot = compileSnapshot(settings, version, stored, previous?.snapshot);
    const compiled = await this.withParts(connection, tenant, snapshot);
    this.#options.observe({
      kind: "snapshot_compiled",
      tenant: tenant.id,
      version,
      objects: stored.length,
      ms: Math.round(performance.now() - started),
    });
    return compiled;
  }

  async withParts(connection: Connection, tenant: Tenant, snapshot: Snapshot): Promise<Compiled> {
    const parts = new Map<string, unknown>();
    for (const part of this.#options.parts) parts.set(part.name, await part.load(connection, snapshot));
    return { tenant, snapshot, parts };
  }
}
