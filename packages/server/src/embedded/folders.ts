import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { GuanxiError } from "@guanxi/base";
import { type Account, run } from "./processes.ts";

// Inside a folder of another account we, as root, follow no path and change no owner: that account could have put a link
// there. It does such things itself, through a shell.

async function asAccount(account: Account, script: string, path: string, input = ""): Promise<void> {
  const { code, output } = await run(account, "/bin/sh", ["-c", `umask 077; ${script}`, "sh", path], { input });
  if (code !== 0)
    throw new GuanxiError("UNAVAILABLE", { detail: `${account.name} cannot use ${path}: ${output.trim()}` });
}

/** Makes a folder inside of one that only we can write to, and gives it to the account alone. */
export async function giveFolder(path: string, account: Account): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (account.uid !== undefined) await chown(path, account.uid, account.gid ?? account.uid);
  await chmod(path, 0o700);
}

/** Makes a folder inside of one that belongs to the account. */
export async function makeFolder(path: string, account: Account): Promise<void> {
  if (account.uid === undefined) await mkdir(path, { recursive: true, mode: 0o700 });
  else await asAccount(account, 'mkdir -p -- "$1"', path);
}

/** Writes a file that only the account can read, inside of its folder. */
export async function writeSecret(path: string, text: string, account: Account): Promise<void> {
  if (account.uid === undefined) await writeFile(path, text, { mode: 0o600 });
  else await asAccount(account, 'cat > "$1"', path, text);
}

/** Removes a file or folder inside of the account's. */
export async function remove(path: string, account: Account): Promise<void> {
  if (account.uid === undefined) await rm(path, { recursive: true, force: true });
  else await asAccount(account, 'rm -rf -- "$1"', path);
}

/** Whether the account may enter the folder and write there. */
export async function mayWrite(account: Account, folder: string): Promise<boolean> {
  if (account.uid === undefined) return true;
  return (await run(account, "/bin/sh", ["-c", 'cd -- "$1" && test -w .', "sh", folder])).code === 0;
}
