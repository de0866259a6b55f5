import type { Observe } from "@guanxi/base";
import type postgres from "postgres";
import type { Connection } from "./types.ts";
import type { Watch } from "./watch.ts";

/** NOTIFY makes PostgreSQL serialise commits; one coalesced message per this many milliseconds keeps it off the writes' way. */
const signalIntervalMs = 20;

/** Tells all who listen on the channel, with the transaction's commit if `connection` is one's. */
export async function notify(connection: Connection, channel: string, payload: string): Promise<void> {
  await connection.sql("SELECT pg_notify($1, $2)", [channel, payload]);
}

/** Gathers signals and sends each channel's distinct payloads together. */
export function startSignals(
  pool: postgres.Sql,
  watch: Watch,
  observe: Observe,
): { send(channel: string, payload: string): void; stop(): Promise<void> } {
  const waiting = new Map<string, Set<string>>();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    timer = undefined;
    const batch = [...waiting].flatMap(([channel, payloads]) => [...payloads].map((payload) => ({ channel, payload })));
    waiting.clear();
    if (batch.length === 0) return;
    const values = batch.map((_, i) => `($${2 * i + 1}::text, $${2 * i + 2}::text)`).join(", ");
    const params = batch.flatMap((b) => [b.channel, b.payload]);
    try {
      const text = `SELECT pg_notify(channel, payload) FROM (VALUES ${values}) v(channel, payload)`;
      await watch.connection(() =>
        watch.statement("pg_notify", async () => pool.unsafe(text, params, { prepare: false })),
      );
    } catch (error) {
      // A signal only hastens: work is also found by a sweep, and a revoked key ends with its time in the cache.
      observe({ kind: "connection_lost", to: "signals", error });
    }
  }

  return {
    send(channel, payload) {
      const payloads = waiting.get(channel) ?? new Set();
      waiting.set(channel, payloads.add(payload));
      timer ??= setTimeout(() => (sending = sending.then(flush)), signalIntervalMs);
    },
    async stop() {
      clearTimeout(timer);
      await sending;
      await flush();
    },
  };
}

export async function startListener(
  pool: postgres.Sql,
  channel: string,
  hear: (payload: string) => void,
  onReconnect?: () => void,
): Promise<{ stop(): Promise<void> }> {
  let connections = 0;
  const { unlisten } = await pool.listen(channel, hear, () => {
    if (connections++ > 0) onReconnect?.();
  });
  return { stop: unlisten };
}
