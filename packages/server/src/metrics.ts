import type { QueueBacklog } from "@guanxi/automation";
import type { Observation, Observe } from "@guanxi/base";
import type { SandboxStats } from "@guanxi/sandbox";
import type { PoolUsage } from "@guanxi/store";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is looked at when somebody asks, because nothing tells when it changes. */
export interface Sources {
  pool(): PoolUsage;
  snapshotsCached(): number;
  sandbox(): SandboxStats;
  queue(): Promise<QueueBacklog | undefined>;
}

export interface Metrics {
  readonly observe: Observe;
  /** Prometheus text. What the sources cannot tell in time is left out. */
  read(sources: Sources): Promise<{ contentType: string; text: string }>;
}

/** Names of statements that get series of their own; further ones share one. Tenants name their objects, and series cost memory here and there. */
const mostPlans = 300;
/** Statements that define tables count by what they do alone: a tenant's beginning has some hundred, which would take all the names. */
const definition = /^.*\.((?:create|alter|drop)_\w+)$/;
/** Seconds. From a cached read to the longest that a statement may take unless set otherwise. */
const statementBuckets = [0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30];
/** Seconds. An answer over 10 s is one that nobody waits for. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds. A run may take as long as its calls do. */
const runBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60];
/** Seconds. Usually some ms; after an outage as long as that was. */
const lagBuckets = [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 300];
/** ms that a reader waits for the queue's answer. */
const queueMs = 1_000;
/** ms between two looks at how late the event loop is. */
const eventLoopMs = 50;

const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** The process is one, however many servers are in it. */
let ofProcess: Registry | undefined;

function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess, eventLoopMonitoringPrecision: eventLoopMs });
  }
  return ofProcess;
}

/** Counts observations. No label holds a tenant, an id or data; every label has a bounded number of values. */
export function createMetrics(observe: Observe): Metrics {
  const registry = new Registry();
  const counters = createCounters(registry);
  const levels = createLevels(registry);
  const process = processMetrics();
  return {
    observe: (o) => counters(o),
    async read(sources) {
      await levels(sources, observe);
      return {
        contentType: registry.contentType,
        text: `${await registry.metrics()}\n${await process.metrics()}`,
      };
    },
  };
}

