import type { Observe } from "@guanxi/base";
import {
  type BackendClasses,
  type IQueueBackend,
  type JobsOptions,
  createPostgresBackend,
  createRedisBackend,
  withBackend,
} from "bullmq";
import type { Queue, QueueJob, QueueWorker } from "./queue.ts";
import { type PostgresAddress, poolAddress, preparePostgres } from "./postgres.ts";

/** Where jobs are kept: in the database, or in Redis where there is one. */
export interface QueueOptions {
  readonly postgres: PostgresAddress;
  readonly redisUrl?: string;
  /** PostgreSQL schema, or Redis key prefix, of the queue. */
  readonly namespace?: string;
  readonly observe: Observe;
}

const queueName = "automation";
const defaultNamespace = "guanxi_queue";

/** ms a job stays with a process that says nothing; beyond it another process gets the job. Short, because handlers are slices of a second. */
const lockMs = 3_000;
/** ms between two looks for such jobs: one statement each, so this is what an idle process costs. */
const stalledIntervalMs = 2_500;
/** A job is only a hint, and it may be handed on as often as processes die. */
const maxStalledCount = 1_000;
/** s that an idle process waits for a signal before it looks by itself. */
const drainSeconds = 10;
/** ms between two attempts of a process that has lost its database. */
const runRetryDelay = 1_000;
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
  const backend = options.redisUrl === undefined ? postgresBackend(options) : redisBackend(options.redisUrl, options);
  const workers = new Set<QueueWorker>();
  let producing: Promise<Producer> | undefined;

  async function produce(): Promise<Producer> {
    await backend.prepare();
    const producer = new backend.classes.Queue<JobData>(queueName, {
      ...backend.base,
      connection: backend.connection,
      streams: { events: { maxLen: keptEvents } },
    });
    producer.on("error", (error) => options.observe({ kind: "connection_lost", to: "queue", error }));
    await producer.waitUntilReady();
    return producer;
  }

  function connected(): Promise<Producer> {
    producing ??= produce().catch((error: unknown) => {
      producing = undefined;
      throw error;
    });
    return producing;
  }

  return {
    async add(jobs) {
      const [first, ...others] = jobs.map(toBull);
      if (!first) return;
      const producer = await connected();
      if (others.length > 0) await producer.addBulk([first, ...others]);
      else await producer.add(first.name, first.data, first.opts);
    },
    async process(handler, concurrency) {
      const producer = await connected();
      const worker = await startWorker(backend, options, handler, concurrency, () => producer.getWaitingCount());
      workers.add(worker);
      return worker;
    },
    async close() {
      for (const worker of workers) await worker.stop();
      await (await producing)?.close();
    },
  };
}

type Producer = InstanceType<Backend["classes"]["Queue"]>;

function toBull(job: QueueJob): { name: string; data: JobData; opts: JobsOptions } {
  if (job.kind === "work")
    return { name: "work", data: { tenant: job.tenant }, opts: { ...jobOptions, deduplication: { id: job.tenant } } };
  const at = Math.ceil(job.at / checkGrainMs) * checkGrainMs;
  const opts = { ...jobOptions, jobId: `check-${job.tenant}-${at}`, delay: Math.max(0, at - Date.now()) };
  return { name: "check", data: { tenant: job.tenant, at }, opts };
}

interface Backend {
  /** Makes sure that the tables are there. */
  prepare(): Promise<void>;
  readonly base: { readonly prefix?: string };
  readonly classes: BackendClasses<IQueueBackend, object>;
  readonly connection: object;
}

/** Connections that adding and taking jobs may each use at once; a worker has one more to listen on. */
const maxConnections = 2;

function postgresBackend({ postgres, namespace = defaultNamespace }: QueueOptions): Backend {
  return {
    prepare: () => preparePostgres(postgres, namespace),
    base: {},
    classes: withBackend(createPostgresBackend) as unknown as Backend["classes"],
    connection: {
      ...poolAddress(postgres),
      schema: namespace,
      // Without it the claim sorts the whole backlog as soon as the table has been analysed.
      options: "-c enable_sort=off",
      max: maxConnections,
      application_name: "guanxi queue",
    },
  };
}

function redisBackend(url: string, { namespace = defaultNamespace }: QueueOptions): Backend {
  return {
    prepare: () => Promise.resolve(),
    base: { prefix: namespace },
    classes: withBackend(createRedisBackend) as unknown as Backend["classes"],
    // Commands wait for a lost connection instead of failing.
    connection: { url, maxRetriesPerRequest: null },
  };
}

async function startWorker(
  backend: Backend,
  { observe }: QueueOptions,
  handler: (job: QueueJob) => Promise<void>,
  concurrency: number,
  answers: () => Promise<unknown>,
): Promise<QueueWorker> {
  const fault = createFault(answers);
  const worker = new backend.classes.Worker<JobData>(
    queueName,
    async (job) => {
      if (job.name === "check") return handler({ kind: "check", tenant: job.data.tenant, at: job.data.at ?? 0 });
      // From here on a new signal makes a new job: what it tells of may be committed after this handler has looked.
      await job.removeDeduplicationKey();
      await handler({ kind: "work", tenant: job.data.tenant });
    },
    {
      ...backend.base,
      connection: backend.connection,
      concurrency,
      lockDuration: lockMs,
      stalledInterval: stalledIntervalMs,
      maxStalledCount,
      drainDelay: drainSeconds,
      runRetryDelay,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
  );
  worker.on("error", (error) => {
    fault.suspect();
    observe({ kind: "connection_lost", to: "queue", error });
  });
  worker.on("failed", (_, error) => observe({ kind: "background_failed", task: "queue job", error }));
  await worker.waitUntilReady();
  return {
    async stop() {
      fault.stop();
      await worker.close();
    },
    fault: fault.current,
  };
}

/** Why the queue does not answer, until it does again. An error of a single job, such as a lock that came late, is no fault of the queue. */
function createFault(answers: () => Promise<unknown>) {
  let fault: string | undefined;
  let stopped = false;
  let asking = false;

  async function ask(): Promise<void> {
    asking = true;
    do {
      await answers().then(
        () => (fault = undefined),
        (error: unknown) => (fault = error instanceof Error ? error.message : String(error)),
      );
      if (fault !== undefined) await new Promise((resolve) => setTimeout(resolve, runRetryDelay).unref());
    } while (fault !== undefined && !stopped);
    asking = false;
  }

  return {
    suspect(): void {
      if (!asking) void ask();
    },
    current: () => fault,
    stop: () => void (stopped = true),
  };
}
