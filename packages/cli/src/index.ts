export { type ExitCode, exitCodes } from "./failure.ts";
export type { Io } from "./io.ts";
export { run } from "./run.ts";
