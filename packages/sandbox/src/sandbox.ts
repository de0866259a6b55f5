import { GuanxiError } from "@guanxi/base";
import { type Child, type ChildSettings, startChild } from "./child-handle.ts";
import { createCompiler } from "./compile.ts";
import { Pool, type PoolSettings, type Purpose } from "./pool.ts";
import { addonFile, childIdentity, readChildFile } from "./process.ts";
import type { Job, Lease, Outcome, Sandbox, SandboxOptions } from "./types.ts";

const leaseTimeoutMs = 5_000;
/** What a client is told to wait when no child was free, s. */
const retryAfterSeconds = 1;
/** The part of `rssLimitMb` that a child may keep between two runs. */
const idleRssShare = 0.5;

export function createSandbox(options: SandboxOptions): Sandbox {
  const { observe } = options;
  const identity = childIdentity(options);
  const settings: ChildSettings = {
    addon: addonFile(),
    bootstrap: bootstrapWith(options.prelude),
    identity,
    rssLimitMb: options.rssLimitMb,
    observe,
  };
  const counts = { runs: 0, started: 0, ended: 0 };
  const pool = new Pool(poolSettings(options, () => start(settings)));
  const compiler = createCompiler(identity);
  let closing = false;

  function start(childSettings: ChildSettings): Child {
    counts.started++;
    const child = startChild(childSettings);
    void child.exited.then(() => counts.ended++);
    return child;
  }

  async function runIn(child: Child, job: Job): Promise<Outcome> {
    counts.runs++;
    const outcome = await child.run(job);
    return closing && outcome.status === "put_back" ? { status: "put_back", reason: "stopped" } : outcome;
  }

  /** Waits for a child; undefined when the wait was given up or the sandbox closed. */
  function acquire(purpose: Purpose, tenant: string, signal?: AbortSignal): Promise<Child | undefined> {
    const { promise, resolve } = Promise.withResolvers<Child | undefined>();
    if (closing || signal?.aborted) return Promise.resolve(undefined);
    const waiter = { grant: resolve, refuse: () => resolve(undefined) };
    const leave = (): void => {
      if (pool.withdraw(purpose, tenant, waiter)) resolve(undefined);
    };
    signal?.addEventListener("abort", leave, { once: true });
    pool.request(purpose, tenant, waiter);
    return promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  async function run(job: Job): Promise<Outcome> {
    const child = await acquire("run", job.tenant, job.signal);
    if (child === undefined) return { status: "put_back", reason: closing ? "stopped" : "cancelled" };
    try {
      return await runIn(child, job);
    } finally {
      pool.release(child);
    }
  }

  async function acquireLease(tenant: string, timeoutMs: number): Promise<Child> {
    const child = await acquire("lease", tenant, AbortSignal.timeout(timeoutMs));
    if (child) return child;
    const detail = closing ? "the server is stopping" : `no script process was free within ${timeoutMs} ms`;
    throw new GuanxiError("UNAVAILABLE", { detail, retryAfter: retryAfterSeconds });
  }

  async function lease(tenant: string, { timeoutMs = leaseTimeoutMs } = {}): Promise<Lease> {
    let child = await acquireLease(tenant, timeoutMs);
    let released = false;
    return {
      async run(job) {
        if (released || job.tenant !== tenant)
          throw new Error("a lease runs only its own tenant's jobs, until it is released");
        if (!child.alive) {
          pool.release(child);
          child = await acquireLease(tenant, timeoutMs);
        }
        return runIn(child, job);
      },
      release() {
        if (!released) pool.release(child);
        released = true;
      },
    };
  }

  return {
    run,
    lease,
    compile: compiler.compile,
    async close() {
      closing = true;
      for (const waiter of await pool.close()) waiter.refuse();
      await compiler.close();
    },
    stats: () => ({
      children: pool.children,
      busy: pool.busy,
      spares: pool.spares,
      queuedRuns: pool.queued("run"),
      queuedLeases: pool.queued("lease"),
      ...counts,
    }),
  };
}

/** The files and the prelude are expressions that yield functions. */
function bootstrapWith(prelude: string): string {
  const expression = (file: string): string => readChildFile(file).trim().replace(/;$/, "");
  return `${expression("bootstrap.js")}(${expression("lockdown.js")},\n${prelude}\n)`;
}

function poolSettings(options: SandboxOptions, start: () => Child): PoolSettings {
  const { maxChildren, spareChildren, runsPerChild, rssLimitMb, observe } = options;
  const childrenForRuns = options.childrenForRuns ?? Math.max(1, maxChildren - 1);
  return {
    maxChildren,
    spareChildren,
    runsPerChild,
    childrenForRuns,
    childrenPerTenant: options.childrenPerTenant ?? Math.max(1, childrenForRuns - 1),
    idleRssMb: rssLimitMb * idleRssShare,
    start,
    bound: ({ tenant, pid }) => observe({ kind: "sandbox_started", tenant, pid }),
    startFailed: (error) => observe({ kind: "background_failed", task: "start a script process", error }),
  };
}
