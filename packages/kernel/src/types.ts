import type { Clock, Locale, Observe } from "@guanxi/base";
import type { ObjectDefinition, ObjectType, Snapshot } from "@guanxi/meta";
import type { ObjectRight, Rights, SystemRight } from "@guanxi/access";
import type { Connection, KeptAnswer, Store, TenantComponent } from "@guanxi/store";

/** A tenant as the registry knows it. */
export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** Its PostgreSQL schema, `t_<id>`. */
  readonly schema: string;
  readonly plugins: readonly string[];
  readonly createdAt: string;
}

/** Who acts: a user, by a key, a workflow or the system itself. */
export interface Actor {
  readonly user: string;
  /** The user's record, for `user.…` in expressions. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly email: string | null;
  readonly locale: Locale;
  readonly rights: Rights;
  readonly roles: readonly string[];
  readonly positions: readonly { readonly id: string; readonly name: string }[];
}

/** What caused a change, kept on its change row; a workflow's writes carry the chain that led to them. */
export interface Cause {
  readonly request?: string;
  /** The claim on an `Idempotency-Key` that the request held. */
  readonly claim?: string;
  /** Run and workflow that wrote, when one did. */
  readonly run?: string;
  readonly workflow?: string;
  /** The import job that wrote. */
  readonly job?: string;
  /** W3C `traceparent` of the span that wrote, where one was traced: runs that follow join its trace. */
  readonly trace?: string;
  /** How many workflow runs led here; 0 for a request of a person. */
  readonly depth: number;
}

/** Everything an operation needs to know of its caller. Immutable; a transaction is the same session with another connection. */
export interface Session {
  readonly tenant: Tenant;
  readonly actor: Actor;
  readonly snapshot: Snapshot;
  readonly connection: Connection;
  readonly cause: Cause;
  readonly now: Date;
  /** What a registered part loaded for this snapshot. */
  part<T>(part: SnapshotPart<T>): T;
}

/** Metadata beside objects (workflows, later approvals and routing) that is loaded with a snapshot and as immutable as it. */
export interface SnapshotPart<T> {
  readonly name: string;
  load(connection: Connection, snapshot: Snapshot): Promise<T>;
}

/** A record's JSON text as PostgreSQL built it, with what the headers need. */
export interface RecordAnswer {
  readonly id: string;
  readonly version: number;
  readonly text: string;
  readonly created: boolean;
  /** The entity tag without quotes: the version, with a body hash appended where the body can change without it. */
  readonly etag: string;
}

export interface ListParameters {
  readonly select?: string;
  readonly filter?: string;
  readonly order?: string;
  readonly limit?: number;
  readonly cursor?: string;
  readonly count?: "exact";
  readonly expand?: string;
  /** `only` shows deleted records instead of live ones. */
  readonly deleted?: "only";
}

export interface AggregateParameters {
  readonly group?: string;
  readonly metrics?: string;
  readonly filter?: string;
  readonly having?: string;
  readonly order?: string;
  readonly limit?: number;
}

export interface ReadOptions {
  readonly select?: string;
  readonly expand?: string;
}

export interface WriteOptions {
  /** Refuses with PRECONDITION unless the record has this version. */
  readonly ifVersion?: number;
}

/** Stores records that were prepared, all or nothing; → their ids in the same order. */
export type StoreRecords = (session: Session) => Promise<readonly string[]>;

/** Operations on records. Objects are named by their `name`. Every one throws GuanxiError, nothing else, for what the caller did wrong. */
export interface Records {
  create(session: Session, object: string, value: unknown): Promise<RecordAnswer>;
  /** All or nothing; → `{"data":[…]}`. With `atomic: false` each alone: `{"data":[{"id"}|{"error"}…]}`; errors in `locale`. */
  createMany(
    session: Session,
    object: string,
    values: readonly unknown[],
    options?: { atomic?: boolean; locale?: Locale },
  ): Promise<string>;
  /**
   * Checks the values of new records now and stores them when the result is called, as a rule inside a transaction: for who imports and has
   * something else to do while the database works. Others get the event loop now and then. Both steps throw as `createMany` does, issues with paths like `/3/amount`.
   */
  prepareMany(session: Session, object: string, values: readonly unknown[]): Promise<StoreRecords>;
  get(session: Session, object: string, id: string, options?: ReadOptions): Promise<RecordAnswer>;
  getBy(session: Session, object: string, field: string, value: string, options?: ReadOptions): Promise<RecordAnswer>;
  /** → `{"data":[…],"next":…}`, `count` when asked. */
  list(session: Session, object: string, parameters: ListParameters): Promise<string>;
  /** → `{"data":[…]}`. */
  aggregate(session: Session, object: string, parameters: AggregateParameters): Promise<string>;
  update(session: Session, object: string, id: string, patch: unknown, options?: WriteOptions): Promise<RecordAnswer>;
  updateMany(
    session: Session,
    object: string,
    patches: readonly unknown[],
    options?: { atomic?: boolean; locale?: Locale },
  ): Promise<string>;
  upsert(session: Session, object: string, field: string, value: string, body: unknown): Promise<RecordAnswer>;
  delete(session: Session, object: string, id: string, options?: WriteOptions): Promise<void>;
  restore(session: Session, object: string, id: string): Promise<RecordAnswer>;
  /** → `{"data":[{version, at, by, op, changes:{field:{from,to}}, cause}…]}`, newest first. */
  history(
    session: Session,
    object: string,
    id: string,
    parameters: { limit?: number; cursor?: string },
  ): Promise<string>;
}

export type WriteKind = "create" | "update" | "delete";

/** A write on its way through the hook chain. `record` is the proposed state; a hook may change it before it calls `next`. */
export interface WriteOperation {
  readonly kind: WriteKind;
  readonly object: ObjectType;
  readonly session: Session;
  readonly old: Record<string, unknown> | null;
  record: Record<string, unknown>;
}

/**
 * A link of the chain around a write. The core operation is the last link, so that what hooks changed is still validated and authorised.
 * `enter` runs before a connection is taken (to lease what may have to be waited for); `run` inside the transaction, once per record.
 */
export interface Hook {
  readonly name: string;
  /** Low runs first. */
  readonly order: number;
  applies(session: Session, object: ObjectType, kind: WriteKind): boolean;
  enter(session: Session, object: ObjectType, kind: WriteKind): Promise<HookScope>;
}

export interface HookScope {
  run(operation: WriteOperation, next: () => Promise<void>): Promise<void>;
  leave(): void;
}

/** A request that came with an `Idempotency-Key`. */
export interface KeyedRequest {
  readonly key: string;
  /** Of everything that makes the request what it is; another one may not use the key. */
  readonly digest: string;
  /** Whether all that it does is changes of records, so that none means that nothing was done. */
  readonly traced: boolean;
}

/** A key in the hands of its first request, which ends with one of the two; neither throws. */
export interface IdempotencyClaim {
  /** Goes into the cause of what the request writes. */
  readonly id: string;
  /** Keeps the answer for repetitions; undefined where it must not be stored. */
  keep(answer: KeptAnswer | undefined): Promise<void>;
  /** The request failed and has no answer that counts: a repetition may try again, where that cannot do anything twice. */
  abandon(error: unknown): Promise<void>;
}

export interface Idempotency {
  /**
   * The answer of an earlier request with the user's key, or the claim for this one. Throws IDEMPOTENCY_KEY when the key is
   * of another request, IN_FLIGHT while the first is under way, ANSWER_LOST where repeating could do it twice.
   */
  begin(session: Session, request: KeyedRequest): Promise<{ answer: KeptAnswer } | { claim: IdempotencyClaim }>;
}

export interface MetadataAnswer {
  readonly definition: ObjectDefinition;
  readonly version: number;
  readonly created: boolean;
}

export interface Metadata {
  list(session: Session): Promise<{ version: number; definitions: readonly ObjectDefinition[] }>;
  get(session: Session, name: string): Promise<MetadataAnswer>;
  put(
    session: Session,
    name: string,
    definition: unknown,
    options?: { ifVersion?: number; allow?: readonly string[] },
  ): Promise<MetadataAnswer>;
  /** JSON merge patch on the definition. */
  patch(
    session: Session,
    name: string,
    patch: unknown,
    options?: { ifVersion?: number; allow?: readonly string[] },
  ): Promise<MetadataAnswer>;
  delete(session: Session, name: string, options?: { ifVersion?: number; allow?: readonly string[] }): Promise<void>;
  /** Runs `work` under the tenant's metadata lock and gives the tenant a new metadata version when it resolves. */
  change<T>(
    session: Session,
    work: (session: Session, version: number) => Promise<T>,
  ): Promise<{ value: T; version: number }>;
}

export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  /** The first characters, to recognise it by. */
  readonly prefix: string;
  readonly created_at: string;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

export interface NewTenant {
  readonly id: string;
  readonly name: string;
  readonly admin: { readonly email: string; readonly name?: string };
  readonly plugins?: readonly string[];
  readonly locale?: Locale;
  readonly timeZone?: string;
  readonly currency?: string;
  readonly country?: string;
}

/** What a plugin brings; a tenant's own package could ask for all of it. */
export interface Plugin {
  readonly name: string;
  readonly objects: readonly ObjectDefinition[];
  /** Roles that a tenant with this plugin starts with. */
  readonly roles?: readonly RoleDefinition[];
}

export interface RoleDefinition {
  readonly name: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  /** `*` stands for everything. */
  readonly rights: Readonly<Record<string, readonly ObjectRight[]>>;
  /** For objects that `rights` does not name. */
  readonly default_rights?: readonly ObjectRight[];
  readonly system_rights?: readonly SystemRight[];
}

export interface CreatedTenant {
  readonly id: string;
  readonly name: string;
  /** Null for a copy in which no administrator is active. */
  readonly admin: { readonly user: string; readonly email: string; readonly key: string } | null;
}

/** A backup that can be sent. */
export interface Backup {
  /** For a file: `demo-2026-11-22T08-30-00Z.guanxi`. */
  readonly name: string;
  /** Starts it; CONFLICT while another is under way. Its bytes come as fast as they are taken; an error of the stream means that they are worthless. */
  open(): ReadableStream<Uint8Array>;
}

export interface RestoreOptions {
  /** The one tenant of the backup to restore, by its id there; all when absent. */
  readonly tenant?: string;
  /** Its new id, which must be free. */
  readonly as?: string;
}

export interface RestoredTenant extends CreatedTenant {
  /** The id in the backup. */
  readonly from: string;
  readonly objects: number;
  /** Of all its tables. */
  readonly rows: number;
}

export interface KernelOptions {
  readonly store: Store;
  readonly observe: Observe;
  readonly clock?: Clock;
  /** Plugins that tenants may have. */
  readonly plugins: readonly Plugin[];
  /** Fixed tables of other rooms. */
  readonly components?: readonly TenantComponent[];
  /** Metadata of other rooms that is loaded with a snapshot. */
  readonly parts?: readonly SnapshotPart<unknown>[];
  /** Snapshots kept; a tenant's costs about 100 KB or, with the objects of another, 10; the least recently used goes first. */
  readonly maxTenantsCached?: number;
}

export interface Kernel {
  readonly store: Store;
  readonly records: Records;
  readonly metadata: Metadata;
  readonly tenants: {
    create(tenant: unknown): Promise<{ id: string; name: string; admin: { user: string; email: string; key: string } }>;
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
  };
  readonly keys: {
    /** The key itself is in the answer this one time. */
    create(session: Session, request: unknown): Promise<ApiKey & { key: string }>;
    list(session: Session): Promise<readonly ApiKey[]>;
    revoke(session: Session, id: string): Promise<void>;
  };
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
