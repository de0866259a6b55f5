import type { Clock, Observe } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import type { StorageSettings } from "@guanxi/storage";
import type { Store, TenantComponent } from "@guanxi/store";
import type { Backup, RestoredTenant, RestoreOptions } from "./backups.ts";
import type { BuildSettings } from "./changes/build.ts";
import type { MasterSecrets } from "./encryption/vault.ts";
import type { FileSettings } from "./files/env.ts";
import type { Files } from "./files/files.ts";
import type { Idempotency } from "./idempotency.ts";
import type { Keys } from "./keys.ts";
import type { Metadata } from "./metadata-types.ts";
import type { CreatedTenant, FirstAdmin } from "./tenants.ts";
import type { Retention } from "./records/retention.ts";
import type { Cause, Hook, Plugin, Records, Session, SnapshotPart, Tenant } from "./types.ts";

export interface KernelOptions {
  readonly store: Store;
  /** Where contents of files are kept, and how. */
  readonly files: StorageSettings & Partial<FileSettings>;
  readonly observe: Observe;
  readonly clock?: Clock;
  /** Plugins that tenants may have. */
  readonly plugins: readonly Plugin[];
  /** Fixed tables of other rooms. */
  readonly components?: readonly TenantComponent[];
  /** Metadata of other rooms that is loaded with a snapshot. */
  readonly parts?: readonly SnapshotPart<unknown>[];
  /** Wrap the keys of encrypted fields; without them there can be none. */
  readonly masterSecrets?: MasterSecrets | undefined;
  /** Snapshots kept; a tenant's costs about 100 KB or, with the objects of another, 10; the least recently used goes first. */
  readonly maxTenantsCached?: number;
  /** Change sets of a tenant whose definitions are kept, so that they can be taken back: the newest. */
  readonly changeSetsKept?: number;
  /** Which changes of definitions are built beside the writers of their tables, and how long they are waited for. */
  readonly changes?: Partial<BuildSettings> | undefined;
}

export interface Kernel {
  readonly store: Store;
  readonly records: Records;
  readonly metadata: Metadata;
  readonly tenants: {
    create(tenant: unknown): Promise<CreatedTenant & { readonly admin: FirstAdmin }>;
    get(id: string): Promise<Tenant>;
    list(): Promise<readonly Tenant[]>;
    delete(id: string): Promise<void>;
    /** Of one tenant, or of all; NOT_FOUND where there is no such one. */
    backup(id?: string): Promise<Backup>;
    /**
     * Makes the tenants of a backup, all or none; reads the whole body. MALFORMED where it is none, damaged, cut off or of a newer
     * program; CONFLICT where an id is taken or another restore is under way. Under its own id a tenant goes on where it stood, with
     * its keys; under another one what was queued or waiting is cancelled, and no key is restored.
     */
    restore(body: ReadableStream<Uint8Array>, options: RestoreOptions): Promise<readonly RestoredTenant[]>;
    /** A second tenant with everything of the first, as if it had been restored under another id: `{id, name}`. */
    copy(id: string, input: unknown): Promise<CreatedTenant>;
    /**
     * Brings a tenant that an older program made to this one's tables and core objects. Sessions do so by themselves; work
     * that reads a tenant's tables without a session asks for it first.
     */
    upgrade(id: string): Promise<void>;
    /** Wraps every tenant's key by the present master secret: how many there are, and how many had an earlier one. */
    rewrapKeys(): Promise<{ readonly tenants: number; readonly rewrapped: number }>;
    /** The newest metadata, for work that no user's rights matter to; NOT_FOUND where there is no such tenant. */
    snapshot(id: string): Promise<Snapshot>;
  };
  readonly files: Files;
  readonly retention: Retention;
  readonly keys: Keys;
  readonly idempotency: Idempotency;
  /** Tenants whose metadata is in memory, compiled. */
  snapshotsCached(): number;
  readonly hooks: { register(hook: Hook): void };
  /** The session of a credential; UNAUTHENTICATED when it is none. */
  authenticate(credential: string, requestId: string): Promise<Session>;
  /** A session for work that no credential started: a workflow's run, a migration. */
  sessionFor(tenant: string, user: string, cause: Cause): Promise<Session>;
  /** The same session on the tenant's newest snapshot. */
  refresh(session: Session): Promise<Session>;
  /** The object of a plural, on a newer snapshot if that is what it takes; NOT_FOUND else (also for objects the caller may not know of). */
  objectByPlural(session: Session, plural: string): Promise<{ session: Session; object: ObjectType }>;
  /** The object of a name, likewise. */
  objectByName(session: Session, name: string): Promise<{ session: Session; object: ObjectType }>;
  transaction<T>(session: Session, work: (session: Session) => Promise<T>): Promise<T>;
  /** Hears of every committed change of this process, at once: `tenant` has undispatched change rows. */
  onCommitted(hear: (tenant: string) => void): void;
  /**
   * Hears, on every node, that a tenant was made or restored: it may have work, and what was kept of an earlier one of this id does not
   * hold for it. Undefined where such news may have been lost. → stop.
   */
  onArrived(hear: (tenant: string | undefined) => void): () => void;
  close(): Promise<void>;
}
