import {
  GuanxiError,
  isGuanxiError,
  newId,
  type Observe,
  type Problem,
  Recent,
  toProblem,
  type Tracer,
} from "@guanxi/base";
import { createSweep, type Kernel } from "@guanxi/kernel";
import { importChunk, type ReadChunk, readChunk } from "./import/chunk.ts";
import type { LookupCache } from "./import/lookups.ts";
import { claimJob, type ClaimedJob, endJob, LostJob, releaseJob, removeOld, renewJob } from "./jobs/claim.ts";
import type { BulkSettings } from "./settings.ts";

/**
 * NOTIFY channel of jobs. `<tenant>`: look for work there. `<tenant> <worker>`: that worker is at work there; when its beats end, others
 * look whether its job needs a new worker. So nobody asks tables for what dead workers leave behind.
 */
export const jobsChannel = "guanxi_jobs";

/** ms beyond a lease's end at which it is surely over, on the database's clock too. */
const graceMs = 100;

export interface BulkWorker {
  /** Ends the chunks under way and gives the jobs back. */
  stop(): Promise<void>;
}

interface Context {
  readonly kernel: Kernel;
  readonly settings: BulkSettings;
  readonly observe: Observe;
  readonly tracer: Tracer;
}

/** Works on import jobs until it is stopped. */
export async function startWorker({ kernel, settings, observe, tracer }: Context): Promise<BulkWorker> {
  const worker = newId();
  const { store } = kernel;
  /** Tenants that may have work, in the order in which they get their turn. */
  const waiting = new Set<string>();
  const active = new Map<string, Promise<void>>();
  const timers = new Map<string, NodeJS.Timeout>();
  let stopping = false;

  const report = (task: string, tenant: string) => (error: unknown) =>
    observe({ kind: "background_failed", task, tenant, error });

  function look(tenant: string): void {
    if (stopping) return;
    waiting.add(tenant);
    pump();
  }

  function pump(): void {
    for (const tenant of waiting) {
      if (active.size >= settings.tenants) return;
      // What a tenant at work is signalled for is looked at after its turn.
      if (active.has(tenant)) continue;
      waiting.delete(tenant);
      const turn = takeTurn(tenant)
        .catch((error: unknown) => {
          report("import", tenant)(error);
          lookLater(tenant, settings.leaseMs);
        })
        .finally(() => {
          active.delete(tenant);
          if (!stopping) pump();
        });
      active.set(tenant, turn);
    }
  }

  function lookLater(tenant: string, ms: number): void {
    clearTimeout(timers.get(tenant));
    if (stopping) return;
    timers.set(
      tenant,
      setTimeout(() => {
        timers.delete(tenant);
        look(tenant);
      }, ms + graceMs),
    );
  }

  async function takeTurn(tenant: string): Promise<void> {
    await kernel.tenants.upgrade(tenant);
    const claimed = await claimJob(store, tenant, worker, settings);
    if (claimed === undefined) return;
    if (typeof claimed === "number") return lookLater(tenant, claimed);
    const letGo = hold(claimed);
    try {
      const more = await workOn(claimed);
      if (more) await releaseJob(store, claimed, 0, 0);
      // The job's rest, or the tenant's next job, stands behind the tenants that wait.
      if (!stopping) waiting.add(tenant);
      else store.signal(jobsChannel, tenant);
    } catch (error) {
      await fault(claimed, error);
    } finally {
      letGo();
    }
  }

  /** While PostgreSQL writes a chunk, the next one is read. → whether rows are left. */
  async function workOn(job: ClaimedJob): Promise<boolean> {
    const end = performance.now() + settings.turnMs;
    const cache: LookupCache = new Recent(settings.lookups);
    const { tenant, id } = job;
    const attributes = { "guanxi.tenant": tenant, "guanxi.job": id };
    const traced = { name: "import", root: true, parent: job.plan.trace, attributes };
    const read = (after: number): Promise<ReadChunk | undefined> => {
      const reading = readChunk(kernel, job, cache, after);
      // Its fault is heard by who waits for it, if it is still wanted by then.
      reading.catch(() => undefined);
      return reading;
    };
    for (let chunk = await read(-1); chunk !== undefined;) {
      const { n } = chunk.chunk;
      const following = read(n);
      const current = chunk;
      const done = await tracer.span(traced, ({ traceparent }) =>
        importChunk(kernel, job, cache, current, traceparent),
      );
      if (done.rows) observe({ kind: "rows_imported", tenant, ...done.rows });
      const othersWait = [...waiting].some((tenant) => tenant !== job.tenant && !active.has(tenant));
      if (stopping || (othersWait && performance.now() > end)) return true;
      chunk = await (done.rows ? following : read(n - 1));
    }
    await endJob(store, job, undefined);
    return false;
  }

  function hold(job: ClaimedJob): () => void {
    const beat = (): void => store.signal(jobsChannel, `${job.tenant} ${worker}`);
    beat();
    const timer = setInterval(() => {
      renewJob(store, job, settings).catch(report("job lease", job.tenant));
      beat();
    }, settings.renewMs);
    return () => clearInterval(timer);
  }

  /** What is wrong with the job ends it; what is wrong with us is tried again, a few times. */
  async function fault(job: ClaimedJob, error: unknown): Promise<void> {
    if (error instanceof LostJob) return void look(job.tenant);
    const problem = endOf(job, error);
    if (problem) {
      await endJob(store, job, problem);
      return void look(job.tenant);
    }
    report("import", job.tenant)(error);
    const faults = job.faults + 1;
    if (faults >= settings.maxFaults) {
      await endJob(
        store,
        job,
        toProblem(isGuanxiError(error) ? error : new GuanxiError("INTERNAL"), job.locale, job.id),
      );
      return void look(job.tenant);
    }
    const pause = Math.min(settings.retryMs * 2 ** (faults - 1), settings.retryMaxMs);
    await releaseJob(store, job, pause, faults);
    lookLater(job.tenant, pause);
  }

  function hear(payload: string): void {
    const [tenant = "", by] = payload.split(" ");
    if (by === undefined) look(tenant);
    else if (by !== worker) lookLater(tenant, settings.leaseMs);
  }

  const sweep = createSweep({
    task: "jobs sweep",
    list: async () => (await kernel.tenants.list()).map(({ id }) => id),
    async visit(tenant) {
      await removeOld(store, tenant, settings);
      look(tenant);
    },
    intervalMs: settings.sweepMs,
    observe,
  });
  const stopHearing = kernel.onArrived((tenant) => (tenant === undefined ? sweep.all() : look(tenant)));
  const listener = await store.listen(jobsChannel, hear, sweep.all);
  sweep.all();

  return {
    async stop() {
      stopping = true;
      stopHearing();
      await listener.stop();
      await sweep.stop();
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(active.values());
    },
  };
}

/** The problem that ends a job: the caller's rights, the object or the mapping are not what they were. */
function endOf(job: ClaimedJob, error: unknown): Problem | undefined {
  if (!isGuanxiError(error) || error.status >= 500 || error.code === "RATE") return undefined;
  return toProblem(error, job.locale, job.request ?? job.id);
}
