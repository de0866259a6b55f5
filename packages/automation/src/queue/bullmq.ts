import type { IQueueBackend, JobsOptions } from "bullmq";
import { type Backend, type QueueOptions, createBackend, patienceMs, queuePlace } from "./backend.ts";
import type { Queue, QueueJob, QueueWorker } from "./queue.ts";
import { type Watch, type WatchOptions, startWatch } from "./watch.ts";

/** ms a job stays with a process that says nothing; beyond it another process gets the job. Short, because a turn is less than a second. */
const lockMs = 3_000;
/** ms between two looks for such jobs: one statement each, so this is what an idle process costs. */
const stalledIntervalMs = 2_500;
/** A job is only a hint, and it may be handed on as often as processes die. */
const maxStalledCount = 1_000;
/** ms between two attempts of a process that has lost its database. */
const runRetryDelay = 1_000;
/** ms before a process asks for a job again after an error. */
const faultPauseMs = 250;
/** ms that closing a connection may take once its handlers have ended; as long as a busy machine may need. */
const closeMs = 5_000;
/** The same where the queue does not answer, so that there is nothing to wait for. */
const closeGoneMs = 500;
/** Due times are rounded up to this many ms, so that many runs that fall due together need one job. */
const checkGrainMs = 50;
/** The library's own log of events is read by nobody. */
const keptEvents = 100;

const jobOptions: JobsOptions = {
  removeOnComplete: true,
  removeOnFail: true,
  attempts: 5,
  backoff: { type: "exponential", delay: 500 },
};

interface JobData {
  readonly tenant: string;
  readonly at?: number;
}

/** Connects when it is first used. */
export function createQueue(options: QueueOptions): Queue {
  const backend = createBackend(options);
  const workers = new Set<BullWorker>();
  const producers = new Set<Producer>();
  let preparing: Promise<void> | undefined;
  let producing: { readonly producer: Promise<Producer>; readonly deadline: number } | undefined;
  const report = (error: unknown): void => options.observe({ kind: "connection_lost", to: "queue", error });
  const suspect = (lost: boolean): void => {
    for (const worker of workers) worker.suspect(lost);
  };

  function prepared(): Promise<void> {
    preparing ??= backend.prepare().catch((error: unknown) => {
      preparing = undefined;
      throw error;
    });
    return preparing;
  }

  async function produce(): Promise<Producer> {
    await prepared();
    const producer = new backend.classes.Queue<JobData>(queuePlace.name, {
      ...backend.base,
      connection: { ...backend.connection, ...backend.impatient },
      streams: { events: { maxLen: keptEvents } },
    });
    producers.add(producer);
    producer.on("error", report);
    // Whatever has closed the connection may have forgotten what it held.
    producer.on("ioredis:close", () => suspect(true));
    await producer.waitUntilReady();
    return producer;
  }

  /** Waits for the first connection, but not for longer than `patienceMs` since it was begun. */
  function connected(): Promise<Producer> {
    if (producing === undefined) {
      const producer = produce().catch((error: unknown) => {
        producing = undefined;
        throw error;
      });
      producing = { producer, deadline: Date.now() + patienceMs };
    }
    return within(producing.deadline - Date.now(), producing.producer);
  }

  return {
    async add(jobs) {
      const [first, ...others] = jobs.map(toBull);
      if (!first) return;
      try {
        const producer = await connected();
        if (others.length > 0) await producer.addBulk([first, ...others]);
        else await producer.add(first.name, first.data, first.opts);
      } catch (error) {
        report(error);
        suspect(true);
      }
    },
    async process(handler, concurrency, onGap) {
      await prepared();
      const worker = await startWorker(backend, options, handler, concurrency, {
        notes: async () => (await connected()).backend,
        everyMs: backend.watchMs,
        onGap,
      });
      workers.add(worker);
      return worker;
    },
    async backlog() {
      if (!producing) return undefined;
      const producer = await connected();
      const {
        waiting = 0,
        prioritized = 0,
        delayed = 0,
      } = await producer.getJobCounts("waiting", "prioritized", "delayed");
      return { waiting: waiting + prioritized, delayed };
    },
    async close() {
      for (const worker of workers) await worker.stop();
      const gone = [...workers].some((worker) => worker.fault() !== undefined);
      for (const producer of producers) await closed(producer, gone);
    },
  };
}

/** Rejects when the work takes longer than `ms`; it goes on, unheard. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the queue does not answer")), Math.max(0, ms));
  });
  work.catch(() => undefined);
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

interface Closable {
  close(): Promise<void>;
  readonly backend: { close(force: boolean): Promise<void> };
}

/** A library that says goodbye to a server that is gone would wait for its return. */
async function closed(part: Closable, gone: boolean): Promise<void> {
  const ms = gone ? closeGoneMs : closeMs;
  await within(ms, part.close()).catch(() => within(ms, part.backend.close(true)).catch(() => undefined));
}

type Producer = InstanceType<Backend["classes"]["Queue"]>;

function toBull(job: QueueJob): { name: string; data: JobData; opts: JobsOptions } {
  if (job.kind === "work")
    return { name: "work", data: { tenant: job.tenant }, opts: { ...jobOptions, deduplication: { id: job.tenant } } };
  const at = Math.ceil(job.at / checkGrainMs) * checkGrainMs;
  const opts = { ...jobOptions, jobId: `check-${job.tenant}-${at}`, delay: Math.max(0, at - Date.now()) };
  return { name: "check", data: { tenant: job.tenant, at }, opts };
}

interface BullWorker extends QueueWorker {
  suspect: Watch["suspect"];
}

/** The library asks for the next job again at once when the answer was an error, and a lasting one, such as a table that is gone, would cost a whole core. */
function slowDown(backend: Pick<IQueueBackend, "moveToActive">): void {
  const ask = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...request) => {
    try {
      return await ask(...request);
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, faultPauseMs));
      throw error;
    }
  };
}

/** While the queue is not there, the worker waits for it in the background. */
async function startWorker(
  backend: Backend,
  { observe }: QueueOptions,
  handler: (job: QueueJob) => Promise<void>,
  concurrency: number,
  watched: WatchOptions,
): Promise<BullWorker> {
  const underWay = new Set<Promise<void>>();
  async function handle(job: QueueJob): Promise<void> {
    const work = handler(job);
    underWay.add(work);
    await work.finally(() => underWay.delete(work));
  }
  const worker = new backend.classes.Worker<JobData>(
    queuePlace.name,
    async (job) => {
      if (job.name === "check") return handle({ kind: "check", tenant: job.data.tenant, at: job.data.at ?? 0 });
      // From here on a new signal makes a new job: what it tells of may be committed after this handler has looked.
      await job.removeDeduplicationKey();
      await handle({ kind: "work", tenant: job.data.tenant });
    },
    {
      ...backend.base,
      connection: backend.connection,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledIntervalMs,
      maxStalledCount,
      drainDelay: backend.idleSeconds,
      runRetryDelay,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  slowDown(worker.backend);
  let watch: Watch | undefined;
  worker.on("error", (error) => {
    // An error of a single job, such as a lock that came late, is no fault of the queue.
    watch?.suspect(false);
    observe({ kind: "connection_lost", to: "queue", error });
  });
  worker.on("failed", (_, error) => observe({ kind: "background_failed", task: "queue job", error }));
  const { suspect, fault, stop } = (watch = await startWatch(watched));
  return {
    async stop() {
      stop();
      const closing = worker.close();
      await Promise.allSettled(underWay);
      await closed({ close: () => closing, backend: worker.backend }, fault() !== undefined);
    },
    suspect,
    fault,
  };
}
