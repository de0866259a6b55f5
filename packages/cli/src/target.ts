import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileFault, UsageError } from "./failure.ts";
import type { Io } from "./io.ts";

/** Whose key a command needs: a tenant's user's, or the operator's. */
export type Caller = "user" | "operator";

export interface TargetOptions {
  readonly url?: string;
  readonly key?: string;
  readonly operatorKey?: string;
  readonly dataDir?: string;
  /** A name for a server and a key. */
  readonly env?: string;
}

/** Where to reach a server and with what. */
export interface Target {
  /** Without a slash at its end. */
  readonly url: string;
  readonly key: string;
  readonly caller: Caller;
}

interface DemoKeys {
  readonly baseUrl: string;
  readonly operator: string;
  readonly users: Readonly<Record<string, string>>;
}

const defaultUrl = "http://127.0.0.1:3000";

export const dataDirOf = (io: Io, options: TargetOptions): string =>
  resolve(options.dataDir ?? (io.env["GUANXI_DATA_DIR"]?.trim() || ".guanxi"));

/** What the server of a data folder left there for its first users; undefined without a demo. */
export async function demoKeys(dataDir: string): Promise<DemoKeys | undefined> {
  const path = join(dataDir, "demo-keys.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new UsageError(
      `${fileFault(error, path)}. Set GUANXI_URL and a key, or run this as the user whose server it is.`,
    );
  }
  return JSON.parse(text) as DemoKeys;
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`"${text}" is no address of a server; write it like ${defaultUrl}.`);
  return text.replace(/\/+$/, "");
}

/** The same server under two names, so that a key for one may go to the other. */
const place = (url: string): string => new URL(url).origin.replace("//localhost", "//127.0.0.1");

/** `GUANXI_KEY_PRODUCTION` for production. */
const variableOf = (what: "URL" | "KEY", environment: string): string =>
  `GUANXI_${what}_${environment.toUpperCase().replaceAll("-", "_")}`;

export const keyVariable = (environment: string): string => variableOf("KEY", environment);

const isEnvironment = (name: string): boolean => /^[a-z][a-z0-9_-]*$/i.test(name);

/** Whether there is a key for an environment of this name. */
export const hasEnvironment = ({ env }: Io, name: string): boolean =>
  isEnvironment(name) && Boolean(env[keyVariable(name)]?.trim());

/** The key of the environment that is asked for; undefined where none is. UsageError where it has no key. */
function environmentKey({ env }: Io, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (!isEnvironment(name)) throw new UsageError(`"${name}" is no name of an environment; write it like production.`);
  const variable = keyVariable(name);
  const key = env[variable]?.trim();
  if (!key) throw new UsageError(`There is no key for ${name}. Set ${variable} to one of its API keys.`);
  return key;
}

/** The address alone, for what needs no key. */
export async function urlOf(io: Io, options: TargetOptions): Promise<string> {
  const named = options.env === undefined ? undefined : io.env[variableOf("URL", options.env)]?.trim();
  const given = options.url ?? (named || io.env["GUANXI_URL"]?.trim());
  return given ? parseUrl(given) : ((await demoKeys(dataDirOf(io, options)))?.baseUrl ?? defaultUrl);
}

/** Options win over variables, and that over the demo's keys, which go to no other server than their own. */
export async function targetOf(io: Io, options: TargetOptions, caller: Caller): Promise<Target> {
  const given =
    caller === "operator"
      ? (options.operatorKey ?? io.env["GUANXI_OPERATOR_KEY"]?.trim())
      : (options.key ?? environmentKey(io, options.env) ?? io.env["GUANXI_KEY"]?.trim());
  const url = await urlOf(io, options);
  if (given) return { url, key: given, caller };
  const dataDir = dataDirOf(io, options);
  const demo = await demoKeys(dataDir);
  if (demo && place(demo.baseUrl) === place(url)) {
    const key = caller === "operator" ? demo.operator : demo.users["admin"];
    if (key) return { url, key, caller };
  }
  throw new UsageError(caller === "operator" ? noOperatorKey(dataDir) : noKey(url));
}

const noKey = (url: string): string =>
  [
    `There is no API key for ${url}.`,
    "Set GUANXI_KEY (or --key) to one. An administrator makes them by `guanxi keys create`; the first one of a tenant",
    "is shown when `guanxi tenant create` makes it; those of the demo are in demo-keys.json of the server's data folder (--data-dir).",
  ].join("\n");

function noOperatorKey(dataDir: string): string {
  const file = join(dataDir, "operator-key");
  const where = existsSync(file)
    ? `It is in ${file}: export GUANXI_OPERATOR_KEY=$(cat ${file})`
    : "It is what the server was started with, or, with the embedded database, in the file operator-key of its data folder (--data-dir).";
  return `This needs the operator's key. Set GUANXI_OPERATOR_KEY (or --operator-key).\n${where}`;
}
