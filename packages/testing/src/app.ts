import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Observation } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { compose, type Composition, createDemo, type Parts } from "@guanxi/server";
import type { Store } from "@guanxi/store";
import postgres from "postgres";
import { type Api, createApi } from "./api.ts";
import { dropDatabase } from "./database.ts";

export const operatorKey = "operator-key-of-the-tests";

export interface TestApp {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly app: Composition["app"];
  /** The database's URL, for a second process or app on it. */
  readonly databaseUrl: string;
  /** Of the contents of files. */
  readonly folder: string;
  /** API keys of the demo's users by name. */
  readonly keys: Readonly<Record<string, string>>;
  readonly observations: readonly Observation[];
  /** Speaks as a demo user, `operator`, or whoever holds the key. */
  as(userOrKey: string | undefined): Api;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** Relay events and run workflows. Default false. */
  readonly worker?: boolean;
  /** A second app on the database of another. */
  readonly on?: TestApp;
  /** SQL that fills the database, such as a dump of another version's, instead of the demo tenant. */
  readonly dump?: string;
  /** Limits of files, where not the usual ones. */
  readonly files?: Omit<Parts["files"], "folder">;
  readonly parts?: Partial<Parts>;
}

const baseUrl = (): string => {
  const url = process.env["GUANXI_TEST_DATABASE_URL"];
  if (!url)
    throw new Error("GUANXI_TEST_DATABASE_URL is not set; run the tests by `npm test`, which starts a PostgreSQL.");
  return url;
};

function urlOf(database: string): string {
  const url = new URL(baseUrl());
  url.pathname = `/${database}`;
  return url.toString();
}

/** Workers of one test run share a template, so that only one of them makes the demo. */
const templateName = (): string => `guanxi_template_${process.ppid}`;

/** With `GUANXI_TEST_LARGE_TABLE_BYTES=0` every table that has rows is changed as large ones are. */
const largeTableBytes = process.env["GUANXI_TEST_LARGE_TABLE_BYTES"];

const composeOn = (
  databaseUrl: string,
  folder: string,
  options: TestAppOptions,
  observations: Observation[],
): Promise<Composition> =>
  compose({
    database: databaseUrl,
    redisUrl: process.env["GUANXI_TEST_REDIS_URL"],
    operatorKey,
    masterSecrets: { current: "master key of the tests, of 32 letters", previous: [] },
    connections: 8,
    statementTimeoutMs: 30_000,
    slowStatementMs: 10_000,
    bodyLimitBytes: 10_000_000,
    tenantsCached: 100,
    files: { folder, ...options.files },
    ...(largeTableBytes === undefined ? {} : { changes: { largeTableBytes: Number(largeTableBytes) } }),
    sandboxes: 2,
    worker: options.worker ?? false,
    api: true,
    observe: (o) => void observations.push(o),
    ...options.parts,
  });

async function ensureTemplate(sql: postgres.Sql): Promise<Record<string, string>> {
  const name = templateName();
  return sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(4711)`;
    const [known] = await tx<
      { keys: string | null }[]
    >`SELECT shobj_description(oid, 'pg_database') AS keys FROM pg_database WHERE datname = ${name}`;
    if (known?.keys) return JSON.parse(known.keys) as Record<string, string>;
    if (known) await sql.unsafe(`DROP DATABASE ${name}`);
    await sql.unsafe(`CREATE DATABASE ${name}`);
    const composition = await composeOn(urlOf(name), join(tmpdir(), name), {}, []);
    const keys = await createDemo(composition.kernel).finally(() => composition.close());
    await sql.unsafe(`COMMENT ON DATABASE ${name} IS '${JSON.stringify(keys)}'`);
    return keys;
  }) as Promise<Record<string, string>>;
}

async function load(databaseUrl: string, dump: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  await sql.unsafe(dump).finally(() => sql.end());
}

/** The whole platform on a database of its own with the demo tenant in it, a clone of the run's template. */
export async function createTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const observations: Observation[] = [];
  const sql = postgres(baseUrl(), { max: 2, onnotice: () => undefined });
  const name = `guanxi_test_${randomBytes(6).toString("hex")}`;
  let keys = options.on?.keys;
  if (options.dump !== undefined) {
    keys = {};
    await sql.unsafe(`CREATE DATABASE ${name}`);
    await load(urlOf(name), options.dump);
  } else if (!keys) {
    keys = await ensureTemplate(sql);
    await sql.unsafe(`CREATE DATABASE ${name} TEMPLATE ${templateName()}`);
  }
  const databaseUrl = options.on?.databaseUrl ?? urlOf(name);
  const folder = options.on?.folder ?? join(tmpdir(), `guanxi-files-${name}`);
  const composition = await composeOn(databaseUrl, folder, options, observations);
  composition.ready();
  const users: Record<string, string> = { ...keys, operator: operatorKey };
  return {
    kernel: composition.kernel,
    store: composition.store,
    app: composition.app,
    databaseUrl,
    folder,
    keys,
    observations,
    as: (userOrKey) =>
      createApi(
        (request) => composition.app.fetch(request),
        userOrKey === undefined ? undefined : (users[userOrKey] ?? userOrKey),
      ),
    async close() {
      await composition.close();
      if (!options.on) {
        await dropDatabase((text) => sql.unsafe(text), name);
        await rm(folder, { recursive: true, force: true });
      }
      await sql.end();
    },
  };
}
