import { describe, expect, test } from "vitest";
import { statementName } from "../src/statement-name.ts";

describe("a statement's name", () => {
  test.each([
    [`SELECT version FROM "t_demo"._meta`, "_meta.select"],
    [`SELECT FROM "t_demo"._meta FOR UPDATE`, "_meta.select"],
    [`SELECT t.id FROM "t_demo"."lead" t WHERE t.owner = $1 FOR NO KEY UPDATE OF t`, "lead.select"],
    [`UPDATE t_demo._job SET status = $1 WHERE id = (SELECT id FROM t_demo._other)`, "_job.update"],
    [
      `WITH gone AS (DELETE FROM "t_demo"._job_chunk WHERE job = $1 RETURNING n) SELECT count(*) FROM gone`,
      "_job_chunk.delete",
    ],
    [`INSERT INTO "t_demo"._mapping VALUES ($1) ON CONFLICT (name) DO UPDATE SET definition = $2`, "_mapping.insert"],
    [`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, "pg_advisory_xact_lock"],
    ["SELECT pg_notify($1, $2)", "pg_notify"],
    [`SELECT m.version, (SELECT json_agg(o.stored) FROM t_demo._object o) FROM t_demo._meta m`, "_meta.select"],
    [
      `SELECT count(*) AS n FROM t_demo.lead WHERE name = 'x FROM secret' OR id IN (SELECT id FROM t_demo.task)`,
      "lead.select",
    ],
    [`WITH RECURSIVE tree(id) AS (SELECT id FROM t_demo.position) SELECT * FROM tree`, "position.select"],
    [`SELECT 'FROM secret'`, "select"],
    ["SELECT 1", "select"],
    ["SET LOCAL lock_timeout = 40", "set"],
    [`CREATE SCHEMA IF NOT EXISTS "t_demo"`, "create_schema"],
    [`DROP SCHEMA IF EXISTS "t_demo" CASCADE`, "drop_schema"],
    [`CREATE TABLE IF NOT EXISTS "t_demo"._migration (component text)`, "_migration.create_table"],
    [`ALTER TABLE "t_demo"."property" ADD COLUMN "status" text DEFAULT 'it''s FROM secret'`, "property.alter_table"],
    [`CREATE UNIQUE INDEX "_u12" ON "t_demo"."property" ("code") WHERE deleted_at IS NULL`, "property.create_index"],
    [`DROP TABLE "t_demo"."property" CASCADE`, "property.drop_table"],
    [`DROP INDEX "t_demo"."_u12"`, "drop_index"],
    ["", "other"],
    ["'secret'", "other"],
  ])("%s → %s", (text, name) => expect(statementName(text)).toBe(name));
});
