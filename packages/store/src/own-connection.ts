import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type postgres from "postgres";
import { storeError } from "./errors.ts";
import type { Connection, CopyConnection } from "./types.ts";

type Sql = postgres.Sql | postgres.TransactionSql;

/** `plain` on `sql`, with COPY. `terminate` ends a backend by its process id. */
export function withCopy(sql: Sql, plain: Connection, terminate: (pid: number) => Promise<void>): CopyConnection {
  return {
    ...plain,
    async copyOut(text, write) {
      const [row] = await plain.sql<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      const rows = await opened(() => sql.unsafe(text).readable());
      try {
        // The driver would leave its socket paused for good if its stream were destroyed.
        for await (const chunk of rows.iterator({ destroyOnReturn: false })) await write(chunk as Buffer);
      } catch (e) {
        if (!rows.destroyed) {
          await terminate(row?.pid ?? 0);
          await finished(rows.resume()).catch(() => undefined);
        }
        throw storeError(e, "copy");
      }
    },
    async copyIn(text, rows) {
      const target = await opened(() => sql.unsafe(text).writable());
      const end = finished(target);
      // It is awaited below; until then a refusal is not unheard.
      end.catch(() => undefined);
      try {
        for await (const chunk of rows) if (!target.write(chunk)) await drained(target);
        target.end();
        await end;
      } catch (e) {
        // Without an error the driver would tell PostgreSQL that all is well.
        target.destroy(e instanceof Error ? e : new Error(String(e)));
        await end.catch(() => undefined);
        throw storeError(e, "copy");
      }
    },
  };
}

async function opened<T extends Readable | Writable>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (e) {
    throw storeError(e, "copy");
  }
}

/** Resolves when the stream takes more, throws what ended it. */
export async function drained(target: Writable): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const done = (error?: Error | null): void => {
      target.off("drain", done).off("close", closed);
      if (error) reject(error);
      else resolve();
    };
    const closed = (): void => done(target.errored ?? new Error("the connection was lost"));
    if (target.destroyed) return closed();
    target.on("drain", done).on("close", closed);
  });
}
