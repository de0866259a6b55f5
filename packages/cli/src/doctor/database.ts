import type { Config, DatabaseFacts } from "@guanxi/server";
import { fault, type Finding, masked, ok, warning } from "./finding.ts";

const check = "database";
/** Versions that are supported. */
const versions = { least: 15, most: 18 } as const;
/** Beside GUANXI_DB_CONNECTIONS a process has that many, for the queue and for signals. */
const further = 6;
/** Time stands in records and decides what is due; clocks that agree to this, ms, do no harm. */
const clockMs = 2_000;
const badClockMs = 60_000;
/** So many jobs wait only where nobody takes them, or where they come faster than they go. */
const manyJobs = 1_000;

export type Server = typeof import("@guanxi/server");

/** The database of the settings: the embedded one, or that of DATABASE_URL. */
export async function examineDatabases(
  { examineDatabase, examineEmbedded }: Server,
  config: Config,
): Promise<Finding[]> {
  if (config.databaseUrl !== undefined) {
    const where = masked(config.databaseUrl);
    return examineDatabase(config.databaseUrl).then(
      (facts) => judgeDatabase(facts, config),
      (error: unknown) => [fault(check, `${where}: ${reasonOf(error)}`, adviceOn(error))],
    );
  }
  const facts = await examineEmbedded(config.dataDir);
  if (facts.madeBy !== undefined && facts.madeBy !== facts.ours)
    return [
      fault(
        check,
        `The embedded database in ${facts.root} was made by PostgreSQL ${facts.madeBy}; this is ${facts.ours}.`,
        "Dump it with the old version, move the folder away and restore into the new one.",
      ),
    ];
  const state = {
    absent: ok(check, "embedded; the first start makes it"),
    stopped: ok(check, "embedded; it starts with the server"),
    running: ok(
      check,
      `embedded, running${facts.server === undefined ? "" : ` for the server with process id ${facts.server}`}`,
    ),
    crashed: warning(check, "embedded; it was killed.", "Start the server: the start recovers it."),
  }[facts.state];
  if (facts.connection === undefined) return [state];
  const inside = await examineDatabase(facts.connection).then(
    (found) => judgeDatabase(found, config),
    (error: unknown) => [
      fault(check, `It does not answer: ${reasonOf(error)}`, "Restart the server; its log says more."),
    ],
  );
  return [state, ...inside];
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code ?? "");

const reasonOf = (error: unknown): string =>
  (error instanceof Error && error.message) || codeOf(error) || String(error);

function adviceOn(error: unknown): string {
  const code = codeOf(error);
  if (code === "3D000") return "Create the database: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.";
  if (code.startsWith("28")) return "Check user and password in DATABASE_URL, and pg_hba.conf of that server.";
  if (code === "53300")
    return "It has no connection left: raise max_connections, or lower GUANXI_DB_CONNECTIONS elsewhere.";
  return "Check host and port in DATABASE_URL, and whether that PostgreSQL runs and listens there.";
}

/** What the facts of a database mean for a server with these settings. */
export function judgeDatabase(facts: DatabaseFacts, config: Pick<Config, "connections" | "redisUrl">): Finding[] {
  return [
    judgeVersion(facts),
    facts.encoding === "UTF8"
      ? ok(check, "its encoding is UTF-8")
      : fault(check, `Its encoding is ${facts.encoding}.`, "Create another one with ENCODING 'UTF8' and use that."),
    judgeLocale(facts),
    judgeRights(facts),
    judgeClock(facts),
    judgeConnections(facts, config.connections),
    // With Redis the queue is there, and what this database has of one is left from before.
    ...(facts.jobs === undefined || config.redisUrl !== undefined
      ? []
      : [judgeJobs({ waiting: 0, delayed: 0, ...facts.jobs })]),
  ];
}

function judgeVersion({ version, database, user }: DatabaseFacts): Finding {
  const [major, minor] = [Math.floor(version / 10_000), version % 10_000];
  const says = `PostgreSQL ${major}.${minor}, database ${database}, user ${user}`;
  return major < versions.least || major > versions.most
    ? fault(check, says, `Use PostgreSQL ${versions.least} to ${versions.most}.`)
    : ok(check, says);
}

function judgeLocale({ provider, locale }: DatabaseFacts): Finding {
  const says = `letters sort and fold by ${locale} (${provider})`;
  if (provider !== "libc" || /^C\.utf-?8$/i.test(locale)) return ok(check, says);
  const mend = "Create the database anew: LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0.";
  return /^(C|POSIX)$/.test(locale)
    ? warning(check, `${says}: letters beyond ASCII have no upper and lower case.`, mend)
    : warning(check, `${says}: what equals what may change with the system's C library.`, mend);
}

function judgeRights({ mayCreate, standby, user, database }: DatabaseFacts): Finding {
  if (standby) return fault(check, "It is a standby and takes no writes.", "Name the primary in DATABASE_URL.");
  return mayCreate
    ? ok(check, "may create schemas")
    : fault(check, `${user} may not create schemas.`, `GRANT CREATE ON DATABASE ${database} TO ${user};`);
}

function judgeClock({ clockAheadMs, timeZone }: DatabaseFacts): Finding {
  const off = Math.abs(clockAheadMs);
  if (off <= clockMs) return ok(check, `its clock agrees with ours; its time zone is ${timeZone}`);
  const says = `Its clock is ${(off / 1_000).toFixed(1)} s ${clockAheadMs > 0 ? "ahead of" : "behind"} ours.`;
  return (off > badClockMs ? fault : warning)(check, says, "Set both machines' clocks by NTP.");
}

function judgeConnections({ connections: { open, most, reserved } }: DatabaseFacts, ours: number): Finding {
  const free = most - reserved - open;
  const needed = ours + further;
  const says = `${open} of ${most - reserved} connections are open; one process takes up to ${needed}`;
  const mend = "Raise max_connections of PostgreSQL, or lower GUANXI_DB_CONNECTIONS.";
  if (needed > most - reserved) return fault(check, `${says}.`, mend);
  return free < needed ? warning(check, `${says}: there is no room for another process.`, mend) : ok(check, says);
}

/** The backlog of the queue, wherever it is. */
export function judgeJobs({ waiting, delayed }: { waiting: number; delayed: number }): Finding {
  const says = `${waiting} jobs wait, ${delayed} are for later`;
  return waiting > manyJobs
    ? warning("queue", `${says}.`, "See whether a worker runs (/health, its log); if it does, start more of them.")
    : ok("queue", says);
}
