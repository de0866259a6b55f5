export { type Api, type ApiAnswer, createApi, q, until } from "./api.ts";
export { createTestApp, operatorKey, type TestApp, type TestAppOptions } from "./app.ts";
