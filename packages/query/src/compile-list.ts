import type { Snapshot } from "@guanxi/meta";
import { jsonObject, leafFields } from "./json.ts";
import { fewRowsSql, isByOwners, lastCount, ownedRowsSql } from "./owned.ts";
import type { ListPlan, OrderTerm, Source } from "./plan.ts";
import { type Asker, type Parameters, quote } from "./parameters.ts";
import { fieldsOf, type FieldSql } from "./expressions.ts";
import { fromSql, pagePredicateSql, sortSql } from "./sql.ts";
import { listedOf, metaVersion, whereSql } from "./where.ts";

interface SortKey {
  readonly sql: string;
  readonly type: string;
  readonly descending: boolean;
  readonly nullable: boolean;
}

function sortKeys(order: readonly OrderTerm[], field: FieldSql, parameters: Parameters): SortKey[] {
  return order.map((t) => ({
    ...sortSql(t.field, field(t.source, t.field.name), parameters),
    descending: t.descending,
    nullable: t.field.column?.notNull !== true || t.source !== "t0",
  }));
}

/** Nulls come last either way; columns without nulls say nothing of them, so that an index serves both directions. */
const orderSql = (keys: readonly SortKey[]): string =>
  keys
    .map((k) => `${k.sql}${k.descending ? " DESC" : ""}${k.nullable && k.descending ? " NULLS LAST" : ""}`)
    .join(", ");

/** The rows behind the cursor: a row comparison where one order and no nulls allow it, since only that uses an index at once. */
function afterSql(keys: readonly SortKey[], cursor: readonly (string | null)[], parameters: Parameters): string {
  const values = keys.map((k, i) => parameters.add(cursor[i], k.type));
  const [first] = keys;
  if (keys.every((k) => !k.nullable && k.descending === first?.descending)) {
    return `(${keys.map((k) => k.sql).join(", ")}) ${first?.descending ? "<" : ">"} (${values.join(", ")})`;
  }
  return keys.reduceRight((rest, key, i) => {
    const value = cursor[i];
    const same = value === null ? `${key.sql} IS NULL` : `${key.sql} = ${values[i]}`;
    const beyond =
      value === null
        ? "false"
        : `(${key.sql} ${key.descending ? "<" : ">"} ${values[i]}${key.nullable ? ` OR ${key.sql} IS NULL` : ""})`;
    return rest === "" ? beyond : `(${beyond} OR (${same} AND ${rest}))`;
  }, "");
}

/** How a list finds rows that sharing keeps to their owners: by the owners where they are few, else by walking; both where nobody has counted. */
export type Way = "few" | "many" | "count";

/** The way that a list is asked with; undefined where sharing does not keep its rows to their owners. */
export function wayOf({ sources: [root] }: ListPlan, snapshot: Snapshot, asker: Asker): Way | undefined {
  if (!root || !isByOwners(root.predicate)) return undefined;
  const few = lastCount(snapshot, root.object, asker);
  return few === undefined ? "count" : few ? "few" : "many";
}

/** A list on its way to SQL: what its variants share. */
interface Page {
  readonly plan: ListPlan;
  readonly snapshot: Snapshot;
  readonly parameters: Parameters;
  readonly keys: readonly SortKey[];
  readonly limit: string;
  /** Of the page's rows, before they become JSON. */
  readonly columns: string;
}

const innerName: FieldSql = (source, name) => quote(`${source}.${name}`);

function pageOf(plan: ListPlan, snapshot: Snapshot, parameters: Parameters): Page {
  const field = fieldsOf(plan.sources, snapshot, parameters);
  const shown = fieldsOf(plan.sources, snapshot, parameters, { fewAsk: true });
  const keys = sortKeys(plan.order, field, parameters);
  const columns = [
    ...leafFields(plan.outputs).map((l) => `${shown(l.source, l.name)} AS ${innerName(l.source, l.name)}`),
    ...keys.map((k, i) => `${k.sql} AS k${i}`),
  ];
  return { plan, snapshot, parameters, keys, limit: parameters.add(plan.limit, "int"), columns: columns.join(", ") };
}

