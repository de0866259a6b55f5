import type { GuanxiError, Locale } from "@guanxi/base";
import type { Extension, ObjectDefinition, StoredObject, Use } from "@guanxi/meta";
import type { Edition } from "../plugins/editions.ts";
import type { Session } from "../types.ts";

/** A definition beside objects, as it is put and read. */
export type Definition = Readonly<Record<string, unknown>> & { readonly name: string };

/** Definitions beside objects that a change set may hold: roles, workflows, mappings of imports, later approvals and reports. */
export interface DefinitionKind<Prepared = unknown> {
  /** The member of a change set that holds them, and what one of them is called. */
  readonly name: string;
  readonly one: string;
  /** The tenant's, by name, in the form that `put` takes; of the metadata that `session` has. */
  read(session: Session): Promise<ReadonlyMap<string, Definition>>;
  /** What a tenant of these plugins has from the start. */
  brought?(plugins: readonly string[]): readonly Definition[];
  /** The form in which `read` would give it. Throws DEFINITION with paths into `body`. */
  parse(body: unknown): Definition;
  /**
   * What takes long and so is done before the metadata is locked. `session` is on the metadata that the change set would make; messages are
   * in `locale`. Faults are left for `put` to throw.
   */
  prepare?(session: Session, definition: Definition, locale: Locale): Promise<Prepared>;
  /** Checks and stores it, within the change set's transaction and on its metadata. Throws with paths into the definition. */
  put(session: Session, definition: Definition, prepared: Prepared | undefined): Promise<void>;
  remove(session: Session, name: string): Promise<void>;
  /** Whether definitions are written anew where an object gets another name or goes. */
  readonly namesObjects?: true;
  /** Names of those that do not work on the objects that the session has. */
  faults?(session: Session): Promise<ReadonlySet<string>>;
  /** What they name of the tenant's objects. */
  uses?(session: Session): Promise<readonly Use[]>;
}

/** A part of what a caller wrote, and where it stands in the body. */
export interface Written<T> {
  readonly path: string;
  readonly value: T;
}

/** What a change set asks for; the order inside does not matter. */
export interface ChangeSet {
  readonly objects: readonly Written<unknown>[];
  /** Definitions of other kinds, by kind. */
  readonly others: ReadonlyMap<string, readonly Written<unknown>[]>;
  /** Members of the tenant's settings that change. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Editions of plugins that change; undefined for one that is purged. */
  readonly plugins: ReadonlyMap<string, Edition | undefined>;
  /** Names by kind, `objects` among them. What is not there is no fault. */
  readonly gone: ReadonlyMap<string, readonly Written<string>[]>;
  readonly message: string | undefined;
  /** Words of the losses that are allowed. */
  readonly allow: readonly string[];
  /** Whether a former name (`was`) that nothing has is a fault; else what says it is new. */
  readonly strict: boolean;
  /** On the way back, objects as they were, by id; undefined for those that were not there. */
  readonly back?: { readonly set: string; readonly objects: ReadonlyMap<number, StoredObject | undefined> };
}

/** A definition before and after a change set; null where it was or is not there. Objects are StoredObjects, plugins Editions. */
export interface Touched {
  /** `objects`, `workflows`, `mappings`, `roles`, `settings` or `plugins`. */
  readonly kind: string;
  /** What it is called afterwards, or was before it went. */
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What a change set does to one definition: a statement's effect, and what there is to say of it. */
export interface ChangeSetStep {
  readonly kind: string;
  readonly name: string;
  /** One line in English. */
  readonly effect: string;
  /** How many records it goes through; in plans. */
  readonly rows?: number;
  /** Values (or records) that are lost, and the word that allows it. */
  readonly loses?: { readonly count: number; readonly allow: string; readonly allowed: boolean };
  /** Records that must be mended first: how many, and the first of them. */
  readonly inTheWay?: {
    readonly count: number;
    readonly records: readonly { readonly id: string; readonly value: string | null }[];
  };
  /** What names it today. */
  readonly usedBy?: readonly string[];
  /** Those of them that would name nothing afterwards: they belong into the change set. */
  readonly breaks?: readonly string[];
  readonly note?: string;
}

export interface ChangeSetAnswer {
  /** The entry of the history; null where nothing changed, and in plans. */
  readonly id: string | null;
  /** The tenant's metadata version afterwards; in plans, now. */
  readonly version: number;
  /** Whether it was applied, or in a plan would be. */
  readonly ok: boolean;
  readonly steps: readonly ChangeSetStep[];
}

/** A change set that is not done in the time that an answer may take; its entry in the history tells how far it is. */
export interface StillBuilding {
  readonly id: string;
  readonly state: "building";
}

export const isStillBuilding = (answer: object): answer is StillBuilding =>
  "state" in answer && answer.state === "building";

/** What became of a change set, for who asked for one definition. */
export interface Applied extends ChangeSetAnswer {
  readonly touched: readonly Touched[];
}

export interface ChangeSetOptions {
  /** PRECONDITION unless the metadata has this version. */
  readonly ifVersion?: number | undefined;
  /** Answers what would happen and changes nothing. */
  readonly plan?: boolean;
  /** Of messages about scripts. */
  readonly locale?: Locale;
  /** Definitions that are as they were are stored anew: as a new version, by this actor. */
  readonly anew?: boolean;
}

/** An entry of the history; one that is being built or has failed is found under its id only. */
export interface ChangeSetEntry {
  readonly id: string;
  readonly state: "building" | "applied" | "failed";
  /** Null unless it is applied. */
  readonly version: number | null;
  readonly at: string;
  /** The user; null for the platform itself. */
  readonly by: string | null;
  readonly message: string | null;
  /** The change set that this one took back. */
  readonly reverts: string | null;
  /** Whether its definitions are no longer kept, so that it cannot be taken back. */
  readonly pruned: boolean;
  /** Definitions; `before` and `after` only where one entry is asked for that is not pruned. */
  readonly changes: readonly (Pick<Touched, "kind" | "name"> & Partial<Touched>)[];
  /** Unless it is applied, those that are done ahead of it. */
  readonly steps: readonly ChangeSetStep[];
  /** While it is being built: how many of the steps are done, what is being done, and from 0 to 1 how far that is. */
  readonly progress?: {
    readonly done: number;
    readonly of: number;
    readonly now: string;
    readonly phase?: string;
    readonly share?: number;
  };
  /** Why it failed. */
  readonly problem?: GuanxiError;
}

/** What a tenant has of its own, in the form that a change set takes. */
export interface Customisation extends Readonly<Record<string, unknown>> {
  readonly version: number;
  readonly objects: readonly (ObjectDefinition | Extension)[];
  readonly settings: Readonly<Record<string, unknown>>;
  /** By kind, names of what the platform brings and the tenant has not. */
  readonly delete: Readonly<Record<string, readonly string[]>>;
  /** By kind, those of the definitions that the platform brings in another form. */
  readonly brought: Readonly<Record<string, readonly string[]>>;
}
