// A tenant of any size goes through a process of constant memory, out and in.
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { createTestApp } from "@guanxi/testing";
import { expect, test } from "vitest";
import { body } from "../support.ts";
import { makeTenant, ticket } from "../support/backups.ts";

const records = 400_000;
/** Beyond what the process needs to start; the rows are some 400 MB as text. */
const mostMemoryMb = 160;

test(`${records} records and their changes`, async () => {
  const app = await createTestApp();
  const folder = await mkdtemp(join(tmpdir(), "guanxi-backup-"));
  try {
    const api = await makeTenant(app, "big");
    body(await api.put("/api/meta/objects/ticket", ticket), 201);
    const me = body(await api.get("/api/me"), 200).user.id as string;
    const perStatement = records / 20;
    for (let from = 0; from < records; from += perStatement)
      await app.store.sql(
        `WITH made AS (
           INSERT INTO t_big.ticket (id, owner, created_at, created_by, updated_at, updated_by, version, number, title, code, amount)
           SELECT gen_random_uuid(), '${me}', now(), '${me}', now(), '${me}', 1, 'T-' || n, repeat('subject ' || n || ' ', 8), 'c' || n, n
           FROM generate_series(${from + 1}, ${from + perStatement}) n RETURNING *)
         INSERT INTO t_big._change (object_id, record, op, version, at, actor, meta, cause, data)
         SELECT 1, id, 'create', 1, now(), owner, 1, '{}', to_jsonb(made) FROM made`,
      );
    const file = join(folder, "big.guanxi");
    const script = fileURLToPath(new URL("../support/backup-child.ts", import.meta.url));
    const started = performance.now();
    const child = spawn(process.execPath, [script, "round", app.databaseUrl, file, "big", "bigger"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = JSON.parse(await text(child.stdout)) as { mb: number; rows: number };
    const [rows] = await app.store.sql<{ n: number; sum: string }>(
      "SELECT count(*)::int AS n, sum(amount)::text AS sum FROM t_bigger.ticket",
    );
    console.log(`${said.mb} MB, file ${(await stat(file)).size} bytes, ${Math.round(performance.now() - started)} ms`);
    expect(rows).toEqual({ n: records, sum: `${(records * (records + 1)) / 2}.00` });
    expect(said.rows).toBeGreaterThanOrEqual(2 * records);
    expect(said.mb).toBeLessThan(mostMemoryMb);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await app.close();
  }
});
