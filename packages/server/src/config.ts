import { resolve } from "node:path";
import { GuanxiError, type Issue } from "@guanxi/base";
import type { S3Settings } from "@guanxi/storage";
import { type LogLevel, logLevels } from "./log.ts";

export type Role = "all" | "api" | "worker";

/** Everything that the environment decides. */
export interface Config {
  readonly role: Role;
  readonly host: string;
  readonly port: number;
  /** Absolute. Embedded PostgreSQL, generated secrets, the demo's keys. */
  readonly dataDir: string;
  /** Another PostgreSQL instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Redis for the queue instead of PostgreSQL. */
  readonly redisUrl: string | undefined;
  readonly operatorKey: string | undefined;
  readonly masterKey: string | undefined;
  readonly previousMasterKeys: readonly string[];
  readonly demo: boolean;
  /** Database connections at most. */
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly slowStatementMs: number;
  readonly bodyLimitBytes: number;
  readonly tenantsCached: number;
  /** Change sets of a tenant that keep their definitions. */
  readonly changeSetsKept: number;
  /** Sandbox processes at most. */
  readonly sandboxes: number;
  readonly logLevel: LogLevel;
  /** Where metrics and health are served without a key; nowhere when undefined. */
  readonly metricsPort: number | undefined;
  readonly metricsHost: string;
  /** ms that a process which has been told to end goes on answering while `/ready` says that it ends. */
  readonly drainMs: number;
  /** Bytes of a file at most. */
  readonly fileBytes: number;
  /** ms that a file which no record names is kept. */
  readonly fileKeepMs: number;
  /** Where contents of files are kept instead of the data folder. */
  readonly s3: S3Settings | undefined;
  /** Bytes of a table beyond which nothing goes through it while its writers wait. */
  readonly largeTableBytes: number;
  /** ms that a change of definitions is waited for before the answer is that it goes on. */
  readonly changeWaitMs: number;
  /** The root of an OTLP receiver over HTTP; nothing is traced without. */
  readonly tracesEndpoint: string | undefined;
}

interface Setting {
  readonly name: string;
  readonly meaning: string;
  readonly fallback: string;
}

