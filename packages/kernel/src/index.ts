export { objectRights, systemRights, type ObjectRight, type Rights, type SystemRight } from "@guanxi/access";
export type { Backup, RestoreOptions } from "./backups.ts";
export { type DraftTenant, draftTenant } from "./changes/offline.ts";
export { changeSetList } from "./changes/history.ts";
export {
  type ChangeSetAnswer,
  type ChangeSetEntry,
  type ChangeSetOptions,
  type Customisation,
  type Definition,
  type DefinitionKind,
  isStillBuilding,
  type StillBuilding,
} from "./changes/types.ts";
export { roleSchema } from "./changes/roles.ts";
export { coreObjects } from "./core-objects.ts";
export type { MasterSecrets } from "./encryption/vault.ts";
export type { StoredFile } from "./files/files.ts";
export { createKernel } from "./kernel.ts";
export type { Kernel, KernelOptions } from "./kernel-types.ts";
export type { ApiKey } from "./keys.ts";
export type * from "./metadata-types.ts";
export type { PluginAction, PluginAnswer, PluginView } from "./plugins/plugins.ts";
export { refuseFiles } from "./records/create.ts";
export { maxRows } from "./records/index.ts";
export * from "./route.ts";
export { pageCursor, readRouteQuery, type Page } from "./route-query.ts";
export { settingsSchema } from "./settings.ts";
export { createSweep } from "./sweep.ts";
export * from "./types.ts";
export type { KeptAnswer, TenantComponent } from "@guanxi/store";
