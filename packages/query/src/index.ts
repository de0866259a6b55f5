export { askAggregate, type Asked, askGet, askList } from "./asked.ts";
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
export type { AggregateRequest } from "./resolve-aggregate.ts";
export { defaultLimit, maxLimit, resolveList, type ListRequest } from "./resolve-list.ts";
export {
  type Asker,
  type ExpressionPlace,
  jsonColumn,
  literal,
  Parameters,
  placedExpressionSql,
  predicateSql,
  rowPredicateSql,
  quote,
} from "./sql.ts";
