import { GuanxiError } from "@guanxi/base";
import { type Connection, isDatabaseError, type Store } from "@guanxi/store";

/** A waiting lock request makes every later writer wait too, so DDL gives up its place in the queue after this long … */
const lockTimeoutMs = 40;
/** … and tries again this often, pausing in between. */
const lockTries = 100;
const lockPauseMs = 50;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How long to try: unless given, as long as somebody waits for an answer. */
export interface Patience {
  readonly tries?: number;
  /** Ends the trying, not a try. */
  readonly signal?: AbortSignal;
}

/** Runs `work` in a transaction with short lock waits, again and again until it gets its locks; UNAVAILABLE if it never does. */
export async function withLocks<T>(
  store: Store,
  work: (tx: Connection) => Promise<T>,
  { tries = lockTries, signal }: Patience = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await store.transaction(async (tx) => {
        await tx.sql(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
        return work(tx);
      });
    } catch (e) {
      if (!isDatabaseError(e, "55P03")) throw e;
      if (attempt >= tries || signal?.aborted)
        throw new GuanxiError("UNAVAILABLE", {
          detail: "The tables are too busy to change right now.",
          retryAfter: 5,
          cause: e,
        });
      await pause(lockPauseMs * (0.5 + Math.random()));
    }
  }
}
