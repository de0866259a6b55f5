import type { StoredField, TenantSettings } from "@guanxi/meta";
import { literal } from "@guanxi/query";

/** A canonical value as a constant of its column's type; `today` and `now` are those of the change. */
export function constant(field: StoredField, value: unknown, { timeZone, currency }: TenantSettings): string {
  const { sqlType } = field.column;
  if (field.type === "date" && value === "today") return `(now() AT TIME ZONE ${literal(timeZone)})::date`;
  if (field.type === "datetime" && value === "now") return "now()";
  if (field.type === "currency_code" && value === "tenant") return `${literal(currency)}::text`;
  if (sqlType === "jsonb") return `${literal(JSON.stringify(value))}::jsonb`;
  if (Array.isArray(value)) return `ARRAY[${value.map((v) => literal(String(v))).join(", ")}]::${sqlType}`;
  return `${literal(String(value))}::${sqlType}`;
}
