import { isObject } from "@guanxi/base";
import { addAbortSignal } from "node:stream";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { GuanxiProblem, type ProblemIssue } from "@guanxi/client";
import { CommandFailure, explainProblem, fileFault, Interrupted, sayIssue, UsageError } from "./failure.ts";
import { type Io, print, printJson } from "./io.ts";

/** A file with a definition, or a standard input of that kind. */
export interface DefinitionFile {
  /** As the user named it. */
  readonly file: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly name: string;
}

/** The text of a file without its byte order mark. UsageError when it cannot be read. */
export async function readText(path: string): Promise<string> {
  const found = await readFile(path, "utf8").catch((error: unknown) => {
    throw new UsageError(fileFault(error, path));
  });
  return withoutMark(found);
}

const withoutMark = (found: string): string => found.replace(/^\uFEFF/, "");

/** Standard input to its end. */
export async function readInput(io: Io): Promise<string> {
  try {
    return withoutMark(await text(addAbortSignal(io.interrupted, io.stdin)));
  } catch (error) {
    if (io.interrupted.aborted) throw new Interrupted("Interrupted.");
    throw new UsageError(fileFault(error, "standard input"));
  }
}

/** UsageError for what is no JSON. */
export function parseJson(found: string, file: string): unknown {
  try {
    return JSON.parse(found);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}

/** A definition in a file, or in standard input for `-`, with the name it gives itself. UsageError without one. */
export async function readDefinition(io: Io, path: string): Promise<DefinitionFile> {
  const file = path === "-" ? "standard input" : path;
  const body = parseJson(path === "-" ? await readInput(io) : await readText(path), file);
  if (!isObject(body)) throw new UsageError(`${file} has no definition: a file has one, as an object.`);
  const name: unknown = body["name"] ?? body["extends"];
  if (typeof name !== "string" || name === "") throw new UsageError(`${file} says no "name".`);
  return { file, name, body: body as Record<string, unknown> };
}

/** Asks the server for what a file wants; its refusal names the file. */
export async function onBehalfOf<T>(
  file: string,
  ask: () => Promise<T>,
  say: (issue: ProblemIssue) => string = sayIssue,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof GuanxiProblem) || error.status === 0) throw error;
    throw new CommandFailure(`${file}: ${explainProblem(error, say)}`);
  }
}

export interface Putting<Item, Done> {
  readonly put: (item: Item) => Promise<Done>;
  readonly say: (done: Done) => string;
  readonly json: boolean;
}

/** Puts one after the other. What stands before a refused one stays, and is told. */
export async function putAll<Item, Done>(
  io: Io,
  items: readonly Item[],
  { put, say, json }: Putting<Item, Done>,
): Promise<void> {
  const done: Done[] = [];
  try {
    for (const item of items) {
      const one = await put(item);
      done.push(one);
      if (!json) print(io, say(one));
    }
  } finally {
    if (json) printJson(io, done);
  }
}
