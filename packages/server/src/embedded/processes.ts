import { execFile, spawn } from "node:child_process";
import { readFile, readdir, readlink } from "node:fs/promises";
import { promisify } from "node:util";

const call = promisify(execFile);
const linux = process.platform === "linux";

/** The operating system's user a program runs as; without `uid`, our own. */
export interface Account {
  readonly name: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** What the programs of PostgreSQL see of our environment: nothing that could hold a secret. */
export const plainEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  ...(process.env["SystemRoot"] === undefined ? {} : { SystemRoot: process.env["SystemRoot"] }),
  TZ: "UTC",
});

export const identity = (account: Account): { uid?: number; gid?: number } => ({
  ...(account.uid === undefined ? {} : { uid: account.uid }),
  ...(account.gid === undefined ? {} : { gid: account.gid }),
});

export interface Outcome {
  readonly code: number | null;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs a program to its end as `account`. Rejects only when it cannot be started. */
export function run(
  account: Account,
  file: string,
  args: readonly string[],
  options: { cwd?: string; input?: string } = {},
) {
  return new Promise<Outcome>((resolve, reject) => {
    const child = spawn(file, args, {
      ...identity(account),
      env: plainEnvironment(),
      cwd: options.cwd ?? "/",
      windowsHide: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output: output + errors }));
    // A program that ends before it has read its input has said why on standard error.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
  });
}

/** State letter and start time (clock ticks since boot) of a process, on Linux. */
async function procStat(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself contain blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
}

/** Whether a process runs. One that ended and that nobody has waited for does not. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return !linux || (await procStat(pid))?.state !== "Z";
}

/** When a process started, as text to compare only; undefined when there is none. Tells a reused process id. */
export async function startOf(pid: number): Promise<string | undefined> {
  if (!(await isAlive(pid))) return undefined;
  if (linux) {
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    return `${boot.trim()}/${(await procStat(pid))?.started ?? ""}`;
  }
  if (process.platform === "win32") return "";
  const shown = await call("ps", ["-o", "lstart=", "-p", String(pid)]).catch(() => undefined);
  return shown?.stdout.trim();
}

/** Whose process this is: a PostgreSQL server's of the cluster (real path), some other program's, or nobody's any more. */
export async function ownerOf(pid: number, cluster: string): Promise<"cluster" | "other" | "none"> {
  if (!(await isAlive(pid))) return "none";
  if (process.platform === "win32") return "cluster";
  if (!linux) {
    const shown = await call("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => undefined);
    if (shown === undefined) return "none";
    return shown.stdout.includes("postgres") && shown.stdout.includes(cluster) ? "cluster" : "other";
  }
  try {
    // A process that is ending has given up its folder before its id.
    const folder = await readlink(`/proc/${pid}/cwd`);
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8");
    return folder === cluster && command.includes("postgres") ? "cluster" : "other";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ESRCH" ? "none" : "other";
  }
}

/** Processes of a cluster, also those whose postmaster was killed. Known on Linux only; elsewhere empty. */
export async function processesOf(cluster: string): Promise<number[]> {
  if (!linux) return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => ((await ownerOf(pid, cluster)) === "cluster" ? pid : undefined)),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Sends a signal; false when the process has already ended. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks every `every` ms until the answer is neither undefined nor false; undefined after `limit` ms. */
export async function until<T>(
  limit: number,
  every: number,
  ask: () => Promise<T | undefined | false>,
): Promise<T | undefined> {
  const end = performance.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() >= end) return undefined;
    await sleep(every);
  }
}
