import { createServer } from "node:net";
import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const call = promisify(execFile);

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Command and arguments. */
  readonly command: string;
}

/** Everything that runs on this machine. What has ended and that nobody has waited for does not count. */
export async function processes(): Promise<Process[]> {
  const { stdout } = await call("ps", ["-A", "-ww", "-o", "pid=,ppid=,stat=,args="], { maxBuffer: 64 * 1024 * 1024 });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (command === undefined || state?.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/** Command and arguments of one process; empty when there is none. */
export function commandOf(pid: number): string {
  return spawnSync("ps", ["-ww", "-o", "args=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
}

/** The processes with one of these ids, and all that came from them. */
export function familyOf(all: readonly Process[], roots: readonly number[]): Process[] {
  const family = new Set(roots);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}

/** Sends a signal to a process, or with a negative id to a group, 0 to ask only; whether there was one. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
