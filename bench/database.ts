import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { startEmbeddedPostgres } from "@guanxi/server";
import postgres from "postgres";
import { removeDataFolder } from "../test/support/data-folder.ts";

/** The PostgreSQL that both sides use: the embedded one with its own settings, fsync included, on 127.0.0.1. */
export interface Database {
  readonly url: string;
  readonly sql: postgres.Sql;
  readonly version: string;
  /** Of PostgreSQL's first process, the parent of all others. */
  readonly pid: number;
  /** Connections to PostgreSQL by others than us. */
  backends(): Promise<number>;
  stop(): Promise<void>;
}

/** Rows look at it one after the other; a second connection is for what runs beside them. */
const ownConnections = 4;

export async function startDatabase(dataDir: string, fresh: boolean, say: (text: string) => void): Promise<Database> {
  if (fresh) await removeData(dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const embedded = await startEmbeddedPostgres({
    dataDir,
    tcp: true,
    observe: (o) => {
      if (o.kind === "database") say(o.message);
    },
  });
  const sql = postgres(embedded.url, {
    max: ownConnections,
    onnotice: () => undefined,
    connection: { application_name: "bench" },
  });
  const [row] = await sql<{ version: string }[]>`SELECT current_setting('server_version') AS version`;
  return {
    url: embedded.url,
    sql,
    version: row?.version ?? "",
    pid: embedded.pid,
    async backends() {
      const [found] = await sql<{ count: number }[]>`SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND application_name <> 'bench'`;
      return found?.count ?? 0;
    },
    async stop() {
      await sql.end({ timeout: 5 });
      await embedded.stop();
    },
  };
}

/** Deletes the data folder, and the database where that could not be in it. Refuses while another bench uses it. */
async function removeData(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) return;
  const left = await startEmbeddedPostgres({ dataDir, tcp: true, observe: () => undefined });
  await left.stop();
  removeDataFolder(dataDir);
}
