import { type Observe, Recent, type Tracer, newId } from "@guanxi/base";
import { type Kernel, createSweep } from "@guanxi/kernel";
import type { Sandbox } from "@guanxi/sandbox";
import type { Queue, QueueJob } from "./queue/queue.ts";
import { createDispatch } from "./relay/dispatch.ts";
import { createRelay } from "./relay/relay.ts";
import { checkTenant } from "./runs/check.ts";
import { createCodes } from "./runs/codes.ts";
import { createLeases } from "./runs/leases.ts";
import { type TurnContext, takeTurn } from "./runs/turn.ts";
import type { AutomationSettings } from "./settings.ts";
import { createVersions } from "./workflows/versions.ts";

/** Processes without a worker tell those with one, by this NOTIFY channel, which tenants have changes. */
export const changesChannel = "guanxi_changes";
/** By this one, which tenants have runs to start that no change has caused. */
export const runsChannel = "guanxi_runs";

export interface WorkerOptions {
  readonly kernel: Kernel;
  readonly sandbox: Sandbox;
  readonly queue: Queue;
  readonly settings: AutomationSettings;
  readonly observe: Observe;
  readonly tracer: Tracer;
}

export interface WorkerHealth {
  readonly ok: boolean;
  /** Why not. */
  readonly fault?: string;
}

export interface Worker {
  /** The tenant has committed changes. */
  signal(tenant: string): void;
  /** The tenant has runs to start. */
  wake(tenant: string): void;
  /** Ends what runs, gives back what does not end in time. Resolves when nothing of it is left. */
  stop(): Promise<void>;
  health(): WorkerHealth;
}

/** Relays changes and works on runs until it is stopped. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { kernel, sandbox, queue, settings, observe, tracer } = options;
  const worker = newId();
  const abort = new AbortController();
  let stopping = false;
  const leases = createLeases(kernel.store, worker, settings, observe);
  const codes = createCodes(kernel.store);
  const context: TurnContext = {
    kernel,
    sandbox,
    settings,
    codes: codes.find,
    leases,
    worker,
    observe,
    tracer,
    signal: abort.signal,
    stopping: () => stopping,
  };
  const versions = createVersions(kernel);
  const nets = createNets(queue, settings);
  const plainDispatch = createDispatch(kernel, versions, settings, tracer);

  async function dispatch(tenant: string) {
    // Armed before the runs exist: whenever this process dies, somebody looks at the tenant soon.
    if (versions.last(tenant)?.byObject.size !== 0) await nets.arm(tenant);
    return plainDispatch(tenant);
  }

  const relay = createRelay(
    {
      dispatch,
      onRuns: (tenant) => queue.add([{ kind: "work", tenant }]),
      calm: (tenant) => versions.last(tenant)?.byObject.size === 0,
    },
    settings,
    observe,
    tracer,
  );

  async function check(tenant: string): Promise<void> {
    await kernel.tenants.upgrade(tenant);
    const { work, changes, next } = await checkTenant(kernel.store, tenant);
    if (changes) relay.signal(tenant);
    const jobs: QueueJob[] = [];
    if (work) jobs.push({ kind: "work", tenant });
    if (next !== undefined) jobs.push({ kind: "check", tenant, at: next });
    await queue.add(jobs);
  }

  function look(tenant: string): void {
    check(tenant).catch((error: unknown) => observe({ kind: "background_failed", task: "check", tenant, error }));
  }

  const slots = createSlots(settings.tenantTurns);

  async function work(tenant: string): Promise<void> {
    if (!slots.take(tenant)) return;
    const jobs: QueueJob[] = [];
    try {
      await nets.arm(tenant);
      const { more, due } = await takeTurn(tenant, context, () => void queue.add([{ kind: "work", tenant }]));
      if (more) jobs.push({ kind: "work", tenant });
      for (const at of new Set(due)) jobs.push({ kind: "check", tenant, at });
    } finally {
      if (slots.release(tenant)) jobs.push({ kind: "work", tenant });
      await queue.add(jobs);
    }
  }

  const sweep = createSweep({
    task: "sweep",
    list: async () => (await kernel.tenants.list()).map(({ id }) => id),
    visit: check,
    intervalMs: settings.sweepMs,
    observe,
  });
  const stopHearing = kernel.onArrived((tenant) => {
    codes.forget(tenant);
    versions.forget(tenant);
    if (tenant === undefined) sweep.all();
    else look(tenant);
  });
  const listeners = await Promise.all([
    kernel.store.listen(changesChannel, relay.signal, sweep.all),
    kernel.store.listen(runsChannel, look),
  ]);
  const jobs = await queue.process(
    ({ kind, tenant }) =>
      tracer.span(
        { name: `queue ${kind}`, kind: "consumer", root: true, attributes: { "guanxi.tenant": tenant } },
        () => (kind === "work" ? work(tenant) : check(tenant)),
      ),
    settings.concurrency,
    () => {
      nets.forget();
      sweep.all();
    },
  );
  sweep.all();

  return {
    signal: relay.signal,
    wake: look,
    async stop() {
      stopping = true;
      const patience = setTimeout(() => abort.abort(), settings.drainMs);
      stopHearing();
      for (const listener of listeners) await listener.stop();
      await sweep.stop();
      await relay.stop();
      await jobs.stop();
      clearTimeout(patience);
      leases.stop();
    },
    health: () => {
      const fault = jobs.fault();
      return fault === undefined ? { ok: true } : { ok: false, fault };
    },
  };
}

/** How many turns of each tenant this process works on. */
function createSlots(perTenant: number) {
  const taken = new Map<string, number>();
  const refused = new Set<string>();
  return {
    take(tenant: string): boolean {
      const count = taken.get(tenant) ?? 0;
      if (count >= perTenant) refused.add(tenant);
      else taken.set(tenant, count + 1);
      return count < perTenant;
    },
    /** → whether work was refused meanwhile, which must be asked for again. */
    release(tenant: string): boolean {
      const count = (taken.get(tenant) ?? 1) - 1;
      if (count === 0) taken.delete(tenant);
      else taken.set(tenant, count);
      return refused.delete(tenant);
    },
  };
}

/** Tenants whose next check one process remembers; one that is forgotten is armed once more than it must. */
const armedTenants = 10_000;

/**
 * Safety nets: while a tenant has work, a check of it is always on its way, so that a process that dies between any two steps leaves nothing behind
 * for longer than a lease. A check that finds leases arms the next one by itself.
 */
function createNets(queue: Queue, settings: AutomationSettings) {
  const armed = new Recent<string, number>(armedTenants);
  return {
    async arm(tenant: string): Promise<void> {
      const now = Date.now();
      if ((armed.get(tenant) ?? 0) > now + settings.leaseMs / 2) return;
      const at = now + settings.leaseMs;
      armed.set(tenant, at);
      await queue.add([{ kind: "check", tenant, at }]);
    },
    /** What was armed is lost. */
    forget: () => armed.clear(),
  };
}
