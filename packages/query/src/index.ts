export { compileRead } from "./compile.ts";
export { encodeCursor } from "./cursor.ts";
export { noField, queryError } from "./errors.ts";
export { jsonObject } from "./json.ts";
export type {
  Aggregate,
  AggregatePlan,
  Authorized,
  Cursor,
  GetPlan,
  GroupTerm,
  ListPlan,
  Metric,
  OrderTerm,
  Output,
  Period,
  Predicate,
  ReadPlan,
  Source,
} from "./plan.ts";
export { resolveAggregate, type AggregateRequest } from "./resolve-aggregate.ts";
export { defaultLimit, maxLimit, resolveGet, resolveList, type ListRequest } from "./resolve-list.ts";
export {
  type ExpressionPlace,
  jsonColumn,
  Parameters,
  placedExpressionSql,
  predicateSql,
  rowPredicateSql,
  quote,
  type SqlContext,
  type SqlText,
  visibleOwners,
} from "./sql.ts";
