import type { Writable } from "node:stream";
import { GuanxiError } from "@guanxi/base";
import { quote } from "@guanxi/query";
import { tenantSchema } from "../fixed-tables.ts";
import { qualified } from "../ddl/step.ts";
import { isGone } from "../errors.ts";
import { drained } from "../own-connection.ts";
import type { Connection, CopyConnection, OwnConnection, Store } from "../types.ts";
import { type Contents, fileIds } from "./contents.ts";
import { BackupWriter, countRows, type Counter, formatVersion, programVersion } from "./format.ts";
import { copyText, metadataTables, type TableColumns, tablesOf } from "./tables.ts";

/** Tables change while their locks are taken only where metadata changes again and again. */
const lockTries = 10;
/** ms to wait for the tables of one tenant; whoever changes tables holds them for a moment. */
const lockTimeoutMs = 30_000;

const snapshotMode = "ISOLATION LEVEL REPEATABLE READ READ ONLY";

/** A tenant that was deleted meanwhile. */
class Gone extends Error {}

/**
 * Writes the tenants into a backup, each as it was at one moment, while others write. While a tenant's turn lasts, its tables are
 * held as a reader holds them: records may be written, tables not be changed. Ends `target`, or destroys it with what went wrong.
 */
export async function writeBackup(
  store: Store,
  tenants: readonly { id: string; name: string }[],
  contents: Contents,
  target: Writable,
): Promise<void> {
  const writer = new BackupWriter(async (bytes) => {
    if (!target.write(bytes)) await drained(target);
  });
  try {
    await store.ownConnection((own) => dumpTenants(own, tenants, contents, writer));
    target.end();
  } catch (e) {
    target.destroy(e instanceof Error ? e : new Error(String(e)));
    throw e;
  }
}

async function dumpTenants(
  own: OwnConnection,
  tenants: readonly { id: string; name: string }[],
  contents: Contents,
  writer: BackupWriter,
): Promise<void> {
  const [server] = await own.sql<{ version: string; at: string }>(
    `SELECT current_setting('server_version') AS version, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at`,
  );
  await writer.line({
    kind: "backup",
    format: formatVersion,
    program: programVersion,
    postgres: server?.version ?? "",
    at: server?.at ?? "",
    tenants: tenants.map(({ id, name }) => ({ id, name })),
  });
  for (const { id } of tenants) {
    try {
      await dumpTenant(own, id, contents, writer);
    } catch (e) {
      if (!(e instanceof Gone)) throw e;
      await writer.line({ kind: "gone", tenant: id });
    }
  }
  await writer.line({ kind: "end", sha256: writer.digest() });
}

async function dumpTenant(own: OwnConnection, id: string, contents: Contents, writer: BackupWriter): Promise<void> {
  for (const file of await dumpTables(own, id, writer)) await writeContent(id, file, contents, writer);
  await writer.line({ kind: "done", tenant: id });
}

/** What a file holds never changes, so it may be read when the tables are free again. */
async function writeContent(tenant: string, id: string, contents: Contents, writer: BackupWriter): Promise<void> {
  const content = await contents.read(tenant, id);
  await writer.line({ kind: "content", id, there: content !== undefined });
  if (!content) return;
  for await (const piece of content) await writer.data(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength));
  await writer.line({ kind: "kept", id, sha256: writer.digest() });
}

/** → the ids of its files. */
async function dumpTables(own: OwnConnection, id: string, writer: BackupWriter): Promise<readonly string[]> {
  const schema = tenantSchema(id);
  for (let attempt = 1; attempt <= lockTries; attempt++) {
    const expected = await tablesOf(own, schema);
    const files = await own
      .transaction(snapshotMode, async (tx) => {
        if (!(await hold(tx, schema, expected))) return undefined;
        await writeTenant(tx, id, schema, expected, writer);
        return fileIds(tx, schema);
      })
      .catch((e: unknown) => {
        // A table went away before it could be held.
        if (isGone(e)) return undefined;
        throw e;
      });
    if (files) return files;
  }
  throw new GuanxiError("UNAVAILABLE", { detail: `The tables of the tenant ${id} change too often.`, retryAfter: 5 });
}

