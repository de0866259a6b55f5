import { setTimeout as pause } from "node:timers/promises";
import { GuanxiError, isGuanxiError, type Observe } from "@guanxi/base";
import {
  type AheadStep,
  type Connection,
  fitForBuilding,
  holdBuild,
  isDatabaseError,
  isGone,
  notify,
  type OwnConnection,
  type Store,
  tenantSchema,
} from "@guanxi/store";
import { type BlockingRow, isBlocked, RowsInTheWay } from "../apply.ts";
import { metaChannel } from "../channels.ts";
import { withLocks } from "../locks.ts";
import type { Session, Tenant } from "../types.ts";
import {
  abandonedBuild,
  beginBuild,
  Building,
  type BuildPlan,
  clearBuild,
  endBuild,
  hasBuild,
  noteFailure,
  noteProgress,
  ToBeBuilt,
} from "./builds.ts";
import type { StillBuilding } from "./types.ts";

export interface BuildSettings {
  /**
   * Bytes of a table beyond which nothing goes through it while its writers wait. PostgreSQL reads and sorts about 100 MB a second, so that
   * they wait for some 10 ms at most.
   */
  readonly largeTableBytes: number;
  /** ms that a change set is waited for, also for another one to end; callers and balancers give up after 30 s or more. */
  readonly changeWaitMs: number;
}

export const defaultBuildSettings: BuildSettings = { largeTableBytes: 1_000_000, changeWaitMs: 5_000 };

/** ms between two looks whether another change set is still being built. */
const lookMs = 100;
/**
 * ms that a build waits for one transaction that is older than it: a long read, or a backup. An index is good only for who began after it, and
 * until then other change sets wait and its keys are enforced.
 */
const oldTransactionMs = 120_000;
/** What was built in minutes is not given up after the seconds that somebody waits for an answer: a minute and a half. */
const buildLockTries = 1_000;

interface Env {
  readonly store: Store;
  readonly observe: Observe;
  readonly settings: BuildSettings;
}

/** Whoever waits for a change set goes with its id, or stays for its failure. */
interface Caller {
  leaves: boolean;
  stays: boolean;
}

interface Commission<T> {
  readonly apply: (tx: Connection, id: string) => Promise<T>;
  /** Resolves to the id under which it is being built. */
  readonly begun: PromiseWithResolvers<string>;
  readonly caller: Caller;
}

/** The change sets that this process is building. */
export class Builds {
  readonly #env: Env;
  readonly #running = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();

  constructor(env: Env) {
    this.#env = env;
  }

  get largeTableBytes(): number {
    return this.#env.settings.largeTableBytes;
  }

  /** Runs `work`, once no other change set of the tenant is being built; CONFLICT where that lasts. */
  async whenFree<T>(tenant: Tenant, work: () => Promise<T>): Promise<T> {
    const end = performance.now() + this.#env.settings.changeWaitMs;
    for (;;) {
      try {
        return await work();
      } catch (e) {
        if (!(e instanceof Building)) throw e;
        if (e.abandoned) await this.clearAbandoned(tenant);
        else if (performance.now() >= end) throw stillBuilding(e.id);
        else await pause(lookMs);
      }
    }
  }

