import { GuanxiError } from "@guanxi/base";
import { quote } from "@guanxi/query";
import { qualified } from "../ddl/step.ts";
import { isDatabaseError } from "../errors.ts";
import { migrateTenant, runFixed, type TenantComponent, tenantSchema } from "../fixed-tables.ts";
import type { Connection, CopyConnection, OwnConnection } from "../types.ts";
import { strip } from "./build.ts";
import type { Contents } from "./contents.ts";
import { type BackupReader, type Counter, damaged, programVersion, type TableLine, type TenantLine } from "./format.ts";
import { keysTable, type LoadedTenant, stagingOf } from "./staging.ts";
import { copyText, metadataTables, tablesOf } from "./tables.ts";

/** A tenant of a backup and the id that it is to have. */
export interface RestorePlan {
  readonly from: string;
  readonly id: string;
  /** Another name than in the backup. */
  readonly name?: string;
}

export interface LoadContext {
  readonly own: OwnConnection;
  readonly components: readonly TenantComponent[];
  readonly contents: Contents;
  /** The DDL for the objects whose definitions are in the schema, with its tables in it. */
  defineObjects(connection: Connection, schema: string): Promise<readonly string[]>;
}

/** Loads the tenants of the plans, and reads the others over. When this resolves, the whole backup was there and undamaged. */
export async function loadTenants(
  context: LoadContext,
  reader: BackupReader,
  plans: readonly RestorePlan[],
): Promise<LoadedTenant[]> {
  const loaded: LoadedTenant[] = [];
  for (;;) {
    const line = await reader.next("tenant", "gone", "end");
    if (line.kind === "end") {
      await reader.end(line);
      break;
    }
    if (line.kind === "gone") continue;
    const plan = plans.find((p) => p.from === line.id);
    if (plan) loaded.push(await loadTenant(context, reader, line, plan));
    else await skipTenant(reader);
  }
  const missing = plans.filter((p) => !loaded.some((t) => t.id === p.id));
  if (missing.length > 0)
    throw damaged(`it has no rows of ${missing.map((p) => p.from).join(", ")}, deleted while the backup was made.`);
  return loaded;
}

async function skipTenant(reader: BackupReader): Promise<void> {
  for (;;) {
    const line = await reader.next("table", "counters", "content", "done");
    if (line.kind === "done") return;
    if (line.kind === "table") await reader.skipRows(line.name);
    if (line.kind === "content") await reader.skipContent(line);
  }
}

async function loadTenant(
  context: LoadContext,
  reader: BackupReader,
  tenant: TenantLine,
  plan: RestorePlan,
): Promise<LoadedTenant> {
  const { own, components } = context;
  const schema = stagingOf(plan.id);
  refuseNewer(tenant, components);
  await makeFixedTables(own, schema, tenant, components);
  let rebuild: readonly string[] | undefined;
  let rows = 0;
  for (;;) {
    const line = await reader.next("table", "counters", "content", "done");
    if (line.kind === "done") break;
    if (line.kind === "content") {
      if (line.there) await context.contents.keep(plan.id, line.id, reader.content(line.id));
    } else if (line.kind === "counters") {
      await setCounters(own, schema, line.counters);
    } else if (line.shared) {
      await loadKeys(own, schema, line, reader, plan);
    } else {
      // Everything behind the metadata is made from it.
      if (!metadataTables.has(line.name)) rebuild ??= await makeObjects(context, schema, plan);
      rows += await loadTable(own, schema, line.name, line, reader);
    }
  }
  for (const sql of rebuild ?? []) await fitting("its rows", () => own.sql(sql));
  await own.transaction("READ WRITE", (tx) => arrive(tx, schema, components, plan));
  // Without statistics the first questions would be answered by the slowest plans.
  for (const { name } of await tablesOf(own, schema)) await own.sql(`ANALYZE ${qualified(schema, name)}`);
  const { name, plugins, createdAt } = tenant;
  return { id: plan.id, from: plan.from, name: plan.name ?? name, plugins, createdAt, rows };
}

function refuseNewer({ levels }: TenantLine, components: readonly TenantComponent[]): void {
  for (const [name, level] of Object.entries(levels)) {
    const known = components.find((c) => c.name === name)?.migrations.length ?? 0;
    if (level > known)
      throw damaged(
        `it comes from a newer program (tables of ${name} at level ${level}; this program, ${programVersion}, knows ${known}).`,
      );
  }
}

