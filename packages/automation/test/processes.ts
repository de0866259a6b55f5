import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface WorkerProcess {
  readonly pid: number;
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
}

const script = fileURLToPath(new URL("./worker-child.ts", import.meta.url));
const running = new Set<ChildProcess>();

/** A worker in a process of its own, once it is ready. */
export async function startWorkerProcess(database: string): Promise<WorkerProcess> {
  const child = spawn(process.execPath, [script, database], { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const failed = once(child, "exit").then(([code]) =>
    Promise.reject(new Error(`the worker process ended with ${code}`)),
  );
  await Promise.race([once(child.stdout, "data"), failed]);
  failed.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    },
  };
}

/** For the end of a suite that failed half-way. */
export function killWorkerProcesses(): void {
  for (const child of running) child.kill("SIGKILL");
}
