import { isDeepStrictEqual } from "node:util";
import { GuanxiError, type Issue } from "@guanxi/base";
import { diffSnapshots, type MetaChange, type ObjectType, type Snapshot, type StoredObject } from "@guanxi/meta";
import { hasEncryptedFields } from "./encryption/fields.ts";
import type { Vault } from "./encryption/vault.ts";
import { compileDdl, type Connection, type DdlStep, isDatabaseError, losesValues, quote } from "@guanxi/store";

/** What a change would lose, under the names of before, and what must be allowed for it. */
interface Loss {
  readonly allow: string;
  readonly path: string;
  readonly table: string;
  /** Undefined for whole records. */
  readonly column?: string;
}

function lossOf(current: Snapshot, change: MetaChange): Loss | undefined {
  const { name, table } = current.byId.get(change.object.id) ?? change.object;
  if (change.kind === "drop_object") return { allow: `drop:${name}`, path: "", table };
  if (change.kind === "drop_field") {
    const { field } = change;
    // Of the system's fields only the record type ever goes.
    const path = field.system ? "/recordTypes" : `/properties/${field.name}`;
    return { allow: `drop:${name}.${field.name}`, path, table, column: field.column.name };
  }
  if (change.kind === "change_type" && losesValues(change.from, change.field)) {
    const { from, field } = change;
    return {
      allow: `convert:${name}.${from.name}`,
      path: `/properties/${field.name}`,
      table,
      column: from.column.name,
    };
  }
  return undefined;
}

async function countLost(tx: Connection, schema: string, { table, column }: Loss): Promise<number> {
  const values = column === undefined ? "*" : quote(column);
  const [row] = await tx.sql<{ n: number }>(`SELECT count(${values}) AS n FROM ${quote(schema)}.${quote(table)}`);
  return row?.n ?? 0;
}

/** Data is only lost by those who name it. */
async function guardData(
  tx: Connection,
  current: Snapshot,
  changes: readonly MetaChange[],
  allow: readonly string[],
): Promise<void> {
  const issues: Issue[] = [];
  for (const change of changes) {
    const loss = lossOf(current, change);
    if (!loss || allow.includes(loss.allow)) continue;
    const count = await countLost(tx, current.settings.schema, loss);
    if (count > 0) issues.push({ path: loss.path, code: "data_loss", params: { count, allow: loss.allow } });
  }
  if (issues.length > 0) throw new GuanxiError("DATA_LOSS", { issues });
}

interface BlockingRow extends Record<string, unknown> {
  readonly id: string;
  readonly value: string | null;
  readonly total: number;
}

/** Rows that stand in the way of a definition are the caller's to mend: which, and what of. */
function blocked(step: DdlStep, rows: readonly BlockingRow[], cause?: unknown): GuanxiError {
  const shown = rows.map((r) => (r.value === null ? r.id : `${r.id} (${r.value})`));
  const which =
    rows.length === 0
      ? ""
      : ` ${rows[0]?.total} record(s): ${shown.join(", ")}${rows.length < (rows[0]?.total ?? 0) ? ", …" : ""}`;
  return new GuanxiError("CONFLICT", {
    detail: `Existing records do not fit (${step.effect}); mend them first.${which}`,
    cause,
  });
}

async function runDdl(tx: Connection, schema: string, changes: readonly MetaChange[], next: Snapshot): Promise<void> {
  for (const step of compileDdl(schema, changes, next)) {
    const rows = step.inTheWay === undefined ? [] : await tx.sql<BlockingRow>(step.inTheWay);
    if (rows.length > 0) throw blocked(step, rows);
    try {
      await tx.sql(step.sql);
    } catch (e) {
      // A row that was written since we looked, or one that only PostgreSQL could find.
      if (isDatabaseError(e, "22", "23", "54000", "42804", "42846")) throw blocked(step, [], e);
      throw e;
    }
  }
}

const changedObjects = (changes: readonly MetaChange[]): ReadonlySet<ObjectType> =>
  new Set(changes.map((c) => c.object));

/** Brings the tenant from the draft's definitions to `stored`: tables first, then what describes them. */
export async function applyDefinitions(
  tx: Connection,
  vault: Vault,
  draft: {
    version: number;
    current: Snapshot | undefined;
    next: Snapshot;
    stored: readonly StoredObject[];
    nextId: number;
    allow: readonly string[];
  },
): Promise<void> {
  const { current, next, stored, nextId, allow } = draft;
  const s = quote(next.settings.schema);
  const changes = diffSnapshots(current, next);
  if (hasEncryptedFields(changedObjects(changes))) await vault.ensure(tx, next.settings.schema);
  if (current) await guardData(tx, current, changes, allow);
  await runDdl(tx, next.settings.schema, changes, next);
  const before = new Map([...(current?.byId ?? [])].map(([id, o]) => [id, o.stored]));
  const written = stored.filter((o) => !isDeepStrictEqual(before.get(o.id), o));
  const gone = [...before.keys()].filter((id) => !stored.some((o) => o.id === id));
  if (gone.length > 0)
    await tx.sql(`DELETE FROM ${s}._object WHERE id = ANY(SELECT e::int FROM json_array_elements_text($1::json) e)`, [
      JSON.stringify(gone),
    ]);
  if (written.length > 0) {
    await tx.sql(
      `INSERT INTO ${s}._object (id, name, stored) SELECT (e ->> 'id')::int, e ->> 'name', e FROM json_array_elements($1::json) e
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, stored = excluded.stored`,
      [JSON.stringify(written)],
    );
  }
  await tx.sql(`UPDATE ${s}._meta SET next_id = $1`, [nextId]);
}

/** Ids for objects, fields and keys, from the tenant's counter. */
export async function idCounter(
  tx: Connection,
  schema: string,
): Promise<{ next: () => number; readonly value: () => number }> {
  const [row] = await tx.sql<{ next_id: number }>(`SELECT next_id FROM ${quote(schema)}._meta`);
  let id = row?.next_id ?? 1;
  return { next: () => id++, value: () => id };
}
