import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Api, createApi, until } from "@guanxi/testing";
import { makeDataFolder, postmasterOf, postgresRoot, removeDataFolder } from "./data-folder.ts";
import { familyOf, freePort, type Process, processes, signal } from "./processes.ts";

export const repository = resolve(import.meta.dirname, "../..");

/** A first start takes some 4 s; on a machine that others load, several times that. */
const readyLimitMs = 60_000;
/** A stop drains for some seconds at most; after 30 s the server gives up by itself. */
const endLimitMs = 40_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DemoKeys {
  readonly baseUrl: string;
  readonly operator: string;
  readonly users: Readonly<Record<string, string>>;
}

export interface LaunchOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a new one. Either way it is removed at the end of the test file. */
  readonly dataDir?: string;
  /** Default: one that is free. */
  readonly port?: number;
  /** Another clone than this one. */
  readonly repository?: string;
  /** How long to wait for it to be ready, ms; longer where it first installs what it needs. */
  readonly readyLimitMs?: number;
}

/** `npm start`, whatever becomes of it. */
export interface Launch {
  readonly base: string;
  readonly port: number;
  readonly dataDir: string;
  /** npm's process, and the group of all that it started but PostgreSQL. */
  readonly group: number;
  readonly startedAt: number;
  /** All that was printed, standard error included. */
  log(): string;
  readonly exit: Promise<Exit>;
  ended(): boolean;
}

export interface Server extends Launch {
  /** The server's own process, below npm's. */
  readonly pid: number;
  /** From `npm start` to the line that says it is ready. */
  readonly bootMs: number;
  /** Absent where there is no demo. */
  readonly keys: DemoKeys | undefined;
  /** Speaks as a demo user, as `operator`, or as the holder of a key. */
  as(userOrKey?: string): Api;
  /** Signals the whole group, as a terminal does on Ctrl-C, and waits for the end. */
  stop(name?: NodeJS.Signals): Promise<Exit>;
  /** `npm start` once more on the same data folder. */
  restart(): Promise<Server>;
}

const launched = new Set<ChildProcess>();
const dataFolders = new Set<string>();

/** Ends what this test file started and removes its data; for `afterAll`. */
export async function endAll(): Promise<void> {
  const ends = [...launched].map((child) => new Promise((done) => child.once("exit", done)));
  killAll();
  await Promise.all(ends);
  for (const folder of dataFolders) removeDataFolder(folder);
  dataFolders.clear();
}

function killAll(): void {
  for (const { pid } of launched) if (pid !== undefined) signal(-pid, "SIGKILL");
}

process.once("exit", () => {
  killAll();
  for (const folder of dataFolders) removeDataFolder(folder);
});

/** What would configure the server, its Node.js, or an npm below the one that runs the tests. */
const ours =
  /^(GUANXI_.*|DATABASE_URL|REDIS_URL|PORT|HOST|NODE_ENV|NODE_OPTIONS|VITEST.*|npm_(?!config_(registry|cache|userconfig|cafile|.*proxy)$).*)$/;

/** Our environment without that: a test says itself what it sets. */
export const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));

/** Runs `npm start` in a process group of its own. */
export async function launch(options: LaunchOptions = {}): Promise<Launch> {
  const dataDir = options.dataDir ?? (await makeDataFolder());
  dataFolders.add(dataDir);
  const port = options.port ?? (await freePort());
  const startedAt = performance.now();
  const child = spawn("npm", ["start", "--silent"], {
    cwd: options.repository ?? repository,
    detached: true,
    env: { ...plainEnvironment(), PORT: String(port), GUANXI_DATA_DIR: dataDir, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  launched.add(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  let over = false;
  const exit = new Promise<Exit>((done, fail) => {
    child.once("error", fail);
    // "close", not "exit": so that everything that was said is in the log.
    child.once("close", (code, name) => {
      over = true;
      launched.delete(child);
      done({ code, signal: name });
    });
  });
  const group = child.pid ?? 0;
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    dataDir,
    group,
    startedAt,
    log: () => output,
    exit,
    ended: () => over,
  };
}

/** Runs `npm start` and waits until it says that it is ready. */
export async function boot(options: LaunchOptions = {}): Promise<Server> {
  const run = await launch(options);
  await until(
    "the server to be ready",
    async () => {
      if (run.ended()) throw new Error(`the server ended: ${JSON.stringify(await run.exit)}\n${run.log()}`);
      return /ready after \d+ ms/.test(run.log());
    },
    options.readyLimitMs ?? readyLimitMs,
    10,
  );
  const bootMs = Math.round(performance.now() - run.startedAt);
  const server = familyOf(await processes(), [run.group]).find(({ command }) => command.includes("server/src/main.ts"));
  if (server === undefined) throw new Error("no process of the server below npm");
  const keys = await readKeys(run.dataDir);
  const keyOf = (who: string): string => (who === "operator" ? keys?.operator : keys?.users[who]) ?? who;
  return {
    ...run,
    pid: server.pid,
    bootMs,
    keys,
    as: (who) => createApi((request) => fetch(request), who === undefined ? undefined : keyOf(who), run.base),
    async stop(name = "SIGTERM") {
      signal(-run.group, name);
      return exitOf(run);
    },
    restart: () => {
      const { port: _, ...others } = options;
      return boot({ ...others, dataDir: run.dataDir });
    },
  };
}

async function readKeys(dataDir: string): Promise<DemoKeys | undefined> {
  try {
    return JSON.parse(await readFile(join(dataDir, "demo-keys.json"), "utf8")) as DemoKeys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** How a start ended; an error with its log when it goes on. */
export async function exitOf(run: Launch): Promise<Exit> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`still runs after ${endLimitMs} ms:\n${run.log()}`)), endLimitMs);
  });
  return Promise.race([run.exit, limit]).finally(() => clearTimeout(timer));
}

/** Everything that runs on behalf of the server: npm's, its own, the sandboxes', PostgreSQL's processes. */
export async function belongingsOf(server: Launch): Promise<Process[]> {
  const postmaster = postmasterOf(server.dataDir);
  return familyOf(await processes(), [server.group, ...(postmaster === undefined ? [] : [postmaster])]);
}

/** Those of `before` that still run, and whatever else speaks of the data folder. */
export async function leftOf(server: Launch, before: readonly Process[]): Promise<Process[]> {
  const known = new Set(before.map(({ pid, command }) => `${pid} ${command}`));
  const folders = [server.dataDir, postgresRoot(server.dataDir)];
  return (await processes()).filter(
    ({ pid, command }) => known.has(`${pid} ${command}`) || folders.some((folder) => command.includes(folder)),
  );
}
