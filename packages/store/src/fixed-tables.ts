import type { Connection } from "./types.ts";
import { quote } from "@guanxi/query";

/** The PostgreSQL schema of a tenant, unquoted. */
export const tenantSchema = (tenant: string): string => `t_${tenant}`;

/** The same as it stands in statements. */
export const quotedSchema = (tenant: string): string => quote(tenantSchema(tenant));

/** A set of fixed tables in every tenant's schema. `{schema}` in the SQL stands for the quoted schema name. */
export interface TenantComponent {
  readonly name: string;
  /** Forward-only; the position + 1 is the level. Each is one or more statements, run in one transaction. */
  readonly migrations: readonly string[];
  /** What the rows of a restored tenant need before anybody sees it; SQL like that of `migrations`, at the newest level. */
  readonly arrival?: {
    /** Whoever held a lease or was sending something is gone. */
    readonly always: string;
    /** Under another id, `{from}` being the one before: the original goes on with what was under way. */
    readonly elsewhere: string;
  };
}

/** Metadata, the outbox and the org chart's closure: what records cannot do without. */
export const recordTables: TenantComponent = {
  name: "records",
  migrations: [
    `CREATE TABLE {schema}._meta (
      only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
      version bigint NOT NULL,
      next_id int NOT NULL DEFAULT 1,
      settings jsonb NOT NULL
    );
    CREATE TABLE {schema}._object (
      id int PRIMARY KEY,
      name text NOT NULL UNIQUE,
      stored json NOT NULL
    );
    CREATE TABLE {schema}._change (
      seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      pos bigint,
      object_id int NOT NULL,
      record uuid NOT NULL,
      op text NOT NULL,
      version bigint NOT NULL,
      at timestamptz NOT NULL,
      actor uuid,
      meta bigint NOT NULL,
      cause jsonb NOT NULL,
      data jsonb NOT NULL,
      old jsonb,
      dispatched boolean NOT NULL DEFAULT false
    );
    CREATE INDEX _change_waiting ON {schema}._change (seq) WHERE NOT dispatched;
    CREATE INDEX _change_record ON {schema}._change (record, seq);
    CREATE TABLE {schema}._below (
      manager uuid NOT NULL,
      subordinate uuid NOT NULL,
      PRIMARY KEY (manager, subordinate)
    );`,
    // What a request with an Idempotency-Key wrote, should its answer be lost; costs nothing for others.
    `CREATE INDEX _change_claim ON {schema}._change ((cause ->> 'claim')) WHERE cause ? 'claim';`,
    // The edition of the core objects that the tenant has; 0 for one made before there were editions.
    `ALTER TABLE {schema}._meta ADD COLUMN core_level int NOT NULL DEFAULT 0;`,
    // Purged records of which changes that nobody has been told of yet still hold values.
    `CREATE TABLE {schema}._forget (record uuid PRIMARY KEY);`,
  ],
};

/** Brings the fixed tables of one tenant to this program's level; safe to run on several nodes at once. */
export async function migrateTenant(
  tx: Connection,
  schema: string,
  components: readonly TenantComponent[],
): Promise<void> {
  const s = quote(schema);
  await tx.sql(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`guanxi:${schema}`]);
  await tx.sql(`CREATE SCHEMA IF NOT EXISTS ${s}`);
  await tx.sql(`CREATE TABLE IF NOT EXISTS ${s}._migration (component text PRIMARY KEY, level int NOT NULL)`);
  const levels = await tx.sql<{ component: string; level: number }>(`SELECT component, level FROM ${s}._migration`);
  for (const { name, migrations } of components) {
    const level = levels.find((l) => l.component === name)?.level ?? 0;
    for (const migration of migrations.slice(level)) {
      await runFixed(tx, schema, migration);
    }
    if (level < migrations.length) {
      await tx.sql(
        `INSERT INTO ${s}._migration VALUES ($1, $2) ON CONFLICT (component) DO UPDATE SET level = excluded.level`,
        [name, migrations.length],
      );
    }
  }
}

/** Runs statements of a component on a tenant's schema. */
export async function runFixed(tx: Connection, schema: string, statements: string): Promise<void> {
  for (const statement of statements.split(/;\s*\n|;\s*$/).filter((t) => t.trim() !== ""))
    await tx.sql(statement.replaceAll("{schema}", quote(schema)));
}
