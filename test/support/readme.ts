import { spawn } from "node:child_process";
import { mkdir, readFile, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "./server.ts";

export interface Block {
  /** The heading it stands under. */
  readonly section: string;
  readonly language: string;
  readonly code: string;
}

/** Fenced blocks of a Markdown text, in order. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  for (const [, heading, language, code] of markdown.matchAll(/^#+ (.*)$|^```(\w*)\n([\s\S]*?)^```$/gm)) {
    if (heading !== undefined) section = heading;
    else blocks.push({ section, language: language ?? "", code: code ?? "" });
  }
  return blocks;
}

/** Files that a Markdown text links to, relative to it. */
export const linksOf = (markdown: string): string[] =>
  [...markdown.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, path]) => path ?? "");

export const readReadme = (folder: string): Promise<string> => readFile(join(folder, "README.md"), "utf8");

/** The address that the text is written with; the one thing a test replaces, since that port may be somebody's. */
const printedAddress = "http://127.0.0.1:3000";

/**
 * Runs blocks one after the other in one shell, as a reader does; → what each printed, with a line end after every answer.
 * Throws with everything that was printed when a command fails or a request is refused.
 */
export async function runBlocks(
  blocks: readonly Block[],
  { folder, base, env = process.env }: { folder: string; base: string; env?: NodeJS.ProcessEnv },
): Promise<string[]> {
  const mark = "\u001E";
  const script = [
    "set -euo pipefail",
    'curl() { command curl --silent --show-error --fail-with-body "$@" && echo; }',
    ...blocks.flatMap(({ code }) => [code.replaceAll(printedAddress, base), `printf '\\n${mark}\\n'`]),
  ].join("\n");
  const shell = spawn("bash", ["-c", script], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  shell.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  shell.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const code = await new Promise<number | null>((done, fail) => shell.once("error", fail).once("close", done));
  if (code !== 0) throw new Error(`the README's lines ended with ${code}:\n${output}\n${errors}`);
  return output.split(`\n${mark}\n`).slice(0, blocks.length);
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