/** At the level that the rows were written at. */
async function makeFixedTables(
  own: OwnConnection,
  schema: string,
  { levels }: TenantLine,
  components: readonly TenantComponent[],
): Promise<void> {
  const then = components.map((c) => ({ ...c, migrations: c.migrations.slice(0, levels[c.name] ?? 0) }));
  await own.transaction("READ WRITE", async (tx) => {
    await migrateTenant(tx, schema, then);
    await tx.sql(`CREATE TABLE ${qualified(schema, keysTable)} (LIKE guanxi.api_key INCLUDING DEFAULTS)`);
  });
}

/** What rows go into; the rest of a new object's DDL are indexes and references. */
const makesPlaces = (sql: string): boolean => /^CREATE (TABLE|SEQUENCE) /.test(sql);

/** The tables of the objects, without their indexes. → what puts those of all tables back. */
async function makeObjects(
  { own, defineObjects }: LoadContext,
  schema: string,
  { id }: RestorePlan,
): Promise<string[]> {
  return own.transaction("READ WRITE", async (tx) => {
    await tx.sql(
      `UPDATE ${quote(schema)}._meta SET settings = settings || jsonb_build_object('tenant', $1::text, 'schema', $2::text)`,
      [id, tenantSchema(id)],
    );
    const steps = await defineObjects(tx, schema);
    for (const sql of steps.filter(makesPlaces)) await tx.sql(sql);
    return [...(await strip(tx, schema)), ...steps.filter((sql) => !makesPlaces(sql))];
  });
}

async function loadTable(
  own: CopyConnection,
  schema: string,
  table: string,
  { name, columns }: TableLine,
  reader: BackupReader,
): Promise<number> {
  return fitting(name, async () => {
    // A migration may have put rows there.
    if (table.startsWith("_")) await own.sql(`DELETE FROM ${qualified(schema, table)}`);
    let count = 0;
    const rows = reader.rows(name);
    await own.copyIn(copyText(qualified(schema, table), columns, "FROM STDIN"), {
      async *[Symbol.asyncIterator]() {
        count = yield* rows;
      },
    });
    return count;
  });
}

/** A key names its tenant, so under another id none would fit. */
async function loadKeys(
  own: CopyConnection,
  schema: string,
  line: TableLine,
  reader: BackupReader,
  { id, from }: RestorePlan,
): Promise<void> {
  if (line.name !== "api_key") throw damaged(`this program knows no shared table ${line.name}.`);
  if (id === from) await loadTable(own, schema, keysTable, line, reader);
  else await reader.skipRows(line.name);
}

async function setCounters(own: Connection, schema: string, counters: readonly Counter[]): Promise<void> {
  for (const { table, column, last, called } of counters) {
    const target = qualified(schema, table);
    await fitting(table, () =>
      own.sql("SELECT setval(pg_get_serial_sequence($1, $2)::regclass, $3::bigint, $4)", [
        target,
        column,
        last,
        called,
      ]),
    );
  }
}

/** From the level that the rows had to this program's, and then what they need in their new place. */
async function arrive(
  tx: Connection,
  schema: string,
  components: readonly TenantComponent[],
  { id, from }: RestorePlan,
): Promise<void> {
  await migrateTenant(tx, schema, components);
  for (const { arrival } of components) {
    if (!arrival) continue;
    await runFixed(tx, schema, arrival.always);
    if (id !== from) await runFixed(tx, schema, arrival.elsewhere.replaceAll("{from}", from));
  }
}

/** What PostgreSQL refuses of a backup is the backup's fault, unless it is out of order itself. */
async function fitting<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    if (e instanceof GuanxiError || !isDatabaseError(e, "22", "23", "42P01", "42703")) throw e;
    const reason = reasons[e.sqlState] ?? "a value is none that the column takes";
    throw damaged(`the rows of ${what} do not fit (${reason}${e.constraint ? `: ${e.constraint}` : ""}).`, e);
  }
}

const reasons: Readonly<Record<string, string>> = {
  "23502": "a required value is missing",
  "23503": "a reference leads nowhere",
  "23505": "a unique value is there twice",
  "42P01": "this program makes no such table",
  "42703": "this program makes no such column",
};
