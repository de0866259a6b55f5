import { jsonObject, leafColumns } from "./json.ts";
import { fewRowsSql, ownedRowsSql } from "./owned.ts";
import type {
  AggregatePlan,
  Authorized,
  GetPlan,
  GroupTerm,
  ListPlan,
  Metric,
  OrderTerm,
  ReadPlan,
  Source,
} from "./plan.ts";
import {
  expressionSql,
  fromSql,
  jsonColumn,
  Parameters,
  predicateSql,
  quote,
  rowPredicateSql,
  sortSql,
  sourceCondition,
  type SqlContext,
  type SqlText,
} from "./sql.ts";

function whereSql(plan: ReadPlan, context: SqlContext, parameters: Parameters, predicate = predicateSql): string[] {
  const [root] = plan.sources;
  if (!root) throw new Error("a plan without a root");
  const conditions = [sourceCondition(root, context, parameters, predicate)];
  if (plan.filter) conditions.push(`(${expressionSql(plan.filter, plan.sources, context, parameters)})`);
  return conditions;
}

/** `meta`: the tenant's metadata version, by which the caller sees whether the plan was made for what is there now. */
const metaVersion = ({ settings }: SqlContext): string =>
  `(SELECT version FROM ${quote(settings.schema)}._meta) AS meta`;

interface SortKey {
  readonly sql: string;
  readonly type: string;
  readonly descending: boolean;
  readonly nullable: boolean;
}

