export * from "./clock.ts";
export * from "./errors.ts";
export * from "./i18n.ts";
export * from "./ids.ts";
export * from "./json.ts";
export * from "./observation.ts";
export * from "./recent.ts";
export * from "./tracing.ts";
