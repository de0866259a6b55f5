/**
 * What moves work between processes. It is never the record of work: a lost job is found again by the relay's sweep, a job too many finds
 * nothing to do. Jobs carry ids only.
 */
export interface Queue {
  /**
   * Jobs that are already waiting are not added twice; one whose handler has begun does not count as waiting. Never rejects: what a queue
   * that is not there cannot take is lost like any other job of it, and who processes hears of it when it is back.
   */
  add(jobs: readonly QueueJob[]): Promise<void>;
  /**
   * First come, first served; `concurrency` handlers at once. A handler that throws gets its job again after a moment, a few times. `onGap` is called
   * when jobs may have been lost: the queue was emptied or exchanged, or was out of reach and is back.
   */
  process(handler: (job: QueueJob) => Promise<void>, concurrency: number, onGap: () => void): Promise<QueueWorker>;
  /** Jobs that nobody has taken yet; undefined while this process has not used the queue. */
  backlog(): Promise<QueueBacklog | undefined>;
  close(): Promise<void>;
}

export interface QueueBacklog {
  /** To be done as soon as somebody is free. */
  readonly waiting: number;
  /** Not due yet. */
  readonly delayed: number;
}

/** `work`: the tenant has runs to start. `check`: look at `at` (ms since 1970) whether it has, because something falls due or a lease ends. */
export type QueueJob =
  | { readonly kind: "work"; readonly tenant: string }
  | { readonly kind: "check"; readonly tenant: string; readonly at: number };

export interface QueueWorker {
  /** Takes no further job and waits for the handlers under way. */
  stop(): Promise<void>;
  /** What is wrong with the connection, if anything. */
  fault(): string | undefined;
}
