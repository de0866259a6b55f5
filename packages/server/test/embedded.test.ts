import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Observation, isGuanxiError } from "@guanxi/base";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from "../src/embedded/embedded.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let pristine = "";
beforeAll(async () => {
  pristine = await mkdtemp(join(tmpdir(), "guanxi-test-embedded-"));
  await chmod(pristine, 0o755);
  const database = await startEmbeddedPostgres({ dataDir: pristine, observe: () => {}, fast: true });
  await database.stop();
});
afterAll(() => rm(pristine, { recursive: true, force: true }));

/** A data folder of its own with a database in it, for tests of what happens after the first start. */
async function used(name = ""): Promise<string> {
  const path = join(await folder(), name);
  await mkdir(path, { recursive: true });
  // fs.cp would make its files ours.
  spawnSync("cp", ["-a", `${pristine}/.`, path]);
  return path;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "guanxi-test-embedded-"));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  // As an operator would make it; mkdtemp's own 0700 is the subject of one test.
  await chmod(path, 0o755);
  return path;
}

async function start(dataDir: string, options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ dataDir, observe: () => {}, ...options });
  cleanups.push(() => database.stop());
  return database;
}

async function query<T extends object>(database: EmbeddedPostgres, text: string): Promise<T[]> {
  const sql = postgres({ ...database.connection, max: 1, onnotice: () => {} });
  try {
    return [...(await sql.unsafe<T[]>(text))];
  } finally {
    await sql.end();
  }
}

/** Whether it runs: where nobody waits for orphans, an ended one stays in the process table. */
const alive = (pid: number): boolean => {
  const { status, stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return status === 0 && !stdout.trim().startsWith("Z");
};

const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
};

interface Elsewhere {
  child: ChildProcess;
  pid: number;
  connection: EmbeddedPostgres["connection"];
}

/** A server process of its own on the folder, as `npm start` is. */
async function startElsewhere(dataDir: string): Promise<Elsewhere> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "embedded-child.ts"), dataDir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  cleanups.push(async () => {
    child.kill("SIGKILL");
    await gone(child);
  });
  const died = once(child, "exit").then(([code]) => {
    throw new Error(`the child ended with ${code}`);
  });
  const [line] = (await Promise.race([once(child.stdout, "data"), died])) as [Buffer];
  died.catch(() => {});
  return { child, ...(JSON.parse(line.toString()) as Omit<Elsewhere, "child">) };
}

