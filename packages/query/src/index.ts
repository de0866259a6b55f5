export { askAggregate, askGet, askList } from "./asked.ts";
export { encodeCursor } from "./cursor.ts";
export { queryError } from "./errors.ts";
export type { Authorized, Cursor, Output, Predicate, ReadPlan, Source, WriteGrant } from "./plan.ts";
export { defaultLimit, maxLimit, resolveLimit, resolveList, type ListRequest } from "./resolve-list.ts";
export { type Asker, literal, Parameters, quote } from "./parameters.ts";
export { recordSql, walkedObjects } from "./record.ts";
export { formulaIndexSql, jsonColumn, placedExpressionSql, predicateSql, rowPredicateSql, secondsSql } from "./sql.ts";
