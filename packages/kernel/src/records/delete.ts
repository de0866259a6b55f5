import { grantWrite } from "@guanxi/access";
import { GuanxiError, isId } from "@guanxi/base";
import type { IncomingReference, ObjectType } from "@guanxi/meta";
import { isDatabaseError, type LockedRow, lockStatement, quoteSchema, stampStatement } from "@guanxi/store";
import type { RecordAnswer, Session, WriteOptions } from "../types.ts";
import { notFound, objectOf, type RecordsEnv, StaleSnapshot, writeContext } from "./context.ts";
import { writeFault } from "./faults.ts";
import { afterWrite } from "./transaction.ts";

interface Child {
  readonly object: ObjectType;
  readonly reference: IncomingReference;
  readonly table: string;
  readonly column: string;
}

function childrenOf(session: Session, object: ObjectType): Child[] {
  const schema = quoteSchema(session.snapshot.settings.schema);
  return object.incoming.flatMap((reference) => {
    const child = session.snapshot.objects.get(reference.object);
    return child
      ? [
          {
            object: child,
            reference,
            table: `${schema}.${quoteSchema(child.table)}`,
            column: quoteSchema(reference.field),
          },
        ]
      : [];
  });
}

/** Deletes records and, where the definition says so, what belongs to them; CONFLICT when something else needs them. */
async function deleteTree(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  ids: readonly string[],
  visited: Set<string>,
): Promise<void> {
  const fresh = ids.filter((id) => !visited.has(`${object.id} ${id}`));
  if (fresh.length === 0) return;
  for (const id of fresh) visited.add(`${object.id} ${id}`);
  for (const child of childrenOf(session, object)) {
    if (child.reference.onDelete === "setNull") continue;
    const found = await session.connection.sql<{ id: string }>(
      `SELECT id FROM ${child.table} WHERE ${child.column} = ANY(SELECT e::uuid FROM json_array_elements_text($1::json) e) AND deleted_at IS NULL`,
      [JSON.stringify(fresh)],
    );
    const others = found.map((f) => f.id).filter((id) => !visited.has(`${child.object.id} ${id}`));
    if (others.length === 0) continue;
    if (child.reference.onDelete === "restrict") {
      throw new GuanxiError("CONFLICT", {
        detail: `Other records need this ${object.name}: delete them first or point them elsewhere.`,
        issues: [{ path: "", code: "in_use", params: { count: others.length, object: child.object.name } }],
      });
    }
    await deleteTree(env, session, child.object, others, visited);
  }
  const stamped = await session.connection.run(stampStatement(object, writeContext(session), fresh, "delete"));
  if (stamped.length < fresh.length) throw new StaleSnapshot();
  await afterWrite(env, session, object);
}

export async function deleteRecord(
  env: RecordsEnv,
  session: Session,
  name: string,
  id: string,
  options: WriteOptions,
): Promise<void> {
  const object = objectOf(session, name);
  const grant = grantWrite(object, "delete", session.actor.rights, (n) => session.snapshot.objects.get(n));
  if (!isId(id)) throw notFound(object);
  const chain = await env.hooks.enter(session, object, "delete");
  const work = async (inside: Session): Promise<void> => {
    // The lock comes first and the check of children in a second statement, so that no late child slips in between.
    const [locked] = await inside.connection.run<LockedRow>(
      lockStatement(object, grant, writeContext(inside), id, "UPDATE"),
    );
    if (!locked) throw notFound(object);
    if (!locked.writable)
      throw new GuanxiError("FORBIDDEN", { detail: `You may see this ${object.name} but not delete it.` });
    if (options.ifVersion !== undefined && locked.version !== options.ifVersion) throw new GuanxiError("PRECONDITION");
    const core = (): Promise<void> => deleteTree(env, inside, object, [locked.id], new Set());
    const old = JSON.parse(locked.data) as Record<string, unknown>;
    await (chain ? chain.run({ kind: "delete", object, session: inside, old, record: old }, core) : core());
  };
  try {
    await (session.connection.inTransaction
      ? work(session)
      : env.store.transaction((connection) => work({ ...session, connection })));
  } finally {
    chain?.leave();
  }
}

/** Brings back records and what was deleted with them, told by the same stamp. */
async function restoreTree(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  ids: readonly string[],
  at: string,
): Promise<string | undefined> {
  const rows = await session.connection.run<{ id: string; data: string }>(
    stampStatement(object, writeContext(session), ids, "restore"),
  );
  if (rows.length === 0) return undefined;
  for (const child of childrenOf(session, object).filter((c) => c.reference.onDelete === "cascade")) {
    const found = await session.connection.sql<{ id: string }>(
      `SELECT id FROM ${child.table} WHERE ${child.column} = ANY(SELECT e::uuid FROM json_array_elements_text($1::json) e) AND deleted_at = $2`,
      [JSON.stringify(ids), at],
    );
    if (found.length > 0)
      await restoreTree(
        env,
        session,
        child.object,
        found.map((f) => f.id),
        at,
      );
  }
  await afterWrite(env, session, object);
  return rows[0]?.data;
}

export async function restoreRecord(
  env: RecordsEnv,
  session: Session,
  name: string,
  id: string,
): Promise<RecordAnswer> {
  const object = objectOf(session, name);
  const grant = grantWrite(object, "delete", session.actor.rights, (n) => session.snapshot.objects.get(n));
  if (!isId(id)) throw notFound(object);
  const work = async (inside: Session): Promise<RecordAnswer> => {
    const [locked] = await inside.connection.run<LockedRow & { deleted_at: string }>(
      lockStatement(object, grant, writeContext(inside), id, "UPDATE", "deleted"),
    );
    if (!locked) throw notFound(object);
    if (!locked.writable)
      throw new GuanxiError("FORBIDDEN", { detail: `You may see this ${object.name} but not restore it.` });
    const data = await restoreTree(env, inside, object, [locked.id], locked.deleted_at);
    if (data === undefined) throw new StaleSnapshot();
    const version = locked.version + 1;
    return { id: locked.id, version, text: data, created: false, etag: String(version) };
  };
  try {
    return await (session.connection.inTransaction
      ? work(session)
      : env.store.transaction((connection) => work({ ...session, connection })));
  } catch (e) {
    if (!isDatabaseError(e, "23505")) throw e;
    const [row] = await env.store.sql<{ data: string }>(
      `SELECT to_json(t)::text AS data FROM ${quoteSchema(session.snapshot.settings.schema)}.${quoteSchema(object.table)} t WHERE id = $1`,
      [id],
    );
    throw await writeFault(
      env,
      session,
      object,
      [{ id, path: "", values: JSON.parse(row?.data ?? "{}") as Record<string, unknown> }],
      e,
    );
  }
}
