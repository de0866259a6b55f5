import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isObject } from "@guanxi/base";
import { CommandFailure, fileFault } from "../failure.ts";
import { canonical } from "./compare.ts";
import { files, folders, named, type Named } from "./layout.ts";
import { definitionFiles } from "./read.ts";

export interface Written {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
  /** Files of definitions that the tenant has not; removed where that was asked. */
  readonly others: readonly string[];
}

/** Writes the files of a project, and with `remove` takes away those of definitions that are none of them. */
export async function writeProject(
  folder: string,
  found: ReadonlyMap<string, string>,
  remove: boolean,
): Promise<Written> {
  const wanted = new Map([...found].map(([path, text]) => [scriptPath(folder, path), text]));
  const written: string[] = [];
  const unchanged: string[] = [];
  for (const [path, text] of wanted) {
    const there = existsSync(join(folder, path)) ? await readFile(join(folder, path), "utf8") : undefined;
    if (there !== undefined && isSame(path, there, text)) unchanged.push(path);
    else {
      await save(join(folder, path), text);
      written.push(path);
    }
  }
  const others = await strangers(folder, wanted);
  if (remove) for (const path of others) await rm(join(folder, path), { force: true });
  return { written, unchanged, others };
}

/** A definition that says the same stays as somebody has written it, with its `was`: other tenants may not have been renamed yet. */
function isSame(path: string, there: string, text: string): boolean {
  if (there === text || !path.endsWith(".json")) return there === text;
  const [before, now] = [parsed(there), parsed(text)];
  const kind = dirname(path);
  if (!isObject(before) || !isObject(now)) return isDeepStrictEqual(before, now);
  if (kind !== "objects") return isDeepStrictEqual(named(kind, path, before), now);
  // The order of fields and record types says something.
  const [was, is] = [before, now].map((object) => JSON.stringify(canonical("objects", object as Named)));
  return was === is;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A script stays JavaScript where it is. */
function scriptPath(folder: string, path: string): string {
  const javaScript = path.replace(/\.ts$/, ".js");
  return !existsSync(join(folder, path)) && existsSync(join(folder, javaScript)) ? javaScript : path;
}

async function save(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  } catch (error) {
    throw new CommandFailure(fileFault(error, path));
  }
}

async function strangers(folder: string, wanted: ReadonlyMap<string, string>): Promise<string[]> {
  const here: string[] = existsSync(join(folder, files.delete)) ? [files.delete] : [];
  for (const kind of folders) {
    for (const file of await definitionFiles(folder, kind)) {
      const stem = `${kind}/${basename(file, ".json")}`;
      here.push(...[".json", ".ts", ".js"].map((end) => stem + end).filter((path) => existsSync(join(folder, path))));
    }
  }
  return here.filter((path) => !wanted.has(path) && !wanted.has(path.replace(/\.[jt]s$/, ".json")));
}
