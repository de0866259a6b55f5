import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EmbeddedPostgres } from "../embedded/embedded.ts";
import { databaseName, major, roleName } from "../embedded/cluster.ts";
import { exists, keptPassword, lookForHome } from "../embedded/home.ts";
import { readPidFile } from "../embedded/postmaster.ts";
import { ownerOf } from "../embedded/processes.ts";
import { lockHolder } from "../embedded/server-lock.ts";

export interface EmbeddedFacts {
  /** `absent`: the first start makes it. `crashed`: it was killed; the next start recovers it. */
  readonly state: "absent" | "stopped" | "running" | "crashed";
  /** Folder of the database. */
  readonly root: string | undefined;
  /** The major version that made it, and the one that we have. */
  readonly madeBy: string | undefined;
  readonly ours: string;
  /** Process id of the server on this data folder. */
  readonly server: number | undefined;
  /** How to reach a running one. */
  readonly connection: EmbeddedPostgres["connection"] | undefined;
}

/** How the embedded database of a data folder (absolute path) does; changes nothing. */
export async function examineEmbedded(dataDir: string): Promise<EmbeddedFacts> {
  const server = await lockHolder(dataDir);
  const home = await lookForHome(dataDir);
  const facts = { root: home?.root, madeBy: undefined, ours: major, server, connection: undefined };
  if (home === undefined || !(await exists(join(home.cluster, "PG_VERSION")))) return { ...facts, state: "absent" };
  const madeBy = (await readFile(join(home.cluster, "PG_VERSION"), "utf8")).trim();
  const file = await readPidFile(home);
  if (file === undefined) return { ...facts, madeBy, state: "stopped" };
  if ((await ownerOf(file.pid, home.cluster)) !== "cluster") return { ...facts, madeBy, state: "crashed" };
  const password = await keptPassword(dataDir);
  const connection = password && { ...file.address, user: roleName, database: databaseName, password };
  return { ...facts, madeBy, state: "running", connection: connection || undefined };
}
