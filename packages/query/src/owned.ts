import { perKey, Recent } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import type { Predicate, Source } from "./plan.ts";
import { type Asker, type Parameters, quote } from "./parameters.ts";
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

/** Whether all rows that the actor reaches are found from the owners that they see: by their own, or by those of their parents. */
export const isByOwners = (predicate: Predicate | undefined): boolean =>
  predicate?.kind === "owned" ||
  (predicate?.kind === "parent" &&
    predicate.parents.every((p) => p.predicate.kind === "none" || isByOwners(p.predicate)));

/** A way from the owners to rows `r` of an object. */
interface Way {
  /** `FROM …`, at most so many parents being followed. */
  readonly from: (limit?: string) => string;
  /** The ways to the parents that it leads over. */
  readonly over?: Way;
}

function waysTo(object: ObjectType, predicate: Predicate | undefined, snapshot: Snapshot, ids: string): Way[] {
  const name = `${quote(snapshot.settings.schema)}.${quote(object.table)}`;
  const parents = predicate?.kind === "parent" ? predicate.parents : [];
  const orphans = parents.map(({ field }) => ` AND r.${quote(field.column.name)} IS NULL`).join("");
  const owned: Way = {
    from(limit) {
      const rows = `SELECT * FROM ${name} r WHERE r.owner = o.id${limit === undefined ? orphans : ""}${limit ?? " OFFSET 0"}`;
      return `FROM unnest(${ids}) o(id) CROSS JOIN LATERAL (${rows}) r`;
    },
  };
  const led = parents.flatMap(({ field, object: parent, predicate: reached }) =>
    (reached.kind === "none" ? [] : waysTo(parent, reached, snapshot, ids)).map((over): Way => ({
      over,
      from(limit) {
        const rows = `SELECT * FROM ${name} r WHERE r.${quote(field.column.name)} = p.id${limit ?? " OFFSET 0"}`;
        return `FROM (SELECT r.id ${over.from(limit)}${limit ?? ""}) p CROSS JOIN LATERAL (${rows}) r`;
      },
    })),
  );
  return [owned, ...led];
}

/**
 * Whether the actor's rows are few: a condition that does not depend on a row, so that PostgreSQL decides by it once. Reads the owners' index alone,
 * and where parents decide, those of the references to them: there each way is counted by itself, and so are the parents that it leads over.
 */
export function fewRowsSql(source: Source, snapshot: Snapshot, parameters: Parameters): string {
  const limit = ` LIMIT ${fewRows + 1}`;
  const few = (from: string): string => `(SELECT count(*) <= ${fewRows} FROM (SELECT ${from}${limit}) m)`;
  if (source.predicate?.kind === "parent") {
    const counts = waysTo(source.object, source.predicate, snapshot, owners(snapshot, parameters)).flatMap((way) => {
      const steps: Way[] = [];
      for (let step: Way | undefined = way; step; step = step.over) steps.unshift(step);
      return steps.map((step) => few(step.from(limit)));
    });
    return `(${[...new Set(counts)].join(" AND ")})`;
  }
  const rows = `SELECT FROM ${table(snapshot, source)} r WHERE r.owner = o.id${limit}`;
  return few(`FROM unnest(${owners(snapshot, parameters)}) o(id) CROSS JOIN LATERAL (${rows}) r`);
}

/** The actor's rows, fetched by their owners, or by those of their parents; `OFFSET 0` keeps PostgreSQL from another way to them. */
export function ownedRowsSql(source: Source, snapshot: Snapshot, parameters: Parameters): string {
  const ways = waysTo(source.object, source.predicate, snapshot, owners(snapshot, parameters));
  const rows = ways.map((way) => `SELECT r.* ${way.from()}`).join(" UNION ALL ");
  return `(${rows} OFFSET 0)`;
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
