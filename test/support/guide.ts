import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { expect } from "vitest";
import { removeDataFolder } from "./data-folder.ts";
import { type Block, blocksOf, fits } from "./pages.ts";
import { printedAddress, runBlocks } from "./readme.ts";
import { freePort } from "./processes.ts";
import { repository, type Server } from "./server.ts";

/** Standard output and standard error in the order in which they come. */
export const asInTerminal = "exec 2>&1";
/**
 * npx itself is asked once; from then on what it would start is started without it, which spares half of each call's time. Makes
 * a folder where the shell starts, and needs `localPrograms` in its environment.
 */
export const quickNpx = [
  "mkdir quick",
  `printf '#!/bin/sh\\nmkdir "$0.asked" 2>/dev/null && exec "%s" "$@"\\nexec "$@"\\n' "$(command -v npx)" > quick/npx`,
  "chmod +x quick/npx",
  "PATH=$PWD/quick:$PATH",
];
export const localPrograms = (): { PATH: string } => ({
  PATH: [join(repository, "node_modules/.bin"), process.env["PATH"] ?? ""].join(delimiter),
});

/** In English, and without what npm has to say of itself and its settings. */
export const calmTerminal = { LC_ALL: "C.UTF-8", npm_config_loglevel: "error", npm_config_update_notifier: "false" };

/** A block that a reader types or saves, and what the text says that it prints. */
export interface GuideStep {
  readonly block: Block;
  /** The block behind it; absent where nothing is printed. */
  readonly shown: Block | undefined;
}

/** Throws for a block that is neither typed, nor a file, nor what one before it prints. */
export function stepsOf(blocks: readonly Block[]): GuideStep[] {
  const steps: GuideStep[] = [];
  const prints = (block: Block | undefined): boolean =>
    block !== undefined && block.file === undefined && (block.language === "text" || block.language === "json");
  for (const [i, block] of blocks.entries()) {
    const next = blocks[i + 1];
    if (block.file !== undefined) steps.push({ block, shown: undefined });
    else if (block.language === "sh") steps.push({ block, shown: prints(next) ? next : undefined });
    else if (!prints(block) || blocks[i - 1]?.language !== "sh")
      throw new Error(`nobody knows what this block is for:\n${block.text}`);
  }
  return steps;
}

/** What differs from one run to the next → what stands for it. */
const changing: readonly (readonly [RegExp, string])[] = [
  [/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, "<id>"],
  [/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, "<time>"],
  [/\bgx_(\w+?)_[\w-]{32}/g, "<key of $1>"],
  [/\b\d+ ms\b/g, "<duration>"],
  [/\b\d+(\.\d+)? [kM]?B\b/g, "<size>"],
  [/\b\d+ rows\b/g, "<rows>"],
];

const settled = (text: string): string =>
  changing
    .reduce((said, [pattern, name]) => said.replaceAll(pattern, name), text)
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** `…` stands for anything in a line; on a line of its own, for any lines. */
function patternOf(shown: string): string {
  const lines = settled(shown)
    .split("\n")
    .map((line) => (line === "…" ? "(?:.*\\n)*?" : `${line.split("…").map(escaped).join(".*")}\n`));
  return lines.join("");
}

/** Holds what was printed against what the text shows. */
export function expectPrinted(printed: string, shown: Block | undefined, typed: Block): void {
  if (shown?.language === "json") {
    const [actual, wanted] = [JSON.parse(printed) as unknown, JSON.parse(shown.text) as unknown];
    expect(fits(actual, wanted) ? wanted : actual, typed.text).toEqual(wanted);
    return;
  }
  const [actual, wanted] = [settled(printed), settled(shown?.text ?? "")];
  const same = new RegExp(`^${patternOf(wanted)}$`).test(`${actual}\n`) || actual === wanted;
  expect(same ? wanted : actual, typed.text).toEqual(wanted);
}

/** Whether these lines stand somewhere in a log. */
export const showsIn = (log: string, { text }: Block): boolean =>
  new RegExp(`^${patternOf(text)}`, "m").test(`${settled(log)}\n`);

/** The port that the guide gives to its second server. */
const secondPort = "3001";

export const readGuide = (repository: string, language = ""): Promise<string> =>
  readFile(join(repository, `docs/guide/getting-started${language}.md`), "utf8");

/** Runs the guide's lines, after those of the prelude, against the server started in `folder`, and holds what they print against what the guide shows. */
export async function checkGuide(
  server: Server,
  folder: string,
  env: NodeJS.ProcessEnv,
  prelude: readonly string[] = [],
): Promise<void> {
  const [start, ready, ...others] = blocksOf(await readGuide(folder));
  expect(start?.text.trim()).toBe("npm start");
  const log = server.log().replaceAll(server.base, printedAddress);
  expect(ready !== undefined && showsIn(log, ready), log).toBe(true);
  const steps = stepsOf(others);
  try {
    const printed = await runBlocks(
      steps.map(({ block }) => block),
      {
        folder,
        here: { [printedAddress]: server.base, [secondPort]: String(await freePort()) },
        // Servers in the background end with the shell, whatever happens.
        prelude: [asInTerminal, ...prelude, "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"],
        env: { ...env, ...calmTerminal },
      },
    );
    for (const [i, { block, shown }] of steps.entries()) expectPrinted(printed[i] ?? "", shown, block);
  } finally {
    removeDataFolder(join(folder, "first-steps/second"));
  }
}
