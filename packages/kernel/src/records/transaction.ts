import type { ObjectType } from "@guanxi/meta";
import type { Session } from "../types.ts";
import type { RecordsEnv } from "./context.ts";

/** Runs `work` in a transaction when `needed` or when writes of this object have an aftermath; else on the pool. */
export async function inWriteTransaction<T>(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  needed: boolean,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (session.connection.inTransaction || (!needed && !env.aftermath(object))) return work(session);
  return env.store.transaction((connection) => work({ ...session, connection }));
}

/** What follows every write: what else it changes, and the signal to the relay once it is committed. */
export async function afterWrite(env: RecordsEnv, session: Session, object: ObjectType): Promise<void> {
  await env.aftermath(object)?.(session);
  env.store.afterCommit(session.connection, () => env.committed(session));
}
