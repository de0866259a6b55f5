export { type Config, readConfig, settings } from "./config.ts";
export { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded/embedded.ts";
export { logTo } from "./log.ts";
export { type RunningServer, startServer } from "./serve.ts";
export { compose, type Composition, type Parts } from "./compose.ts";
export { createDemo, type DemoKeys } from "./demo.ts";
