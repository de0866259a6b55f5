import type { Registry } from "./registry.ts";
import type { PoolUsage } from "./watch.ts";

/** SQL text with its parameters: what `query` and the write plans compile to. */
export interface Statement {
  /** The plan's name, for slow-statement logs: `lead.update`. */
  readonly name: string;
  readonly text: string;
  /** All text; the statement casts each where it stands (`$1::uuid`). */
  readonly params: readonly (string | null)[];
  /** Compiled plans are prepared once per connection; texts made of a request's own words are not. */
  readonly prepare: boolean;
  /** The text depends on what a caller asked for. Such texts have places of their own, so that none can take those of the plans. */
  readonly adHoc?: boolean;
}

export type Row = Record<string, unknown>;

/** Something statements run on: the pool, or one transaction's connection. */
export interface Connection {
  run<T extends Row = Row>(statement: Statement): Promise<T[]>;
  /**
   * A statement on fixed tables, or DDL. Values go in `params`; PostgreSQL infers their types. Its name is made of what the text does to
   * which table (`_job.update`), unless it is given.
   */
  sql<T extends Row = Row>(text: string, params?: readonly unknown[], name?: string): Promise<T[]>;
  /** True on a transaction's connection. */
  readonly inTransaction: boolean;
}

/** Rows in PostgreSQL's COPY text format, whose form is the same in all its versions; a line feed ends each. */
export interface CopyConnection extends Connection {
  /** Sends what `COPY … TO STDOUT` gives to `write`, no faster than that resolves. When it throws, the connection is of no further use. */
  copyOut(text: string, write: (rows: Buffer) => Promise<void>): Promise<void>;
  /** Feeds `COPY … FROM STDIN`. Where `rows` throws, nothing of them is stored. */
  copyIn(text: string, rows: AsyncIterable<Buffer>): Promise<void>;
}

/** A connection outside the pool, without limits of time: for work that may take hours. */
export interface OwnConnection extends CopyConnection {
  /** `mode` as after `BEGIN`: `ISOLATION LEVEL REPEATABLE READ READ ONLY`. Nothing is tried again. */
  transaction<T>(mode: string, work: (tx: CopyConnection) => Promise<T>): Promise<T>;
}

export interface Store extends Connection {
  readonly registry: Registry;
  /** Milliseconds after which PostgreSQL stops a statement, also one whose client has gone. */
  readonly statementTimeoutMs: number;
  /** Commits when `work` resolves, rolls back when it throws. Retries serialization failures and deadlocks up to 3 times. */
  transaction<T>(work: (tx: Connection) => Promise<T>): Promise<T>;
  /** Within the transaction `tx`: when `work` throws, what it did is undone and the transaction may go on; else a failed statement ends it. */
  savepoint<T>(tx: Connection, work: (inside: Connection) => Promise<T>): Promise<T>;
  /** Lends `work` a connection outside the pool, without limits of time, and closes it afterwards. */
  ownConnection<T>(work: (own: OwnConnection) => Promise<T>): Promise<T>;
  /** Runs `work` after the commit of `tx`; at once when `connection` is no transaction. Never runs after a rollback. */
  afterCommit(connection: Connection, work: () => void): void;
  /** Hears `NOTIFY channel`; reconnects by itself and calls `onReconnect` then, since signals may have been lost. */
  listen(
    channel: string,
    hear: (payload: string) => void,
    onReconnect?: () => void,
  ): Promise<{ stop(): Promise<void> }>;
  /** Sends at most one coalesced NOTIFY per 20 ms, on a connection of its own; never inside a write's transaction. */
  signal(channel: string, payload: string): void;
  usage(): PoolUsage;
  close(): Promise<void>;
}
