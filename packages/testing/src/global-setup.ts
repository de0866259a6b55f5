import { rmSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isGuanxiError } from "@guanxi/base";
import { startEmbeddedPostgres } from "@guanxi/server";

const prefix = "guanxi-test-";
/** A name of ours for the workers; set beforehand, the tests run on that database instead. */
const urlVariable = "GUANXI_TEST_DATABASE_URL";

/** A folder this young may belong to a run that is about to lock it. */
const settledMs = 60_000;

const start = (dataDir: string) =>
  startEmbeddedPostgres({ dataDir, observe: () => {}, fast: true, tcp: true, patienceMs: 0 });

/** Ends and removes databases of test runs that were killed. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(prefix)) continue;
    const dataDir = join(tmpdir(), name);
    const { mtimeMs } = await stat(dataDir);
    if (Date.now() - mtimeMs < settledMs) continue;
    try {
      await (await start(dataDir)).stop();
    } catch (error) {
      // In use by a run that goes on.
      if (isGuanxiError(error, "CONFLICT")) continue;
    }
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** One PostgreSQL per test run; every suite makes databases or schemas of its own in it. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[urlVariable]) return undefined;
  await sweep();
  const dataDir = await mkdtemp(join(tmpdir(), prefix));
  await chmod(dataDir, 0o711);
  const database = await start(dataDir);
  process.env[urlVariable] = database.url;
  // Where the run ends without teardown, as on Ctrl-C.
  const abandon = (): void => {
    process.kill(database.pid, "SIGQUIT");
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  process.once("exit", abandon);
  return async () => {
    process.off("exit", abandon);
    await database.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
