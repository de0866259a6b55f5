import { type Clock, GuanxiError, type Observe, Recent } from "@guanxi/base";
import { loadSnapshot, type Snapshot } from "@guanxi/meta";
import type { Connection, Store } from "@guanxi/store";
import { loadStored, toTenant } from "./stored.ts";
import type { SnapshotPart, Tenant } from "./types.ts";
import type { Upgrades } from "./upgrade.ts";

/** A tenant's metadata as one immutable value: objects and what other rooms loaded with them. */
export interface Compiled {
  readonly tenant: Tenant;
  readonly snapshot: Snapshot;
  readonly parts: ReadonlyMap<string, unknown>;
}

interface Options {
  readonly store: Store;
  readonly observe: Observe;
  readonly clock: Clock;
  readonly upgrades: Upgrades;
  readonly parts: readonly SnapshotPart<unknown>[];
  readonly maxTenants: number;
  /** Brings a tenant's plugins to this program's editions; → whether anything changed. */
  settle(compiled: Compiled, blocked: (plugin: string, error: unknown) => void): Promise<boolean>;
}

/** A tenant's metadata as last seen. */
interface Known {
  readonly compiled: Compiled;
  /** Whether the database may have newer metadata: then it serves only to be taken over from. */
  readonly stale: boolean;
}

/** Compiled tenants of this process, the least recently used dropped first; at most one load of a tenant at a time. */
export class Snapshots {
  readonly #options: Options;
  readonly #known: Recent<string, Known>;
  readonly #loading = new Map<string, Promise<Compiled>>();

  constructor(options: Options) {
    this.#options = options;
    this.#known = new Recent(options.maxTenants);
  }

  /** The tenant's metadata as last seen; loaded when it is not there. UNAUTHENTICATED callers never get here. */
  async get(tenant: string): Promise<Compiled> {
    const known = this.#known.get(tenant);
    return !known || known.stale ? this.reload(tenant) : known.compiled;
  }

  /** The tenant's metadata as last seen, however old; loads nothing. */
  last(tenant: string): Compiled | undefined {
    return this.#known.get(tenant)?.compiled;
  }

  get size(): number {
    return this.#known.size;
  }

  /** The next `get` loads anew, reusing what did not change. */
  forget(tenant: string): void {
    const known = this.#known.get(tenant);
    this.#loading.delete(tenant);
    if (known) this.#known.set(tenant, { ...known, stale: true });
    this.#options.upgrades.metadataChanged(tenant);
  }

  /** Signals may have been lost, of deleted tenants too: what is loading now may be old as well. */
  forgetAll(): void {
    this.#loading.clear();
    this.#known.clear();
    this.#options.upgrades.forgetAll();
  }

  /** Nothing is taken over from what is known: the tenant was deleted or restored, or may be gone. */
  drop(tenant: string): void {
    this.forget(tenant);
    this.#known.delete(tenant);
    this.#options.upgrades.forget(tenant);
  }

  /** The newest metadata in the database. */
  async reload(tenant: string): Promise<Compiled> {
    const running = this.#loading.get(tenant);
    if (running) return running;
    const load = this.#load(tenant, this.#known.get(tenant)?.compiled);
    this.#loading.set(tenant, load);
    try {
      const compiled = await load;
      // A `forget` that came meanwhile has taken this load out of the map: its result may be old already.
      if (this.#loading.get(tenant) === load) this.#known.set(tenant, { compiled, stale: false });
      return compiled;
    } finally {
      if (this.#loading.get(tenant) === load) this.#loading.delete(tenant);
    }
  }

  async #load(id: string, previous: Compiled | undefined): Promise<Compiled> {
    const { store, upgrades } = this.#options;
    const row = previous ? undefined : await store.registry.findTenant(id);
    const tenant = previous?.tenant ?? (row && toTenant(row));
    if (!tenant) throw new GuanxiError("NOT_FOUND", { detail: `There is no tenant ${id}.` });
    await upgrades.ensure(id, tenant.schema);
    const compiled = await store.transaction((tx) => this.compile(tx, tenant, previous));
    const upgraded = await upgrades.ensurePlugins(id, (blocked) => this.#options.settle(compiled, blocked));
    return upgraded ? store.transaction((tx) => this.compile(tx, tenant, compiled)) : compiled;
  }

  /** What stands in the database as `connection` sees it. */
  async compile(connection: Connection, tenant: Tenant, previous: Compiled | undefined): Promise<Compiled> {
    const started = performance.now();
    const { version, settings, texts } = await loadStored(connection, tenant.schema);
    if (previous?.snapshot.version === version) return previous;
    const snapshot = loadSnapshot(settings, version, texts, previous?.snapshot);
    const compiled = await this.withParts(connection, tenant, snapshot);
    this.#options.observe({
      kind: "snapshot_compiled",
      tenant: tenant.id,
      version,
      objects: texts.length,
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
