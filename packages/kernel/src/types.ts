import type { Locale } from "@guanxi/base";
import type { Extension, ObjectDefinition, ObjectType, Snapshot } from "@guanxi/meta";
import type { ObjectRight, Rights, SystemRight } from "@guanxi/access";
import type { Connection } from "@guanxi/store";

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
  /** Days after which the tenant has deleted records purged, where that is why. */
  readonly purgeDeletedAfterDays?: number;
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

export interface DeleteOptions extends WriteOptions {
  /** For good, also a record that is deleted already. */
  readonly purge?: boolean;
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
  delete(session: Session, object: string, id: string, options?: DeleteOptions): Promise<void>;
  restore(session: Session, object: string, id: string): Promise<RecordAnswer>;
  /** Encrypted fields of a record in clear, for holders of `reveal_encrypted` who may read it; told to the operator's log. */
  reveal(
    session: Session,
    object: string,
    id: string,
    fields: readonly string[],
  ): Promise<Readonly<Record<string, string | null>>>;
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
  /** Low runs first. */
  readonly order: number;
  applies(session: Session, object: ObjectType, kind: WriteKind): boolean;
  enter(session: Session, object: ObjectType, kind: WriteKind): Promise<HookScope>;
}

export interface HookScope {
  run(operation: WriteOperation, next: () => Promise<void>): Promise<void>;
  leave(): void;
}

/** What a plugin brings; a tenant's own package could ask for all of it. */
export interface Plugin {
  readonly name: string;
  /** Of its edition, as semver; raised whenever what it brings changes, so that tenants get it. */
  readonly version: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  /** Names of the plugins whose objects it extends or refers to. */
  readonly requires?: readonly string[];
  readonly objects: readonly ObjectDefinition[];
  /** What it adds to objects of the core and of the plugins that it requires. */
  readonly extensions?: readonly Extension[];
  /** Roles that a tenant with this plugin starts with. */
  readonly roles?: readonly RoleDefinition[];
}

export interface RoleDefinition {
  readonly name: string;
  readonly title?: string;
  readonly titles?: Partial<Record<Locale, string>>;
  readonly rights: Readonly<Record<string, readonly ObjectRight[]>>;
  /** For objects that `rights` does not name. */
  readonly default_rights?: readonly ObjectRight[];
  readonly system_rights?: readonly SystemRight[];
}