/** The settings, as `docs/guide/settings.md` lists them. */
export const settings = {
  role: { name: "GUANXI_ROLE", meaning: "what this process does: `all`, `api` or `worker`", fallback: "all" },
  host: { name: "HOST", meaning: "address to listen on", fallback: "127.0.0.1" },
  port: { name: "PORT", meaning: "port to listen on", fallback: "3000" },
  dataDir: {
    name: "GUANXI_DATA_DIR",
    meaning: "folder of the embedded database, generated secrets and the demo's keys",
    fallback: ".guanxi",
  },
  databaseUrl: {
    name: "DATABASE_URL",
    meaning: "a PostgreSQL 15 to 18 to use instead of the embedded one",
    fallback: "",
  },
  redisUrl: { name: "REDIS_URL", meaning: "a Redis to queue in instead of PostgreSQL", fallback: "" },
  operatorKey: {
    name: "GUANXI_OPERATOR_KEY",
    meaning: "key for `/platform`; generated with the embedded database, required with another",
    fallback: "",
  },
  masterKey: {
    name: "GUANXI_MASTER_KEY",
    meaning:
      "secret that wraps the keys of encrypted fields, at least 32 characters, the same for all processes; kept in the data folder with the embedded database",
    fallback: "",
  },
  previousMasterKeys: {
    name: "GUANXI_MASTER_KEY_PREVIOUS",
    meaning: "earlier master keys, with commas between, until `guanxi keys rotate-master` has run",
    fallback: "",
  },
  demo: { name: "GUANXI_DEMO", meaning: "`0`: make no demo tenant", fallback: "1" },
  connections: {
    name: "GUANXI_DB_CONNECTIONS",
    meaning: "database connections of this process at most; each costs PostgreSQL about 10 MB",
    fallback: "16",
  },
  statementTimeoutMs: {
    name: "GUANXI_STATEMENT_TIMEOUT_MS",
    meaning:
      "milliseconds after which PostgreSQL stops a statement, so that one question cannot hold a connection for long",
    fallback: "30000",
  },
  slowStatementMs: {
    name: "GUANXI_SLOW_STATEMENT_MS",
    meaning:
      "statements that take longer than this many milliseconds, waiting for a connection included, are logged by name",
    fallback: "1000",
  },
  bodyLimitBytes: {
    name: "GUANXI_BODY_LIMIT_BYTES",
    meaning: "bytes of a request's body at most",
    fallback: "10000000",
  },
  tenantsCached: {
    name: "GUANXI_TENANTS_CACHED",
    meaning:
      "tenants whose compiled metadata stays in memory: 30 objects take 50 KB and each of them that is used 6 KB; tenants with the same objects share it",
    fallback: "500",
  },
  changeSetsKept: {
    name: "GUANXI_CHANGE_SETS_KEPT",
    meaning:
      "change sets of a tenant, the newest, whose definitions are kept so that they can be taken back; each takes as much as the definitions that it changed, twice",
    fallback: "1000",
  },
  sandboxes: {
    name: "GUANXI_SANDBOXES",
    meaning: "sandbox processes for scripts at most; each takes about 50 MB",
    fallback: "4",
  },
  logLevel: {
    name: "GUANXI_LOG_LEVEL",
    meaning: "from which level on lines are logged: `trace`, `debug`, `info`, `warn`, `error` or `silent`",
    fallback: "info",
  },
  metricsPort: {
    name: "GUANXI_METRICS_PORT",
    meaning: "a port of their own for `/metrics`, `/health` and `/ready`, without a key; workers have no other",
    fallback: "",
  },
  metricsHost: {
    name: "GUANXI_METRICS_HOST",
    meaning: "address that port is on; whoever reaches it reads the metrics",
    fallback: "127.0.0.1",
  },
  drainMs: {
    name: "GUANXI_DRAIN_MS",
    meaning:
      "milliseconds that a process goes on answering after SIGTERM, while `/ready` says 503, so that a balancer takes it out first; 5000 with `DATABASE_URL`, else 0",
    fallback: "",
  },
  fileBytes: {
    name: "GUANXI_FILE_MAX_MB",
    meaning: "megabytes of a file at most; one request to S3 takes 5000",
    fallback: "100",
  },
  fileKeepMs: {
    name: "GUANXI_FILE_KEEP_HOURS",
    meaning:
      "hours that a file which no record names is kept, so that a wrong removal can be undone; uploads may take as long",
    fallback: "24",
  },
  largeTableBytes: {
    name: "GUANXI_LARGE_TABLE_KB",
    meaning:
      "kilobytes of a table beyond which a change of definitions builds and checks beside its writers; it goes through 1000 in some 10 ms, which they wait otherwise",
    fallback: "1000",
  },
  changeWaitMs: {
    name: "GUANXI_CHANGE_WAIT_MS",
    meaning:
      "milliseconds that a change of definitions is waited for before it is answered with 202 and goes on, and that another one waits for it",
    fallback: "5000",
  },
  tracesEndpoint: {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    meaning: "root of an OpenTelemetry receiver (OTLP over HTTP) that traces are sent to",
    fallback: "",
  },
  s3Bucket: {
    name: "S3_BUCKET",
    meaning: "bucket for the contents of files, which are in the data folder otherwise",
    fallback: "",
  },
  s3Endpoint: {
    name: "S3_ENDPOINT",
    meaning: "address of its S3-compatible service; with `{bucket}` in it where the bucket is part of the host's name",
    fallback: "",
  },
  s3Region: { name: "S3_REGION", meaning: "its region", fallback: "us-east-1" },
  s3AccessKeyId: { name: "S3_ACCESS_KEY_ID", meaning: "key of the service", fallback: "" },
  s3SecretAccessKey: { name: "S3_SECRET_ACCESS_KEY", meaning: "its secret", fallback: "" },
} as const satisfies Record<Exclude<keyof Config, "s3"> | `s3${Capitalize<keyof S3Settings>}`, Setting>;

/**
 * ms; where there are several processes there is a balancer, which asks every second or two, and clients let a connection go
 * that was idle for this long, as every answer tells them to.
 */
const defaultDrainMs = 5_000;

const bytesPerKb = 1_000;
const bytesPerMb = 1_000_000;
const msPerHour = 3_600_000;

