import type { Observe } from "@guanxi/base";
import {
  type BackendClasses,
  type IQueueBackend,
  createPostgresBackend,
  createRedisBackend,
  withBackend,
} from "bullmq";
import { type PostgresAddress, poolAddress, preparePostgres } from "./postgres.ts";

/** Where jobs are kept: in the database, or in Redis where there is one. */
export interface QueueOptions {
  readonly postgres: PostgresAddress;
  readonly redisUrl?: string;
  /** PostgreSQL schema, or Redis key prefix, of the queue. */
  readonly namespace?: string;
  readonly observe: Observe;
}

/** Where the queue is unless somebody says otherwise: its PostgreSQL schema or Redis key prefix, and its name there. */
export const queuePlace = { namespace: "guanxi_queue", name: "automation" } as const;

/** ms after which a queue that does not answer is one that is not there; who uses it goes on without. */
export const patienceMs = 5_000;
/** ms between two looks whether Redis has been emptied: one command each. */
const watchMs = 1_000;
/** ms between two attempts to reach a Redis that is gone; the library's own grow to 20 s, for which people would wait after its return. */
const reconnectMs = 1_000;

/** What differs between the two places. */
export interface Backend {
  /** Makes sure that the tables are there. */
  prepare(): Promise<void>;
  readonly base: { readonly prefix?: string };
  readonly classes: BackendClasses<IQueueBackend, object>;
  readonly connection: object;
  /** What connections have besides that are asked on behalf of somebody who waits. */
  readonly impatient: object;
  /** ms between two looks whether it has been emptied; undefined where it cannot be. */
  readonly watchMs: number | undefined;
  /** s that an idle process waits for a signal before it looks by itself: a statement, or a command that costs next to nothing. */
  readonly idleSeconds: number;
}

/** Connections that adding and taking jobs may each use at once; a worker has one more to listen on. */
const maxConnections = 2;

function postgresBackend({ postgres, namespace = queuePlace.namespace }: QueueOptions): Backend {
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
    impatient: {},
    // What PostgreSQL has stored it keeps.
    watchMs: undefined,
    idleSeconds: 10,
  };
}

function redisBackend(url: string, { namespace = queuePlace.namespace }: QueueOptions): Backend {
  return {
    prepare: () => Promise.resolve(),
    base: { prefix: namespace },
    classes: withBackend(createRedisBackend) as unknown as Backend["classes"],
    // A worker's commands wait for a lost connection instead of failing.
    connection: { url, maxRetriesPerRequest: null, retryStrategy: () => reconnectMs },
    impatient: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: patienceMs },
    watchMs,
    // A Redis that was emptied has lost its signals too.
    idleSeconds: 2,
  };
}

export const createBackend = (options: QueueOptions): Backend =>
  options.redisUrl === undefined ? postgresBackend(options) : redisBackend(options.redisUrl, options);
