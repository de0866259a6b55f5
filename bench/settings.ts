import { resolve } from "node:path";
import { parseArgs } from "node:util";

/** Everything that a run of the bench is told; written to its results. */
export interface Settings {
  /** Leads in the tenant that most rows use. */
  readonly rows: number;
  /** Connections of the load generator, and database connections of either side. */
  readonly connections: number;
  /** Length of one round, s. */
  readonly seconds: number;
  /** Load on each side before its first round, s: compiled code, prepared statements, filled caches. */
  readonly warmup: number;
  /** Rounds of each side; the median counts. */
  readonly rounds: number;
  /** Rows of an imported file. */
  readonly importRows: number;
  /** Workflow runs that wait when a worker starts. */
  readonly runs: number;
  /** Tenants that are asked round and round. */
  readonly tenants: number;
  /** Records of the object that a new object refers to. */
  readonly bigRows: number;
}

interface Setting {
  readonly fallback: number;
  readonly most: number;
  readonly meaning: string;
}

const settings: Readonly<Record<keyof Settings, Setting>> = {
  rows: { fallback: 1_000_000, most: 20_000_000, meaning: "leads in the tenant; 10000 for a quick try" },
  connections: {
    fallback: 16,
    most: 64,
    meaning: "connections under load, of HTTP and of either side to PostgreSQL: enough to keep two cores busy",
  },
  seconds: { fallback: 5, most: 600, meaning: "seconds of a round" },
  warmup: { fallback: 2, most: 600, meaning: "seconds of load on each side before its first round" },
  rounds: { fallback: 3, most: 25, meaning: "rounds of each side, in turn; the median counts" },
  importRows: { fallback: 100_000, most: 5_000_000, meaning: "rows of an imported file" },
  runs: { fallback: 5_000, most: 100_000, meaning: "workflow runs that wait when the worker starts" },
  tenants: {
    fallback: 500,
    most: 20_000,
    meaning: "tenants of 30 objects asked round and round; see the README for how long they take to make",
  },
  bigRows: { fallback: 15_000_000, most: 100_000_000, meaning: "records of the object that a new one refers to" },
};

export interface Command {
  readonly settings: Settings;
  /** Names of rows; empty: all that are not big. */
  readonly only: readonly string[];
  readonly list: boolean;
  readonly help: boolean;
  /** Delete what earlier runs have made first. */
  readonly fresh: boolean;
  /** Where database and seeded tenants are kept. */
  readonly dataDir: string;
}

const names = Object.keys(settings) as (keyof Settings)[];
const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export const usage = `npm run bench -- [options]

  --only <row,…>         only these rows; also those that are left out unless named
  --list                 names of all rows, and what they measure
  --fresh                throw away what earlier runs have seeded
  --data <folder>        where that is kept (bench/.data)
${names.map((n) => `  --${`${flagOf(n)} <n>`.padEnd(20)} ${settings[n].meaning} (${settings[n].fallback})`).join("\n")}`;

/** Reads the command line; throws an Error that says what is wrong with it. */
export function readCommand(args: readonly string[]): Command {
  const numbers = Object.fromEntries(names.map((n) => [flagOf(n), { type: "string" as const }]));
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...numbers,
      only: { type: "string" },
      list: { type: "boolean" },
      help: { type: "boolean" },
      fresh: { type: "boolean" },
      data: { type: "string" },
    },
  });
  const given = values as Readonly<Record<string, string | boolean | undefined>>;
  const read = (name: keyof Settings): number => {
    const { fallback, most } = settings[name];
    const text = given[flagOf(name)];
    const value = text === undefined ? fallback : Number(text);
    if (!Number.isInteger(value) || value < 1 || value > most)
      throw new Error(`--${flagOf(name)} must be a whole number from 1 to ${most}`);
    return value;
  };
  return {
    settings: Object.fromEntries(names.map((n) => [n, read(n)])) as unknown as Settings,
    only: String(given["only"] ?? "")
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    list: given["list"] === true,
    help: given["help"] === true,
    fresh: given["fresh"] === true,
    dataDir: resolve(String(given["data"] ?? resolve(import.meta.dirname, ".data"))),
  };
}
