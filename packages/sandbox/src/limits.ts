/** What one run may use. Every limit is counted and, when it is passed, named in the error with its numbers. */
export interface Limits {
  /** Heap of the isolate, MB, at least 8. V8 may overshoot for a moment; the process is watched as well. */
  readonly memoryMb: number;
  /** CPU time of one slice (from one answer to the next `await`), ms. */
  readonly sliceMs: number;
  /** CPU time of all new slices of this activation, ms. Slices that only repeat the history are not counted. */
  readonly cpuMs: number;
  /** Clock time from the start of this activation to its end or suspension, ms. */
  readonly wallMs: number;
  /** Host calls of the whole run, repeated ones included. */
  readonly calls: number;
  /** Host calls that wait for their answer at the same time. */
  readonly concurrentCalls: number;
  /** Bytes of the arguments, as JSON, of all calls that wait at the same time; so one call has no more than that either. */
  readonly argumentBytes: number;
  readonly logLines: number;
  /** UTF-16 units of one log line; a longer one is cut and says so. */
  readonly logLineLength: number;
  /** Bytes of the result as JSON. */
  readonly resultBytes: number;
}

export type LimitName = keyof Limits;

export const runLimits: Limits = {
  memoryMb: 32,
  sliceMs: 500,
  cpuMs: 2_000,
  wallMs: 300_000,
  calls: 2_000,
  concurrentCalls: 32,
  argumentBytes: 1024 * 1024,
  logLines: 200,
  logLineLength: 2_048,
  resultBytes: 256 * 1024,
};

/** Before-hooks run inside a request, so they get little time and few calls. */
export const hookLimits: Limits = { ...runLimits, sliceMs: 100, cpuMs: 100, wallMs: 5_000, calls: 20 };

/** Bytes of a script's source. */
export const sourceBytes = 256 * 1024;
