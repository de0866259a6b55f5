/** `stuck`: without a sign of life, or an isolate that does not stop. `protocol`: it sent what its program never sends. */
export type KillCause = "memory" | "stuck" | "protocol" | "start" | "crash";

/** Everything the program tells its operator; loggers and metrics choose what to show. Never carries record data. */
export type Observation =
  | { kind: "stopping"; reason: string }
  | { kind: "stopped"; ms: number }
  | { kind: "request"; id: string; method: string; route: string; status: number; ms: number; tenant?: string }
  | { kind: "request_failed"; id: string; error: unknown }
  | { kind: "statement"; plan: string; ms: number; ok: boolean }
  | { kind: "slow_statement"; plan: string; ms: number }
  | { kind: "connection_lost"; to: "database" | "queue" | "signals"; error: unknown }
  | { kind: "snapshot_compiled"; tenant: string; version: number; objects: number; ms: number }
  /** `lagMs`: from the oldest event's change to its dispatch. */
  | { kind: "events_relayed"; tenant: string; events: number; runs: number; lagMs: number }
  | { kind: "run_ended"; tenant: string; workflow: string; run: string; status: string; ms: number }
  /** Somebody has read encrypted fields in clear. */
  | { kind: "revealed"; tenant: string; user: string; object: string; record: string; fields: readonly string[] }
  | { kind: "rows_imported"; tenant: string; created: number; updated: number; unchanged: number; rejected: number }
  | { kind: "sandbox_started"; tenant: string; pid: number }
  | { kind: "sandbox_killed"; tenant: string; pid: number; cause: KillCause; reason: string }
  | { kind: "sandbox_ended"; tenant: string; pid: number; reason: string }
  /** `task` is one of a few; what it was done for has a name of its own. */
  | { kind: "background_failed"; task: string; tenant?: string; workflow?: string; error: unknown }
  | { kind: "database"; message: string };

export type Observe = (o: Observation) => void;
