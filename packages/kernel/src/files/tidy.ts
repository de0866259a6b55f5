import type { ObjectType, Snapshot } from "@guanxi/meta";
import { namesSql } from "@guanxi/query";
import { type Connection, forgetStatement, purgeIfStatement, quote } from "@guanxi/store";
import { type FilesEnv, filesOf } from "./env.ts";
import { letGoOfContents } from "./tables.ts";

/** Files that are deleted in one transaction, and contents that are deleted before others are looked for. */
const together = 100;

/** Looks at one tenant. A file stays while any record names it, a deleted one too, since that may be restored. */
export async function tidyFiles(env: FilesEnv, tenant: string): Promise<void> {
  const snapshot = await env.snapshot(tenant);
  const object = filesOf(snapshot);
  if (object) {
    const unnamed = unnamedSql(snapshot, object);
    await noteUnnamed(env, snapshot, object, unnamed);
    while ((await deleteDue(env, snapshot, object, unnamed)) === together);
  }
  while ((await deleteLoose(env, snapshot)) === together);
}

/** Whether no record names the file `t`; those of a disabled plugin come back. */
function unnamedSql(snapshot: Snapshot, { incoming, name }: ObjectType): string {
  const { settings, objects, aside } = snapshot;
  const hidden = [...aside.values()].flatMap((holder) =>
    holder.columns
      .filter(({ target, system }) => target === name && !system)
      .map((field) => ({ holder, field: field.name })),
  );
  const seen = incoming.flatMap(({ object, field }) => {
    const holder = objects.get(object);
    return holder ? [{ holder, field }] : [];
  });
  const holders = [...seen, ...hidden].flatMap(({ holder, field }) => {
    const table = `${quote(settings.schema)}.${quote(holder.table)}`;
    return [`NOT EXISTS (SELECT FROM ${table} h WHERE ${namesSql(holder, field, "h", "t.id")})`];
  });
  return ["true", ...holders].join(" AND ");
}

async function noteUnnamed(
  { records }: FilesEnv,
  { settings }: Snapshot,
  { table }: ObjectType,
  unnamed: string,
): Promise<void> {
  const s = quote(settings.schema);
  const text = `WITH unnamed AS MATERIALIZED (SELECT t.id FROM ${s}.${quote(table)} t WHERE ${unnamed}),
       named AS (DELETE FROM ${s}._unnamed_file u WHERE NOT EXISTS (SELECT FROM unnamed t WHERE t.id = u.id))
     INSERT INTO ${s}._unnamed_file (id) SELECT id FROM unnamed ORDER BY id ON CONFLICT DO NOTHING`;
  // A transaction is tried again where two sweeps get in each other's way.
  await records.store.transaction((tx) => tx.sql(text, [], "file.unnamed"));
}

/** → how many. */
async function deleteDue(
  { records, settings: { keepMs } }: FilesEnv,
  snapshot: Snapshot,
  object: ObjectType,
  unnamed: string,
): Promise<number> {
  const s = quote(snapshot.settings.schema);
  return records.store.transaction(async (tx: Connection) => {
    // Whoever is about to name one holds it; behind our lock nobody begins to, so the second look is the last word.
    const due = await tx.sql<{ id: string }>(
      `SELECT t.id FROM ${s}.${quote(object.table)} t JOIN ${s}._unnamed_file u ON u.id = t.id
       WHERE u.since <= now() - $1 * interval '1 ms' LIMIT ${together} FOR UPDATE OF t SKIP LOCKED`,
      [keepMs],
      "file.due",
    );
    const ids = due.map(({ id }) => id);
    const purged = await tx.run<{ id: string }>(purgeIfStatement(snapshot, object, ids, unnamed));
    const gone = purged.map(({ id }) => id);
    await letGoOfContents(tx, snapshot.settings.schema, gone);
    await tx.run(forgetStatement(snapshot.settings.schema, gone));
    return gone.length;
  });
}

/** → how many. A content goes before the row that tells of it. */
async function deleteLoose(
  { records: { store }, storage, settings: { keepMs } }: FilesEnv,
  { settings }: Snapshot,
): Promise<number> {
  const table = `${quote(settings.schema)}._loose_content`;
  const due = await store.sql<{ id: string }>(
    `SELECT id FROM ${table} WHERE since <= now() - $1 * interval '1 ms' LIMIT ${together}`,
    [keepMs],
  );
  for (const { id } of due) {
    await storage.delete({ tenant: settings.tenant, id });
    await store.sql(`DELETE FROM ${table} WHERE id = $1`, [id]);
  }
  return due.length;
}