/**
 * Holds the tables before the snapshot is taken, so that it shows them as they are now: an older snapshot would find a table that was
 * rewritten since then empty. → false where there are others than expected by then.
 */
async function hold(tx: Connection, schema: string, expected: readonly TableColumns[]): Promise<boolean> {
  if (expected.length > 0) {
    await tx.sql(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
    const list = expected.map(({ name }) => qualified(schema, name)).join(", ");
    await tx.sql(`LOCK TABLE ${list} IN ACCESS SHARE MODE`);
  }
  return JSON.stringify(await tablesOf(tx, schema)) === JSON.stringify(expected);
}

/** Nothing is written before the tenant is known to be there, since what was written cannot be taken back. */
async function writeTenant(
  tx: CopyConnection,
  id: string,
  schema: string,
  tables: readonly TableColumns[],
  writer: BackupWriter,
): Promise<void> {
  const [row] = await tx.sql<{ name: string; plugins: string; created_at: string }>(
    "SELECT name, plugins, created_at FROM guanxi.tenant WHERE id = $1 AND ready",
    [id],
  );
  if (!row || tables.length === 0) throw new Gone();
  const levels = await tx.sql<{ component: string; level: number }>(
    `SELECT component, level FROM ${quote(schema)}._migration ORDER BY component`,
  );
  await writer.line({
    kind: "tenant",
    id,
    name: row.name,
    plugins: JSON.parse(row.plugins) as string[],
    createdAt: row.created_at,
    levels: Object.fromEntries(levels.map((l) => [l.component, l.level])),
  });
  for (const { name, columns } of metadataFirst(tables)) {
    await writer.line({ kind: "table", name, shared: false, columns });
    await writeRows(tx, name, copyText(qualified(schema, name), columns, "TO STDOUT"), writer);
  }
  const keys = (await tablesOf(tx, "guanxi")).find(({ name }) => name === "api_key");
  const columns = keys?.columns ?? [];
  await writer.line({ kind: "table", name: "api_key", shared: true, columns });
  // The id has letters and digits only.
  const own = `(SELECT ${columns.map(quote).join(", ")} FROM guanxi.api_key WHERE tenant = '${id}' ORDER BY id)`;
  await writeRows(tx, "api_key", `COPY ${own} TO STDOUT`, writer);
  await writer.line({ kind: "counters", counters: await countersOf(tx, schema) });
}

/** What the other tables are made from comes first. */
function metadataFirst(tables: readonly TableColumns[]): readonly TableColumns[] {
  const others = tables.filter(({ name }) => !metadataTables.has(name) && name !== "_migration");
  return [...tables.filter(({ name }) => metadataTables.has(name)), ...others];
}

async function writeRows(tx: CopyConnection, table: string, text: string, writer: BackupWriter): Promise<void> {
  let rows = 0;
  await tx.copyOut(text, async (chunk) => {
    rows += countRows(chunk);
    await writer.data(chunk);
  });
  await writer.line({ kind: "rows", table, rows, sha256: writer.digest() });
}

/** Where the sequences stand. They are read behind the rows and only ever count up, so none stands below a row that uses it. */
async function countersOf(tx: Connection, schema: string): Promise<Counter[]> {
  const sequences = await tx.sql<{ name: string; table: string; column: string }>(
    `SELECT s.relname AS name, t.relname AS table, a.attname AS column
     FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
       JOIN pg_class t ON t.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE n.nspname = $1 AND s.relkind = 'S' ORDER BY 2, 3`,
    [schema],
  );
  const counters: Counter[] = [];
  for (const { name, table, column } of sequences) {
    const [state] = await tx.sql<{ last: string; called: boolean }>(
      `SELECT last_value::text AS last, is_called AS called FROM ${qualified(schema, name)}`,
    );
    if (state) counters.push({ table, column, ...state });
  }
  return counters;
}
