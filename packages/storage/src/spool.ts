import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GuanxiError } from "@guanxi/base";
import type { Received } from "./types.ts";

/** ms after which nobody is writing to a file any more: a process was killed over it. */
const abandonedMs = 24 * 3_600_000;

/** Writes `body` to a new file of `folder`, where it is safe from a power cut when this resolves. */
export async function receive(folder: string, body: AsyncIterable<Uint8Array>, mostBytes: number): Promise<Received> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, randomUUID());
  const file = await open(path, "wx", 0o600);
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new GuanxiError("TOO_LARGE", { detail: `a file may have ${mostBytes} bytes` });
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } catch (e) {
    await file.close();
    await rm(path, { force: true });
    throw e;
  }
  await file.close();
  return { path, bytes, sha256: hash.digest("hex") };
}

/** Removes what killed processes have left in `folder`. */
export async function sweepSpool(folder: string): Promise<void> {
  const names = await readdir(folder).catch(ifThere<string[]>([]));
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(ifThere(undefined));
    if (found && Date.now() - found.mtimeMs > abandonedMs) await rm(path, { force: true });
  }
}

/** For `catch`: `instead` where there is no such file. */
export const ifThere =
  <T>(instead: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
