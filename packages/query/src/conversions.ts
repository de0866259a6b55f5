import type { Snapshot } from "@guanxi/meta";
import type { Metric } from "./plan.ts";
import { literal, type Parameters, quote } from "./parameters.ts";
import type { FieldSql } from "./expressions.ts";

/** How the amounts of a statement become amounts in the tenant's currency. */
export interface Conversions {
  /** Joins that find each row's rates. */
  readonly joins: string;
  /** SQL of a metric's converted amount; null where there is no rate. */
  amount(metric: Metric): string | undefined;
  /** SQL, an aggregate: codes without a rate at the date of a row that has an amount, comma-separated; undefined where nothing is converted. */
  readonly missing: string | undefined;
}

/** One rate serves all amounts of a row with the same currency field. */
export function conversionsOf(
  metrics: readonly Metric[],
  fieldSql: FieldSql,
  snapshot: Snapshot,
  parameters: Parameters,
): Conversions {
  const { settings } = snapshot;
  const own = `${literal(settings.currency)}::text`;
  const rates = new Map<string, string>();
  const joins: string[] = [];
  const missing: string[] = [];
  const amounts = new Map<Metric, string>();
  for (const metric of metrics) {
    const { conversion, field } = metric;
    if (!conversion || !field) continue;
    const code = fieldSql(conversion.code.source, conversion.code.field.name);
    let rate = rates.get(code);
    if (rate === undefined) {
      rates.set(code, (rate = `x${rates.size}`));
      const date = fieldSql(conversion.date.source, conversion.date.field.name);
      const day =
        conversion.date.field.exprType.kind === "datetime"
          ? `(${date} AT TIME ZONE ${parameters.add(settings.timeZone, "text")})::date`
          : date;
      joins.push(`LEFT JOIN LATERAL (SELECT e.rate FROM ${quote(settings.schema)}.exchange_rate e WHERE e.currency = ${code} AND e.valid_from <= ${day} AND e.deleted_at IS NULL
    ORDER BY e.valid_from DESC LIMIT 1) ${rate} ON ${code} <> ${own}`);
    }
    const amount = fieldSql(metric.source, field.name);
    amounts.set(metric, `(${amount} * CASE WHEN ${code} = ${own} THEN 1 ELSE ${rate}.rate END)`);
    missing.push(
      `string_agg(DISTINCT ${code}, ',') FILTER (WHERE ${amount} IS NOT NULL AND ${code} <> ${own} AND ${rate}.rate IS NULL)`,
    );
  }
  return {
    joins: joins.join("\n"),
    amount: (metric) => amounts.get(metric),
    missing: missing.length === 0 ? undefined : `nullif(concat_ws(',', ${missing.join(", ")}), '')`,
  };
}
