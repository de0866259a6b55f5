import type { Client, CrmRecord, Fields } from "./objects.ts";

/** The API's largest array of records, and its largest page. */
const writeBatch = 1_000;
const pageSize = 500;
/** Characters of keys asked for at once; with the field's name a filter stays under the 10,000 that an expression may have. */
const filterLength = 9_000;

export interface SyncResult {
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  /** Ids by key. */
  readonly ids: ReadonlyMap<string, string>;
}

const chunks = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size) as T[]);

/** The values in groups whose list in a filter is not too long. */
function filterGroups(values: readonly string[]): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const value of new Set(values)) {
    const length = JSON.stringify(value).length + ", ".length;
    if (length > room) {
      groups.push([]);
      room = filterLength;
    }
    groups.at(-1)?.push(value);
    room -= length;
  }
  return groups;
}

/** `field in ["a", "b"]`, as the expression language writes it. */
export const oneOf = (field: string, values: readonly string[]): string =>
  `${field} in [${values.map((v) => JSON.stringify(v)).join(", ")}]`;

/** The id of what was found or created under this key. */
export function idOf(ids: ReadonlyMap<string, string>, key: string): string {
  const id = ids.get(key);
  if (id === undefined) throw new Error(`The server has no record "${key}"`);
  return id;
}

/** The fields in which the record differs from what is wanted; null stands for an empty one. */
export function differences(wanted: Fields, record: Fields): Fields {
  return Object.fromEntries(Object.entries(wanted).filter(([field, value]) => (record[field] ?? null) !== value));
}

const namesOf = (wanted: readonly Fields[]): string[] => [...new Set(wanted.flatMap((w) => Object.keys(w)))];

async function existing(
  client: Client,
  object: string,
  key: string,
  wanted: readonly Fields[],
): Promise<Map<string, CrmRecord>> {
  const select = namesOf(wanted);
  const found = new Map<string, CrmRecord>();
  for (const keys of filterGroups(wanted.map((w) => String(w[key])))) {
    for (const record of await find(client, object, select, oneOf(key, keys))) found.set(String(record[key]), record);
  }
  return found;
}

/** Every record that the filter finds; the id is always there. */
async function find(client: Client, object: string, select: readonly string[], filter: string): Promise<CrmRecord[]> {
  const found: CrmRecord[] = [];
  for await (const record of client.records(object).all({ select, filter, limit: pageSize }))
    found.push(record as CrmRecord);
  return found;
}

/** Writes records in arrays, each all or nothing, and answers what the server made of them in the same order. */
async function inBatches<T>(
  values: readonly T[],
  write: (batch: readonly T[]) => Promise<readonly CrmRecord[]>,
): Promise<CrmRecord[]> {
  const answers: CrmRecord[] = [];
  for (const batch of chunks(values, writeBatch)) answers.push(...(await write(batch)));
  return answers;
}

/**
 * Makes the tenant's records equal to `wanted`, found again by their `key`: new ones are created, those that differ patched in
 * the fields that differ, and nothing is written where nothing differs.
 */
export async function sync(
  client: Client,
  object: string,
  key: string,
  wanted: readonly Fields[],
): Promise<SyncResult> {
  const found = await existing(client, object, key, wanted);
  const missing = wanted.filter((w) => !found.has(String(w[key])));
  const patches = wanted.flatMap((w) => {
    const record = found.get(String(w[key]));
    const changes = record === undefined ? {} : differences(w, record);
    return record === undefined || Object.keys(changes).length === 0 ? [] : [{ id: record.id, ...changes }];
  });
  const records = client.records(object);
  const created = await inBatches(missing, (batch) => records.createMany(batch));
  await inBatches(patches, (batch) => records.updateMany(batch));
  const ids = new Map([...found].map(([name, record]) => [name, record.id]));
  missing.forEach((w, i) => {
    const record = created[i];
    if (record !== undefined) ids.set(String(w[key]), record.id);
  });
  return {
    created: missing.length,
    changed: patches.length,
    unchanged: wanted.length - missing.length - patches.length,
    ids,
  };
}

/** Creates those pairs (user and role, user and position) that are not there yet; answers how many. */
export async function syncPairs(
  client: Client,
  object: string,
  [left, right]: readonly [string, string],
  wanted: readonly Fields[],
): Promise<number> {
  const pair = (record: Fields) => `${String(record[left])} ${String(record[right])}`;
  const there = new Set<string>();
  for (const keys of filterGroups(wanted.map((w) => String(w[left])))) {
    for (const record of await find(client, object, [left, right], oneOf(left, keys))) there.add(pair(record));
  }
  const missing = wanted.filter((w) => !there.has(pair(w)));
  await inBatches(missing, (batch) => client.records(object).createMany(batch));
  return missing.length;
}
