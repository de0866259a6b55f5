import type { Observation, Observe } from "@guanxi/base";
import { pino } from "pino";
import { type FaultText, faultText } from "./fault-text.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** From which level on an operator reads of it. */
const levels: Record<Observation["kind"], Exclude<LogLevel, "silent">> = {
  stopping: "info",
  stopped: "info",
  database: "info",
  request: "debug",
  request_failed: "error",
  background_failed: "error",
  connection_lost: "warn",
  slow_statement: "warn",
  revealed: "info",
  sandbox_killed: "warn",
  sandbox_started: "debug",
  sandbox_ended: "debug",
  snapshot_compiled: "debug",
  events_relayed: "debug",
  run_ended: "debug",
  rows_imported: "debug",
  statement: "trace",
};

/**
 * ms between two lines about a fault that goes on. What has lost its database tries again about ten times a second; half a minute
 * still shows within a look at the log whether it goes on.
 */
const repeatMs = 30_000;
/** Faults that are counted at once. There are some ten kinds; whatever comes beyond is written each time. */
const mostFaults = 100;

export interface Log {
  readonly observe: Observe;
  /** Writes the counts of repeated faults that are still to come. */
  close(): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Where the lines go; standard error unless given, written without making the process wait. */
  readonly stream?: { write(line: string): unknown };
  readonly repeatMs?: number;
}

/** One JSON object a line. An observation has no place for data or keys, and of an error only what `faultText` lets through is written. */
export function createLog({ level, stream, ...options }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Written out when the process ends, too: pino sees to that for every end but a killing.
    stream ?? pino.destination({ dest: 2, sync: false }),
  );
  const written = new Set(
    Object.entries(levels).flatMap(([kind, least]) => (logger.isLevelEnabled(least) ? [kind] : [])),
  );
  const repeats = createRepeats(
    (o, times) => logger[levels[o.kind]]({ ...o, repeated: times }),
    options.repeatMs ?? repeatMs,
  );
  return {
    observe(o) {
      if (!written.has(o.kind)) return;
      if (!("error" in o)) return logger[levels[o.kind]](o);
      const entry = { ...o, error: faultText(o.error) };
      if (entry.kind === "request_failed" || repeats.isNew(entry)) logger[levels[entry.kind]](entry);
    },
    close: repeats.close,
  };
}

type Written<O> = O extends unknown ? Omit<O, "error"> & { readonly error: FaultText } : never;
type Entry = Written<Extract<Observation, { kind: "connection_lost" | "background_failed" }>>;

/** Says a fault once and then, as long as it goes on, how often it came since; of whichever tenant. A request's faults have its id and stand alone. */
function createRepeats(write: (entry: Entry, times: number) => void, everyMs: number) {
  const faults = new Map<string, { last: Entry; times: number; timer: NodeJS.Timeout }>();

  function tell(key: string): void {
    const fault = faults.get(key);
    if (!fault) return;
    if (fault.times === 0) {
      clearInterval(fault.timer);
      faults.delete(key);
      return;
    }
    write(fault.last, fault.times);
    fault.times = 0;
  }

  return {
    isNew(entry: Entry): boolean {
      const key = keyOf(entry);
      const known = faults.get(key);
      if (known) {
        known.last = entry;
        known.times++;
        return false;
      }
      if (faults.size < mostFaults)
        faults.set(key, { last: entry, times: 0, timer: setInterval(tell, everyMs, key).unref() });
      return true;
    },
    close(): void {
      for (const [key, { timer }] of faults) {
        tell(key);
        clearInterval(timer);
      }
      faults.clear();
    },
  };
}

function keyOf(entry: Entry): string {
  const chain: string[] = [];
  for (let at: FaultText | undefined = entry.error; at; at = at.cause) chain.push(at.message, at.code ?? "");
  return [entry.kind, entry.kind === "background_failed" ? entry.task : entry.to, ...chain].join("\n");
}