  /** Clears up after a builder who has gone, where there was one. */
  async clearAbandoned({ id, schema }: Pick<Tenant, "id" | "schema">): Promise<void> {
    await withLocks(this.#env.store, async (tx) => {
      const build = await abandonedBuild(tx, schema);
      if (build === undefined) return;
      await clearBuild(tx, schema, build);
      await notify(tx, metaChannel, id);
    });
  }

  /** As `clearAbandoned`, of a tenant that may have gone meanwhile, or stand at an older program's tables. */
  async visit(tenant: string): Promise<void> {
    const schema = tenantSchema(tenant);
    try {
      if (await hasBuild(this.#env.store, schema)) await this.clearAbandoned({ id: tenant, schema });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /**
   * Makes ahead what `plan` says, and then runs `apply` in a transaction, with the id of what was built. → what that gives where it comes in
   * time, else the id. What fails leaves nothing behind.
   */
  async build<T>(session: Session, plan: BuildPlan, apply: Commission<T>["apply"]): Promise<T | StillBuilding> {
    const begun = Promise.withResolvers<string>();
    const caller: Caller = { leaves: false, stays: false };
    const work = this.#env.store.ownConnection((own) => this.#buildOn(own, session, plan, { apply, begun, caller }));
    const seen = work.then(
      () => undefined,
      (error: unknown) => {
        begun.reject(error);
        // What is no fault of the caller's would be seen by nobody.
        if (!isGuanxiError(error) && !(error instanceof Building) && !(error instanceof ToBeBuilt))
          this.#env.observe({ kind: "background_failed", task: "change set", tenant: session.tenant.id, error });
      },
    );
    this.#running.add(seen);
    void seen.finally(() => this.#running.delete(seen));
    const id = await begun.promise;
    const timer = new AbortController();
    const waited = pause(this.#env.settings.changeWaitMs, undefined, { signal: timer.signal }).then<T | StillBuilding>(
      () => {
        caller.leaves = !caller.stays;
        return caller.leaves ? { id, state: "building" } : work;
      },
    );
    waited.catch(() => undefined);
    return Promise.race([work, waited]).finally(() => timer.abort());
  }

  async #buildOn<T>(
    own: OwnConnection,
    session: Session,
    plan: BuildPlan,
    { apply, begun, caller }: Commission<T>,
  ): Promise<T> {
    const { store } = this.#env;
    const { schema } = session.tenant;
    // Whoever holds it has noted, or is about to note, what is being built.
    if (!(await holdBuild(own, schema))) throw new Building("", false);
    const id = await withLocks(store, (tx) => beginBuild(tx, session, plan));
    if (id === undefined) throw new Building("", false);
    begun.resolve(id);
    try {
      await this.#make(own, schema, id, plan.ahead);
      return await withLocks(store, (tx) => apply(tx, id), this.#patience());
    } catch (error) {
      await this.#giveUp(session.tenant, id, error, caller);
      throw error;
    }
  }

  #patience(): { tries: number; signal: AbortSignal } {
    return { tries: buildLockTries, signal: this.#stopping.signal };
  }

  async #make(own: OwnConnection, schema: string, id: string, steps: readonly AheadStep[]): Promise<void> {
    await fitForBuilding(own, oldTransactionMs);
    const note = (now: string, done: number): Promise<void> => noteProgress(this.#env.store, schema, id, { now, done });
    // All looks come first: rows that are in the way of a constraint could not be changed as soon as it is there.
    for (const { effect, inTheWay } of steps) {
      if (inTheWay === undefined) continue;
      await note(`look for records in the way: ${effect}`, 0);
      const rows = await this.#cancellable(own, () => own.sql<BlockingRow>(inTheWay));
      if (rows.length > 0) throw new RowsInTheWay({ effect }, rows);
    }
    for (const [n, step] of steps.entries()) {
      await note(step.effect, n);
      await this.#makeOne(own, step);
    }
    await note("apply the definitions", steps.length);
  }

  async #makeOne(own: OwnConnection, { effect, instant, long, inTheWay }: AheadStep): Promise<void> {
    if (instant !== undefined) await withLocks(this.#env.store, (tx) => tx.sql(instant), this.#patience());
    if (long === undefined) return;
    try {
      await this.#cancellable(own, () => own.sql(long, [], "change set"));
    } catch (error) {
      if (isDatabaseError(error, "55P03")) throw tooLate(effect, error);
      if (!isBlocked(error)) throw error;
      // Somebody wrote them since the look.
      throw new RowsInTheWay({ effect }, inTheWay === undefined ? [] : await own.sql<BlockingRow>(inTheWay), error);
    }
  }

  /** Runs statements of `own`, which end when the process is to. */
  async #cancellable<T>(own: OwnConnection, work: () => Promise<T>): Promise<T> {
    const { signal } = this.#stopping;
    if (signal.aborted) throw stopped();
    const [row] = await own.sql<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    const cancel = (): void =>
      void this.#env.store
        .sql("SELECT pg_cancel_backend($1)", [row?.pid])
        .catch((error: unknown) => this.#env.observe({ kind: "background_failed", task: "change set", error }));
    signal.addEventListener("abort", cancel);
    try {
      return await work();
    } catch (error) {
      throw signal.aborted ? stopped(error) : error;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Where this fails, too, our lock goes with our connection, and whoever comes by clears up. */
  async #giveUp({ id: tenant, schema }: Tenant, id: string, error: unknown, caller: Caller): Promise<void> {
    const { store, observe } = this.#env;
    try {
      await noteFailure(store, schema, id, error);
      await withLocks(
        store,
        async (tx) => {
          await clearBuild(tx, schema, id);
          // Who hears of the failure now needs no entry to look it up in, and has no id for it.
          caller.stays = !caller.leaves;
          if (caller.stays) await endBuild(tx, schema, id);
          await notify(tx, metaChannel, tenant);
        },
        this.#stopping.signal.aborted ? {} : this.#patience(),
      );
    } catch (failure) {
      observe({ kind: "background_failed", task: "change set", tenant, error: failure });
    }
  }

  /** Ends what is being built, and clears up. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
  }
}

const stopped = (cause?: unknown): GuanxiError =>
  new GuanxiError("UNAVAILABLE", {
    detail: "The process that was building this was told to end. Nothing has changed; send it again.",
    cause,
  });

const stillBuilding = (id: string): GuanxiError =>
  new GuanxiError("CONFLICT", {
    detail: `Another change set${id === "" ? "" : `, ${id},`} is being built; GET /api/meta/changes/${id} tells how far it is. Send yours when it has ended.`,
    retryAfter: 5,
  });

const tooLate = (effect: string, cause: unknown): GuanxiError =>
  new GuanxiError("UNAVAILABLE", {
    detail: `A transaction that was there before this began has not ended (${effect}): a long read, an export or a backup. Send the change set again when it has.`,
    retryAfter: oldTransactionMs / 1_000,
    cause,
  });
