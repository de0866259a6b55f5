import { text } from "@guanxi/base";
import { checkExpression, type ExprType, type Kind } from "@guanxi/expr";
import { type Field, formulaOf, type ObjectType, type Snapshot } from "@guanxi/meta";
import { inParameter, noField, queryError, refuseWhole } from "./errors.ts";
import { splitCall, splitPath, splitTerms, type Term } from "./paths.ts";
import type { Aggregate, AggregatePlan, Conversion, GroupTerm, Metric, Period } from "./plan.ts";
import { resolveFilter } from "./resolve-list.ts";
import { relationsOf } from "./scope.ts";
import { Sources } from "./sources.ts";

export interface AggregateRequest {
  readonly group?: string | undefined;
  readonly metrics?: string | undefined;
  readonly filter?: string | undefined;
  readonly having?: string | undefined;
  readonly order?: string | undefined;
  readonly limit?: number | undefined;
}

const periods: readonly string[] = ["day", "week", "month", "quarter", "year"] satisfies Period[];
const aggregates: readonly string[] = ["count", "count_distinct", "sum", "avg", "min", "max"] satisfies Aggregate[];

/** `month(created_at)` → `month_created_at`, `owner.name` → `owner_name`, `count()` → `count`. */
const outputName = (term: string): string =>
  term
    .replace(/\s/g, "")
    .replace(/[.()]+/g, "_")
    .replace(/_$/, "");

const unsuitable = (parameter: string, term: Term) =>
  queryError(
    parameter,
    text(
      `"${term.source}" does not fit the field's type`,
      `“${term.source}”与字段类型不符`,
      `「${term.source}」與欄位類型不符`,
    ),
    term.position,
  );

/** Values that PostgreSQL could compare, but whose order and whose sameness mean nothing to people. */
const isOpaque = (kind: Kind): boolean => kind === "json" || kind === "parts";

function resolveGroup(term: Term, sources: Sources): GroupTerm {
  const call = splitCall(term);
  if (call && !periods.includes(call.name)) {
    throw queryError(
      "group",
      text(`groups may use ${periods.join(", ")}`, `分组可用 ${periods.join("、")}`, `分組可用 ${periods.join("、")}`),
      term.position,
    );
  }
  const path = splitPath("group", call ? { source: call.argument, position: call.position } : term);
  const found = sources.field(path);
  if (!found) throw noField("group", path.join("."), call?.position ?? term.position);
  refuseWhole("group", path.join("."), found.field, call?.position ?? term.position);
  const { kind } = found.field.exprType;
  if (isOpaque(kind) || (call && kind !== "date" && kind !== "datetime")) throw unsuitable("group", term);
  return { ...found, name: outputName(term.source), period: call?.name as Period | undefined };
}

const numeric = new Set(["int", "decimal", "duration"]);
const sortable = new Set(["int", "decimal", "duration", "text", "date", "datetime", "time"]);

/** PostgreSQL cuts longer names of columns. */
const maxNameLength = 63;

function suits(aggregate: string, field: Field): boolean {
  const type = field.exprType;
  // The least and greatest of a picklist by letters would contradict the order that its values are defined in.
  if (field.values && (aggregate === "min" || aggregate === "max")) return false;
  if (aggregate === "sum" || aggregate === "avg") return numeric.has(type.kind);
  if (aggregate === "min" || aggregate === "max") return sortable.has(type.kind);
  return !isOpaque(type.kind);
}

/** Where the amounts stand that a metric's field is made of: the field itself, or those of a formula that gives an amount. */
function amountsOf(path: readonly string[], field: Field, snapshot: Snapshot, sources: Sources): (readonly string[])[] {
  if (!field.formula) return [path];
  const walk = path.slice(0, -1);
  const object = sources.walk(walk)?.object;
  if (!object || field.formula.returns !== "currency") return [];
  return formulaOf(snapshot, object, field.name).paths.map((more) => [...walk, ...more]);
}

/** Amounts of different currencies are never added up: they are converted, unless each group has one currency. */
function conversionOf(
  aggregate: Aggregate,
  amounts: readonly (readonly string[])[],
  groups: readonly GroupTerm[],
  sources: Sources,
): { conversion?: Conversion } {
  if (aggregate === "count" || aggregate === "count_distinct") return {};
  for (const path of amounts) {
    const currency = sources.field(path)?.field.currencyField;
    if (currency === undefined) continue;
    // A formula of amounts is null unless all have the same.
    const walk = path.slice(0, -1);
    const code = sources.field([...walk, currency]);
    const date = sources.field([...walk, sources.walk(walk)?.object.currencyDate ?? ""]);
    if (!code || !date) throw new Error(`${path.join(".")} has no currency or date`);
    const isGroup = groups.some((g) => g.source === code.source && g.field.name === currency);
    return isGroup ? {} : { conversion: { code, date } };
  }
  return {};
}

