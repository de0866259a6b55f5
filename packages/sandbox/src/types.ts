import type { Observe } from "@guanxi/base";
import type { LimitName, Limits } from "./limits.ts";

/** One run of a script, or its continuation when `history` is not empty. */
export interface Job {
  readonly tenant: string;
  /** The run's id; what the caller authorises `onCall` by. */
  readonly id: string;
  /** JavaScript as `compile` returned it. */
  readonly code: string;
  /** Name in stack traces, e.g. `route_web_leads.ts`. */
  readonly filename: string;
  /** JSON of what the prelude makes the script's argument from. */
  readonly input: string;
  /** Seeds `Math.random`. */
  readonly seed: string;
  /** Where `Date` starts, ms since 1970. */
  readonly startedAt: number;
  /** Calls that finished in earlier activations, in the order of their completion. */
  readonly history: readonly FinishedCall[];
  /**
   * Does one call, outside the sandbox. Answers are delivered one at a time in the order in which these promises settle, and a replay delivers in
   * the order of `history`: so the caller settles them in the order it journals them. A rejection means that the call could not be done or
   * recorded (a lost connection); the script never sees it and the run is put back. `signal` aborts when the run has ended without this answer.
   */
  readonly onCall: (call: Call, signal: AbortSignal) => Promise<CallAnswer>;
  /** Default: `runLimits`. */
  readonly limits?: Limits;
  /** Aborted: the run is put back with the reason `cancelled`. */
  readonly signal?: AbortSignal;
}

export interface Call {
  /** Numbered from 1 in the order the script makes them. */
  readonly id: number;
  readonly op: string;
  /** JSON. */
  readonly args: string;
}

/** `value` is JSON; `error` is JSON `{name, message, code?, data?}`; `at` is where `Date` stands after the answer, ms since 1970. */
export type FinishedAnswer =
  | { readonly ok: true; readonly value: string; readonly at: number }
  | { readonly ok: false; readonly error: string; readonly at: number };

/** `suspend`: the answer comes much later; the run gives up its process when it has nothing else to wait for. */
export type CallAnswer = FinishedAnswer | "suspend";

export type FinishedCall = { readonly call: number; readonly op: string; readonly args: string } & FinishedAnswer;

/** The run's whole log from its first line, lines of replayed slices included: it replaces what was stored before. */
export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
  /** The script's own clock, ms since 1970. */
  readonly at: number;
}

export interface Cost {
  /** New work only, ms. */
  readonly cpuMs: number;
  /** ms in the child, waits included. */
  readonly wallMs: number;
  readonly calls: number;
  readonly logLines: number;
  readonly resultBytes: number;
  /** Heap at the end, MB. */
  readonly memoryMb: number;
}

export interface RunError {
  /** `SCRIPT` the script threw or cannot go on, `LIMIT`, `REPLAY` it took another path than its history, `INTERNAL` our bug. */
  readonly code: "SCRIPT" | "LIMIT" | "REPLAY" | "INTERNAL";
  readonly name: string;
  readonly message: string;
  /** 1-based place in the script. */
  readonly line?: number;
  readonly column?: number;
  readonly stack?: string;
  /** The `code` of what was thrown, when it is a string: how a prelude's own errors (a refusal) are told from others. */
  readonly reason?: string;
  /** JSON of the `data` of what was thrown. */
  readonly data?: string;
  readonly limit?: { readonly name: LimitName; readonly limit: number; readonly used: number };
}

export type Outcome =
  | { readonly status: "done"; readonly result: string; readonly cost: Cost; readonly log: readonly LogLine[] }
  | {
      readonly status: "suspended";
      readonly waiting: readonly number[];
      readonly cost: Cost;
      readonly log: readonly LogLine[];
    }
  | { readonly status: "failed"; readonly error: RunError; readonly cost: Cost; readonly log: readonly LogLine[] }
  | PutBack;

/**
 * The run neither succeeded nor failed; it may run again with its journal as history. A child does one run at a time, so another run is never the
 * cause; but a child that the kernel kills for lack of memory looks like one killed by an operator (`child_died`), so the caller counts its attempts.
 */
export interface PutBack {
  readonly status: "put_back";
  readonly reason: "child_died" | "call_failed" | "cancelled" | "stopped";
  /** What `onCall` threw. */
  readonly cause?: unknown;
}

/** Where a script says `export default`, in UTF-16 units from its start; for those who read its types. */
export interface DefaultExport {
  /** Of the word `export`. */
  readonly start: number;
  /** Of the word `default`. */
  readonly word: number;
  /** Where a function is declared there: its name, if it has one, and where it ends. */
  readonly declared?: { readonly name?: string; readonly end: number };
}

export type CompileResult =
  /** `code` has blanks where types were. The default export is not told where it is one of `export { … }`. */
  | { readonly ok: true; readonly code: string; readonly main?: DefaultExport }
  | { readonly ok: false; readonly message: string; readonly line?: number; readonly column?: number };

export interface SandboxOptions {
  /** Children that serve tenants, at most. */
  readonly maxChildren: number;
  /** Children started ahead for a tenant that has none; on top of `maxChildren`, and only once the sandbox is used. */
  readonly spareChildren: number;
  /** Children that `run` may hold at once; default all but one, which is kept for leases. */
  readonly childrenForRuns?: number;
  /** Of those, how many one tenant may hold; default all but one, so that its slow runs leave room for others. */
  readonly childrenPerTenant?: number;
  /** Runs after which a child is replaced: native memory fragments. About 1,000. */
  readonly runsPerChild: number;
  /** Resident memory at which a child is killed, MB. */
  readonly rssLimitMb: number;
  /** A JavaScript expression; see `bootstrap.js` for the function it must yield. */
  readonly prelude: string;
  readonly observe: Observe;
  /** Whom children become when this process is root. Default 65534 (nobody). */
  readonly uid?: number;
  readonly gid?: number;
}

export interface SandboxStats {
  readonly children: number;
  readonly busy: number;
  readonly spares: number;
  readonly queuedRuns: number;
  readonly queuedLeases: number;
  readonly runs: number;
  readonly started: number;
  /** Children whose process has ended, for whatever reason. */
  readonly ended: number;
}

export interface Lease {
  /** Runs at once in the leased child (a fresh one when the last run killed it). One at a time. */
  run(job: Job): Promise<Outcome>;
  release(): void;
}

export interface Sandbox {
  /** Waits for a turn, then runs. Never rejects for what the script does. */
  run(job: Job): Promise<Outcome>;
  /** A warm child of the tenant, kept until `release`. Throws `UNAVAILABLE` after `timeoutMs` (default 5,000). */
  lease(tenant: string, options?: { readonly timeoutMs?: number }): Promise<Lease>;
  /** Strips the types and checks the syntax, in a process of its own, without running anything. */
  compile(source: string, filename?: string): Promise<CompileResult>;
  /** Kills all children; what runs or waits is put back with the reason `stopped`. */
  close(): Promise<void>;
  stats(): SandboxStats;
}
