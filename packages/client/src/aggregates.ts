import type { FieldPath, ObjectName, PathValue, Schema } from "./objects.ts";

type Period = "day" | "week" | "month" | "quarter" | "year";
type Measure = "count" | "count_distinct" | "sum" | "avg" | "min" | "max";

/** `status`, `owner.name` or `month(created_at)`. */
export type GroupTerm<O extends Schema<O>, N extends ObjectName<O>, G extends string> = G extends G
  ? G extends `${infer F}(${infer P})`
    ? F extends Period
      ? `${F}(${FieldPath<O, N, P>})`
      : `${Period}(${P})`
    : FieldPath<O, N, G>
  : never;

/** `count()`, `sum(amount)`, `avg(account.revenue)`. */
export type MetricTerm<O extends Schema<O>, N extends ObjectName<O>, M extends string> = M extends M
  ? M extends "count()"
    ? M
    : M extends `${infer F}(${infer P})`
      ? F extends Measure
        ? `${F}(${FieldPath<O, N, P>})`
        : `${Measure}(${P})`
      : "count()" | `${Measure}(${string})`
  : never;

type Underscored<T extends string> = T extends `${infer A}.${infer B}` ? `${A}_${Underscored<B>}` : T;

/** `month(created_at)` → `month_created_at`, `owner.name` → `owner_name`, `count()` → `count`. */
export type ColumnName<T extends string> = T extends `${infer F}(${infer P})`
  ? P extends ""
    ? F
    : `${F}_${Underscored<P>}`
  : Underscored<T>;

type GroupValue<O extends Schema<O>, N extends ObjectName<O>, G extends string> = G extends `${string}(${string})`
  ? string | null
  : PathValue<O, N, G> | null;

type MetricValue<O extends Schema<O>, N extends ObjectName<O>, M extends string> = M extends `count${string}`
  ? number
  : M extends `${infer F}(${infer P})`
    ? F extends "min" | "max"
      ? PathValue<O, N, P> | null
      : number | (PathValue<O, N, P> & string) | null
    : never;

/** A row of totals: groups, then metrics. */
export type Totals<O extends Schema<O>, N extends ObjectName<O>, G extends string, M extends string> = {
  [T in G as ColumnName<T>]: GroupValue<O, N, T>;
} & { [T in [M] extends [never] ? "count()" : M as ColumnName<T>]: MetricValue<O, N, T> };

/** `count`, `-sum_amount`: a column of the answer. */
export type TotalsOrder<T extends string> = ColumnName<T> | `-${ColumnName<T>}`;
