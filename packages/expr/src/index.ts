export { checkExpression, checkFormula } from "./check.ts";
export * as compose from "./compose.ts";
export { type CheckedExpression, relatedStep } from "./describe.ts";
export { ExpressionError } from "./errors.ts";
export { type EvalEnv, evaluate, holds } from "./evaluate.ts";
export { functionNames } from "./functions/index.ts";
export { fieldsOf, nodesOf } from "./node.ts";
export { Decimal } from "./number.ts";
export { renameFields } from "./rename.ts";
export { type RelatedRecord, type RelatedTest, toSql } from "./sql.ts";
export {
  type Branch,
  type ExprObject,
  type ExprScope,
  type ExprType,
  type Formula,
  type Kind,
  partSql,
  referredIdSql,
  referredObjectSql,
  sqlType,
} from "./types.ts";
export type { Value } from "./values.ts";
