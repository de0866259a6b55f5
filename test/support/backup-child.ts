/**
 * Backups in a process of its own. `node backup-child.ts stuck <database> <file> <tenant> <as>` restores from a file whose end never comes, to be
 * killed. `node backup-child.ts round <database> <file> <tenant> <as>` writes a backup to the file, restores it, and prints `{"mb", "rows"}`: the
 * most memory it had beyond what it needed to start.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { compose } from "@guanxi/server";

const [mode, database = "", file = "", tenant = "", as = ""] = process.argv.slice(2);

const { kernel, close } = await compose({
  database,
  operatorKey: "a key that nobody uses",
  connections: 4,
  statementTimeoutMs: 30_000,
  slowStatementMs: 600_000,
  bodyLimitBytes: 1_000,
  tenantsCached: 10,
  files: { folder: join(tmpdir(), "guanxi-test-no-files") },
  sandboxes: 1,
  worker: false,
  api: true,
  observe: () => undefined,
});

const body = (): ReadableStream<Uint8Array> => Readable.toWeb(createReadStream(file)) as ReadableStream<Uint8Array>;

async function* neverEnding(): AsyncGenerator<Uint8Array> {
  yield* body();
  await new Promise(() => setInterval(() => undefined, 1_000));
}

if (mode === "stuck") {
  await kernel.tenants.restore(ReadableStream.from(neverEnding()), { tenant, as });
} else {
  const before = process.resourceUsage().maxRSS;
  const backup = await kernel.tenants.backup(tenant);
  await pipeline(Readable.fromWeb(backup.open() as never), createWriteStream(file));
  const [restored] = await kernel.tenants.restore(body(), { tenant, as });
  const mb = Math.round((process.resourceUsage().maxRSS - before) / 1_024);
  process.stdout.write(JSON.stringify({ mb, rows: restored?.rows }));
  await close();
}
