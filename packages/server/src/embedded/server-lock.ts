import { randomUUID } from "node:crypto";
import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GuanxiError } from "@guanxi/base";
import { sleep, startOf } from "./processes.ts";

interface Holder {
  readonly pid: number;
  /** `startOf` the process, so that another one with the same id is not taken for it. */
  readonly started: string;
}

export interface ServerLock {
  release(): Promise<void>;
}

const lockFile = "server.lock";

/** How often a held lock is looked at again while we are patient. */
const pollMs = 50;
/** Longer than that, only something that keeps writing the file can be in the way. */
const settleMs = 2_000;

const absent = (error: unknown): undefined => {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  throw error;
};

async function isHeld(text: string): Promise<number | undefined> {
  let holder: Partial<Holder>;
  try {
    holder = JSON.parse(text) as Partial<Holder>;
  } catch {
    return undefined; // cut off by a crash of the machine
  }
  if (typeof holder.pid !== "number") return undefined;
  return (await startOf(holder.pid)) === holder.started ? holder.pid : undefined;
}

/** The process id of the live server on a data folder, if there is one. */
export async function lockHolder(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, lockFile), "utf8").catch(absent);
  return text === undefined ? undefined : isHeld(text);
}

/** Takes a dead holder's lock away, unless somebody has replaced it since it was read. */
async function discard(path: string, stale: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  const moved = await rename(path, aside).then(() => true, absent);
  if (!moved) return;
  if ((await readFile(aside, "utf8")) !== stale) await link(aside, path);
  await unlink(aside);
}

/**
 * Makes this process the only server on a data folder, until `release`. The file tells process id and start time, so a
 * lock that a killed server left behind counts for nothing. A live holder gets `patienceMs` to end, since a server that was
 * told to stop drains first; then it throws CONFLICT.
 */
export async function lockDataDir(
  dataDir: string,
  patienceMs: number,
  onWait: (pid: number) => void,
): Promise<ServerLock> {
  const path = join(dataDir, lockFile);
  const mine = `${JSON.stringify({ pid: process.pid, started: (await startOf(process.pid)) ?? "", lock: randomUUID() })}\n`;
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, mine, { mode: 0o644 });
  try {
    let waited = false;
    for (const end = performance.now() + patienceMs; ; await sleep(pollMs)) {
      if (await place(draft, path)) return { release: () => releaseLock(path, mine) };
      const text = await readFile(path, "utf8").catch(absent);
      const pid = text === undefined ? undefined : await isHeld(text);
      if (text !== undefined && pid === undefined) await discard(path, text);
      if (performance.now() >= end + settleMs || (pid !== undefined && performance.now() >= end))
        throw inUse(dataDir, pid);
      if (pid !== undefined && !waited) onWait(pid);
      waited ||= pid !== undefined;
    }
  } finally {
    await unlink(draft);
  }
}

/** Gives the lock its name unless that is taken. */
async function place(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function releaseLock(path: string, mine: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(absent)) === mine) await unlink(path).catch(absent);
}

function inUse(dataDir: string, pid: number | undefined): GuanxiError {
  const who = pid === undefined ? "another server" : `the server with process id ${pid}`;
  return new GuanxiError("CONFLICT", {
    detail: `The data folder ${dataDir} is in use by ${who}. Stop that server, or name another folder in GUANXI_DATA_DIR.`,
  });
}
