export { type AppOptions, createApp } from "./app.ts";
export { createScriptTypes } from "./types/scripts.ts";
