import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** A server of its own process on the database of a test. */
export interface ServerProcess {
  readonly address: string;
  /** Ends it as a power cut would, and waits for the end. */
  kill(): Promise<void>;
}

const packages = join(import.meta.dirname, "../..");

/** Starts one that only answers requests, with this environment; rejects with its output when it does not come up. */
export async function startServerProcess(environment: Readonly<Record<string, string>>): Promise<ServerProcess> {
  const child = spawn(process.execPath, [join(packages, "server/src/main.ts")], {
    env: { ...process.env, PORT: "0", GUANXI_ROLE: "api", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const address = await new Promise<string>((resolve, reject) => {
    let output = "";
    const hear = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = /ready after \d+ ms: (http:\S+)/.exec(output);
      if (found?.[1]) resolve(found[1]);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`the server ended: ${output}`)));
  });
  return {
    address,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
