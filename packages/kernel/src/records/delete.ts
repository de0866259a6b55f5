import { grantWrite } from "@guanxi/access";
import { GuanxiError, isId } from "@guanxi/base";
import { isDatabaseError, type LockedRow, lockStatement, storedStatement } from "@guanxi/store";
import type { DeleteOptions, RecordAnswer, Session } from "../types.ts";
import { notFound, objectOf, type RecordsEnv, writeContext } from "./context.ts";
import { changesAlone } from "./etag.ts";
import { deleteFamily, restoreFamily } from "./family.ts";
import { getRecord } from "./read.ts";
import { writeFault } from "./faults.ts";
import { purgeFamily } from "./purge.ts";
import { lockParents, touchedRollups } from "./rollups.ts";

export async function deleteRecord(
  env: RecordsEnv,
  session: Session,
  name: string,
  id: string,
  { ifVersion, purge = false }: DeleteOptions,
): Promise<void> {
  const object = objectOf(session, name);
  const grant = grantWrite(object, purge ? "purge" : "delete", session.actor.rights, session.snapshot);
  if (!isId(id)) throw notFound(object);
  const chain = await env.hooks.enter(session, object, "delete");
  const work = async (inside: Session): Promise<void> => {
    await lockParents(inside, touchedRollups(inside, object), { ids: () => [id] });
    // The lock comes first and the search for children in a second statement, so that no late child slips in between.
    const [locked] = await inside.connection.run<LockedRow>(
      lockStatement(object, grant, writeContext(inside), id, "UPDATE", purge ? "any" : "live"),
    );
    if (!locked) throw notFound(object);
    if (!locked.writable)
      throw new GuanxiError("FORBIDDEN", { detail: `You may see this ${object.name} but not delete it.` });
    if (ifVersion !== undefined && locked.version !== ifVersion) throw new GuanxiError("PRECONDITION");
    const core = (): Promise<void> => (purge ? purgeFamily : deleteFamily)(env, inside, object, locked.id);
    const old = JSON.parse(locked.data) as Record<string, unknown>;
    // Whoever may refuse a deletion has had the say when the record was deleted.
    await (chain && locked.deleted_at === null
      ? chain.run({ kind: "delete", object, session: inside, old, record: old }, "", core)
      : core());
  };
  try {
    await (session.connection.inTransaction
      ? work(session)
      : env.store.transaction((connection) => work({ ...session, connection })));
  } finally {
    chain?.leave();
  }
}

export async function restoreRecord(
  env: RecordsEnv,
  session: Session,
  name: string,
  id: string,
): Promise<RecordAnswer> {
  const object = objectOf(session, name);
  const grant = grantWrite(object, "delete", session.actor.rights, session.snapshot);
  if (!isId(id)) throw notFound(object);
  const work = async (inside: Session): Promise<RecordAnswer> => {
    await lockParents(inside, touchedRollups(inside, object), { ids: () => [id] });
    const [locked] = await inside.connection.run<LockedRow & { deleted_at: string }>(
      lockStatement(object, grant, writeContext(inside), id, "UPDATE", "deleted"),
    );
    if (!locked) throw notFound(object);
    if (!locked.writable)
      throw new GuanxiError("FORBIDDEN", { detail: `You may see this ${object.name} but not restore it.` });
    const text = await restoreFamily(env, inside, object, locked.id, locked.deleted_at);
    // What came back with it is there by now, and formulas may find it, as roll-ups count it.
    if (changesAlone(object)) return getRecord(inside, name, locked.id, {});
    const version = locked.version + 1;
    return { id: locked.id, version, text, created: false, etag: String(version) };
  };
  try {
    return await (session.connection.inTransaction
      ? work(session)
      : env.store.transaction((connection) => work({ ...session, connection })));
  } catch (e) {
    if (!isDatabaseError(e, "23505", "23514")) throw e;
    const { schema } = session.snapshot.settings;
    const [row] = await env.store.run<{ data: string }>(storedStatement(schema, object, id));
    throw await writeFault(
      env,
      session,
      object,
      [{ id, path: "", values: JSON.parse(row?.data ?? "{}") as Record<string, unknown> }],
      e,
    );
  }
}
