import pg from "pg";
import { expect, test } from "vitest";
import { createDatabase, createNode, createTenant, pause } from "./support.ts";

const measuredMs = 6_000;
/** Statements that follow each other faster than this on one connection count as one. */
const sampleMs = 20;

test("an idle process asks the database at most twice a second", async () => {
  const database = await createDatabase();
  const node = await createNode(database.url);
  const tenant = await createTenant(node);
  await node.startWorker();
  await tenant.publish("once", { on: "created", script: "export default async () => 1;" });
  await tenant.create({ title: "x" });
  await tenant.ended("once");
  // Until the nets of that run have been taken in.
  await pause(4_000);
  const watcher = new pg.Client({ connectionString: process.env["GUANXI_TEST_DATABASE_URL"] });
  await watcher.connect();
  const seen = new Set<string>();
  const end = Date.now() + measuredMs;
  while (Date.now() < end) {
    const { rows } = await watcher.query(
      "SELECT pid || ' ' || query_start AS statement FROM pg_stat_activity WHERE datname = $1 AND query_start > now() - interval '1 s'",
      [new URL(database.url).pathname.slice(1)],
    );
    for (const { statement } of rows) seen.add(statement);
    await pause(sampleMs);
  }
  await watcher.end();
  await node.close();
  await database.drop();
  expect(seen.size).toBeGreaterThan(0);
  expect(seen.size / (measuredMs / 1_000)).toBeLessThanOrEqual(2);
}, 40_000);
