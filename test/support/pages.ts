import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

/** Every page of the tree that people read, as paths below the root. */
export const pagePaths: readonly string[] = globSync("**/*.md", {
  cwd: root,
  exclude: (path) => /(^|[/\\])(node_modules|\.guanxi|\.changeset|\.program-[^/\\]*)$/.test(path),
}).toSorted();

export const readPage = (path: string): string => readFileSync(join(root, path), "utf8");

export interface Block {
  /** The heading it stands under. */
  readonly section: string;
  readonly language: string;
  /** What stands behind the language; readers do not see it. */
  readonly note: string;
  readonly text: string;
  /** The file that it is the content of: its path stands at the end of the paragraph before, as in "`folder/name.json`:". */
  readonly file: string | undefined;
}

/** The fenced blocks of a page in their order. */
export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let section = "";
  let file: string | undefined;
  const parts = page.matchAll(/^#+ (.*)$|^```(\w*)([^\n`]*)\n([\s\S]*?)^```$|^(.*\S.*)$/gm);
  for (const [, heading, language, note = "", text = "", line] of parts) {
    if (heading !== undefined) section = heading;
    else if (language !== undefined) blocks.push({ section, language, note: note.trim(), text, file });
    file = line === undefined ? undefined : /`([\w./-]+\.\w+)`[:：]$/.exec(line)?.[1];
  }
  return blocks;
}

export const withoutBlocks = (page: string): string => page.replaceAll(/^```[\s\S]*?^```$/gm, "");

/** The part of a page below a heading, up to the next of the same or a higher level. */
export function section(page: string, heading: string): string {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const level = /^#+/.exec(lines[start] ?? "")?.[0].length ?? 0;
  const end = lines.findIndex((line, i) => i > start && new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

export type Row = Readonly<Record<string, string>>;

/** The tables of a text, each row by the heads of its columns; `\|` is a bar. */
export function tablesOf(text: string): readonly (readonly Row[])[] {
  const found = text.matchAll(/^\|.*\|\n\|[-| :]+\|\n((?:\|.*\|\n?)*)/gm);
  return [...found].map(([whole, body = ""]) => {
    const heads = cellsOf(whole.split("\n")[0] ?? "");
    return body
      .trimEnd()
      .split("\n")
      .map((line) => Object.fromEntries(cellsOf(line).map((cell, i) => [heads[i] ?? "", cell])));
  });
}

const cellsOf = (line: string): string[] =>
  line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

/** The texts between backticks. */
export const codes = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

/** Anchors of a page's headings, as hosts of Markdown make them. */
export const anchorsOf = (page: string): ReadonlySet<string> =>
  new Set(
    [...withoutBlocks(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );

/** Whether an answer is what a page shows; `"…"` stands for any value. */
export function fits(actual: unknown, shown: unknown): boolean {
  if (shown === "…") return actual !== undefined;
  if (typeof shown !== "object" || shown === null) return Object.is(actual, shown);
  if (typeof actual !== "object" || actual === null || Array.isArray(actual) !== Array.isArray(shown)) return false;
  const [has, wants] = [Object.keys(actual), Object.keys(shown)];
  const at = (value: object, key: string): unknown => (value as Record<string, unknown>)[key];
  return has.length === wants.length && wants.every((key) => fits(at(actual, key), at(shown, key)));
}
