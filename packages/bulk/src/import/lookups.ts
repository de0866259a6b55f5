import { type Issue, type Recent, text } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { pointer } from "@guanxi/meta";
import type { Lookup, MappedRow } from "../mapping/row.ts";
import { canonical, findBy } from "./find.ts";

/** Ids of records by natural key that a job has found already, by `placeOf`. Misses are not kept: a later row may need what an earlier has made. */
export type LookupCache = Recent<string, string>;

/** A value among the natural keys of one kind. */
const placeOf = (kind: string, value: string): string => `${kind}\0${value}`;

const kindOf = ({ target, by }: Lookup): string => `${target.id}.${by.id}`;

/** Puts the ids of the records that the rows name into their values, one question per kind; an issue where there is none, or several. */
export async function resolveLookups(
  kernel: Kernel,
  session: Session,
  rows: readonly MappedRow[],
  cache: LookupCache,
): Promise<void> {
  const wanted = new Map<string, { lookup: Lookup; values: Set<string> }>();
  const keyed = rows.flatMap((row) =>
    row.lookups.map((lookup) => ({ row, lookup, key: canonical(lookup.target, lookup.by, lookup.value) })),
  );
  for (const { lookup, key } of keyed) {
    const kind = kindOf(lookup);
    if (key === undefined || cache.get(placeOf(kind, key)) !== undefined) continue;
    const entry = wanted.get(kind) ?? { lookup, values: new Set() };
    wanted.set(kind, { lookup, values: entry.values.add(key) });
  }
  const ambiguous = new Set<string>();
  // What this chunk needs it has, however small the cache.
  const fresh = new Map<string, string>();
  for (const [kind, { lookup, values }] of wanted) {
    for (const [value, { id, more }] of await findBy(kernel, session, lookup.target, lookup.by, values)) {
      if (more) ambiguous.add(placeOf(kind, value));
      else fresh.set(placeOf(kind, value), id);
    }
  }
  for (const { row, lookup, key } of keyed) {
    const place = key === undefined ? undefined : placeOf(kindOf(lookup), key);
    const id = place === undefined ? undefined : (cache.get(place) ?? fresh.get(place));
    if (id === undefined) row.issues.push(missing(lookup, place !== undefined && ambiguous.has(place)));
    else if (lookup.at === undefined) row.values[lookup.field.name] = id;
    else (row.values[lookup.field.name] as unknown[])[lookup.at] = id;
  }
  for (const [place, id] of fresh) cache.set(place, id);
}

const none = text(
  'no {target} with {by} "{value}"',
  "没有 {by} 为“{value}”的 {target}",
  "沒有 {by} 為「{value}」的 {target}",
);
const several = text(
  'more than one {target} with {by} "{value}"',
  "有多个 {by} 为“{value}”的 {target}",
  "有多個 {by} 為「{value}」的 {target}",
);

const missing = ({ field, target, by, value, at }: Lookup, ambiguous: boolean): Issue => ({
  path: at === undefined ? pointer(field.name) : pointer(field.name, String(at)),
  code: "reference",
  text: ambiguous ? several : none,
  params: { target: target.name, by: by.name, value },
});
