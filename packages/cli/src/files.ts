import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { bytesOf } from "./api.ts";
import { CommandFailure, fileFault, Interrupted, UsageError } from "./failure.ts";
import type { Io } from "./io.ts";
import type { Progress } from "./progress.ts";

/** Tells how many bytes have passed. */
export function counting(pass: (bytes: number) => void): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      pass((bytes += chunk.length));
      done(null, chunk);
    },
  });
}

/** Refuses before anything is asked of the server when the file could not be written. */
export async function checkTarget(path: string): Promise<void> {
  const folder = await stat(dirname(path)).catch((error: unknown) => {
    throw new UsageError(fileFault(error, dirname(path)));
  });
  const there = await stat(path).catch(() => undefined);
  if (!folder.isDirectory() || there?.isDirectory()) throw new UsageError(`${path} is no place for a file.`);
}

export interface Saving {
  /** Undefined for standard output. */
  readonly path: string | undefined;
  readonly progress: Progress;
  /** Permissions of a new file. */
  readonly mode?: number;
}

/**
 * Writes an answer's body to a file, which has its name only once it is whole and on the disk, or to standard output. → bytes.
 * CommandFailure when the server breaks off, Interrupted when the user does.
 */
export async function save(io: Io, response: Response, { path, progress, mode = 0o666 }: Saving): Promise<number> {
  const total = Number(response.headers.get("content-length") ?? Number.NaN);
  let bytes = 0;
  let broken = false;
  const stream = bytesOf(response).once("error", () => (broken = true));
  const counted = counting((passed) => progress.show((bytes = passed), Number.isNaN(total) ? undefined : total));
  const whole = path === undefined || (await isPlain(path));
  const draft =
    path === undefined ? undefined : whole ? `${join(dirname(path), `.${basename(path)}.${randomUUID()}`)}.part` : path;
  try {
    if (draft === undefined) await pipeline(stream, counted, io.stdout, { end: false, signal: io.interrupted });
    else {
      await pipeline(stream, counted, createWriteStream(draft, { flags: whole ? "wx" : "w", mode }), {
        signal: io.interrupted,
      });
      if (whole && path !== undefined) await settle(draft, path);
    }
    return bytes;
  } catch (error) {
    if (whole && draft !== undefined) await rm(draft, { force: true });
    const kept = path === undefined ? "What was printed is not all." : `${path} is as it was before.`;
    if (io.interrupted.aborted) throw new Interrupted(`Interrupted. ${kept}`);
    if (broken)
      throw new CommandFailure(
        `The server broke the transfer off after ${bytes} bytes. ${kept} Try again; the server's log says why.`,
      );
    throw new CommandFailure(`${fileFault(error, path ?? "standard output")}. ${kept}`);
  } finally {
    progress.end();
  }
}

/** Whether the path is, or will be, a file; a device or a pipe is written to as it is. */
async function isPlain(path: string): Promise<boolean> {
  const there = await stat(path).catch(() => undefined);
  return there === undefined || there.isFile();
}

async function settle(draft: string, path: string): Promise<void> {
  const file = await open(draft, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}
