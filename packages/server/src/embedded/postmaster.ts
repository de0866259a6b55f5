import { spawn } from "node:child_process";
import { open, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { GuanxiError, type Observe } from "@guanxi/base";
import type { Binaries } from "./binaries.ts";
import { type Home, socketFolder } from "./home.ts";
import {
  identity,
  isAlive,
  plainEnvironment,
  processesOf,
  run,
  ownerOf,
  startOf,
  signal,
  sleep,
  until,
} from "./processes.ts";
import { asArguments, type Settings } from "./settings.ts";

/** Where the server listens: a folder with its socket, or a host. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What `postmaster.pid` tells; its lines are part of PostgreSQL's interface with pg_ctl. */
interface PidFile {
  readonly pid: number;
  readonly address: Address;
  readonly status: string;
}

/** How often files and processes are looked at while we wait for them. */
const pollMs = 10;
/** A start after a crash replays up to max_wal_size of log; that takes seconds, on a busy disk a minute. */
const startLimitMs = 120_000;
/** A fast shutdown writes out shared_buffers; after this long it is cut short, which costs the next start a recovery. */
const stopLimitMs = 30_000;
/** Processes of a killed server notice that by themselves within this time, or are ended. */
const orphanLimitMs = 1_500;
/** A socket's name only; two servers never share a folder. */
const socketPort = 5432;

/** What the server says before it opens its own log. */
const startLog = (home: Home): string => join(home.dataDir, "postgres-start.log");

export async function readPidFile(home: Home): Promise<PidFile | undefined> {
  const text = await readFile(join(home.cluster, "postmaster.pid"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const lines = text?.split("\n").map((line) => line.trim());
  if (lines === undefined || !/^\d+$/.test(lines[0] ?? "")) return undefined;
  const [pid, , , port, folder, listen, , status] = lines;
  return {
    pid: Number(pid),
    address: { host: folder || listen || "127.0.0.1", port: Number(port) },
    status: status ?? "",
  };
}

/**
 * The live server of this cluster, once it is ready; undefined when there is none. One that is stopping is waited for.
 * A left-over `postmaster.pid` whose process id now belongs to some other program is removed.
 */
export async function findRunning(home: Home): Promise<PidFile | undefined> {
  const settled = await until(startLimitMs, pollMs, async () => {
    const file = await readPidFile(home);
    if (file === undefined) return { file };
    const owner = await ownerOf(file.pid, home.cluster);
    if (owner === "none") return !(await isAlive(file.pid)) && { file: undefined };
    if (owner === "other") {
      await endOrphans(home);
      await rm(join(home.cluster, "postmaster.pid"), { force: true });
      return { file: undefined };
    }
    return file.status === "ready" && { file };
  });
  if (settled === undefined) throw await unavailable(home, `did not get ready in ${startLimitMs / 1000} s`);
  return settled.file;
}

/** Ends what a killed postmaster left behind: it would still write to the cluster. */
async function endOrphans(home: Home): Promise<void> {
  const gone = await until(orphanLimitMs, pollMs, async () => (await processesOf(home.cluster)).length === 0);
  if (gone) return;
  for (const pid of await processesOf(home.cluster)) signal(pid, "SIGKILL");
  await until(orphanLimitMs, pollMs, async () => (await processesOf(home.cluster)).length === 0);
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export async function chooseAddress(home: Home, tcp: boolean): Promise<Address> {
  if (tcp || process.platform === "win32") return { host: "127.0.0.1", port: await freePort() };
  return { host: await socketFolder(home, socketPort), port: socketPort };
}

const isTcp = (address: Address): boolean => address.host === "127.0.0.1";

/** Starts the server and waits until it takes connections. The cluster has none running. Resolves to its process id. */
export async function launch(home: Home, binaries: Binaries, address: Address, settings: Settings, observe: Observe) {
  const end = performance.now() + startLimitMs;
  for (;;) {
    const started = await launchOnce(home, binaries, address, settings);
    if (typeof started === "number") return started;
    const retry = /pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(started.failure);
    if (!retry || performance.now() > end) throw await unavailable(home, "does not start", started.failure);
    observe({ kind: "database", message: "waiting for the processes of a killed PostgreSQL to end" });
    await endOrphans(home);
    await sleep(pollMs);
  }
}

async function launchOnce(home: Home, binaries: Binaries, address: Address, settings: Settings) {
  const listening: Settings = isTcp(address)
    ? { listen_addresses: address.host, unix_socket_directories: "" }
    : { listen_addresses: "", unix_socket_directories: `"${address.host.replaceAll('"', '""')}"` };
  const args = ["-D", home.cluster, "-p", String(address.port), ...asArguments({ ...settings, ...listening })];
  const log = await open(startLog(home), "w", 0o600);
  // A group of its own: a signal to ours must not end the database while we still drain.
  const child = spawn(binaries.postgres, args, {
    ...identity(home.account),
    env: plainEnvironment(),
    cwd: home.cluster,
    detached: true,
    windowsHide: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  let failure: Error | undefined;
  child.once("error", (error) => (failure = error));
  child.unref();
  await log.close();
  const outcome = await until(startLimitMs, pollMs, async () => {
    if (failure !== undefined || child.exitCode !== null || child.signalCode !== null) return { ready: false };
    const file = await readPidFile(home);
    return file?.pid === child.pid && file?.status === "ready" && { ready: true };
  });
  if (outcome?.ready && child.pid !== undefined) return child.pid;
  if (outcome === undefined && child.pid !== undefined) await stopPostmaster(home, binaries, child.pid);
  return { failure: failure?.message ?? (await readFile(startLog(home), "utf8")) };
}

/** Ends the server: sessions are cut, changes are kept. Resolves when it is gone. */
export async function stopPostmaster(home: Home, binaries: Binaries, pid: number): Promise<void> {
  if (process.platform === "win32") {
    // There a signal is a kill; pg_ctl has another way to ask.
    const { code, output } = await run(home.account, binaries.pgCtl, ["stop", "-D", home.cluster, "-m", "fast", "-w"]);
    if (code !== 0) throw await unavailable(home, `does not stop (process ${pid})`, output);
    return;
  }
  const started = await startOf(pid);
  if (started === undefined || (await ownerOf(pid, home.cluster)) === "other") return;
  for (const kind of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    signal(pid, kind);
    if (await until(stopLimitMs, pollMs, async () => (await startOf(pid)) !== started)) return;
  }
  throw await unavailable(home, `does not stop (process ${pid})`);
}

async function unavailable(home: Home, what: string, said?: string): Promise<GuanxiError> {
  const log = said ?? (await readFile(startLog(home), "utf8").catch(() => ""));
  return new GuanxiError("UNAVAILABLE", {
    detail: `The embedded PostgreSQL ${what}. Its log is in ${home.logDir}. It said: ${log.trim().slice(-2_000)}`,
  });
}
