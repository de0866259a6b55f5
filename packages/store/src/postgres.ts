import type { Observe } from "@guanxi/base";
import postgres from "postgres";
import { isDatabaseError, storeError } from "./errors.ts";
import { startListener, startSignals } from "./signals.ts";
import { createRegistry } from "./registry.ts";
import type { Connection, Row, Statement, Store } from "./types.ts";

export interface StoreSettings {
  /** A URL, or the parts of one. */
  readonly connection: string | { host: string; port: number; user: string; database: string; password?: string };
  /** Connections at most; each costs the server about 10 MB. */
  readonly maxConnections: number;
  /** Milliseconds after which PostgreSQL stops a statement, so that one question cannot hold a connection for long. */
  readonly statementTimeoutMs: number;
  /** Statements slower than this many milliseconds are reported by plan name. */
  readonly slowStatementMs: number;
  readonly observe: Observe;
}

/** Texts kept prepared per connection. postgres.js never evicts one, and 20,000 took a backend from 25 to 367 MB. */
const maxPreparedPlans = 2_000;
const maxPreparedQueries = 300;
/** After this many seconds a connection is replaced, with what its backend has kept: 40 KB for each table it touched. */
const connectionLifetimeSeconds = 1_800;
/** A plan's parameters are all sent as text and cast where they stand; PostgreSQL then minds none that a text does not use. */
const textOid = 25;
/** Work that lost a race for locks is tried this often at most. */
const maxTries = 4;

/** Values travel as PostgreSQL prints them, except small integers and booleans: no value loses a digit on the way. */
const asText = (to: number, from: number[]) => ({
  to,
  from,
  serialize: (x: unknown) => String(x),
  parse: (x: string) => x,
});
const types = {
  json: asText(114, [114, 3802]),
  date: asText(1184, [1082, 1114, 1184]),
  boolean: { to: 16, from: [16], serialize: (x: unknown) => String(x), parse: (x: string) => x === "t" },
  bigint: { to: 20, from: [20], serialize: (x: unknown) => String(x), parse: Number },
  number: { to: 0, from: [21, 23, 26, 700, 701], serialize: (x: unknown) => String(x), parse: Number },
};

/** Runs work that leaves nothing behind when it fails, and again where it lost a race for locks. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (e) {
      if (attempt >= maxTries || !isDatabaseError(e, "40001", "40P01")) throw e;
    }
  }
}

/**
 * Between two attempts to connect, in seconds. postgres.js would wait up to 20, and with it every statement that was given to the
 * connection, although the database may have been back for long.
 */
const reconnectSeconds = 0.1;

type Sql = postgres.Sql | postgres.TransactionSql;
interface OpenTransaction {
  readonly sql: postgres.TransactionSql;
  /** What is to follow the commit. */
  readonly after: (() => void)[];
}

type Parameter = postgres.ParameterOrJSON<never>;

