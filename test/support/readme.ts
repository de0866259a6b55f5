import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Block } from "./pages.ts";
import { repository } from "./server.ts";

/** Files that a Markdown text links to, relative to it. */
export const linksOf = (markdown: string): string[] =>
  [...markdown.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path]) => path ?? "");

export const readReadme = (folder: string): Promise<string> => readFile(join(folder, "README.md"), "utf8");

/** The address that the text is written with; what a test replaces, since that port may be somebody's. */
export const printedAddress = "http://127.0.0.1:3000";

export interface ShellOptions {
  readonly folder: string;
  /** What stands in the text → what it is here, such as addresses. What is printed is turned back. */
  readonly here: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  /** Lines before the first block. */
  readonly prelude?: readonly string[];
}

/** So that a refused request fails, and every answer ends its line. */
export const strictCurl = 'curl() { command curl --silent --show-error --fail-with-body "$@" && echo; }';

const end = "end-of-the-block-that-is-a-file";

/** Lines for a shell: a file is written, a block that notes `exit=1` must end with that code, any other without a failure. */
function linesOf({ file, text, note }: Block): readonly string[] {
  if (file !== undefined) return [`mkdir -p ${dirname(file)}`, `cat > ${file} <<'${end}'`, `${text}${end}`];
  const code = /^exit=(\d+)$/.exec(note)?.[1];
  if (code === undefined) return [text];
  return ["set +e", text, "code=$?", "set -e", `[ $code = ${code} ] || { echo "ended with $code" >&2; exit 1; }`];
}

/**
 * Runs blocks one after the other in one shell, as a reader does; → what each printed.
 * Throws with everything that was printed when a command fails.
 */
export async function runBlocks(
  blocks: readonly Block[],
  { folder, here, env = process.env, prelude = [] }: ShellOptions,
): Promise<string[]> {
  const mark = "\u001E";
  const toHere = (text: string): string =>
    Object.entries(here).reduce((said, [from, to]) => said.replaceAll(from, to), text);
  const toText = (output: string): string =>
    Object.entries(here).reduce((said, [from, to]) => said.replaceAll(to, from), output);
  const steps = blocks.flatMap((block) => [...linesOf(block).map(toHere), `printf '\\n${mark}\\n'`]);
  const script = ["set -euo pipefail", ...prelude, ...steps].join("\n");
  const shell = spawn("bash", ["-c", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  shell.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const code = await new Promise<number | null>((done, fail) => shell.once("error", fail).once("close", done));
  if (code !== 0) throw new Error(`the text's lines ended with ${code}:\n${output}\n${errors}`);
  return toText(output).split(`\n${mark}\n`).slice(0, blocks.length);
}

/** The JSON answers in what was printed. */
export const answersIn = (output: string): unknown[] =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as unknown);

/** Makes `folder` look like the repository, so that what its lines write falls into it and not among our files. */
export async function linkRepository(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const left = new Set([".git", ".guanxi", "scratch"]);
  for (const name of await readdir(repository)) {
    if (!left.has(name)) await symlink(join(repository, name), join(folder, name));
  }
}
