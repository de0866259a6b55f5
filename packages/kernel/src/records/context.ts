import { GuanxiError, isGuanxiError, type Observe } from "@guanxi/base";
import type { ObjectType } from "@guanxi/meta";
import type { Asker } from "@guanxi/query";
import { isDatabaseError, type Statement, type Store, type WriteContext } from "@guanxi/store";
import type { Vault } from "../encryption/vault.ts";
import type { Hooks } from "../hooks.ts";
import type { Session } from "../types.ts";

/** What the record operations share. */
export interface RecordsEnv {
  readonly store: Store;
  readonly hooks: Hooks;
  readonly vault: Vault;
  readonly observe: Observe;
  /** The session on the tenant's newest snapshot. */
  refresh(session: Session): Promise<Session>;
  /** After a commit that wrote change rows. */
  committed(session: Session): void;
  /** What a write of this object changes beside its rows, in the same transaction; undefined when nothing. */
  aftermath(object: ObjectType): ((session: Session) => Promise<void>) | undefined;
}

/** The statement was made for metadata that has been replaced; nothing was stored. */
export class StaleSnapshot extends Error {}

/** No object of this name in the session's snapshot. */
class UnknownObject extends GuanxiError {
  constructor(name: string) {
    super("NOT_FOUND", { detail: `There is no object ${name}.` });
  }
}

/** Times that a request starts anew because the metadata changed under it, before it gives up. */
const maxRefreshes = 5;

/** Missing tables and columns: what a statement of an older snapshot meets after a rename or delete. */
const isStale = (e: unknown): boolean => e instanceof StaleSnapshot || isDatabaseError(e, "42P01", "42703");

/** What a query on an older snapshot cannot know: a new field is no error before the newest metadata says so. */
const mayBeStale = (e: unknown): boolean =>
  e instanceof UnknownObject || isGuanxiError(e, "QUERY") || isGuanxiError(e, "VALIDATION");

/**
 * Runs an operation, and again on newer metadata where it met any. Inside a transaction it cannot start anew; whoever
 * opened the transaction does.
 */
export async function withFresh<T>(
  env: RecordsEnv,
  session: Session,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (session.connection.inTransaction) return work(session);
  let current = session;
  for (let refreshes = 0; ; refreshes++) {
    try {
      return await work(current);
    } catch (e) {
      if (!isStale(e) && !mayBeStale(e)) throw e;
      const newer = await env.refresh(current);
      const changed = newer.snapshot.version !== current.snapshot.version;
      if (!changed && !(e instanceof StaleSnapshot)) throw e;
      if (refreshes >= maxRefreshes)
        throw new GuanxiError("UNAVAILABLE", { retryAfter: 1, detail: "The metadata keeps changing.", cause: e });
      current = newer;
    }
  }
}

/** The object on the session's snapshot. */
export function objectOf(session: Session, name: string): ObjectType {
  const object = session.snapshot.objects.get(name);
  if (!object) throw new UnknownObject(name);
  return object;
}

export const notFound = (object: ObjectType): GuanxiError =>
  new GuanxiError("NOT_FOUND", { detail: `There is no such ${object.name}.` });

export const askerOf = ({ actor, now }: Session): Asker => ({ user: actor.user, userRecord: actor.record, now });

export const writeContext = (session: Session): WriteContext => ({
  snapshot: session.snapshot,
  user: session.actor.user,
  userRecord: session.actor.record,
  now: session.now,
  cause: session.cause,
});

/** Runs a statement of values that a caller wrote: what does not fit its column is their mistake, not ours. */
export async function runQuery<T extends Record<string, unknown>>(
  session: Session,
  statement: Statement,
): Promise<T[]> {
  try {
    return await session.connection.run<T>(statement);
  } catch (e) {
    if (isDatabaseError(e, "22"))
      throw new GuanxiError("QUERY", {
        detail: "A value in the query does not fit the field it is compared with.",
        cause: e,
      });
    throw e;
  }
}
