import type { Field, Snapshot } from "@guanxi/meta";
import { type Conversions, conversionsOf } from "./conversions.ts";
import type { AggregatePlan, GroupTerm, Metric } from "./plan.ts";
import { type Parameters, quote } from "./parameters.ts";
import { expressionSql, fieldsOf, type FieldSql } from "./expressions.ts";
import { fromSql, jsonColumn, secondsSql, sortSql, sqlTypeOf } from "./sql.ts";
import { metaVersion, whereSql } from "./where.ts";

const periodFormats = {
  day: "YYYY-MM-DD",
  week: 'IYYY-"W"IW',
  month: "YYYY-MM",
  quarter: 'YYYY-"Q"Q',
  year: "YYYY",
} as const;

/** Periods in the tenant's time zone; quarters and years of the fiscal year, named by the year it starts in. */
function groupSql(group: GroupTerm, field: FieldSql, snapshot: Snapshot, parameters: Parameters): string {
  const column = field(group.source, group.field.name);
  if (!group.period) return column;
  const local =
    group.field.exprType.kind === "datetime"
      ? `${column} AT TIME ZONE ${parameters.add(snapshot.settings.timeZone, "text")}`
      : column;
  const shift = group.period === "quarter" || group.period === "year" ? snapshot.settings.fiscalYearStart - 1 : 0;
  const moved = shift === 0 ? local : `(${local}) - interval '${shift} months'`;
  return `to_char(${moved}, '${periodFormats[group.period]}')`;
}

const counting: ReadonlySet<string> = new Set(["count", "count_distinct"]);
const isDuration = ({ field }: Metric): boolean => field?.exprType.kind === "duration";

/** Amounts are multiplied exactly and rounded once, as the field keeps them. */
const rounded = (sql: string, field: Field): string => {
  const scale = /,(\d+)\)$/.exec(sqlTypeOf(field))?.[1];
  return scale === undefined ? `trim_scale(${sql})` : `round(${sql}, ${scale})`;
};

function metricSql(metric: Metric, { amount }: Conversions, fieldSql: FieldSql): string {
  const { field } = metric;
  if (!field) return "count(*)";
  const converted = amount(metric);
  const sql = totalSql(metric, converted ?? valueSql(metric, fieldSql(metric.source, field.name)));
  return converted === undefined || metric.aggregate === "avg" ? sql : rounded(sql, field);
}

const valueSql = (metric: Metric, stored: string): string =>
  isDuration(metric) && !counting.has(metric.aggregate) ? secondsSql(stored) : stored;

function totalSql({ aggregate }: Metric, value: string): string {
  switch (aggregate) {
    case "count_distinct":
      return `count(DISTINCT ${value})`;
    case "sum":
      return `coalesce(sum(${value}), 0)`;
    case "avg":
      // Six decimals are exact enough for a mean and keep it a JSON number that a double can hold.
      return `trim_scale(round(avg(${value}), 6))`;
    default:
      return `${aggregate}(${value})`;
  }
}

interface GroupedRows {
  /** Stands before the statement. */
  readonly head: string;
  /** What FROM takes. */
  readonly rows: string;
  /** A further column of the statement. */
  readonly unrated: string;
}

/** Currencies without a rate are asked of every group, also of one that a condition on the totals leaves out: its total may be wrong. */
function groupedRows(select: (further: string) => string, { missing }: Conversions): GroupedRows {
  if (missing === undefined) return { head: "", rows: `(${select("")})`, unrated: "" };
  return {
    head: `WITH g AS MATERIALIZED (${select(`, ${missing} AS "#unrated"`)}) `,
    rows: "g",
    unrated: `, (SELECT string_agg("#unrated", ',') FROM g) AS unrated`,
  };
}

/** One row: `data` (the groups' JSON, comma-separated), `meta`; `unrated`, currencies that have no rate, where amounts are converted. */
export function compileAggregate(plan: AggregatePlan, snapshot: Snapshot, parameters: Parameters): string {
  const from = fromSql(plan.sources, snapshot, parameters);
  const field = fieldsOf(plan.sources, snapshot, parameters);
  const conversions = conversionsOf(plan.metrics, field, snapshot, parameters);
  const where = whereSql(plan, snapshot, parameters).join(" AND ");
  const groups = plan.groups.map((g) => ({
    name: g.name,
    sql: groupSql(g, field, snapshot, parameters),
    shownAs: g.period ? undefined : g.field,
  }));
  const metrics = plan.metrics.map((m) => ({
    name: m.name,
    sql: metricSql(m, conversions, field),
    shownAs: counting.has(m.aggregate) || isDuration(m) ? undefined : m.field,
  }));
  const members = [...groups, ...metrics];
  const columns = members.map((m) => `${m.sql} AS ${quote(m.name)}`).join(", ");
  const groupBy = groups.length > 0 ? `GROUP BY ${groups.map((_, i) => i + 1).join(", ")}` : "";
  const having = plan.having
    ? `WHERE (${expressionSql(plan.having, [{ alias: "t0", object: plan.object, deleted: "any", predicate: { kind: "all" } }], snapshot, parameters)})`
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
  const { head, rows, unrated } = groupedRows(
    (further) => `SELECT ${columns}${further} ${from} ${conversions.joins} WHERE ${where} ${groupBy}`,
    conversions,
  );
  return `${head}SELECT coalesce(string_agg(p.j, ',' ORDER BY p.n), '') AS data, ${metaVersion(snapshot)}${unrated} FROM (
  SELECT (SELECT to_json("#") FROM (SELECT ${names}) "#")::text AS j, row_number() OVER (${orderBy.length > 0 ? `ORDER BY ${orderBy.join(", ")}` : ""}) AS n
  FROM ${rows} t0
  ${having}
  ${orderBy.length > 0 ? `ORDER BY ${orderBy.join(", ")}` : ""} ${limit}
) p`;
}
