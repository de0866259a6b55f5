import { createRequire } from "node:module";

/**
 * drizzle-orm in its CommonJS build. Its manifest is 180 KB, and Node's loader of ES modules parses it again for each of the
 * package's files: half a second and 150 MB at every start, for the same code. (drizzle-kit reads the tables bundled, where
 * `import.meta` is empty.)
 */
const load = createRequire(import.meta.url ?? `${process.cwd()}/`);

export const { and, desc, DrizzleQueryError, eq, isNull, lt, sql } = load(
  "drizzle-orm",
) as typeof import("drizzle-orm");
export const { boolean, index, integer, jsonb, pgSchema, primaryKey, text, timestamp, uuid } = load(
  "drizzle-orm/pg-core",
) as typeof import("drizzle-orm/pg-core");
export const { drizzle } = load("drizzle-orm/postgres-js") as typeof import("drizzle-orm/postgres-js");
export const { migrate } = load(
  "drizzle-orm/postgres-js/migrator",
) as typeof import("drizzle-orm/postgres-js/migrator");
