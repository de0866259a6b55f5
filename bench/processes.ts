import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";

export const repository = resolve(import.meta.dirname, "..");

/** A start takes seconds; on a machine that others load, several times that. */
const readyLimitMs = 120_000;
/** A server drains for 30 s at most before it ends by itself. */
const endLimitMs = 40_000;

/** A child that has said it is ready. */
export interface Child {
  readonly pid: number;
  /** From its start to the line that says it is ready, ms. */
  readonly readyMs: number;
  /** The line that said so. */
  readonly ready: string;
  /** SIGTERM, and its end. Throws when it ended with a fault. */
  stop(): Promise<void>;
  /** As a crash: at once and without a word. */
  kill(): Promise<void>;
}

export interface Server extends Child {
  readonly base: string;
}

const running = new Set<ChildProcess>();

/** Ends whatever still runs when this process must end. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Our environment without what would configure a server or its Node.js. */
const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(GUANXI_.*|DATABASE_URL|REDIS_URL|PORT|HOST|NODE_ENV|NODE_OPTIONS)$/.test(name),
    ),
  );

/** Starts a program and waits for a line of its standard output that matches. */
export async function startChild(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<Child> {
  const started = performance.now();
  const child = spawn(command, args, {
    cwd: repository,
    env: { ...plainEnvironment(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  const ended = new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => {
      running.delete(child);
      done(code);
    });
  });
  const line = await new Promise<string>((done, fail) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(new Error(`not ready after ${readyLimitMs} ms:\n${output}`));
    }, readyLimitMs);
    const hear = (text: string): void => {
      output = (output + text).slice(-100_000);
      const found = output.split("\n").find((l) => ready.test(l));
      if (found === undefined) return;
      clearTimeout(timer);
      done(found);
    };
    child.stdout.setEncoding("utf8").on("data", hear);
    child.stderr.setEncoding("utf8").on("data", hear);
    ended
      .then((code) => fail(new Error(`${args.join(" ")} ended with ${code}:\n${output}`)), fail)
      .finally(() => clearTimeout(timer));
  });
  const readyMs = performance.now() - started;
  return {
    pid: child.pid ?? 0,
    readyMs,
    ready: line,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), endLimitMs);
      const code = await ended;
      clearTimeout(timer);
      if (code !== 0 && code !== null)
        throw new Error(`${args.join(" ")} ended with ${code}:\n${output.slice(-4_000)}`);
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

export const operatorKey = "operator-key-of-the-bench";

/** The server as `npm start` runs it; `PORT` is any free one. */
export async function startServer(env: Readonly<Record<string, string>>): Promise<Server> {
  const child = await startChild(
    process.execPath,
    ["scripts/start.mjs"],
    { PORT: "0", GUANXI_OPERATOR_KEY: operatorKey, ...env },
    env["GUANXI_ROLE"] === "worker" ? /worker ready after/ : /is ready after/,
  );
  return { ...child, base: /https?:\S+/.exec(child.ready)?.[0] ?? "" };
}

/** Runs `work` while the server does, and ends it whatever becomes of that. */
export async function withServer<T>(
  env: Readonly<Record<string, string>>,
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const server = await startServer(env);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

/** The hand-written server that is the limit. */
export async function withFloor<T>(
  env: Readonly<Record<string, string>>,
  work: (server: Server) => Promise<T>,
): Promise<T> {
  const child = await startChild(process.execPath, [join(import.meta.dirname, "floor.ts")], env, /^floor at /m);
  try {
    return await work({ ...child, base: /https?:\S+/.exec(child.ready)?.[0] ?? "" });
  } finally {
    await child.stop();
  }
}

/** Gives a module of ours a JSON value on standard input and reads one from its standard output. */
export function ask<T>(module: string, question: unknown, nodeArgs: readonly string[] = []): Promise<T> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [...nodeArgs, join(import.meta.dirname, module)], {
      cwd: repository,
      env: plainEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    running.add(child);
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.once("error", fail);
    child.once("close", (code) => {
      running.delete(child);
      if (code === 0) done(JSON.parse(output) as T);
      else fail(new Error(`${module} ended with ${code}:\n${errors.slice(-4_000)}`));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(question));
  });
}

/** Resident memory of a process, MB. Known on Linux. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  if (kb === undefined) throw new Error(`no resident memory of process ${pid}`);
  return Number(kb) / 1_024;
}

/** CPU that a process and its children have used, s; only differences count. A tick is 10 ms on every Linux. Elsewhere 0. */
export async function cpuSeconds(pid: number): Promise<number> {
  if (process.platform !== "linux") return 0;
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ").filter(Boolean);
  const ticks = [await ticksOf(String(pid), 4), ...(await Promise.all(children.map((child) => ticksOf(child, 2))))];
  return ticks.reduce((sum, n) => sum + n, 0) / 100;
}

/** The first `count` of: user, system, and both of children that have ended. 0 for a process that is gone. */
async function ticksOf(pid: string, count: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  });
  if (stat === undefined) return 0;
  // The program's name stands in parentheses and may itself hold some.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 11 + count).reduce((sum, text) => sum + Number(text), 0);
}
