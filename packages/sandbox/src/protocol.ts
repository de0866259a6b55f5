import type { Call, Cost, FinishedAnswer, FinishedCall, LogLine, RunError } from "./types.ts";
import type { Limits } from "./limits.ts";

/** What parent and child tell each other. `run` is a number that the parent gives each job of the child; what carries an old one is ignored. */

export type ToChild =
  | {
      readonly type: "init";
      readonly addon: string;
      /** What runs first in each isolate, the prelude included. */
      readonly bootstrap: string;
      /** Of most runs. */
      readonly limits: Limits;
      readonly identity?: { readonly uid: number; readonly gid: number };
      /** Set where the parent cannot watch the child's memory: then the child watches itself. */
      readonly rssLimitMb?: number;
    }
  | ({ readonly type: "run"; readonly run: number } & RunRequest)
  | {
      readonly type: "answer";
      readonly run: number;
      readonly call: number;
      readonly answer: FinishedAnswer | "suspend";
    }
  /** Give the run up at its next wait. */
  | { readonly type: "drop"; readonly run: number };

export interface RunRequest {
  readonly code: string;
  readonly filename: string;
  readonly input: string;
  readonly seed: string;
  readonly startedAt: number;
  readonly history: readonly FinishedCall[];
  readonly limits: Limits;
}

export type FromChild =
  | { readonly type: "ready" }
  /** The child waits; `taken` answers were delivered since the last message. */
  | {
      readonly type: "waits";
      readonly run: number;
      readonly taken: number;
      readonly calls: readonly Call[];
      readonly log: readonly LogLine[];
    }
  /** Still at work on many short slices. */
  | { readonly type: "works"; readonly run: number }
  /** The run is over. `stuck`: the isolate does not stop, so the child must be killed. */
  | {
      readonly type: "end";
      readonly run: number;
      readonly end: RunEnd;
      readonly log: readonly LogLine[];
      readonly stuck?: true;
    };

export type RunEnd =
  | { readonly status: "done"; readonly result: string; readonly cost: Cost }
  | { readonly status: "suspended"; readonly waiting: readonly number[]; readonly cost: Cost }
  | { readonly status: "failed"; readonly error: RunError; readonly cost: Cost }
  | { readonly status: "dropped"; readonly cost: Cost };
