export { objectRights, systemRights, type ObjectRight, type Rights, type SystemRight } from "@guanxi/access";
export { coreObjects } from "./core-objects.ts";
export { createKernel } from "./kernel.ts";
export * from "./route.ts";
export * from "./types.ts";
export type { KeptAnswer, TenantComponent } from "@guanxi/store";
