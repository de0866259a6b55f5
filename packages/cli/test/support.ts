import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type ExitCode, type Io, run } from "@guanxi/cli";
import { createApi, type Api, createTestApp, operatorKey, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect } from "vitest";

export const bin = join(import.meta.dirname, "../bin/guanxi.mjs");

export interface Ended {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface CallOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** Somebody sits before it. */
  readonly tty?: boolean;
  readonly interrupted?: AbortSignal;
}

/** Runs a command in this process, with nothing of our environment. */
export async function call(words: readonly string[], options: CallOptions = {}): Promise<Ended> {
  const { env = {}, tty = false, interrupted = new AbortController().signal } = options;
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const stdin = Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)], { objectMode: false });
  const io: Io = {
    stdin: Object.assign(stdin, { isTTY: tty }),
    stdout,
    stderr: Object.assign(stderr, { isTTY: tty, columns: 120 }),
    env: { GUANXI_DATA_DIR: "/nonexistent", ...env },
    interrupted,
  };
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await run(words, io);
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, out, err };
}

/** The environment of a child, without what would configure ours. */
export const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(GUANXI_|DATABASE_URL|REDIS_URL|PORT$|HOST$|LANG|LC_)/.test(name),
    ),
  );

export interface Child {
  readonly process: ChildProcess;
  out(): string;
  err(): string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** The command itself, as a shell would start it. */
export function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
  const child = spawn(process.execPath, [bin, ...words], {
    env: { ...plainEnvironment(), GUANXI_DATA_DIR: "/nonexistent", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (out += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (err += chunk));
  const ended = once(child, "close").then(([code, signal]) => {
    children.delete(child);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  return { process: child, out: () => out, err: () => err, ended };
}

/** `guanxi serve` on the database of a test. */
export interface Served {
  readonly url: string;
  /** For commands of the demo's administrator and of the operator. */
  readonly env: Readonly<Record<string, string>>;
  readonly admin: Api;
  readonly operator: Api;
  stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export async function serve(app: TestApp, env: Readonly<Record<string, string>> = {}): Promise<Served> {
  const child = start(["serve", "--port", "0"], {
    DATABASE_URL: app.databaseUrl,
    GUANXI_OPERATOR_KEY: operatorKey,
    GUANXI_DRAIN_MS: "0",
    ...env,
  });
  const url = await ready(child);
  const key = app.keys["admin"] ?? "";
  return {
    url,
    env: { GUANXI_URL: url, GUANXI_KEY: key, GUANXI_OPERATOR_KEY: operatorKey },
    admin: createApi((request) => fetch(request), key, url),
    operator: createApi((request) => fetch(request), operatorKey, url),
    stop() {
      child.process.kill("SIGTERM");
      return child.ended;
    },
  };
}

/** The address that a server prints when it is ready; its output when it ends instead. */
export async function ready(child: Child): Promise<string> {
  let over = false;
  void child.ended.then(() => (over = true));
  for (;;) {
    const found = /ready after \d+ ms: (http:\S+)/.exec(child.out())?.[1];
    if (found !== undefined) return found;
    if (over) throw new Error(`the server ended:\n${child.out()}${child.err()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Something that answers HTTP as a test says. */
export async function answering(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An address where nothing listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "guanxi-cli-"));

interface Used {
  readonly app: TestApp;
  readonly server: Served;
  readonly folder: string;
}

/** Starts a server with these settings for the tests of a file, told to `begin`, and ends it after them; → a command that speaks to it. */
export function useServer(
  begin: (used: Used) => void,
  env: Readonly<Record<string, string>> = {},
): (words: readonly string[], options?: CallOptions) => Promise<Ended> {
  let used: Used;
  beforeAll(async () => {
    const app = await createTestApp();
    used = { app, server: await serve(app, env), folder: await makeFolder() };
    begin(used);
  });
  afterAll(async () => {
    const ended = await used.server.stop();
    await used.app.close();
    await rm(used.folder, { recursive: true, force: true });
    expect(ended).toEqual({ code: 0, signal: null });
  });
  return (words, options = {}) => call(words, { ...options, env: { ...used.server.env, ...options.env } });
}
