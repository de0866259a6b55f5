import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { secret } from "@guanxi/base";

/** A secret kept in the data folder with mode 0600, made the first time it is asked for. */
export async function keptSecret(dataDir: string, name: string): Promise<string> {
  const path = join(dataDir, name);
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== "ENOENT") throw e;
  }
  const value = secret(24);
  await writeFile(path, `${value}\n`, { mode: 0o600, flag: "wx" });
  return value;
}
