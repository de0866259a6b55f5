import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setPriority } from "node:os";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const childFolder = fileURLToPath(new URL("./child/", import.meta.url));

/** The native addon's file. Children load it by name, so they need to read nothing else of the tree. */
export function addonFile(): string {
  const folder = dirname(require.resolve("isolated-vm"));
  const find = createRequire(require.resolve("isolated-vm"))("node-gyp-build") as { path(folder: string): string };
  return find.path(folder);
}

export const readChildFile = (name: string): string => readFileSync(`${childFolder}${name}`, "utf8");

/** nobody/nogroup on most systems. */
const nobody = 65_534;

/** Whom a child becomes: root gives its rights away, anyone else stays who he is. */
export function childIdentity(options: { uid?: number; gid?: number }): { uid: number; gid: number } | undefined {
  return process.getuid?.() === 0 ? { uid: options.uid ?? nobody, gid: options.gid ?? nobody } : undefined;
}

/** Children yield to the server and its database when the processors are busy. */
const childNiceness = 5;
/** When memory runs out, the kernel takes a child before anything else (0 to 1,000). */
const childOomScore = 1_000;

/**
 * Starts `file` of the child folder with Node's permission model: it may read its own code and the addon, and nothing else. `TZ` makes local times
 * the same on every machine; the rest of the environment stays out.
 */
export function startProcess(file: string, flags: readonly string[]): ChildProcess {
  const permissions = [
    "--permission",
    "--allow-addons",
    `--allow-fs-read=${childFolder}`,
    `--allow-fs-read=${addonFile()}`,
  ];
  const child = spawn(process.execPath, [...flags, ...permissions, "--no-warnings", `${childFolder}${file}`], {
    env: { TZ: "UTC" },
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  if (child.pid !== undefined) deprioritise(child.pid);
  return child;
}

function deprioritise(pid: number): void {
  try {
    setPriority(pid, childNiceness);
    if (process.platform === "linux") writeFileSync(`/proc/${pid}/oom_score_adj`, String(childOomScore));
  } catch {
    // It has ended already, which its exit event tells; or the container forbids it, and then it runs as any process does.
  }
}

const pageBytes = 4096;
export const canReadRss = process.platform === "linux";

/** Resident memory of a process, MB; undefined when it is gone or the system cannot tell. */
export function readRssMb(pid: number): number | undefined {
  if (!canReadRss) return undefined;
  try {
    return (Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageBytes) / 1024 / 1024;
  } catch {
    return undefined;
  }
}

/** Bytes of a child's last words kept for the operator. */
const stderrBytes = 4096;

/** Collects the end of what the child writes; V8 says there why it gave up. */
export function lastWords(child: ChildProcess): () => string {
  let text = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-stderrBytes);
  });
  return () => text;
}