/** The page cut from these tables, where also `conditions` hold. */
function cutSql(page: Page, from: string, sources: readonly Source[], conditions: readonly string[] = []): string {
  const { plan, snapshot, parameters, keys, limit, columns } = page;
  const where = [
    ...conditions,
    ...whereSql({ ...plan, sources }, snapshot, parameters, pagePredicateSql),
    ...(plan.cursor ? [afterSql(keys, plan.cursor, parameters)] : []),
  ];
  return `SELECT ${columns}
      ${from}
      WHERE ${where.join(" AND ")}
      ORDER BY ${orderSql(keys)}
      LIMIT ${limit} + 1`;
}

const walked = (page: Page, conditions?: readonly string[]): string =>
  cutSql(page, fromSql(page.plan.sources, page.snapshot, page.parameters), page.plan.sources, conditions);

/** Rows that were fetched by their owners need not be asked for them again. */
function fetched(page: Page, conditions?: readonly string[]): string {
  const { plan, snapshot, parameters } = page;
  const [root, ...walks] = plan.sources as readonly [Source, ...Source[]];
  const sources: Source[] = [{ ...root, predicate: { kind: "all" } }, ...walks];
  const owned = ownedRowsSql(root, snapshot, parameters);
  const rows = fromSql(sources, snapshot, parameters, { rows: ({ via }) => (via ? undefined : owned) });
  return cutSql(page, rows, sources, conditions);
}

const ways: Readonly<Record<Way, (page: Page) => string>> = {
  few: fetched,
  many: walked,
  count: (page) => `(${fetched(page, ["(SELECT yes FROM few)"])})
      UNION ALL (${walked(page, ["NOT (SELECT yes FROM few)"])})`,
};

/** The count, and where it stands in the answer. */
function countSql({ plan, snapshot, parameters }: Page): { first: string; answer: string } {
  const [root] = plan.sources as readonly [Source, ...Source[]];
  return {
    first: `WITH few AS MATERIALIZED (SELECT ${fewRowsSql(root, snapshot, parameters)} AS yes)\n`,
    answer: ", (SELECT yes FROM few) AS few",
  };
}

function totalSql({ plan, snapshot, parameters }: Page): string {
  if (!plan.count) return "NULL::bigint";
  const where = whereSql(plan, snapshot, parameters).join(" AND ");
  return `(SELECT count(*) ${fromSql(plan.sources, snapshot, parameters)} WHERE ${where})`;
}

/**
 * One row: `data` (the records' JSON, comma-separated), `more` (whether a further row is there), `last` (JSON array of the
 * last row's sort values as text), `count` (null unless asked), `meta`, and `few` where the way is to count.
 */
export function compileList(plan: ListPlan, snapshot: Snapshot, parameters: Parameters, way: Way = "many"): string {
  const page = pageOf(plan, snapshot, parameters);
  const { keys, limit } = page;
  const { first, answer } = way === "count" ? countSql(page) : { first: "", answer: "" };
  const marks = keys.map((_, i) => `s.k${i}::text`).join(", ");
  // The page is cut first and its JSON built after, so that a wide object costs a page's rows, not the filter's.
  return `${first}SELECT coalesce(string_agg(p.j, ',' ORDER BY p.n) FILTER (WHERE p.n <= ${limit}), '') AS data,
  coalesce(max(p.n), 0) > ${limit} AS more, max(p.k) AS last, ${totalSql(page)} AS count, ${metaVersion(snapshot)}${answer}
FROM (
  SELECT ${jsonObject(plan.outputs, (source, name) => `s.${innerName(source, name)}`, listedOf(plan, snapshot, parameters))}::text AS j, s.n,
    CASE WHEN s.n = ${limit} THEN json_build_array(${marks})::text END AS k
  FROM (
    SELECT row_number() OVER () AS n, c.* FROM (
      ${ways[way](page)}
    ) c
  ) s
) p`;
}
