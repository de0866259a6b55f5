import { randomUUID } from "node:crypto";
import { open, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GuanxiError } from "@guanxi/base";
import type { Binaries } from "./binaries.ts";
import { remove, writeSecret } from "./folders.ts";
import { exists, type Home } from "./home.ts";
import { run } from "./processes.ts";

export const major = "18";
export const databaseName = "guanxi";
/** Owns the database and may create others; no superuser, so that no statement can reach files or programs. */
export const roleName = "guanxi";
const superuser = "guanxi_admin";

/**
 * The built-in locale sorts and folds alike on every machine. Trigram search asks the C library which characters are letters,
 * though, and under plain `C` finds no Chinese one; hence the first of these that the machine has.
 */
const libraryLocales = ["C.UTF-8", "C.utf8", "en_US.UTF-8", "C"];

async function versionOf(home: Home): Promise<string | undefined> {
  return readFile(join(home.cluster, "PG_VERSION"), "utf8").then(
    (text) => text.trim(),
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
}

/** Creates the cluster with its database and role when there is none. Made aside and renamed: it is there whole or not at all. */
export async function ensureCluster(home: Home, binaries: Binaries, password: string, fast: boolean): Promise<void> {
  const version = await versionOf(home);
  if (version === major) return;
  if (version !== undefined) {
    throw new GuanxiError("UNAVAILABLE", {
      detail: `The database in ${home.cluster} was made by PostgreSQL ${version}; this is ${major}. Dump it with the old version, move the folder away and restore into the new one.`,
    });
  }
  for (const left of await readdir(home.root)) {
    if (left.startsWith("new-")) await remove(join(home.root, left), home.account);
  }
  const draft = join(home.root, `new-${randomUUID()}`);
  await initialise(home, binaries, draft, password);
  await single(home, binaries, draft, [
    `CREATE ROLE ${roleName} LOGIN CREATEDB PASSWORD '${password}'`,
    `CREATE DATABASE ${databaseName} OWNER ${roleName}`,
  ]);
  if (!fast)
    await writeFile(unsyncedNote(home), "The new database is not yet known to be on the disk.\n", { mode: 0o600 });
  await rename(draft, home.cluster);
}

const unsyncedNote = (home: Home): string => join(home.dataDir, "postgres-unsynced");

/**
 * Brings the files of a new cluster to the disk: PostgreSQL itself syncs only what it writes later. On a busy disk this takes
 * seconds, so it runs beside the first work; a crash of the machine before its end is made up for at the next start.
 */
export async function syncNewCluster(home: Home, binaries: Binaries): Promise<void> {
  if (!(await exists(unsyncedNote(home)))) return;
  const { code, output } = await run(home.account, binaries.initdb, ["-D", home.cluster, "--sync-only"], {
    cwd: home.root,
  });
  if (code !== 0) throw failed("initdb --sync-only", output);
  await syncFolder(home.root);
  await rm(unsyncedNote(home));
}

async function initialise(home: Home, binaries: Binaries, draft: string, password: string): Promise<void> {
  const passwordPath = join(home.root, `new-${randomUUID()}`);
  await writeSecret(passwordPath, `${password}\n`, home.account);
  try {
    for (const locale of libraryLocales) {
      const args = initialisation(draft, locale, passwordPath);
      const { code, output } = await run(home.account, binaries.initdb, args, { cwd: home.root });
      if (code === 0) return;
      if (!output.includes("invalid locale name") || locale === libraryLocales.at(-1)) throw failed("initdb", output);
    }
  } finally {
    await remove(passwordPath, home.account);
  }
}

const initialisation = (draft: string, locale: string, passwordPath: string): string[] => [
  ...["-D", draft, "--no-sync", "--no-instructions", "--encoding=UTF8"],
  ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"],
  ...[`--lc-collate=${locale}`, `--lc-ctype=${locale}`],
  ...[`--username=${superuser}`, "--auth=scram-sha-256", `--pwfile=${passwordPath}`],
];

/** Runs statements without a server: one line each, on a cluster that no server uses. */
async function single(home: Home, binaries: Binaries, cluster: string, statements: readonly string[]): Promise<void> {
  const args = ["--single", "-F", "-c", "exit_on_error=on", "-D", cluster, "postgres"];
  const { code, output } = await run(home.account, binaries.postgres, args, {
    cwd: cluster,
    input: `${statements.join("\n")}\n`,
  });
  if (code !== 0) throw failed("postgres --single", output);
}

/** For a data folder whose password file was lost. No server may be running. */
export async function resetPassword(home: Home, binaries: Binaries, password: string): Promise<void> {
  await single(
    home,
    binaries,
    home.cluster,
    [superuser, roleName].map((role) => `ALTER ROLE ${role} PASSWORD '${password}'`),
  );
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders; NTFS journals the rename.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
}

const failed = (what: string, output: string): GuanxiError =>
  new GuanxiError("UNAVAILABLE", { detail: `The embedded database could not be made; ${what} said: ${output.trim()}` });
