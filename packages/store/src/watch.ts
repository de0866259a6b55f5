import type { Observe, Tracer } from "@guanxi/base";

/** Connections of the pool, by what becomes of who needs one. */
export interface PoolUsage {
  /** How many there may be. */
  readonly most: number;
  readonly inUse: number;
  /** Statements and transactions that wait for one. */
  readonly waiting: number;
}

interface WatchSettings {
  readonly maxConnections: number;
  readonly slowStatementMs: number;
  readonly observe: Observe;
  readonly tracer: Tracer;
}

/** Sees every statement by its name, never its text or parameters, and who needs a connection. */
export interface Watch {
  statement<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Work that takes one connection of the pool from its beginning to its end. */
  connection<T>(work: () => Promise<T>): Promise<T>;
  usage(): PoolUsage;
}

export function createWatch({ maxConnections, slowStatementMs, observe, tracer }: WatchSettings): Watch {
  let wanted = 0;

  async function timed<T>(plan: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    let ok = false;
    try {
      const result = await work();
      ok = true;
      return result;
    } finally {
      const ms = performance.now() - started;
      observe({ kind: "statement", plan, ms, ok });
      if (ms > slowStatementMs) observe({ kind: "slow_statement", plan, ms: Math.round(ms) });
    }
  }

  return {
    statement: (name, work) =>
      tracer.inside(
        { name, kind: "client", attributes: { "db.system.name": "postgresql", "db.query.summary": name } },
        () => timed(name, work),
      ),
    async connection(work) {
      wanted++;
      try {
        return await work();
      } finally {
        wanted--;
      }
    },
    usage: () => ({
      most: maxConnections,
      inUse: Math.min(wanted, maxConnections),
      waiting: Math.max(0, wanted - maxConnections),
    }),
  };
}
