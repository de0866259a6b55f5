import { mkdir, realpath } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { Observe } from "@guanxi/base";
import postgres from "postgres";
import { type Binaries, binariesFor } from "./binaries.ts";
import { databaseName, ensureCluster, resetPassword, roleName, syncNewCluster } from "./cluster.ts";
import { exists, findHome, type Home, leaveSocketFolder, passwordOf } from "./home.ts";
import { type Address, chooseAddress, findRunning, launch, stopPostmaster } from "./postmaster.ts";
import { until } from "./processes.ts";
import { lockDataDir } from "./server-lock.ts";
import { serverSettings, type Settings } from "./settings.ts";
import { supervise } from "./supervise.ts";

export interface EmbeddedOptions {
  /** Absolute. PostgreSQL lives in `postgres` within it, or, where its account cannot get there, below /var/lib/guanxi. */
  readonly dataDir: string;
  readonly observe: Observe;
  /** No `fsync`: for data that a crash of the machine may take. Default false. */
  readonly fast?: boolean;
  /** Listen on 127.0.0.1 instead of a socket in the data folder. Default: only on Windows. */
  readonly tcp?: boolean;
  /** How long to wait for another server to leave the folder, in ms. Default 10,000: long enough for one that drains. */
  readonly patienceMs?: number;
}

export interface EmbeddedPostgres {
  /** For postgres.js and node-postgres alike. `host` is 127.0.0.1 or the folder of the socket. */
  readonly connection: { host: string; port: number; user: string; database: string; password: string };
  /** For libpq and node-postgres. postgres.js understands it only with `tcp`; otherwise it needs `connection`. */
  readonly url: string;
  /** Whether the server was already running, left by a process that was killed. */
  readonly adopted: boolean;
  /** Of the postmaster now; another one after it was killed and started anew. */
  readonly pid: number;
  /** Ends PostgreSQL and gives up the data folder. */
  stop(): Promise<void>;
}

/** A server that still starts, stops or recovers refuses for that long at most before we replace it. */
const answerLimitMs = 20_000;
const answerPollMs = 25;
const defaultPatienceMs = 10_000;

/** Everything fixed about one data folder's server while this process runs. */
interface Plan {
  readonly home: Home;
  readonly binaries: Binaries;
  readonly settings: Settings;
  readonly password: string;
  readonly options: EmbeddedOptions;
}

interface Running {
  readonly pid: number;
  readonly address: Address;
  readonly adopted: boolean;
}

/**
 * Starts PostgreSQL on the data folder, creating the database at the first call, or takes over the one that a killed
 * process left running there. Throws CONFLICT when a live process uses the folder, UNAVAILABLE when PostgreSQL cannot run.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  if (!isAbsolute(options.dataDir)) throw new TypeError(`dataDir must be absolute: ${options.dataDir}`);
  // 711: the account of PostgreSQL passes through to its own folder and sees nothing else.
  await mkdir(options.dataDir, { recursive: true, mode: 0o711 });
  const dataDir = await realpath(options.dataDir);
  const lock = await lockDataDir(dataDir, options.patienceMs ?? defaultPatienceMs, (pid) =>
    options.observe({ kind: "database", message: `waiting for the server with process id ${pid} to leave ${dataDir}` }),
  );
  try {
    const plan = await prepare(dataDir, options);
    const running = await adoptOrLaunch(plan);
    return handle(plan, running, lock.release);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function prepare(dataDir: string, options: EmbeddedOptions): Promise<Plan> {
  const home = await findHome(dataDir, options.observe);
  const binaries = await binariesFor(home.account);
  const { password, made } = await passwordOf(dataDir);
  const settings = serverSettings({ fast: options.fast ?? false, logDir: home.logDir });
  if (made) await forgetOldPassword(home, binaries, password, options.observe);
  await ensureCluster(home, binaries, password, options.fast ?? false);
  return { home, binaries, settings, password, options };
}

/** With an existing cluster and no password file nobody can log in: the server, if any, stops, and the new one is set. */
async function forgetOldPassword(home: Home, binaries: Binaries, password: string, observe: Observe): Promise<void> {
  if (!(await exists(home.cluster))) return;
  observe({ kind: "database", message: "the database password was lost; setting a new one" });
  const running = await findRunning(home);
  if (running !== undefined) await stopPostmaster(home, binaries, running.pid);
  await resetPassword(home, binaries, password);
}

async function adoptOrLaunch(plan: Plan): Promise<Running> {
  const found = await findRunning(plan.home);
  if (found !== undefined) {
    if (await isOurs(plan, found.address)) return { pid: found.pid, address: found.address, adopted: true };
    plan.options.observe({ kind: "database", message: "replacing a PostgreSQL that runs with other settings" });
    await stopPostmaster(plan.home, plan.binaries, found.pid);
  }
  const address = await chooseAddress(plan.home, plan.options.tcp ?? false);
  const pid = await launch(plan.home, plan.binaries, address, plan.settings, plan.options.observe);
  return { pid, address, adopted: false };
}

const connectionTo = (address: Address, password: string): EmbeddedPostgres["connection"] => ({
  ...address,
  user: roleName,
  database: databaseName,
  password,
});

/** Whether the running server answers, serves this cluster and has exactly our settings and way to listen. */
async function isOurs(plan: Plan, address: Address): Promise<boolean> {
  const wantsTcp = (plan.options.tcp ?? false) || process.platform === "win32";
  if (wantsTcp !== (address.host === "127.0.0.1")) return false;
  const answer = await until(answerLimitMs, answerPollMs, () => ask(connectionTo(address, plan.password)));
  return answer === plan.settings["cluster_name"];
}

/** SQLSTATE class 57P03: starting up, shutting down or in recovery. */
const notYet = "57P03";

/** The cluster's name; "" when it will not answer us; undefined when it may later. */
async function ask(connection: EmbeddedPostgres["connection"]): Promise<string | undefined> {
  const sql = postgres({ ...connection, max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
  try {
    const [row] = await sql<{ name: string }[]>`SELECT current_setting('cluster_name') AS name`;
    return row?.name ?? "";
  } catch (error) {
    return (error as { code?: string }).code === notYet ? undefined : "";
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function handle(plan: Plan, running: Running, release: () => Promise<void>): EmbeddedPostgres {
  const { home, binaries, settings, options } = plan;
  const connection = connectionTo(running.address, plan.password);
  const supervised = supervise(home, running.pid, options.observe, () =>
    launch(home, binaries, running.address, settings, options.observe),
  );
  const synced = syncNewCluster(home, binaries).catch((error: unknown) =>
    options.observe({ kind: "background_failed", task: "sync the new database", error }),
  );
  const end = async (): Promise<void> => {
    await synced;
    await stopPostmaster(home, binaries, await supervised.leave());
    await leaveSocketFolder(home);
    await release();
  };
  let ended: Promise<void> | undefined;
  return {
    connection,
    url: `postgres://${roleName}:${connection.password}@${encodeURIComponent(connection.host)}:${connection.port}/${databaseName}`,
    adopted: running.adopted,
    get pid() {
      return supervised.pid();
    },
    stop: () => (ended ??= end()),
  };
}
