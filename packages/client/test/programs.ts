import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A folder with a program in it, from where `@guanxi/client` is found as it is by a package that depends on it. */
export interface ProgramFolder {
  readonly path: string;
  write(name: string, text: string): Promise<void>;
  /** Places of errors, `main.ts:3`, each line once; all strict options are on. */
  faults(file: string, options?: readonly string[]): Promise<{ places: string[]; output: string }>;
  /** What the program printed; rejects when it failed. */
  run(file: string, environment: Readonly<Record<string, string>>): Promise<string>;
  remove(): Promise<void>;
}

const bin = join(import.meta.dirname, "../../../node_modules/.bin");
const strict = [
  ...[
    "--ignoreConfig",
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--erasableSyntaxOnly",
  ],
  ...["--module", "nodenext", "--target", "es2024", "--allowImportingTsExtensions", "--verbatimModuleSyntax"],
];

/** The program's time limit; type-checking or running one takes a second or two. */
const limitMs = 60_000;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const execute = (cwd: string, file: string, args: readonly string[], env = process.env): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(join(bin, file), args, { cwd, env, timeout: limitMs }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, stdout, stderr }),
    );
  });

export async function createProgramFolder(): Promise<ProgramFolder> {
  const path = await mkdtemp(join(import.meta.dirname, ".program-"));
  return {
    path,
    write: (name, text) => writeFile(join(path, name), text),
    async faults(file, options = ["--types", "node"]) {
      const { stdout: output } = await execute(path, "tsc", [...strict, ...options, file]);
      const found = [...output.matchAll(/^(\S+?)\((\d+),\d+\): error/gm)].map(([, name, line]) => `${name}:${line}`);
      return { places: [...new Set(found)], output };
    },
    async run(file, environment) {
      const { code, stdout, stderr } = await execute(path, "node", [file], { ...process.env, ...environment });
      if (code !== 0) throw new Error(`${file} failed: ${stderr}`);
      return stdout;
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