function createCounters(registry: Registry): Observe {
  const registers = [registry];
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram({ name: `guanxi_${name}`, help, labelNames: [...labelNames], buckets, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Counter({ name: `guanxi_${name}`, help, labelNames: [...labelNames], registers });
  const requests = histogram(
    "http_request_duration_seconds",
    "Requests, until their answer begins.",
    ["method", "route", "status"],
    requestBuckets,
  );
  const statements = histogram(
    "sql_statement_duration_seconds",
    "SQL statements by name, waiting for a connection included where they are not part of a transaction.",
    ["plan"],
    statementBuckets,
  );
  const failed = counter("sql_statements_failed_total", "SQL statements that PostgreSQL refused or never answered.", [
    "plan",
  ]);
  const slow = counter("sql_slow_statements_total", "SQL statements over the limit that is set for slow ones.", [
    "plan",
  ]);
  const compiled = histogram(
    "snapshot_compile_duration_seconds",
    "Compilations of a tenant's metadata.",
    [],
    requestBuckets,
  );
  const events = counter("events_relayed_total", "Changes that were matched with triggers.");
  const started = counter("runs_started_total", "Runs that changes have started.");
  const lag = histogram(
    "event_dispatch_lag_seconds",
    "From the change to its dispatch, for the oldest of each batch.",
    [],
    lagBuckets,
  );
  const runs = histogram("run_duration_seconds", "Stretches of runs, by what they ended with.", ["status"], runBuckets);
  const sandboxes = counter("sandbox_started_total", "Script processes that began to serve a tenant.");
  const kills = counter("sandbox_killed_total", "Script processes that were killed or crashed.", ["reason"]);
  const rows = counter("import_rows_total", "Imported rows by what became of them.", ["outcome"]);
  const faults = counter("faults_total", "Work behind the requests that failed.", ["task"]);
  const lost = counter("connections_lost_total", "Faults of connections.", ["to"]);
  const plan = boundedNames(mostPlans);

  const seconds = (ms: number): number => ms / 1_000;
  // Their series are looked up by name: every request and statement is counted.
  const seriesOf = remembered((name: string) => statements.labels({ plan: name }));
  const requestSeries = remembered((key: string) => {
    const [method = "", status = "", route = ""] = key.split(" ");
    return requests.labels({ method, route, status });
  });
  return (o: Observation): void => {
    switch (o.kind) {
      case "request": {
        const method = methods.has(o.method) ? o.method : "other";
        return requestSeries(`${method} ${o.status} ${o.route}`).observe(seconds(o.ms));
      }
      case "statement":
        seriesOf(plan(o.plan)).observe(seconds(o.ms));
        if (!o.ok) failed.inc({ plan: plan(o.plan) });
        return;
      case "slow_statement":
        return slow.inc({ plan: plan(o.plan) });
      case "snapshot_compiled":
        return compiled.observe(seconds(o.ms));
      case "events_relayed":
        events.inc(o.events);
        started.inc(o.runs);
        return lag.observe(seconds(o.lagMs));
      case "run_ended":
        return runs.observe({ status: o.status }, seconds(o.ms));
      case "sandbox_started":
        return sandboxes.inc();
      case "sandbox_killed":
        return kills.inc({ reason: o.cause });
      case "rows_imported":
        for (const outcome of ["created", "updated", "unchanged", "rejected"] as const)
          rows.inc({ outcome }, o[outcome]);
        return;
      case "background_failed":
        return faults.inc({ task: o.task });
      case "connection_lost":
        return lost.inc({ to: o.to });
    }
  };
}

/** What was made for a key, made once. Only for keys of which there are few. */
function remembered<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.set(key, value);
    return value;
  };
}

/** The first names that are asked for, and `other` for the rest. */
function boundedNames(most: number): (name: string) => string {
  const known = new Set<string>();
  return (given) => {
    if (known.has(given)) return given;
    const name = given.replace(definition, "$1");
    if (known.has(name)) return name;
    if (known.size >= most) return "other";
    known.add(name);
    return name;
  };
}

function createLevels(registry: Registry): (sources: Sources, observe: Observe) => Promise<void> {
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name: `guanxi_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const limit = gauge("db_pool_connections_limit", "Database connections of the pool at most.");
  const inUse = gauge("db_pool_connections_in_use", "Database connections of the pool in use.");
  const waiting = gauge("db_pool_waiting", "Statements and transactions that wait for a connection.");
  const cached = gauge("snapshots_cached", "Tenants whose compiled metadata is in memory.");
  const processes = gauge("sandbox_processes", "Script processes by what they do.", ["state"]);
  const queued = gauge("sandbox_waiting", "Who waits for a script process: runs, or writes with a before-script.", [
    "for",
  ]);
  const jobs = gauge("queue_jobs", "Jobs in the queue of all processes, due and not due yet.", ["state"]);
  return async (sources, observe) => {
    const pool = sources.pool();
    limit.set(pool.most);
    inUse.set(pool.inUse);
    waiting.set(pool.waiting);
    cached.set(sources.snapshotsCached());
    const { children, busy, spares, queuedRuns, queuedLeases } = sources.sandbox();
    processes.set({ state: "busy" }, busy);
    processes.set({ state: "idle" }, children - busy);
    processes.set({ state: "spare" }, spares);
    queued.set({ for: "run" }, queuedRuns);
    queued.set({ for: "write" }, queuedLeases);
    const backlog = await inTime(sources.queue(), queueMs).catch((error: unknown) =>
      observe({ kind: "background_failed", task: "measure the queue", error }),
    );
    if (!backlog) return jobs.reset();
    jobs.set({ state: "waiting" }, backlog.waiting);
    jobs.set({ state: "delayed" }, backlog.delayed);
  };
}

function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${ms} ms`)), ms);
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}
