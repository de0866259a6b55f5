import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { fileFault, UsageError } from "./failure.ts";

/** What a command sees of the world around it. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  /** Answers, and nothing else. */
  readonly stdout: Writable & { readonly isTTY?: boolean };
  /** Notes, progress and faults. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the user wants the command to end: Ctrl-C, SIGTERM. */
  readonly interrupted: AbortSignal;
}

export const print = (io: Io, text: string): void => void io.stdout.write(`${text}\n`);
export const note = (io: Io, text: string): void => void io.stderr.write(`${text}\n`);
export const printJson = (io: Io, value: unknown): void => print(io, JSON.stringify(value));

export interface Source {
  readonly stream: Readable;
  /** Unknown for what comes through a pipe. */
  readonly bytes: number | undefined;
}

/** The bytes of a file, or of standard input for `-`. UsageError when there is no such file. */
export async function openSource(io: Io, path: string): Promise<Source> {
  if (path === "-") return { stream: io.stdin, bytes: undefined };
  const found = await stat(path).catch((error: unknown) => {
    throw new UsageError(fileFault(error, path));
  });
  if (found.isDirectory()) throw new UsageError(`${path} is a folder, not a file.`);
  return { stream: createReadStream(path), bytes: found.isFile() ? found.size : undefined };
}
