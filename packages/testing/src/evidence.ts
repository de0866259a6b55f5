import type { TestApp } from "./app.ts";

/** A row of a tenant's outbox, with its JSON read. */
export interface Change {
  readonly seq: number;
  readonly object: string;
  readonly record: string;
  readonly op: "create" | "update" | "delete" | "restore" | "purge";
  readonly version: number;
  readonly by: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** What an update changed, as it was before; null for the rest. */
  readonly old: Readonly<Record<string, unknown>> | null;
}

interface Row extends Record<string, unknown> {
  readonly change: string;
}

/** The tenant's change rows behind `after`, in the order they were written. */
export async function changesAfter(app: TestApp, after: number, tenant = "demo"): Promise<Change[]> {
  const rows = await app.store.sql<Row>(
    `SELECT json_build_object('seq', c.seq, 'object', o.name, 'record', c.record, 'op', c.op, 'version', c.version,
        'by', c.actor, 'data', c.data, 'old', c.old)::text AS change
     FROM t_${tenant}._change c LEFT JOIN t_${tenant}._object o ON o.id = c.object_id WHERE c.seq > $1 ORDER BY c.seq`,
    [after],
  );
  return rows.map((r) => JSON.parse(r.change) as Change);
}

/** Runs `work` and answers what it gave beside the change rows that were written meanwhile. */
export async function withChanges<T>(
  app: TestApp,
  work: () => Promise<T>,
  tenant = "demo",
): Promise<{ result: T; changes: Change[] }> {
  const [last] = await app.store.sql<{ seq: number }>(
    `SELECT coalesce(max(seq), 0)::bigint AS seq FROM t_${tenant}._change`,
  );
  const result = await work();
  return { result, changes: await changesAfter(app, last?.seq ?? 0, tenant) };
}

/**
 * Rows and digest of every table of every tenant and of the registry, by table: equal before and after when nothing
 * was stored. When a key was last used is no content.
 */
export async function contents(app: TestApp): Promise<Record<string, string>> {
  const tables = await app.store.sql<{ schema: string; name: string }>(
    `SELECT schemaname AS schema, tablename AS name FROM pg_tables
     WHERE (schemaname = 'guanxi' OR starts_with(schemaname, 't_')) ORDER BY 1, 2`,
  );
  const digests = tables.map(
    ({ schema, name }) => `SELECT '${schema}.${name}' AS name, count(*)::text || ' rows ' ||
      coalesce(sum(hashtextextended((to_jsonb(t) - 'last_used_at')::text, 0)::numeric), 0)::text AS digest FROM "${schema}"."${name}" t`,
  );
  const rows = await app.store.sql<{ name: string; digest: string }>(digests.join(" UNION ALL "));
  return Object.fromEntries(rows.map((r) => [r.name, r.digest]));
}
