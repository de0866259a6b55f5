import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { isObject } from "@guanxi/base";
import { readText } from "../definitions.ts";
import { fileFault, sayPlace, UsageError } from "../failure.ts";
import { scriptBeside } from "../workflow-files.ts";
import { files, folders, type Kind, kinds, named, nameOf, type Named } from "./layout.ts";
import { placeIn } from "./places.ts";

/** A fault at its place in a project. */
export interface Fault {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  /** Into the file's JSON; absent for a fault of a script. */
  readonly pointer?: string;
  readonly message: string;
}

/** A fault as `message: path, line` of a change set, whose path leads into its body. */
export interface SetIssue {
  readonly path: string;
  readonly message: string;
  readonly line?: number;
  readonly column?: number;
}

/** The definitions of a folder as the body of a change set. */
export interface Project {
  readonly folder: string;
  readonly set: Readonly<Record<Kind, readonly Named[]>> & Readonly<Record<"settings" | "delete", object>>;
  /** Files that hold no definition. */
  readonly faults: readonly Fault[];
  /** Where a fault of the change set stands; undefined for one that is in none of the files. */
  place(issue: SetIssue): Fault | undefined;
}

interface Source {
  readonly file: string;
  readonly text: string;
}

/** Reads a project's folder; UsageError where there is none. What is no JSON is among the faults. */
export async function readProject(folder: string): Promise<Project> {
  await checkFolder(folder);
  const faults: Fault[] = [];
  const sources = new Map<string, Source>();
  const found: Record<Kind, Named[]> = { objects: [], workflows: [], mappings: [], roles: [] };
  for (const kind of folders) {
    for (const file of await definitionFiles(folder, kind)) {
      const definition = await readNamed(kind, file, faults);
      if (definition === undefined) continue;
      const path = `/${kind}/${found[kind].length}`;
      sources.set(path, definition);
      const script = kind === "workflows" ? await readScript(file, definition.value, faults) : undefined;
      if (script) sources.set(`${path}/script`, script);
      found[kind].push({ ...definition.value, ...(script ? { script: script.text } : {}) });
    }
  }
  const rest: Record<string, unknown> = {};
  for (const [member, name] of Object.entries(files)) {
    const file = join(folder, name);
    if (!existsSync(file)) continue;
    const text = await readText(file);
    sources.set(`/${member}`, { file, text });
    rest[member] = parse(file, text, faults);
  }
  const { settings = {}, delete: gone = {}, roles = found.roles } = rest;
  const set = { ...found, roles, settings, delete: gone } as Project["set"];
  return { folder, set, faults, place: (issue) => placeOf(issue, sources) };
}

async function checkFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch((error: unknown) => {
    throw new UsageError(fileFault(error, folder));
  });
  if (!there.isDirectory()) throw new UsageError(`${folder} is no folder.`);
  const known = [...folders, ...Object.values(files)].some((name) => existsSync(join(folder, name)));
  if (!known)
    throw new UsageError(
      `${folder} is no project: it has neither objects nor workflows. \`guanxi init\` begins one, \`guanxi pull\` writes what a tenant has.`,
    );
}

/** Files with a definition in a folder of the project, in the order of their names. */
export async function definitionFiles(folder: string, kind: (typeof folders)[number]): Promise<string[]> {
  const inside = join(folder, kind);
  const names = existsSync(inside) ? await readdir(inside) : [];
  return (
    names
      // A tsconfig.json is there for the editor, with comments in it perhaps.
      .filter((name) => name.endsWith(".json") && !name.startsWith(".") && name !== "tsconfig.json")
      .toSorted()
      .map((name) => join(inside, name))
  );
}

async function readNamed(kind: Kind, file: string, faults: Fault[]): Promise<(Source & { value: Named }) | undefined> {
  const text = await readText(file);
  const parsed = parse(file, text, faults);
  if (parsed === undefined) return undefined;
  const value = isObject(parsed) ? named(kind, file, parsed) : parsed;
  const name = basename(file, ".json");
  if (!isObject(value)) faults.push({ file, line: 1, pointer: "", message: "is no definition, which is an object" });
  else if (nameOf(value) !== name) {
    const message = `must be "${name}", as the file is called`;
    const pointer = value["name"] === undefined && value["extends"] !== undefined ? "/extends" : "/name";
    faults.push({ file, pointer, message, ...placeIn(text, pointer) });
  } else return { file, text, value: value as Named };
  return undefined;
}

/** V8 says `… (line 3 column 5)`. */
function parse(file: string, text: string, faults: Fault[]): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const [, line, column] = /\(line (\d+) column (\d+)\)$/.exec(message) ?? [];
    const place = line === undefined ? {} : { line: Number(line), column: Number(column) };
    faults.push({ file, ...place, message: `is not JSON: ${message}` });
    return undefined;
  }
}

/** The script beside a definition that has none inside. */
async function readScript(file: string, { script }: Named, faults: Fault[]): Promise<Source | undefined> {
  if (script !== undefined) return undefined;
  const { found, wanted } = scriptBeside(file);
  if (found !== undefined) return { file: found, text: await readText(found) };
  faults.push({ file, line: 1, message: `has no script: write it into ${wanted}` });
  return undefined;
}

function placeOf({ path, message, line, column }: SetIssue, sources: ReadonlyMap<string, Source>): Fault | undefined {
  const [start] = [...sources.keys()]
    .filter((key) => path === key || path.startsWith(`${key}/`))
    .toSorted((a, b) => b.length - a.length);
  const source = sources.get(start ?? "");
  if (start === undefined || source === undefined) return undefined;
  const isScript = start.endsWith("/script");
  const given = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
  if (isScript) return { file: source.file, message, ...given };
  const pointer = path.slice(start.length);
  return { file: source.file, pointer, message, ...placeIn(source.text, pointer) };
}

/** `objects/boat.json:7:5 /properties/x/type: must be …`. */
export const sayFault = ({ file, line, column, pointer = "", message }: Fault): string =>
  `${sayPlace(file, line, column)} ${pointer === "" ? "" : `${pointer}: `}${message}`;

/** What stands for characters that would end a part of a workflow command. */
const escapedFor = (text: string, more: string): string =>
  text.replaceAll(/[%\r\n:,]/g, (c) =>
    c === "%" || c === "\r" || c === "\n" || more.includes(c) ? encodeURIComponent(c) : c,
  );

/** A workflow command of GitHub Actions, which marks the place in a change that is under review. */
export function annotateFault({ file, line, column, pointer = "", message }: Fault): string {
  const place = Object.entries({ file, line, col: column }).filter(([, value]) => value !== undefined);
  const words = `${pointer === "" ? "" : `${pointer}: `}${message}`;
  return `::error ${place.map(([name, value]) => `${name}=${escapedFor(String(value), ":,")}`).join(",")}::${escapedFor(words, "")}`;
}

/** What of a tenant the project has not, by kind: `brought` definitions are the platform's, and stay. */
export function missingFrom(
  { set }: Project,
  found: Readonly<Record<Kind, readonly Named[]>>,
  brought: Readonly<Record<string, readonly string[]>>,
): Record<Kind, string[]> {
  const missing = (kind: Kind): string[] => {
    const here = new Set(set[kind].map(nameOf));
    const names = found[kind].map(nameOf);
    return names.filter((name) => !here.has(name) && !brought[kind]?.includes(name));
  };
  return Object.fromEntries(kinds.map((kind) => [kind, missing(kind)])) as Record<Kind, string[]>;
}
