import { GuanxiError, isId, newId } from "@guanxi/base";
import type { StoredObject } from "@guanxi/meta";
import { type Connection, quote, type TenantComponent } from "@guanxi/store";
import type { Edition } from "../plugins/editions.ts";
import { type Page, pageCursor } from "../route-query.ts";
import type { Session } from "../types.ts";
import { buildArrival, buildMigration, readBuild } from "./builds.ts";
import type { ChangeSetEntry, ChangeSetStep, Touched } from "./types.ts";

/** Every change set that was applied; `changes` holds the definitions before and after, objects as they are stored. */
export const changeSetTables: TenantComponent = {
  name: "changes",
  migrations: [
    `CREATE TABLE {schema}._change_set (
      id uuid PRIMARY KEY,
      version bigint NOT NULL UNIQUE,
      at timestamptz NOT NULL,
      actor uuid,
      message text,
      reverts uuid,
      changes json NOT NULL,
      steps json NOT NULL
    );`,
    // Of an entry that was pruned, `changes` has kinds and names alone.
    `ALTER TABLE {schema}._change_set ADD COLUMN pruned boolean NOT NULL DEFAULT false;
    CREATE INDEX _change_set_whole ON {schema}._change_set (version) WHERE NOT pruned;`,
    buildMigration,
  ],
  arrival: { always: buildArrival, elsewhere: "" },
};

/** The list that the cursors belong to. */
export const changeSetList = "meta.changes";

interface NewEntry {
  /** Where it has one already. */
  readonly id?: string | undefined;
  readonly version: number;
  readonly message: string | undefined;
  readonly reverts: string | undefined;
  readonly touched: readonly Touched[];
  readonly steps: readonly ChangeSetStep[];
}

/** Keeps a change set, in its own transaction. → its id. */
export async function keepChangeSet(
  {
    connection,
    tenant,
    now,
    actor,
  }: Pick<Session, "connection" | "now"> & {
    readonly tenant: { readonly schema: string };
    readonly actor: { readonly user: string } | undefined;
  },
  { id = newId(), version, message, reverts, touched, steps }: NewEntry,
): Promise<string> {
  await connection.sql(
    `INSERT INTO ${quote(tenant.schema)}._change_set (id, version, at, actor, message, reverts, changes, steps)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      ...[id, version, now.toISOString(), actor?.user ?? null, message ?? null, reverts ?? null],
      ...[JSON.stringify(touched), JSON.stringify(steps)],
    ],
  );
  return id;
}

/** Entries that keep their definitions, and with them the way back, unless set otherwise: years of work by hand, or months of pushes. */
export const defaultChangeSetsKept = 1_000;

const namesSql = `(SELECT json_agg(json_build_object('kind', c -> 'kind', 'name', c -> 'name')) FROM json_array_elements(changes) c)`;

/** Takes the definitions out of all entries but the newest `kept`; who, when and what they did stays. */
export async function pruneChangeSets(connection: Connection, schema: string, kept: number): Promise<void> {
  const table = `${quote(schema)}._change_set`;
  await connection.sql(
    `UPDATE ${table} SET pruned = true, changes = coalesce(${namesSql}, '[]')
     WHERE NOT pruned AND version <= (SELECT version FROM ${table} WHERE NOT pruned ORDER BY version DESC OFFSET $1 LIMIT 1)`,
    [kept],
  );
}

interface Row extends Record<string, unknown> {
  readonly id: string;
  readonly version: number;
  readonly at: string;
  readonly actor: string | null;
  readonly message: string | null;
  readonly reverts: string | null;
  readonly changes: string;
  readonly steps: string;
  readonly pruned: boolean;
}

const facts = "id, version, at, actor, message, reverts, steps, pruned";
const columns = `${facts}, changes`;

/** A page of the history, newest first; of definitions their names, since nobody wants all of them. */
export async function listChangeSets(
  session: Session,
  { limit, before }: Page,
): Promise<{ data: readonly ChangeSetEntry[]; next: string | null }> {
  const rows = await session.connection.sql<Row>(
    `SELECT ${facts}, ${namesSql} AS changes FROM ${quote(session.tenant.schema)}._change_set
     WHERE $1::bigint IS NULL OR version < $1::bigint ORDER BY version DESC LIMIT $2`,
    [before ?? null, limit + 1],
  );
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    data: page.map((row) => shown(row, (named) => named)),
    next: rows.length > page.length && last ? pageCursor(changeSetList, last.version) : null,
  };
}

/** One with its definitions before and after, where they are kept, or one that is being built or has failed; NOT_FOUND. */
export async function readChangeSet(session: Session, id: string): Promise<ChangeSetEntry> {
  const build = isId(id) ? await readBuild(session, id) : undefined;
  if (build) return build;
  const row = await rowOf(session, id);
  return shown(row, (touched) =>
    row.pruned
      ? touched
      : { ...touched, before: definitionIn(touched, "before"), after: definitionIn(touched, "after") },
  );
}

/** What a change set touched, as it is kept; CONFLICT where it is not any more. */
export async function touchedBy(
  session: Session,
  id: string,
): Promise<{ version: number; touched: readonly Touched[] }> {
  const { version, changes, pruned } = await rowOf(session, id);
  if (pruned)
    throw new GuanxiError("CONFLICT", {
      detail: "The definitions before this change set are no longer kept; put them as you want them to be.",
    });
  return { version, touched: JSON.parse(changes) as Touched[] };
}

/** Ids of later change sets that touched one of these definitions, in their order. */
export async function laterChangeSets(
  session: Session,
  version: number,
  touched: readonly Touched[],
): Promise<readonly string[]> {
  const rows = await session.connection.sql<{ id: string }>(
    `SELECT s.id FROM ${quote(session.tenant.schema)}._change_set s
     WHERE s.version > $1 AND EXISTS (SELECT FROM json_array_elements(s.changes) c, json_array_elements($2::json) t
       WHERE c ->> 'kind' = t ->> 'kind' AND (c ->> 'name' = t ->> 'name' OR c #>> '{before,id}' = t #>> '{after,id}'))
     ORDER BY s.version`,
    [version, JSON.stringify(touched)],
  );
  return rows.map(({ id }) => id);
}

async function rowOf(session: Session, id: string): Promise<Row> {
  const [row] = isId(id)
    ? await session.connection.sql<Row>(
        `SELECT ${columns} FROM ${quote(session.tenant.schema)}._change_set WHERE id = $1`,
        [id],
      )
    : [];
  if (!row) throw new GuanxiError("NOT_FOUND", { detail: `There is no change set ${id}.` });
  return row;
}

const shown = (row: Row, entry: (touched: Touched) => ChangeSetEntry["changes"][number]): ChangeSetEntry => ({
  id: row.id,
  state: "applied",
  version: row.version,
  at: new Date(row.at).toISOString(),
  by: row.actor,
  message: row.message,
  reverts: row.reverts,
  pruned: row.pruned,
  changes: (JSON.parse(row.changes) as Touched[]).map(entry),
  steps: JSON.parse(row.steps) as ChangeSetStep[],
});

/** A definition as users write it. */
export function definitionIn({ kind, ...sides }: Touched, side: "before" | "after"): unknown {
  if (kind === "objects") return (sides[side] as StoredObject | null)?.definition ?? null;
  if (kind !== "plugins" || sides[side] === null) return sides[side];
  const { name, version, state } = sides[side] as Edition;
  return { name, version, state };
}