async function waitFor(holds: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`did not come true in ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("start and stop", () => {
  test("creates the database once, keeps its data, and leaves nothing running", async () => {
    const dataDir = await folder();
    const first = await start(dataDir);
    await query(first, "CREATE TABLE kept (name text); INSERT INTO kept VALUES ('上海')");
    const [facts] = await query<{
      version: number;
      encoding: string;
      fsync: string;
      superuser: string;
      listen: string;
    }>(
      first,
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('server_encoding') AS encoding,
              current_setting('fsync') AS fsync, current_setting('is_superuser') AS superuser,
              current_setting('listen_addresses') AS listen`,
    );
    expect(facts).toEqual({ version: 18, encoding: "UTF8", fsync: "on", superuser: "off", listen: "" });
    expect(first.adopted).toBe(false);
    const { pid } = first;
    expect(alive(pid)).toBe(true);
    await first.stop();
    await first.stop();
    expect(alive(pid)).toBe(false);
    const left = await readdir(dataDir);
    expect(left).not.toContain("server.lock");
    expect(left).not.toContain("postgres-unsynced");

    const second = await start(dataDir);
    expect(second.adopted).toBe(false);
    expect(await query(second, "SELECT name FROM kept")).toEqual([{ name: "上海" }]);
  });

  test("trigram search finds Chinese, folding goes beyond ASCII, pinyin order exists", async () => {
    const database = await start(await folder(), { fast: true });
    await query(database, "CREATE EXTENSION pg_trgm");
    const [found] = await query<{ trigrams: number; near: boolean; lower: string; sorted: string[] }>(
      database,
      `SELECT cardinality(show_trgm('上海机械公司')) AS trigrams, '上海机械公司' % '上海机械厂' AS near, lower('ÀÉ') AS lower,
              ARRAY(SELECT n FROM unnest(ARRAY['张', '李', '陈']) n ORDER BY n COLLATE "zh-Hans-x-icu") AS sorted`,
    );
    expect(found).toEqual({ trigrams: 7, near: true, lower: "àé", sorted: ["陈", "李", "张"] });
  });

  test("listens on 127.0.0.1 where sockets do not serve, and the password is needed", async () => {
    const database = await start(await used(), { fast: true, tcp: true });
    expect(database.connection.host).toBe("127.0.0.1");
    const sql = postgres(database.url, { max: 1 });
    expect([...(await sql`SELECT current_setting('fsync') AS fsync`)]).toEqual([{ fsync: "off" }]);
    await sql.end();
    const stranger = postgres({ ...database.connection, password: "guess", max: 1 });
    await expect(stranger`SELECT 1`).rejects.toMatchObject({ code: "28P01" });
    await stranger.end();
  });

  test("sets a new password when the file with it is lost", async () => {
    const dataDir = await folder();
    const first = await start(dataDir);
    const { password } = first.connection;
    await query(first, "CREATE TABLE kept ()");
    await first.stop();
    await rm(join(dataDir, "postgres-password"));
    const second = await start(dataDir);
    expect(second.connection.password).not.toBe(password);
    expect(await query(second, "SELECT * FROM kept")).toEqual([]);
    expect((await stat(join(dataDir, "postgres-password"))).mode & 0o777).toBe(0o600);
  });
});

