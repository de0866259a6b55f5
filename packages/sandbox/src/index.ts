export { type LimitName, type Limits, hookLimits, runLimits, sourceBytes } from "./limits.ts";
export { createSandbox } from "./sandbox.ts";
export type * from "./types.ts";
