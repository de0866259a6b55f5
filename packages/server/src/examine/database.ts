import { queuePlace } from "@guanxi/automation";
import postgres from "postgres";

export interface DatabaseFacts {
  /** As `server_version_num` tells it: 180004. */
  readonly version: number;
  readonly database: string;
  readonly user: string;
  readonly encoding: string;
  /** Who sorts and folds letters, and by which locale. */
  readonly provider: "libc" | "icu" | "builtin";
  readonly locale: string;
  readonly mayCreate: boolean;
  /** A standby, which takes no writes. */
  readonly standby: boolean;
  readonly timeZone: string;
  /** How far the database's clock is ahead of ours, ms. */
  readonly clockAheadMs: number;
  /** Connections: open ones, how many there may be, and of those, kept for superusers. */
  readonly connections: { readonly open: number; readonly most: number; readonly reserved: number };
  /** Jobs of the queue in this database by state; undefined where there is none. */
  readonly jobs: Readonly<Record<string, number>> | undefined;
}

const queueTable = `${queuePlace.namespace}.job`;
/** A database that does not answer within that many seconds is not there. */
const connectSeconds = 5;
/** ms that a statement of the examination may take. */
const statementMs = 10_000;

interface Row {
  readonly version: number;
  readonly facts: {
    readonly datname: string;
    readonly datlocprovider: "c" | "i" | "b";
    readonly datctype: string;
    readonly datlocale?: string | null;
    readonly daticulocale?: string | null;
  };
  readonly user: string;
  readonly encoding: string;
  readonly may_create: boolean;
  readonly standby: boolean;
  readonly zone: string;
  readonly clock: number;
  readonly open: number;
  readonly most: number;
  readonly reserved: number;
  readonly queue: boolean;
}

const providers = { c: "libc", i: "icu", b: "builtin" } as const;

/** Looks at a database and changes nothing. Rejects with the driver's error when it cannot be reached or entered. */
export async function examineDatabase(address: string | object): Promise<DatabaseFacts> {
  const options = {
    max: 1,
    connect_timeout: connectSeconds,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: "guanxi doctor", statement_timeout: statementMs },
  };
  const sql = typeof address === "string" ? postgres(address, options) : postgres({ ...address, ...options });
  try {
    // The first statement connects, so that the clock is asked on an open connection.
    await sql`SELECT 1`;
    const asked = Date.now();
    const [row] = await sql<Row[]>`
      SELECT current_setting('server_version_num')::int AS version, to_jsonb(d) AS facts, current_user::text AS user,
        pg_encoding_to_char(d.encoding) AS encoding, has_database_privilege(current_database(), 'CREATE') AS may_create,
        pg_is_in_recovery() AS standby, current_setting('TimeZone') AS zone,
        (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS clock,
        (SELECT sum(numbackends)::int FROM pg_stat_database) AS open, current_setting('max_connections')::int AS most,
        current_setting('superuser_reserved_connections')::int
          + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
        to_regclass(${queueTable}) IS NOT NULL AS queue
      FROM pg_database d WHERE d.datname = current_database()`;
    const middle = (asked + Date.now()) / 2;
    if (row === undefined) throw new Error("the database does not know itself");
    return { ...factsOf(row, middle), jobs: row.queue ? await jobsIn(sql) : undefined };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function factsOf(row: Row, now: number): Omit<DatabaseFacts, "jobs"> {
  const { facts } = row;
  return {
    version: row.version,
    database: facts.datname,
    user: row.user,
    encoding: row.encoding,
    provider: providers[facts.datlocprovider],
    locale: facts.datlocale ?? facts.daticulocale ?? facts.datctype,
    mayCreate: row.may_create,
    standby: row.standby,
    timeZone: row.zone,
    clockAheadMs: Math.round(row.clock - now),
    connections: { open: row.open, most: row.most, reserved: row.reserved },
  };
}

async function jobsIn(sql: postgres.Sql): Promise<Record<string, number>> {
  const rows = await sql<{ state: string; n: number }[]>`
    SELECT state::text AS state, count(*)::int AS n FROM ${sql(queueTable)} GROUP BY state`;
  return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
}
