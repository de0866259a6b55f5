export { askAggregate, askGet, askList } from "./asked.ts";
export { encodeCursor } from "./cursor.ts";
export { queryError } from "./errors.ts";
export {
  type Authorized,
  type Cursor,
  type Holder,
  type Output,
  type Predicate,
  type ReadPlan,
  shapeOf,
  type Source,
  type WriteGrant,
} from "./plan.ts";
export { defaultLimit, largestPage, maxLimit, resolveLimit, resolveList, type ListRequest } from "./resolve-list.ts";
export { type Asker, literal, Parameters, quote } from "./parameters.ts";
export { recordSql, walkedObjects } from "./record.ts";
export { severalSql } from "./several.ts";
export { formulaIndexSql, placedExpressionSql } from "./expressions.ts";
export { jsonColumn, namesSql, predicateSql, rowPredicateSql, secondsSql } from "./sql.ts";
export { faultWithout } from "./scope.ts";
