// One process of the platform, started as an operator starts it, and signalled as one signals it.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { type Api, createApi, operatorKey, until } from "@guanxi/testing";
import { freePort } from "../support/processes.ts";
import { plainEnvironment, repository, type Exit } from "../support/server.ts";

/** A start takes 2 s; on a machine that others load, several times that. */
const readyLimitMs = 60_000;

export interface NodeOptions {
  readonly role: "api" | "worker";
  readonly env: Readonly<Record<string, string>>;
}

export interface Node {
  readonly role: "api" | "worker";
  /** Of the API; a worker has none. */
  readonly port: number;
  readonly pid: number;
  /** Speaks to this process, past any balancer. */
  as(key: string): Api;
  /** Sum of a metric over its labels; 0 where it is not told yet. */
  metric(name: string): Promise<number>;
  /** Whether `/health` answers that all is well. */
  healthy(): Promise<boolean>;
  /** Signals it and waits for its end. */
  end(name: NodeJS.Signals): Promise<Exit>;
  /** Another process with the same settings and ports. */
  again(): Promise<Node>;
  /** All that it printed. */
  log(): string;
}

const running = new Set<ChildProcess>();

/** For the end of a test file, however it went. */
export async function endNodes(): Promise<void> {
  const ends = [...running].map((child) => new Promise((done) => child.once("exit", done)));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ends);
}

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Resolves when the process says that it is ready. */
export async function startNode(options: NodeOptions): Promise<Node> {
  const port = options.role === "api" ? await freePort() : 0;
  return start(options, port, await freePort());
}

async function start(options: NodeOptions, port: number, metricsPort: number): Promise<Node> {
  const { role, env } = options;
  const child = spawn(process.execPath, [join(repository, "packages/server/src/main.ts")], {
    cwd: repository,
    env: {
      ...plainEnvironment(),
      GUANXI_ROLE: role,
      GUANXI_OPERATOR_KEY: operatorKey,
      GUANXI_METRICS_PORT: String(metricsPort),
      PORT: String(port),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  let exited: Exit | undefined;
  const exit = new Promise<Exit>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code, signal) => {
      running.delete(child);
      exited = { code, signal };
      done(exited);
    });
  });
  await until(
    `the ${role} to be ready`,
    async () => {
      if (exited) throw new Error(`the ${role} ended: ${JSON.stringify(exited)}\n${output}`);
      return /ready after \d+ ms/.test(output);
    },
    readyLimitMs,
    10,
  );
  const monitor = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${metricsPort}${path}`);
  return {
    role,
    port,
    pid: child.pid ?? 0,
    as: (key) => createApi((request) => fetch(request), key, `http://127.0.0.1:${port}`),
    async metric(name) {
      const text = await (await monitor("/metrics")).text();
      return [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].reduce(
        (sum, [, value]) => sum + Number(value),
        0,
      );
    },
    healthy: async () => (await monitor("/health")).ok,
    end(name) {
      child.kill(name);
      return exit;
    },
    again: () => start(options, port, metricsPort),
    log: () => output,
  };
}
