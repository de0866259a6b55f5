import { GuanxiError, type Issue } from "@guanxi/base";
import {
  diffSnapshots,
  fieldPath,
  isSameStored,
  type MetaChange,
  type ObjectType,
  type Snapshot,
  type StoredField,
  type StoredObject,
  tableById,
  tablesOf,
} from "@guanxi/meta";
import {
  type Ahead,
  type ChangeStep,
  compileDdl,
  type Connection,
  isDatabaseError,
  losesValues,
  quote,
  type Store,
} from "@guanxi/store";
import { cryptColumn } from "./encryption/column.ts";
import { hasEncryptedFields } from "./encryption/fields.ts";
import type { Vault } from "./encryption/vault.ts";

/** What a change would lose, under the names of before, and what must be allowed for it. */
export interface Loss {
  readonly change: MetaChange;
  readonly allow: string;
  readonly object: string;
  /** Where the definition says it, below the object's own. */
  readonly path: string;
  /** Values, or records where the whole object goes. */
  readonly count: number;
}

type Lost = Pick<Loss, "allow" | "path"> & {
  readonly table: string;
  /** Undefined for whole records. */
  readonly column?: string;
};

function lostBy(current: Snapshot, change: MetaChange): Lost | undefined {
  const { name, table } = tableById(current, change.object.id) ?? change.object;
  if (change.kind === "drop_object") return { allow: `drop:${name}`, path: "", table };
  if (change.kind === "drop_field") {
    const { field } = change;
    // What follows from other records can be had again.
    if (field.type === "rollup") return undefined;
    // Of the system's fields only the record type ever goes.
    const path = field.system ? "/recordTypes" : `/properties/${field.branchOf ?? field.name}`;
    return { allow: `drop:${name}.${dropped(current, change.object, field)}`, path, table, column: field.column.name };
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

/** What people call a column that goes: the whole reference, where it goes with all its branches. */
function dropped(current: Snapshot, { id, fields }: ObjectType, field: StoredField): string {
  const whole = current.byId.get(id)?.fields.get(field.branchOf ?? "");
  return whole && ![...fields.values()].some((f) => f.id === whole.id) ? whole.name : fieldPath(field);
}

/** What the changes would lose of what is there. To be asked before they are made. */
export async function lossesOf(tx: Connection, current: Snapshot, changes: readonly MetaChange[]): Promise<Loss[]> {
  const losses: Loss[] = [];
  for (const change of changes) {
    const lost = lostBy(current, change);
    if (!lost) continue;
    const { table, column, allow, path } = lost;
    const count = await countOf(tx, current.settings.schema, table, column);
    if (count > 0) losses.push({ change, allow, object: change.object.name, path, count });
  }
  return losses;
}

/** Rows of a table, or those that have a value in the column. */
export async function countOf(tx: Connection, schema: string, table: string, column?: string): Promise<number> {
  const values = column === undefined ? "*" : quote(column);
  const [row] = await tx.sql<{ n: number }>(`SELECT count(${values}) AS n FROM ${quote(schema)}.${quote(table)}`);
  return row?.n ?? 0;
}

/** Data is only lost by those who name it. `placeOf` is where a place in an object's definition stands in the body. */
export function refuseLosses(
  losses: readonly Loss[],
  allow: readonly string[],
  placeOf: (object: string, path: string) => string = (_object, path) => path,
): void {
  const refused = losses.filter((loss) => !allow.includes(loss.allow));
  if (refused.length === 0) return;
  const issues = refused.map((loss): Issue => {
    const params = { count: loss.count, allow: loss.allow };
    return { path: placeOf(loss.object, loss.path), code: "data_loss", params };
  });
  throw new GuanxiError("DATA_LOSS", { issues });
}

export interface BlockingRow extends Record<string, unknown> {
  readonly id: string;
  readonly value: string | null;
  readonly total: number;
}

/** A statement that was run, or could not be: then with the rows in its way, as far as they are known. */
export interface Ran {
  readonly step: ChangeStep;
  readonly inTheWay?: readonly BlockingRow[];
}

type Step = Pick<ChangeStep, "effect">;

/** Rows that stand in the way of a definition are the caller's to mend: which, and what of. */
export class RowsInTheWay extends GuanxiError {
  readonly step: Step;
  /** None where only PostgreSQL has seen them. */
  readonly rows: readonly BlockingRow[];

  constructor(step: Step, rows: readonly BlockingRow[], cause?: unknown) {
    const shown = rows.map((r) => (r.value === null ? r.id : `${r.id} (${r.value})`));
    const which =
      rows.length === 0
        ? ""
        : ` ${rows[0]?.total} record(s): ${shown.join(", ")}${rows.length < (rows[0]?.total ?? 0) ? ", …" : ""}`;
    super("CONFLICT", { detail: `Existing records do not fit (${step.effect}); mend them first.${which}`, cause });
    this.step = step;
    this.rows = rows;
  }
}

/** A row that was written since we looked, or one that only PostgreSQL could find. */
export const isBlocked = (e: unknown): boolean => isDatabaseError(e, "22", "23", "54000", "42804", "42846");

/** Runs a statement, and what only the key can do after it. */
async function runStep(tx: Connection, vault: Vault, schema: string, { sql, crypt }: ChangeStep): Promise<void> {
  await tx.sql(sql);
  if (crypt) await cryptColumn(tx, vault, schema, crypt);
}

/** Runs the statements of the changes in the transaction; CONFLICT where rows are in the way of one. */
export async function runDdl(
  tx: Connection,
  vault: Vault,
  changes: readonly MetaChange[],
  next: Snapshot,
  ahead?: Ahead,
): Promise<Ran[]> {
  const { schema } = next.settings;
  const steps = compileDdl(schema, changes, next, ahead);
  for (const step of steps) {
    const rows = step.inTheWay === undefined ? [] : await tx.sql<BlockingRow>(step.inTheWay);
    if (rows.length > 0) throw new RowsInTheWay(step, rows);
    try {
      await runStep(tx, vault, schema, step);
    } catch (e) {
      if (isBlocked(e)) throw new RowsInTheWay(step, [], e);
      throw e;
    }
  }
  return steps.map((step) => ({ step }));
}

/**
 * The same in a transaction that will be rolled back: a statement in whose way rows are is left out, so that all of them are found. What
 * follows from one that was left out may fail for that reason alone, and is left out too. Of large tables only the rows in the way are looked
 * for, before anything is locked.
 */
export async function tryDdl(
  { store, vault }: { readonly store: Store; readonly vault: Vault },
  tx: Connection,
  changes: readonly MetaChange[],
  next: Snapshot,
  ahead: Ahead,
): Promise<Ran[]> {
  const { schema } = next.settings;
  const found = await lookAhead(tx, ahead);
  const ran: Ran[] = [];
  let leftOut = false;
  for (const step of compileDdl(schema, changes, next, ahead)) {
    const known = found.get(step.change)?.get(step.effect) ?? [];
    try {
      const rows =
        known.length > 0 || step.untried
          ? known
          : await store.savepoint(tx, async (inside) => {
              const inTheWay = step.inTheWay === undefined ? [] : await inside.sql<BlockingRow>(step.inTheWay);
              if (inTheWay.length === 0) await runStep(inside, vault, schema, step);
              return inTheWay;
            });
      ran.push(rows.length === 0 ? { step } : { step, inTheWay: rows });
      leftOut ||= rows.length > 0 || step.untried === true;
    } catch (e) {
      if (!isBlocked(e) && !(leftOut && isDatabaseError(e, "42"))) throw e;
      ran.push(leftOut ? { step } : { step, inTheWay: [] });
      leftOut = true;
    }
  }
  return ran;
}

type Found = ReadonlyMap<MetaChange, ReadonlyMap<string, readonly BlockingRow[]>>;

/** Rows in the way of what would be made ahead, by change and effect. */
async function lookAhead(tx: Connection, { steps }: Ahead): Promise<Found> {
  const found = new Map<MetaChange, Map<string, readonly BlockingRow[]>>();
  for (const { change, effect, inTheWay } of steps) {
    if (inTheWay === undefined) continue;
    const rows = await tx.sql<BlockingRow>(inTheWay);
    found.set(change, (found.get(change) ?? new Map<string, readonly BlockingRow[]>()).set(effect, rows));
  }
  return found;
}

interface Definitions {
  readonly current: Snapshot | undefined;
  readonly next: Snapshot;
  readonly nextId: number;
}

/** Stores the definitions of all objects. */
export async function writeDefinitions(
  tx: Connection,
  vault: Vault,
  { current, next, nextId }: Definitions,
): Promise<void> {
  const s = quote(next.settings.schema);
  const stored = tablesOf(next).map((object) => object.stored);
  const before = new Map((current ? tablesOf(current) : []).map((o) => [o.id, o.stored]));
  const written = stored.filter((o) => !isSameStored(before.get(o.id), o));
  const gone = [...before.keys()].filter((id) => !stored.some((o) => o.id === id));
  if (gone.length > 0)
    await tx.sql(`DELETE FROM ${s}._object WHERE id = ANY(SELECT e::int FROM json_array_elements_text($1::json) e)`, [
      JSON.stringify(gone),
    ]);
  if (hasEncryptedFields(written.flatMap(({ id }) => tableById(next, id) ?? [])))
    await vault.ensure(tx, next.settings.schema);
  if (written.length > 0) await writeObjects(tx, s, written);
  await tx.sql(`UPDATE ${s}._meta SET next_id = $1`, [nextId]);
}

async function writeObjects(tx: Connection, s: string, written: readonly StoredObject[]): Promise<void> {
  const objects = JSON.stringify(written);
  // Names are unique and may change places: none of the new ones may meet an old one on the way.
  await tx.sql(
    `UPDATE ${s}._object SET name = '_' || id WHERE id = ANY(SELECT (e ->> 'id')::int FROM json_array_elements($1::json) e)`,
    [objects],
  );
  await tx.sql(
    `INSERT INTO ${s}._object (id, name, stored) SELECT (e ->> 'id')::int, e ->> 'name', e FROM json_array_elements($1::json) e
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, stored = excluded.stored`,
    [objects],
  );
}

/** Brings the tenant from the current definitions to those of `next`: tables first, then what describes them. → the statements. */
export async function applyDefinitions(
  tx: Connection,
  vault: Vault,
  definitions: Definitions,
): Promise<readonly Ran[]> {
  const { current, next } = definitions;
  const changes = diffSnapshots(current, next);
  if (current) refuseLosses(await lossesOf(tx, current, changes), []);
  const ran = await runDdl(tx, vault, changes, next);
  await writeDefinitions(tx, vault, definitions);
  return ran;
}

/** Ids while nothing is stored: no tenant's counter gets there. */
export function draftIds(): () => number {
  let id = 1_000_000_000;
  return () => id++;
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
