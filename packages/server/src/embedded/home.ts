import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, realpath, rm, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GuanxiError, type Observe, secret } from "@guanxi/base";
import { readIfThere, writePrivate } from "../private-file.ts";
import { accountOfOwner, chooseAccount } from "./account.ts";
import { systemDir } from "./binaries.ts";
import { giveFolder, makeFolder, mayWrite } from "./folders.ts";
import type { Account } from "./processes.ts";

/** Where one data folder's PostgreSQL lives, and as whom. */
export interface Home {
  readonly dataDir: string;
  /** Belongs to `account`, closed to everybody else. */
  readonly root: string;
  readonly cluster: string;
  readonly logDir: string;
  readonly account: Account;
}

/** Kept in the data folder when the database cannot be. */
interface Pointer {
  readonly root: string;
  readonly note: string;
}

const pointerFile = "postgres.json";
const passwordFile = "postgres-password";

/** Longest path of a socket: `sun_path` without its final zero. */
const socketPathBytes = process.platform === "linux" ? 107 : 103;

const statIfThere = (path: string) =>
  stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });

export const exists = async (path: string): Promise<boolean> => (await statIfThere(path)) !== undefined;

const describe = (dataDir: string, root: string, account: Account): Home => ({
  dataDir,
  root,
  cluster: join(root, "data"),
  logDir: join(root, "log"),
  account,
});

async function rootOf(dataDir: string): Promise<{ pointed: string | undefined; root: string }> {
  const pointed = await readIfThere(join(dataDir, pointerFile));
  return { pointed, root: pointed === undefined ? join(dataDir, "postgres") : (JSON.parse(pointed) as Pointer).root };
}

/** The home of an earlier start, untouched; undefined when there is none. */
export async function lookForHome(dataDir: string): Promise<Home | undefined> {
  const { root } = await rootOf(dataDir);
  const there = await statIfThere(root);
  return there && describe(dataDir, root, await accountOfOwner(there.uid, there.gid, root));
}

/** Finds the home of an earlier start, or makes one. `dataDir` is a real path. */
export async function findHome(dataDir: string, observe: Observe): Promise<Home> {
  const { pointed, root } = await rootOf(dataDir);
  const there = await statIfThere(root);
  if (there === undefined && pointed !== undefined) {
    throw new GuanxiError("UNAVAILABLE", {
      detail: `${join(dataDir, pointerFile)} says that the database is in ${root}, but there is nothing. Restore that folder, or delete the file to begin with an empty database.`,
    });
  }
  if (there !== undefined) {
    if (pointed !== undefined) await claim(root, dataDir);
    const home = describe(dataDir, root, await accountOfOwner(there.uid, there.gid, root));
    await makeFolder(home.logDir, home.account);
    return home;
  }
  return makeHome(dataDir, await chooseAccount(), observe);
}

async function makeHome(dataDir: string, account: Account, observe: Observe): Promise<Home> {
  const within = join(dataDir, "postgres");
  await giveFolder(within, account);
  let root = within;
  if (!(await mayWrite(account, within))) {
    // The way there is closed to the account, as in /root. Opening it is not ours to decide.
    await rmdir(within);
    root = join(systemDir, `data-${createHash("sha256").update(dataDir).digest("hex").slice(0, 16)}`);
    await mkdir(systemDir, { recursive: true });
    await chmod(systemDir, 0o755);
    await claim(root, dataDir);
    await giveFolder(root, account);
    if (!(await mayWrite(account, root))) {
      throw new GuanxiError("UNAVAILABLE", { detail: `${account.name} can reach neither ${dataDir} nor ${root}.` });
    }
    const note = "The account that runs PostgreSQL cannot enter this folder. To delete all data, delete `root` too.";
    await writePrivate(
      join(dataDir, pointerFile),
      `${JSON.stringify({ root, note } satisfies Pointer, undefined, 2)}\n`,
    );
    observe({ kind: "database", message: `${account.name} cannot enter ${dataDir}; the database is in ${root}` });
  }
  const home = describe(dataDir, root, account);
  await makeFolder(home.logDir, account);
  return home;
}

/** Notes beside a home outside of its data folder which folder that is; a copied data folder must not share it. */
async function claim(root: string, dataDir: string): Promise<void> {
  const path = `${root}.owner`;
  const owner = (await readIfThere(path))?.trim();
  if (owner === dataDir) return;
  if (owner !== undefined) {
    const pointed = await readIfThere(join(owner, pointerFile));
    if (pointed !== undefined && (JSON.parse(pointed) as Pointer).root === root) {
      throw new GuanxiError("CONFLICT", {
        detail: `The database in ${root} belongs to the data folder ${owner}, of which ${dataDir} seems to be a copy. Delete ${join(dataDir, pointerFile)} to begin with an empty database.`,
      });
    }
  }
  await writePrivate(path, `${dataDir}\n`);
}

/** The database password of an earlier start; undefined when there is none. */
export async function keptPassword(dataDir: string): Promise<string | undefined> {
  return (await readIfThere(join(dataDir, passwordFile)))?.trim() || undefined;
}

/** The database password of this data folder, made at the first call. `made` tells that none was there. */
export async function passwordOf(dataDir: string): Promise<{ password: string; made: boolean }> {
  const kept = await keptPassword(dataDir);
  if (kept !== undefined) return { password: kept, made: false };
  const password = secret();
  await writePrivate(join(dataDir, passwordFile), `${password}\n`);
  return { password, made: true };
}

const socketNote = (home: Home): string => join(home.dataDir, "postgres-socket");

/** A folder for the socket: in the home, or where its path would be too long, a private one that the data folder remembers. */
export async function socketFolder(home: Home, port: number): Promise<string> {
  const own = join(home.root, "run");
  if (Buffer.byteLength(join(own, `.s.PGSQL.${port}`)) <= socketPathBytes) {
    await makeFolder(own, home.account);
    return own;
  }
  const note = socketNote(home);
  const remembered = (await readIfThere(note))?.trim();
  const ours = home.account.uid ?? process.getuid?.();
  if (remembered !== undefined) {
    const there = await statIfThere(remembered);
    if (there?.isDirectory() && there.uid === ours && (there.mode & 0o777) === 0o700) return remembered;
  }
  const folder = await mkdtemp(join(await realpath(tmpdir()), "guanxi-"));
  await giveFolder(folder, home.account);
  if (!(await mayWrite(home.account, folder))) {
    await rmdir(folder);
    throw new GuanxiError("UNAVAILABLE", {
      detail: `${home.account.name} cannot reach ${folder}, where the database's socket goes because ${own} is too long. Set TMPDIR to a folder that everybody may enter, such as /tmp.`,
    });
  }
  await writePrivate(note, `${folder}\n`);
  return folder;
}

/** Removes the socket's folder where it lies outside of the home, after the server has stopped. */
export async function leaveSocketFolder(home: Home): Promise<void> {
  const folder = (await readIfThere(socketNote(home)))?.trim();
  if (folder === undefined) return;
  await rm(folder, { recursive: true, force: true });
  await rm(socketNote(home));
}
