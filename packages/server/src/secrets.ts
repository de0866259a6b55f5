import { join } from "node:path";
import { secret } from "@guanxi/base";
import { readIfThere, writePrivate } from "./private-file.ts";

/** A secret kept in the data folder with mode 0600; made where there is none, or only what a broken write has left of one. */
export async function keptSecret(dataDir: string, name: string): Promise<string> {
  const path = join(dataDir, name);
  const made = secret();
  const kept = await readIfThere(path);
  if (kept !== undefined && isWhole(kept, made.length)) return kept.trim();
  await writePrivate(path, `${made}\n`);
  return made;
}

/** One that somebody has put there themselves may be of any length, and end without a line break where it is long enough. */
function isWhole(text: string, madeLength: number): boolean {
  const { length } = text.trim();
  return length >= madeLength || (length > 0 && text.endsWith("\n"));
}