/** Reads the configuration; throws with every fault and what to write instead. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const issues: Issue[] = [];
  const fault = (setting: Setting, message: string): void =>
    void issues.push({ path: setting.name, code: "definition", params: { message } });
  const text = (setting: Setting): string => environment[setting.name]?.trim() || setting.fallback;
  const optional = (setting: Setting): string | undefined => text(setting) || undefined;
  const number = (setting: Setting, least: number, most: number): number => {
    const value = Number(text(setting));
    if (!Number.isInteger(value) || value < least || value > most)
      fault(setting, `must be a whole number from ${least} to ${most}`);
    return value;
  };
  const needed = (setting: Setting): string => {
    if (text(setting) === "") fault(setting, `is needed with ${settings.s3Bucket.name}`);
    return text(setting);
  };
  const role = text(settings.role);
  if (role !== "all" && role !== "api" && role !== "worker") fault(settings.role, "must be all, api or worker");
  const databaseUrl = optional(settings.databaseUrl);
  const redisUrl = optional(settings.redisUrl);
  if (databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(databaseUrl))
    fault(settings.databaseUrl, "must begin with postgres://");
  if (redisUrl !== undefined && !/^rediss?:\/\//.test(redisUrl)) fault(settings.redisUrl, "must begin with redis://");
  if (databaseUrl === undefined && role !== "all")
    fault(settings.role, `${role} needs DATABASE_URL: the embedded database serves one process`);
  const logLevel = text(settings.logLevel) as LogLevel;
  if (!logLevels.includes(logLevel)) fault(settings.logLevel, `must be one of ${logLevels.join(", ")}`);
  const tracesEndpoint = optional(settings.tracesEndpoint);
  if (tracesEndpoint !== undefined && !(/^https?:\/\//.test(tracesEndpoint) && URL.canParse(tracesEndpoint)))
    fault(settings.tracesEndpoint, "must be an address that begins with http:// or https://");
  const bucket = optional(settings.s3Bucket);
  const s3: S3Settings | undefined =
    bucket === undefined
      ? undefined
      : {
          bucket,
          endpoint: needed(settings.s3Endpoint),
          region: needed(settings.s3Region),
          accessKeyId: needed(settings.s3AccessKeyId),
          secretAccessKey: needed(settings.s3SecretAccessKey),
        };
  if (s3 && s3.endpoint !== "" && !/^https?:\/\/[^/]/.test(s3.endpoint))
    fault(settings.s3Endpoint, "must begin with http:// or https://");
  const operatorKey = optional(settings.operatorKey);
  // RFC 6750: nothing else can be sent as a bearer token.
  if (operatorKey !== undefined && !/^[\w.~+/-]+=*$/.test(operatorKey))
    fault(settings.operatorKey, "may have letters, digits and -._~+/ only, and = at its end");
  if (databaseUrl !== undefined && operatorKey === undefined && role !== "worker") {
    fault(
      settings.operatorKey,
      "is needed with DATABASE_URL, so that all processes have the same; 24 random bytes in base64 will do",
    );
  }
  const masterKey = optional(settings.masterKey);
  const previousMasterKeys = (optional(settings.previousMasterKeys) ?? "").split(",").filter((key) => key !== "");
  if (masterKey !== undefined && masterKey.length < 32)
    fault(settings.masterKey, "must have at least 32 characters, such as those of `openssl rand -base64 32`");
  if (operatorKey !== undefined && operatorKey.length < 16)
    fault(settings.operatorKey, "must have at least 16 characters");
  const known = new Set<string>(Object.values(settings).map((s) => s.name));
  for (const name of Object.keys(environment)) {
    if (
      name.startsWith("GUANXI_") &&
      !name.startsWith("GUANXI_TEST_") &&
      !/^GUANXI_(URL|KEY)(_|$)/.test(name) &&
      !known.has(name)
    ) {
      issues.push({ path: name, code: "definition", params: { message: "is no setting; see docs/guide/settings.md" } });
    }
  }
  const config: Config = {
    role: role as Role,
    host: text(settings.host),
    port: number(settings.port, 0, 65_535),
    dataDir: resolve(text(settings.dataDir)),
    databaseUrl,
    redisUrl,
    operatorKey,
    masterKey,
    previousMasterKeys,
    demo: text(settings.demo) !== "0",
    connections: number(settings.connections, 2, 1_000),
    statementTimeoutMs: number(settings.statementTimeoutMs, 100, 3_600_000),
    slowStatementMs: number(settings.slowStatementMs, 1, 3_600_000),
    bodyLimitBytes: number(settings.bodyLimitBytes, 1_000, 1_000_000_000),
    tenantsCached: number(settings.tenantsCached, 1, 100_000),
    changeSetsKept: number(settings.changeSetsKept, 1, 1_000_000),
    sandboxes: number(settings.sandboxes, 2, 256),
    logLevel,
    metricsPort: optional(settings.metricsPort) === undefined ? undefined : number(settings.metricsPort, 0, 65_535),
    metricsHost: text(settings.metricsHost),
    drainMs:
      optional(settings.drainMs) === undefined
        ? databaseUrl === undefined
          ? 0
          : defaultDrainMs
        : number(settings.drainMs, 0, 600_000),
    fileBytes: number(settings.fileBytes, 1, 5_000) * bytesPerMb,
    fileKeepMs: number(settings.fileKeepMs, 1, 8_760) * msPerHour,
    largeTableBytes: number(settings.largeTableBytes, 0, 1_000_000_000) * bytesPerKb,
    changeWaitMs: number(settings.changeWaitMs, 0, 600_000),
    s3,
    tracesEndpoint,
  };
  if (issues.length > 0) throw new GuanxiError("DEFINITION", { detail: "The settings are not valid.", issues });
  return config;
}
