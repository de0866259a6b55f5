import { newId } from "@guanxi/base";

/** The queue's own fields beside its jobs, which are lost with them. */
interface Notes {
  getQueueMetaField(field: string): Promise<string | null>;
  setQueueMeta(values: Record<string, string | number>): Promise<number>;
}

/** Sees whether the queue answers, and whether it still holds what it was given. */
export interface Watch {
  /** Something went wrong that may be the queue's fault. `lost`: jobs may be, too. */
  suspect(lost: boolean): void;
  /** Why the queue does not answer, until it does again. */
  fault(): string | undefined;
  stop(): void;
}

export interface WatchOptions {
  readonly notes: () => Promise<Notes>;
  /** ms between two looks; without it only who suspects something looks. */
  readonly everyMs: number | undefined;
  /** Jobs may have been lost, and the queue answers. */
  readonly onGap: () => void;
}

/** ms from a suspicion to the look, and between looks while there is no answer. */
const retryMs = 1_000;

/** Names what the queue holds: an emptied or exchanged one has another value or none. */
const markField = "guanxi-mark";
/** Written after a fault, because a queue that is full answers questions but takes no job. */
const seenField = "guanxi-seen";

/** Resolves after the first look, whatever it showed. */
export async function startWatch({ notes, everyMs, onGap }: WatchOptions): Promise<Watch> {
  let fault: string | undefined;
  let gap = false;
  let mark: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function look(): Promise<void> {
    const kept = await notes();
    const now = (await kept.getQueueMetaField(markField)) ?? newId();
    if (mark !== now) await kept.setQueueMeta({ [markField]: now });
    else if (gap) await kept.setQueueMeta({ [seenField]: Date.now() });
    const lost = gap || (mark !== undefined && mark !== now);
    [mark, gap, fault] = [now, false, undefined];
    if (lost && !stopped) onGap();
  }

  async function turn(): Promise<void> {
    try {
      await look();
    } catch (error) {
      gap = true;
      fault = error instanceof Error ? error.message : String(error);
    }
    timer = undefined;
    plan(gap ? retryMs : everyMs);
  }

  function plan(ms: number | undefined): void {
    if (ms !== undefined && !stopped) timer ??= setTimeout(() => void turn(), ms);
  }

  await turn();
  return {
    suspect(lost) {
      gap ||= lost;
      plan(retryMs);
    },
    fault: () => fault,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
