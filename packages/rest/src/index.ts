export { type AppOptions, createApp } from "./app.ts";
export type { Health } from "./endpoints/service.ts";
export { apiVersion, defaultRestSettings, type RestSettings } from "./settings.ts";
export { createScriptTypes } from "./types/scripts.ts";
