export type { Contents } from "./backup/contents.ts";
export { writeBackup } from "./backup/dump.ts";
export { BackupReader, damaged, notABackup } from "./backup/format.ts";
export { loadTenants, type RestorePlan } from "./backup/load.ts";
export {
  asOnlyRestore,
  backendOf,
  dropAbandoned,
  type LoadedTenant,
  publishTenants,
  refuseTaken,
  stagingOf,
} from "./backup/staging.ts";
export {
  buildProgress,
  columnsOfIndex,
  dropLeftovers,
  fitForBuilding,
  holdBuild,
  isBuilding,
  sizesOf,
} from "./building.ts";
export {
  type Ahead,
  type AheadStep,
  type ChangeStep,
  type Crypt,
  compileAhead,
  compileDdl,
  losesValues,
  parseConstraintName,
} from "./ddl.ts";
export { DatabaseError, isDatabaseError, isGone } from "./errors.ts";
export { migrateTenant, recordTables, quotedSchema, type TenantComponent, tenantSchema } from "./fixed-tables.ts";
export { createStore, type StoreSettings } from "./postgres.ts";
export { notify } from "./signals.ts";
export type { Held, IdempotencyKey, KeptAnswer } from "./idempotency.ts";
export type { ApiKeyRow, TenantRow } from "./tables.ts";
export type { Connection, OwnConnection, Row, Statement, Store } from "./types.ts";
export type { PoolUsage } from "./watch.ts";
export { clashesStatement, storedStatement } from "./write/clashes.ts";
export { childrenStatement, needingStatement, orphansStatement, type RecordState } from "./write/family.ts";
export { type InsertedRow, insertStatement } from "./write/insert.ts";
export { insertOneStatement } from "./write/insert-one.ts";
export { insertManyStatement, type RefusedRow } from "./write/insert-many.ts";
export {
  type DueRow,
  dueStatement,
  forgetNotedStatement,
  forgetStatement,
  type Generation,
  namingStatement,
  purgeIfStatement,
  purgeStatement,
  releaseStatement,
} from "./write/purge.ts";
export { lockStatement, type LockedRow, stampStatement } from "./write/remove.ts";
export {
  lockParentsStatement,
  recomputeStatement,
  rolledParentsStatement,
  type RolledUp,
  rolledRowsStatement,
  rollUpLostStatement,
  rollUpStatement,
  writtenStatement,
} from "./write/rollups.ts";
export type { WriteContext } from "./write/shared.ts";
export { type PatchRow, type UpdatedRow, updateStatement } from "./write/update.ts";
export { updateOneStatement } from "./write/update-one.ts";
export { quote } from "@guanxi/query";
