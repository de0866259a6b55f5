import { readFileSync, readdirSync, rmSync } from "node:fs";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { commandOf, signal } from "./processes.ts";

/** The name tells whose it is, so that a later run can tidy up after one that was killed. */
const prefix = "guanxi-server-";

/** A data folder of this test process, empty, as an operator would make it. */
export async function makeDataFolder(): Promise<string> {
  sweep();
  const folder = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  await chmod(folder, 0o755);
  return folder;
}

/** Removes folders of test processes that are gone. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(prefix) ? Number(name.slice(prefix.length).split("-")[0]) : Number.NaN;
    if (owner > 0 && !signal(owner, 0)) removeDataFolder(join(tmpdir(), name));
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Where PostgreSQL keeps what belongs to the data folder: within it, or where `postgres.json` says. */
export function postgresRoot(dataDir: string): string {
  const pointer = read(join(dataDir, "postgres.json"));
  return pointer === undefined ? join(dataDir, "postgres") : (JSON.parse(pointer) as { root: string }).root;
}

/** The process id of PostgreSQL's first process, as its file tells; it need not run any more. */
export function postmasterOf(dataDir: string): number | undefined {
  const pid = Number(read(join(postgresRoot(dataDir), "data", "postmaster.pid"))?.split("\n")[0]);
  return Number.isInteger(pid) && pid > 0 ? pid : undefined;
}

/** Ends what a killed server left running on the folder, and removes it with all that belongs to it. */
export function removeDataFolder(dataDir: string): void {
  const root = postgresRoot(dataDir);
  const pid = postmasterOf(dataDir);
  if (pid !== undefined && commandOf(pid).includes(root)) signal(pid, "SIGQUIT");
  for (const path of [root, `${root}.owner`, dataDir]) {
    // PostgreSQL may still write its last words.
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
