export { type Api, type ApiAnswer, createApi, q, until } from "./api.ts";
export { dropDatabase } from "./database.ts";
export { createTestApp, operatorKey, type TestApp, type TestAppOptions } from "./app.ts";
export { type Change, changesAfter, contents, withChanges } from "./evidence.ts";
export { createScriptTypes } from "@guanxi/rest";
