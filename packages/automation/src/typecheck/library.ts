import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The native compiler of the platform, and the declarations of the language that come with it. */
export interface Toolchain {
  readonly compiler: string;
  /** Names and texts of declaration files: the language as the sandbox has it. */
  readonly library: readonly (readonly [name: string, text: string])[];
}

/** The language that V8 speaks, and of the next one what it has already. */
const roots = ["es2025", "esnext.array", "esnext.error", "esnext.disposable"];

/** What the sandbox takes away. */
const absent: ReadonlySet<string> = new Set([
  "es2017.sharedmemory",
  "es2020.sharedmemory",
  "es2024.sharedmemory",
  "es2021.weakref",
  "es2024.arraybuffer",
]);
/** Likewise, where it stands among what scripts have: code made of texts. */
const cuts = [
  "declare function eval(x: string): any;",
  "new (...args: string[]): Function;",
  "(...args: string[]): Function;",
];

const reference = /^\/\/\/ <reference lib="([^"]+)" \/>/gm;

/** Files that are modules stay alone, the others become one, because reading one is quicker. */
function readLibrary(folder: string): Toolchain["library"] {
  const seen = new Set<string>(absent);
  const modules: string[] = [];
  const parts: string[] = [];
  function add(name: string): void {
    if (seen.has(name)) return;
    seen.add(name);
    const text = readFileSync(join(folder, `lib.${name}.d.ts`), "utf8");
    for (const [, other = ""] of text.matchAll(reference)) add(other);
    (/^export \{\}/m.test(text) ? modules : parts).push(text.replace(/^\/\/\/.*$/gm, ""));
  }
  roots.forEach(add);
  const one = cuts.reduce(cut, parts.join("\n"));
  return [["language.d.ts", one], ...modules.map((text, i) => [`language-${i}.d.ts`, text] as const)];
}

function cut(text: string, line: string): string {
  if (!text.includes(line)) throw new Error(`the compiler's declarations have no "${line}"`);
  return text.replace(line, "");
}

function findToolchain(): Toolchain | undefined {
  const near = createRequire(import.meta.url);
  let folder: string;
  try {
    const typescript = createRequire(near.resolve("typescript/package.json"));
    const platform = `@typescript/typescript-${process.platform}-${process.arch}`;
    folder = join(dirname(typescript.resolve(`${platform}/package.json`)), "lib");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
  const compiler = join(folder, process.platform === "win32" ? "tsc.exe" : "tsc");
  return existsSync(compiler) ? { compiler, library: readLibrary(folder) } : undefined;
}

let found: Toolchain | undefined;

/** Undefined where the compiler has no build for the platform, or was installed without it. */
export const toolchain = (): Toolchain | undefined => (found ??= findToolchain());