export function createStore(settings: StoreSettings): Store {
  const { observe } = settings;
  const options: postgres.Options<Record<string, postgres.PostgresType>> = {
    max: settings.maxConnections,
    types: types as unknown as Record<string, postgres.PostgresType>,
    fetch_types: false,
    max_lifetime: connectionLifetimeSeconds,
    backoff: () => reconnectSeconds,
    onnotice: () => undefined,
    connection: {
      application_name: "guanxi",
      TimeZone: "UTC",
      jit: false,
      statement_timeout: settings.statementTimeoutMs,
      idle_in_transaction_session_timeout: settings.statementTimeoutMs * 2,
    },
  };
  const pool =
    typeof settings.connection === "string"
      ? postgres(settings.connection, options)
      : postgres({ ...options, ...settings.connection });
  const prepared = {
    plans: { texts: new Set<string>(), most: maxPreparedPlans },
    queries: { texts: new Set<string>(), most: maxPreparedQueries },
  };
  let preparedSince = Date.now();
  const transactions = new WeakMap<Connection, OpenTransaction>();

  /**
   * The first texts asked for are prepared, those beyond the bound parsed each time, until the connections that keep them
   * have been replaced.
   */
  function mayPrepare({ prepare, adHoc, text }: Omit<Statement, "params">): boolean {
    if (!prepare) return false;
    if (Date.now() - preparedSince > connectionLifetimeSeconds * 1_000) {
      for (const { texts } of [prepared.plans, prepared.queries]) texts.clear();
      preparedSince = Date.now();
    }
    const { texts, most } = adHoc ? prepared.queries : prepared.plans;
    if (texts.size < most) texts.add(text);
    return texts.has(text);
  }

  async function execute<T extends Row>(
    sql: Sql,
    statement: Omit<Statement, "params">,
    params: readonly unknown[],
  ): Promise<T[]> {
    const started = performance.now();
    try {
      return (await sql.unsafe(statement.text, params as Parameter[], {
        prepare: mayPrepare(statement),
      })) as unknown as T[];
    } catch (e) {
      throw storeError(e, statement.name);
    } finally {
      const ms = performance.now() - started;
      if (ms > settings.slowStatementMs) observe({ kind: "slow_statement", plan: statement.name, ms: Math.round(ms) });
    }
  }

  const connection = (sql: Sql, inTransaction: boolean): Connection => {
    // Alone, a statement is its own transaction and can be tried again like one.
    const attempt = inTransaction ? <T>(work: () => Promise<T>): Promise<T> => work() : retried;
    return {
      inTransaction,
      run: <T extends Row>(statement: Statement) =>
        attempt(() =>
          execute<T>(
            sql,
            statement,
            statement.params.map((p) => pool.typed(p as string, textOid)),
          ),
        ),
      sql: <T extends Row>(text: string, params: readonly unknown[] = []) =>
        attempt(() => execute<T>(sql, { name: "fixed", text, prepare: false }, params)),
    };
  };

  /** `work` between a beginning and an end that `open` provides; what is to follow the commit gathers in `after`. */
  async function within<T>(
    name: string,
    open: (body: (sql: postgres.TransactionSql) => Promise<T>) => Promise<unknown>,
    after: (() => void)[],
    work: (tx: Connection) => Promise<T>,
  ): Promise<T> {
    let thrown: unknown;
    try {
      return (await open(async (sql) => {
        const tx = connection(sql, true);
        transactions.set(tx, { sql, after });
        try {
          return await work(tx);
        } catch (e) {
          thrown = e;
          throw e;
        }
      })) as T;
    } catch (e) {
      throw e === thrown ? e : storeError(e, name);
    }
  }

  async function once<T>(work: (tx: Connection) => Promise<T>): Promise<T> {
    const after: (() => void)[] = [];
    const result = await within("transaction", (body) => pool.begin(body), after, work);
    for (const f of after) f();
    return result;
  }

  async function savepoint<T>(tx: Connection, work: (inside: Connection) => Promise<T>): Promise<T> {
    const outer = transactions.get(tx);
    if (!outer) throw new TypeError("a savepoint needs a transaction");
    const after: (() => void)[] = [];
    const result = await within("savepoint", (body) => outer.sql.savepoint(body), after, work);
    outer.after.push(...after);
    return result;
  }

  const transaction = <T>(work: (tx: Connection) => Promise<T>): Promise<T> => retried(() => once(work));

  const signals = startSignals(pool, observe);
  return {
    ...connection(pool, false),
    registry: createRegistry(pool),
    statementTimeoutMs: settings.statementTimeoutMs,
    transaction,
    savepoint,
    afterCommit(on, work) {
      const open = transactions.get(on);
      if (open) open.after.push(work);
      else work();
    },
    listen: (channel, hear, onReconnect) => startListener(pool, channel, hear, onReconnect),
    signal: signals.send,
    async close() {
      await signals.stop();
      await pool.end({ timeout: 5 });
    },
  };
}
