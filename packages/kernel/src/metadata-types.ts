import type { Locale } from "@guanxi/base";
import type { Extension, ObjectDefinition } from "@guanxi/meta";
import type {
  ChangeSetAnswer,
  ChangeSetEntry,
  ChangeSetOptions,
  Customisation,
  Definition,
  DefinitionKind,
  StillBuilding,
} from "./changes/types.ts";
import type { Plugins } from "./plugins/plugins.ts";
import type { Page } from "./route-query.ts";
import type { Sweep } from "./sweep.ts";
import type { Session } from "./types.ts";

export interface MetadataAnswer {
  readonly definition: ObjectDefinition;
  readonly version: number;
  readonly created: boolean;
}

export interface Layer {
  readonly definition: ObjectDefinition | Extension;
  readonly version: number;
}

/** Of one definition: which metadata it is meant for, and which data it may lose. */
export interface DefinitionOptions {
  readonly ifVersion?: number | undefined;
  readonly allow?: readonly string[] | undefined;
}

/** What a recalculation found: how many records it looked at, and how many had a roll-up that was wrong. */
export interface Recalculated {
  readonly records: number;
  readonly differed: number;
}

/**
 * A tenant's metadata. Every change is a change set, also that of one definition: all or nothing, under the tenant's lock, in the history. One
 * that takes longer than a caller should wait answers with its id and goes on; CONFLICT while another one does.
 */
export interface Metadata {
  readonly plugins: Plugins;
  list(session: Session): Promise<{ version: number; definitions: readonly ObjectDefinition[] }>;
  get(session: Session, name: string): Promise<MetadataAnswer>;
  /** What a plugin or the core brings of an object, or what the tenant says beyond it; NOT_FOUND for the tenant's own. */
  layer(session: Session, name: string, wanted: "base" | "extension"): Promise<Layer>;
  put(
    session: Session,
    name: string,
    definition: unknown,
    options?: DefinitionOptions,
  ): Promise<MetadataAnswer | StillBuilding>;
  /** JSON merge patch on the definition. */
  patch(
    session: Session,
    name: string,
    patch: unknown,
    options?: DefinitionOptions,
  ): Promise<MetadataAnswer | StillBuilding>;
  delete(session: Session, name: string, options?: DefinitionOptions): Promise<StillBuilding | undefined>;
  /** Brings definitions of a further kind into change sets. */
  register(kind: DefinitionKind): void;
  /** Puts one of another kind than objects, also where it is as before. */
  putOther(
    session: Session,
    kind: string,
    definition: unknown,
    options: { ifVersion?: number | undefined; locale: Locale },
  ): Promise<{ definition: Definition; version: number; created: boolean }>;
  removeOther(session: Session, kind: string, name: string, ifVersion?: number): Promise<void>;
  /** Applies the body of a change set, or plans it. */
  apply(session: Session, body: unknown, options?: ChangeSetOptions): Promise<ChangeSetAnswer | StillBuilding>;
  /** Takes a change set back; CONFLICT where its definitions have changed since. The body may hold `message` and `allow`. */
  revert(
    session: Session,
    id: string,
    body: unknown,
    options?: ChangeSetOptions,
  ): Promise<ChangeSetAnswer | StillBuilding>;
  /** Computes the roll-ups of an object anew, all or that of one `field`; others go on writing meanwhile. */
  recalculate(session: Session, name: string, field?: string): Promise<Recalculated>;
  /** Newest first. */
  history(session: Session, page: Page): Promise<{ data: readonly ChangeSetEntry[]; next: string | null }>;
  changeSet(session: Session, id: string): Promise<ChangeSetEntry>;
  /** Visits tenants now and then to clear up what builders left that have gone. */
  startSweep(list: () => Promise<readonly string[]>): Sweep;
  /** What the tenant has that the platform does not bring, as one value that `apply` takes. */
  customisation(session: Session): Promise<Customisation>;
}