function sortKeys(order: readonly OrderTerm[], parameters: Parameters): SortKey[] {
  return order.map((t) => ({
    ...sortSql(t.field, `${t.source}.${quote(t.field.column.name)}`, parameters),
    descending: t.descending,
    nullable: !t.field.column.notNull || t.source !== "t0",
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

/**
 * One row: `data` (the records' JSON, comma-separated), `more` (whether a further row is there), `last` (JSON array of the
 * last row's sort values as text), `count` (null unless asked), `meta`.
 */
function compileList(plan: ListPlan, context: SqlContext): SqlText {
  const parameters = new Parameters();
  const from = fromSql(plan.sources, context, parameters);
  const conditions = whereSql(plan, context, parameters);
  const keys = sortKeys(plan.order, parameters);
  const page = plan.cursor ? [...conditions, afterSql(keys, plan.cursor, parameters)] : conditions;
  const limit = parameters.add(plan.limit, "int");
  const leaves = leafColumns(plan.outputs);
  const inner = (source: string, column: string): string => `s.${quote(`${source}.${column}`)}`;
  const columns = [
    ...leaves.map((l) => `${l.source}.${quote(l.column)} AS ${quote(`${l.source}.${l.column}`)}`),
    ...keys.map((k, i) => `${k.sql} AS k${i}`),
  ];
  const pageOf = (rows: string, where: readonly string[]): string =>
    `SELECT ${columns.join(", ")}
      ${rows}
      WHERE ${where.join(" AND ")}
      ORDER BY ${orderSql(keys)}
      LIMIT ${limit} + 1`;
  const [root] = plan.sources;
  const owned = root?.predicate?.kind === "owned" ? root : undefined;
  const few = owned ? `WITH few AS MATERIALIZED (SELECT ${fewRowsSql(owned, context, parameters)} AS yes)\n` : "";
  const either = (source: Source): string => {
    const fetched = fromSql(plan.sources, context, parameters, ownedRowsSql(source, context, parameters));
    return `(${pageOf(fetched, ["(SELECT yes FROM few)", ...page])})
      UNION ALL (${pageOf(from, ["NOT (SELECT yes FROM few)", ...page])})`;
  };
  const cut = owned ? either(owned) : pageOf(from, page);
  const marks = keys.map((_, i) => `s.k${i}::text`).join(", ");
  const count = plan.count ? `(SELECT count(*) ${from} WHERE ${conditions.join(" AND ")})` : "NULL::bigint";
  // The page is cut first and its JSON built after, so that a wide object costs a page's rows, not the filter's.
  const text = `${few}SELECT coalesce(string_agg(p.j, ',' ORDER BY p.n) FILTER (WHERE p.n <= ${limit}), '') AS data,
  coalesce(max(p.n), 0) > ${limit} AS more, max(p.k) AS last, ${count} AS count, ${metaVersion(context)}
FROM (
  SELECT ${jsonObject(plan.outputs, inner)}::text AS j, s.n,
    CASE WHEN s.n = ${limit} THEN json_build_array(${marks})::text END AS k
  FROM (
    SELECT row_number() OVER () AS n, c.* FROM (
      ${cut}
    ) c
  ) s
) p`;
  return { text, params: parameters.values };
}

/** One row at most: `data` (the record's JSON), `version`, `id`, `meta`. */
function compileGet(plan: GetPlan, context: SqlContext): SqlText {
  const parameters = new Parameters();
  const value = parameters.add(plan.by.value, plan.by.field.column.sqlType);
  const from = fromSql(plan.sources, context, parameters);
  const conditions = [
    `t0.${quote(plan.by.field.column.name)} = ${value}`,
    ...whereSql(plan, context, parameters, rowPredicateSql),
  ];
  const text = `SELECT ${jsonObject(plan.outputs)}::text AS data, t0.version, t0.id, ${metaVersion(context)} ${from} WHERE ${conditions.join(" AND ")}`;
  return { text, params: parameters.values };
}

const periodFormats = {
  day: "YYYY-MM-DD",
  week: 'IYYY-"W"IW',
  month: "YYYY-MM",
  quarter: 'YYYY-"Q"Q',
  year: "YYYY",
} as const;

/** Periods in the tenant's time zone; quarters and years of the fiscal year, named by the year it starts in. */
function groupSql(group: GroupTerm, context: SqlContext, parameters: Parameters): string {
  const column = `${group.source}.${quote(group.field.column.name)}`;
  if (!group.period) return column;
  const local =
    group.field.exprType.kind === "datetime"
      ? `${column} AT TIME ZONE ${parameters.add(context.settings.timeZone, "text")}`
      : column;
  const shift = group.period === "quarter" || group.period === "year" ? context.settings.fiscalYearStart - 1 : 0;
  const moved = shift === 0 ? local : `(${local}) - interval '${shift} months'`;
  return `to_char(${moved}, '${periodFormats[group.period]}')`;
}

function metricSql(metric: Metric): string {
  if (!metric.field) return "count(*)";
  const column = `${metric.source}.${quote(metric.field.column.name)}`;
  switch (metric.aggregate) {
    case "count":
      return `count(${column})`;
    case "count_distinct":
      return `count(DISTINCT ${column})`;
    case "sum":
      return `coalesce(sum(${column}), 0)`;
    case "avg":
      // Six decimals are exact enough for a mean and keep it a JSON number that a double can hold.
      return `trim_scale(round(avg(${column}), 6))`;
    default:
      return `${metric.aggregate}(${column})`;
  }
}

const counting: ReadonlySet<string> = new Set(["count", "count_distinct"]);

/** One row: `data` (the groups' JSON, comma-separated), `meta`. */
function compileAggregate(plan: AggregatePlan, context: SqlContext): SqlText {
  const parameters = new Parameters();
  const from = fromSql(plan.sources, context, parameters);
  const where = whereSql(plan, context, parameters).join(" AND ");
  const groups = plan.groups.map((g) => ({
    name: g.name,
    sql: groupSql(g, context, parameters),
    shownAs: g.period ? undefined : g.field,
  }));
  const metrics = plan.metrics.map((m) => ({
    name: m.name,
    sql: metricSql(m),
    shownAs: counting.has(m.aggregate) ? undefined : m.field,
  }));
  const members = [...groups, ...metrics];
  const columns = members.map((m) => `${m.sql} AS ${quote(m.name)}`).join(", ");
  const groupBy = groups.length > 0 ? `GROUP BY ${groups.map((_, i) => i + 1).join(", ")}` : "";
  const having = plan.having
    ? `WHERE (${expressionSql(plan.having, [{ alias: "t0", object: plan.object, deleted: "any", predicate: { kind: "all" } }], context, parameters)})`
    : "";
  const order = [
    ...plan.order,
    ...plan.groups
      .filter((g) => !plan.order.some((o) => o.name === g.name))
      .map((g) => ({ name: g.name, descending: false })),
  ];
  const orderBy = order.map((o) => {
    const group = plan.groups.find((g) => g.name === o.name && !g.period);
    const sql = group ? sortSql(group.field, `t0.${quote(o.name)}`, parameters).sql : `t0.${quote(o.name)}`;
    return `${sql}${o.descending ? " DESC" : ""} NULLS LAST`;
  });
  const limit = plan.limit === undefined ? "" : `LIMIT ${parameters.add(plan.limit, "bigint")}`;
  // Totals of a decimal are shown as its records show it; conditions and order work on the numbers.
  const names = members
    .map((m) => {
      const column = `t0.${quote(m.name)}`;
      return m.shownAs ? `${jsonColumn(m.shownAs, column)} AS ${quote(m.name)}` : column;
    })
    .join(", ");
  const text = `SELECT coalesce(string_agg(p.j, ',' ORDER BY p.n), '') AS data, ${metaVersion(context)} FROM (
  SELECT (SELECT to_json("#") FROM (SELECT ${names}) "#")::text AS j, row_number() OVER (${orderBy.length > 0 ? `ORDER BY ${orderBy.join(", ")}` : ""}) AS n
  FROM (SELECT ${columns} ${from} WHERE ${where} ${groupBy}) t0
  ${having}
  ${orderBy.length > 0 ? `ORDER BY ${orderBy.join(", ")}` : ""} ${limit}
) p`;
  return { text, params: parameters.values };
}

/** The statement of an authorized plan. */
export function compileRead(plan: Authorized<ReadPlan>, context: SqlContext): SqlText {
  switch (plan.kind) {
    case "list":
      return compileList(plan, context);
    case "get":
      return compileGet(plan, context);
    case "aggregate":
      return compileAggregate(plan, context);
  }
}