function resolveMetric(term: Term, snapshot: Snapshot, sources: Sources, groups: readonly GroupTerm[]): Metric {
  const call = splitCall(term);
  if (!call || !aggregates.includes(call.name)) {
    throw queryError(
      "metrics",
      text(
        `metrics are ${aggregates.join(", ")}, as in sum(amount)`,
        `指标可为 ${aggregates.join("、")}，例如 sum(amount)`,
        `指標可為 ${aggregates.join("、")}，例如 sum(amount)`,
      ),
      term.position,
    );
  }
  const aggregate = call.name as Aggregate;
  const name = outputName(term.source);
  if (call.argument === "") {
    if (aggregate !== "count") throw noField("metrics", "", call.position);
    return { name, aggregate, source: "t0", field: undefined };
  }
  const path = splitPath("metrics", { source: call.argument, position: call.position });
  const found = sources.field(path);
  if (!found) throw noField("metrics", call.argument, call.position);
  refuseWhole("metrics", call.argument, found.field, call.position);
  if (!suits(aggregate, found.field)) throw unsuitable("metrics", term);
  const amounts = amountsOf(path, found.field, snapshot, sources);
  return { ...found, name, aggregate, ...conversionOf(aggregate, amounts, groups, sources) };
}

function metricType(metric: Metric): ExprType {
  if (metric.aggregate === "count" || metric.aggregate === "count_distinct") return { kind: "int" };
  // Seconds: the sum of many durations is longer than any duration may be.
  if (metric.field?.exprType.kind === "duration") return { kind: "decimal" };
  if (metric.aggregate === "avg" || metric.aggregate === "sum") return { kind: "decimal" };
  return metric.field?.exprType ?? { kind: "int" };
}

function resolveOrder(order: string | undefined, names: ReadonlySet<string>): AggregatePlan["order"] {
  return (order === undefined ? [] : splitTerms("order", order)).map((term) => {
    const descending = term.source.startsWith("-");
    const written = descending ? term.source.slice(1) : term.source;
    const name = names.has(written) ? written : outputName(written);
    if (!names.has(name)) throw noField("order", written, term.position);
    return { name, descending };
  });
}

/** An aggregate request on a snapshot; throws QUERY (400) naming the parameter and the place. */
export function resolveAggregate(snapshot: Snapshot, object: ObjectType, request: AggregateRequest): AggregatePlan {
  const sources = new Sources(snapshot, object, "live");
  const groups = request.group ? splitTerms("group", request.group).map((t) => resolveGroup(t, sources)) : [];
  const metrics = splitTerms("metrics", request.metrics ?? "count()").map((t) =>
    resolveMetric(t, snapshot, sources, groups),
  );
  const types = new Map<string, ExprType>([
    ...groups.map((g) => [g.name, g.period ? { kind: "text" } : g.field.exprType] as const),
    ...metrics.map((m) => [m.name, metricType(m)] as const),
  ] as [string, ExprType][]);
  const long = [...types.keys()].find((name) => name.length > maxNameLength);
  if (long !== undefined) {
    throw queryError(
      "group",
      text(
        `"${long}" is longer than ${maxNameLength} characters`,
        `“${long}”超过 ${maxNameLength} 个字符`,
        `「${long}」超過 ${maxNameLength} 個字元`,
      ),
    );
  }
  if (types.size < groups.length + metrics.length) {
    throw queryError("metrics", text("a group or metric is asked for twice", "分组或指标重复", "分組或指標重複"));
  }
  const { having, limit } = request;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) {
    throw queryError("limit", text("must be a whole number above 0", "必须是大于 0 的整数", "必須是大於 0 的整數"));
  }
  const filter = resolveFilter(request.filter, snapshot, object, sources);
  return {
    kind: "aggregate",
    object,
    groups,
    metrics,
    filter,
    relations: relationsOf(filter, snapshot, object),
    having: having
      ? inParameter("having", () =>
          checkExpression(having, { record: { name: object.name, fieldType: (n) => types.get(n) } }, "bool"),
        )
      : undefined,
    order: resolveOrder(request.order, new Set(types.keys())),
    limit,
    sources: sources.list,
  };
}