describe("after a kill", () => {
  test("the server that a killed process left is adopted; a live one is not shared", async () => {
    const dataDir = await used();
    const { child, pid } = await startElsewhere(dataDir);
    const refused = await start(dataDir, { patienceMs: 100 }).catch((error: unknown) => error);
    expect(isGuanxiError(refused, "CONFLICT")).toBe(true);
    expect(String(refused)).toContain(`process id ${child.pid}`);

    child.kill("SIGKILL");
    await gone(child);
    expect(alive(pid)).toBe(true);
    const adopted = await start(dataDir);
    expect(adopted).toMatchObject({ adopted: true, pid });
    expect(await query(adopted, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await adopted.stop();
    expect(alive(pid)).toBe(false);
  });

  test("a server that is about to leave the folder is waited for", async () => {
    const dataDir = await used();
    const observations: Observation[] = [];
    const first = await start(dataDir, { fast: true });
    const second = start(dataDir, { fast: true, observe: (o) => observations.push(o) });
    await waitFor(() => observations.length > 0);
    await first.stop();
    expect((await second).adopted).toBe(false);
    expect(observations).toContainEqual({
      kind: "database",
      message: expect.stringContaining(`process id ${process.pid}`),
    });
  });

  test("a server with other settings is replaced, not adopted", async () => {
    const dataDir = await used();
    const { child, pid } = await startElsewhere(dataDir);
    child.kill("SIGKILL");
    await gone(child);
    const database = await start(dataDir, { fast: true });
    expect(database.adopted).toBe(false);
    expect(alive(pid)).toBe(false);
  });

  test("a killed postmaster is started again under the same address, with what was committed", async () => {
    const observations: Observation[] = [];
    const database = await start(await used(), { observe: (o) => observations.push(o) });
    await query(database, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");
    const before = database.pid;
    process.kill(before, "SIGKILL");
    await waitFor(() => database.pid !== before && alive(database.pid));
    expect(await query(database, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 1000 }]);
    expect(observations.filter((o) => o.kind === "connection_lost")).toEqual([]);
    expect(observations).toContainEqual({
      kind: "database",
      message: `PostgreSQL (process ${before}) ended unexpectedly; starting it again`,
    });
  });

  test("both killed while a session hangs: the session is ended and the next start recovers", async () => {
    const dataDir = await used();
    const { child, pid, connection } = await startElsewhere(dataDir);
    const session = postgres({ ...connection, max: 1, onnotice: () => {} });
    await session`CREATE TABLE kept AS SELECT 1 AS one`;
    const [backend] = await session<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
    const hanging = backend?.pid ?? 0;
    // A stopped process does not notice that its postmaster is gone, and keeps the shared memory.
    process.kill(hanging, "SIGSTOP");
    child.kill("SIGKILL");
    process.kill(pid, "SIGKILL");
    await gone(child);
    expect(alive(hanging)).toBe(true);
    const database = await start(dataDir);
    expect(alive(hanging)).toBe(false);
    expect(database.adopted).toBe(false);
    expect(await query(database, "SELECT one FROM kept")).toEqual([{ one: 1 }]);
    await session.end({ timeout: 1 });
  });

  test("a left-over postmaster.pid whose process id is some other program's now does not block", async () => {
    const dataDir = await used();
    const first = await start(dataDir, { fast: true });
    const path = join(dataDir, "postgres", "data", "postmaster.pid");
    const text = await readFile(path, "utf8");
    await first.stop();
    await writeFile(path, text.replace(/^\d+/, String(process.pid)));
    const second = await start(dataDir, { fast: true });
    expect(second.adopted).toBe(false);
    expect(alive(process.pid)).toBe(true);
  });

  test("a server lock counts only while exactly that process runs", async () => {
    const dataDir = await used();
    const path = join(dataDir, "server.lock");
    for (const left of ["", '{"pid":', JSON.stringify({ pid: process.pid, started: "another time" })]) {
      await writeFile(path, left);
      const database = await start(dataDir, { fast: true });
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
      await database.stop();
    }
    expect((await readdir(dataDir)).filter((name) => name.startsWith("server.lock"))).toEqual([]);
  });
});

describe("places", () => {
  test("a path with Chinese, blanks, quotes and commas", async () => {
    const database = await start(await used('数据 "夹", 一'), { fast: true });
    expect(await query(database, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("a path too long for a socket: a private folder elsewhere, gone after the stop", async () => {
    const database = await start(await used("长".repeat(60)), { fast: true });
    const { host } = database.connection;
    expect(Buffer.byteLength(host)).toBeLessThan(100);
    expect((await stat(host)).mode & 0o777).toBe(0o700);
    expect(await query(database, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await database.stop();
    await expect(stat(host)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.runIf(process.getuid?.() === 0)("a folder that only root may enter stays closed", async () => {
    const parent = await mkdtemp(join(tmpdir(), "guanxi-test-closed-"));
    const dataDir = join(parent, "data");
    await mkdir(dataDir, { mode: 0o700 });
    cleanups.push(() => rm(parent, { recursive: true, force: true }));
    const first = await start(dataDir);
    const { root } = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as { root: string };
    cleanups.push(() => rm(root, { recursive: true }).then(() => rm(`${root}.owner`)));
    await query(first, "CREATE TABLE kept ()");
    await first.stop();
    expect((await stat(parent)).mode & 0o777).toBe(0o700);
    expect((await stat(root)).mode & 0o777).toBe(0o700);
    const second = await start(dataDir);
    expect(await query(second, "SELECT * FROM kept")).toEqual([]);
    await second.stop();
  });

  test.runIf(process.getuid?.() === 0)("PostgreSQL runs without privileges, and its files are its own", async () => {
    const dataDir = await used();
    const database = await start(dataDir, { fast: true });
    const status = await readFile(`/proc/${database.pid}/status`, "utf8");
    expect(status).not.toMatch(/^Uid:\s+0/m);
    expect(status).not.toMatch(/^Groups:.*\b0\b/m);
    expect((await stat(join(dataDir, "postgres"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(dataDir, "postgres-password"))).uid).toBe(0);
  });
});
