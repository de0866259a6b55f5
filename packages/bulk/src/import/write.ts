import { type GuanxiError, isGuanxiError, type Issue } from "@guanxi/base";
import type { Kernel, Session, StoreRecords } from "@guanxi/kernel";
import type { StoredField } from "@guanxi/meta";
import type { Mapping } from "../mapping/check.ts";
import { empty, type MappedRow } from "../mapping/row.ts";
import type { Found } from "./find.ts";

/** A row that is ready to be written. `key` is its canonical key, for an upsert. */
export interface ReadyRow {
  readonly row: MappedRow;
  readonly key: string | undefined;
}

export interface Written {
  created: number;
  updated: number;
  unchanged: number;
}

/** What refused a write, and the rows of that write in their order. */
export class Refused extends Error {
  readonly rows: readonly ReadyRow[];
  readonly error: GuanxiError;

  constructor(rows: readonly ReadyRow[], error: GuanxiError) {
    super(error.message);
    this.rows = rows;
    this.error = error;
  }
}

/** Refusals that are about the caller's rows. What is about the caller, or about us, stops the job instead. */
const ofRows = (e: unknown): e is GuanxiError =>
  isGuanxiError(e) && e.status < 500 && e.code !== "UNAUTHENTICATED" && e.code !== "RATE";

async function refusing<T>(rows: readonly ReadyRow[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (e) {
    throw ofRows(e) ? new Refused(rows, e) : e;
  }
}

/** New records whose values are checked; what is wrong with them is told where they are to be stored. */
export interface Prepared {
  readonly rows: readonly ReadyRow[];
  readonly store: StoreRecords;
}

export async function prepareCreates(
  kernel: Kernel,
  session: Session,
  mapping: Mapping,
  rows: readonly ReadyRow[],
): Promise<Prepared> {
  try {
    const values = rows.map((r) => valuesOf(mapping, r, "create"));
    return { rows, store: await kernel.records.prepareMany(session, mapping.object.name, values) };
  } catch (e) {
    return { rows, store: () => Promise.reject(e as Error) };
  }
}

/**
 * Writes rows in the session's transaction, all or none. Throws Refused. `existing` are the records by key as they were before; `prepared` is of
 * the same rows, if they were prepared.
 */
export async function writeRows(
  kernel: Kernel,
  session: Session,
  mapping: Mapping,
  existing: ReadonlyMap<string, Found>,
  rows: readonly ReadyRow[],
  prepared?: Prepared,
): Promise<Written> {
  const written: Written = { created: 0, updated: 0, unchanged: 0 };
  const known = new Map<string, { id: string; version: number }>(existing);
  for (const wave of wavesOf(rows)) {
    const isNew = ({ key }: ReadyRow): boolean => key === undefined || !known.has(key);
    const creates = wave.filter(isNew);
    const updates = wave.filter((r) => !isNew(r));
    if (creates.length > 0) {
      const { store } = prepared ?? (await prepareCreates(kernel, session, mapping, creates));
      const ids = await refusing(creates, () => store(session));
      written.created += creates.length;
      creates.forEach(({ key }, i) => key !== undefined && known.set(key, { id: ids[i] ?? "", version: 1 }));
    }
    if (updates.length > 0) await update(kernel, session, mapping, known, updates, written);
  }
  return written;
}

async function update(
  kernel: Kernel,
  session: Session,
  mapping: Mapping,
  known: Map<string, { id: string; version: number }>,
  rows: readonly ReadyRow[],
  written: Written,
): Promise<void> {
  const patches = rows.map((r) => ({ ...valuesOf(mapping, r, "update"), id: known.get(r.key ?? "")?.id }));
  const text = await refusing(rows, () => kernel.records.updateMany(session, mapping.object.name, patches));
  const before = rows.map((r) => known.get(r.key ?? "")?.version);
  remember(known, rows, text);
  rows.forEach((r, i) => (known.get(r.key ?? "")?.version === before[i] ? written.unchanged++ : written.updated++));
}

function remember(known: Map<string, { id: string; version: number }>, rows: readonly ReadyRow[], text: string): void {
  const { data } = JSON.parse(text) as { data: { id: string; version: number }[] };
  rows.forEach(({ key }, i) => {
    const answer = data[i];
    if (key !== undefined && answer) known.set(key, { id: answer.id, version: answer.version });
  });
}

/** Rows of one key follow each other: in a wave each key stands once. */
function wavesOf(rows: readonly ReadyRow[]): ReadyRow[][] {
  const counts = new Map<string, number>();
  const waves: ReadyRow[][] = [];
  for (const row of rows) {
    const wave = row.key === undefined ? 0 : (counts.get(row.key) ?? 0);
    if (row.key !== undefined) counts.set(row.key, wave + 1);
    (waves[wave] ??= []).push(row);
  }
  return waves;
}

/** Columns of one value's parts, `address.city` or `about.account`, become one value. An empty cell leaves a new record's field to its default, and one that is there as it is unless the mapping clears it. */
function valuesOf(mapping: Mapping, { row }: ReadyRow, kind: "create" | "update"): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [path, given] of Object.entries(row.values)) {
    if (path === "id" || (given === empty && !(kind === "update" && mapping.clears))) continue;
    const value = given === empty ? null : given;
    const [name = "", part] = path.split(".");
    const branches = mapping.object.fields.get(name)?.branches;
    // A constant object without an id in the row leads nowhere.
    if (part === "object" && mapping.constants.has(path) && !isGiven(row.values[`${name}.id`])) continue;
    if (part === undefined) values[name] = value;
    else if (branches) values[name] = namedWith(values[name], branches, part, value);
    else values[name] = { ...(values[name] as object | null | undefined), [part]: value };
  }
  return values;
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== empty;

/** The record of one of several objects, as far as columns have told it; none where all of them are empty. */
function namedWith(known: unknown, branches: readonly StoredField[], part: string, value: unknown): unknown {
  if (value === null) return known ?? null;
  const isObject = branches.some(({ target }) => target === part);
  return { ...(known as object | null | undefined), ...(isObject ? { object: part, id: value } : { [part]: value }) };
}

/** The issues of a refused write by row, as far as their paths (`/3/amount`) name rows; empty when they name none. */
export function issuesByRow({ rows, error }: Refused): Map<ReadyRow, Issue[]> {
  const byRow = new Map<ReadyRow, Issue[]>();
  for (const issue of error.issues) {
    const [, index = "", rest = ""] = /^\/(\d+)(\/.*)?$/s.exec(issue.path) ?? [];
    const row = index === "" ? undefined : rows[Number(index)];
    if (row) byRow.set(row, [...(byRow.get(row) ?? []), { ...issue, path: rest }]);
  }
  return byRow;
}
