export { type CheckedExpression, checkExpression } from "./check.ts";
export * as compose from "./compose.ts";
export { ExpressionError } from "./errors.ts";
export { type EvalEnv, evaluate, holds } from "./evaluate.ts";
export { functionNames } from "./functions/index.ts";
export { Decimal } from "./number.ts";
export { toSql } from "./sql.ts";
export { type ExprObject, type ExprScope, type ExprType, type Kind } from "./types.ts";
export type { Value } from "./values.ts";
