import { noTracer, type Observe, type Tracer } from "@guanxi/base";
import postgres from "postgres";
import { isDatabaseError, storeError } from "./errors.ts";
import { withCopy } from "./own-connection.ts";
import { startListener, startSignals } from "./signals.ts";
import { createRegistry } from "./registry.ts";
import { statementName } from "./statement-name.ts";
import type { Connection, OwnConnection, Row, Statement, Store } from "./types.ts";
import { createWatch } from "./watch.ts";

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
  /** Gets a span for each statement and transaction that is part of a trace. */
  readonly tracer?: Tracer;
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
/** What runs at the end gets so many seconds before its connection is closed. */
const closeSeconds = 5;

type Sql = postgres.Sql | postgres.TransactionSql;
interface OpenTransaction {
  readonly sql: postgres.TransactionSql;
  /** What is to follow the commit. */
  readonly after: (() => void)[];
}

type Parameter = postgres.ParameterOrJSON<never>;

export function createStore(settings: StoreSettings): Store {
  const { observe, tracer = noTracer } = settings;
  const watch = createWatch({ ...settings, tracer });
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
  const open = (given: typeof options): postgres.Sql =>
    typeof settings.connection === "string"
      ? postgres(settings.connection, given)
      : postgres({ ...given, ...settings.connection });
  const pool = open(options);
  const owns = new Set<postgres.Sql>();
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
    return watch.statement(statement.name, async () => {
      try {
        const prepare = mayPrepare(statement);
        // Without parameters the driver would send the text each time, in the protocol that prepares nothing.
        const options = prepare ? { prepare, simple: false } : { prepare };
        return (await sql.unsafe(statement.text, params as Parameter[], options)) as unknown as T[];
      } catch (e) {
        throw storeError(e, statement.name);
      }
    });
  }

  const connection = (sql: Sql, inTransaction: boolean): Connection => {
    // Alone, a statement is its own transaction and can be tried again like one.
    const attempt = <T>(work: () => Promise<T>): Promise<T> =>
      inTransaction ? work() : watch.connection(() => retried(work));
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
      sql: <T extends Row>(text: string, params: readonly unknown[] = [], name = statementName(text)) =>
        attempt(() => execute<T>(sql, { name, text, prepare: false }, params)),
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
      // The driver calls from a socket's event, which may be another request's.
      const body = tracer.bind(async (sql: postgres.TransactionSql) => {
        const tx = connection(sql, true);
        transactions.set(tx, { sql, after });
        try {
          return await work(tx);
        } catch (e) {
          thrown = e;
          throw e;
        }
      });
      return (await open(body)) as T;
    } catch (e) {
      throw e === thrown ? e : storeError(e, name);
    }
  }

  async function once<T>(work: (tx: Connection) => Promise<T>): Promise<T> {
    const after: (() => void)[] = [];
    const result = await tracer.inside({ name: "transaction", kind: "client" }, () =>
      within("transaction", (body) => pool.begin(body), after, work),
    );
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

  const transaction = <T>(work: (tx: Connection) => Promise<T>): Promise<T> =>
    watch.connection(() => retried(() => once(work)));

  async function terminate(pid: number): Promise<void> {
    await connection(pool, false).sql("SELECT pg_terminate_backend($1)", [pid]);
  }

  async function ownConnection<T>(work: (own: OwnConnection) => Promise<T>): Promise<T> {
    const { connection: parameters, ...others } = options;
    const unlimited = { statement_timeout: 0, idle_in_transaction_session_timeout: 0 };
    // Text of dates must not depend on how somebody set up the server.
    const format = { DateStyle: "ISO, YMD", IntervalStyle: "postgres", bytea_output: "hex" };
    // A connection that is replaced would lose its transaction and locks without a word.
    const sql = open({ ...others, max: 1, max_lifetime: null, connection: { ...parameters, ...unlimited, ...format } });
    // It takes no place in the pool, and what fails on it is not tried again.
    const plain = { ...connection(sql, true), inTransaction: false };
    owns.add(sql);
    // Where the work failed, its connection may be dead, and the driver would wait for an answer.
    let timeout = 0;
    try {
      const result = await work({
        ...withCopy(sql, plain, terminate),
        transaction: (mode, inside) =>
          within(
            "transaction",
            (body) => sql.begin(mode, body),
            [],
            (tx) => inside(withCopy((transactions.get(tx) as OpenTransaction).sql, tx, terminate)),
          ),
      });
      timeout = closeSeconds;
      return result;
    } finally {
      owns.delete(sql);
      await sql.end({ timeout });
    }
  }

  const signals = startSignals(pool, watch, observe);
  return {
    ...connection(pool, false),
    registry: createRegistry(pool, watch),
    statementTimeoutMs: settings.statementTimeoutMs,
    transaction,
    savepoint,
    ownConnection,
    afterCommit(on, work) {
      const open = transactions.get(on);
      if (open) open.after.push(work);
      else work();
    },
    listen: (channel, hear, onReconnect) => startListener(pool, channel, hear, onReconnect),
    signal: signals.send,
    usage: watch.usage,
    async close() {
      await signals.stop();
      await Promise.all([...owns, pool].map((sql) => sql.end({ timeout: closeSeconds })));
    },
  };
}
