import { perKey, Recent } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import type { Source } from "./plan.ts";
import type { Asker, Parameters } from "./parameters.ts";
import { table, visibleOwners } from "./sql.ts";

/**
 * PostgreSQL cannot know how many rows a list of owners has that it reads only when the statement runs, and would look for the few rows of one
 * salesperson by walking the whole table in the order of the page. So they are counted first, up to this many: no more are fetched by
 * their owners and sorted; of more, the page is found soon enough by walking. Of a million rows that walk takes some 25,000 at most, if they lie evenly.
 */
const fewRows = 2_000;
/** Milliseconds for which a count is believed. Both ways give the same page; a wrong one is slow for so long. */
const believedMs = 15_000;
/** Counts of one tenant that are remembered, one for each actor and object: as many as are at work at once in a large one. */
const mostCounts = 5_000;

const owners = (snapshot: Snapshot, parameters: Parameters): string =>
  `ARRAY(${visibleOwners(snapshot.settings.schema, parameters.user())})`;

/** Whether the actor's rows are few: a condition that does not depend on a row, so that PostgreSQL decides by it once. Reads the owners' index alone. */
export function fewRowsSql(source: Source, snapshot: Snapshot, parameters: Parameters): string {
  const rows = `SELECT FROM ${table(snapshot, source)} r WHERE r.owner = o.id LIMIT ${fewRows + 1}`;
  return `(SELECT count(*) <= ${fewRows} FROM (SELECT FROM unnest(${owners(snapshot, parameters)}) o(id) CROSS JOIN LATERAL (${rows}) r LIMIT ${fewRows + 1}) m)`;
}

/** The actor's rows, fetched by their owners; `OFFSET 0` keeps PostgreSQL from another way to them. */
export function ownedRowsSql(source: Source, snapshot: Snapshot, parameters: Parameters): string {
  const rows = `SELECT * FROM ${table(snapshot, source)} r WHERE r.owner = o.id OFFSET 0`;
  return `(SELECT r.* FROM unnest(${owners(snapshot, parameters)}) o(id) CROSS JOIN LATERAL (${rows}) r OFFSET 0)`;
}

interface Count {
  readonly few: boolean;
  /** ms since 1970. */
  readonly until: number;
}

const counts = perKey((_: Snapshot) => new Recent<string, Count>(mostCounts));

const keyOf = (object: ObjectType, { user }: Asker): string => `${object.name} ${user}`;

/** Whether the asker's rows were few when they were last counted; undefined when that is too long ago. */
export function lastCount(snapshot: Snapshot, object: ObjectType, asker: Asker): boolean | undefined {
  const known = counts(snapshot).get(keyOf(object, asker));
  return known && known.until > asker.now.getTime() ? known.few : undefined;
}

export const keepCount = (snapshot: Snapshot, object: ObjectType, asker: Asker, few: boolean): void =>
  counts(snapshot).set(keyOf(object, asker), { few, until: asker.now.getTime() + believedMs });
