export { askAggregate, askGet, askList } from "./asked.ts";
export { encodeCursor } from "./cursor.ts";
export { queryError } from "./errors.ts";
export type { Authorized, Cursor, Output, Predicate, ReadPlan, Source, WriteGrant } from "./plan.ts";
export { defaultLimit, maxLimit, resolveLimit, resolveList, type ListRequest } from "./resolve-list.ts";
export {
  type Asker,
  jsonColumn,
  literal,
  Parameters,
  placedExpressionSql,
  predicateSql,
  rowPredicateSql,
  quote,
} from "./sql.ts";
