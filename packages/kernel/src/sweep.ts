import type { Observe } from "@guanxi/base";

/** Tenants that are visited together where more than one is due. */
const together = 2;

export interface SweepWork {
  /** What the sweep is for, in the faults that it tells of. */
  readonly task: string;
  /** The tenants there are. */
  list(): Promise<readonly string[]>;
  visit(tenant: string): Promise<void>;
  /** ms from one visit of the slow round to the next. */
  readonly intervalMs: number;
  readonly observe: Observe;
}

export interface Sweep {
  /** Visits every tenant as soon as possible: after a start, or when signals may have been lost. */
  all(): void;
  /** Ends after the visits under way. */
  stop(): Promise<void>;
}

/**
 * Visits tenants: all of them when told to, otherwise one every `intervalMs`, round and round. A tenant whose visit fails keeps nobody else
 * from theirs: it is visited once more at the next tick, and then in its turn.
 */
export function createSweep({ task, list, visit, intervalMs, observe }: SweepWork): Sweep {
  /** The rest of the slow round. */
  let round: string[] = [];
  const failed = new Set<string>();
  let wanted = false;
  let stopped = false;
  let current: Promise<void> | undefined;

  async function visitOne(tenant: string): Promise<boolean> {
    failed.delete(tenant);
    try {
      await visit(tenant);
      return true;
    } catch (error) {
      observe({ kind: "background_failed", task, tenant, error });
      return false;
    }
  }

  /** → those whose visit failed. */
  async function visitEach(tenants: readonly string[]): Promise<string[]> {
    const left = [...tenants];
    const faulty: string[] = [];
    const lanes = Array.from({ length: together }, async () => {
      for (let tenant = left.shift(); tenant !== undefined && !stopped; tenant = left.shift())
        if (!(await visitOne(tenant))) faulty.push(tenant);
    });
    await Promise.all(lanes);
    return faulty;
  }

  async function visitAll(): Promise<void> {
    wanted = false;
    for (const tenant of await visitEach(await listAll())) failed.add(tenant);
  }

  async function listAll(): Promise<readonly string[]> {
    try {
      return await list();
    } catch (error) {
      // Nobody was visited, so all of them are still due.
      wanted = true;
      throw error;
    }
  }

  async function visitNext(): Promise<void> {
    if (round.length === 0) round = [...(await list())];
    const tenant = round.shift();
    if (tenant !== undefined && !(await visitOne(tenant))) failed.add(tenant);
  }

  async function visitFailed(): Promise<void> {
    await visitEach([...failed]);
  }

  async function work(due: () => Promise<void>): Promise<void> {
    try {
      await due();
      while (wanted && !stopped) await visitAll();
    } catch (error) {
      observe({ kind: "background_failed", task, error });
    }
  }

  function start(): void {
    if (current !== undefined || stopped) return;
    const due = wanted ? visitAll : failed.size > 0 ? visitFailed : visitNext;
    current = work(due).finally(() => (current = undefined));
  }

  const timer = setInterval(start, intervalMs);

  return {
    all() {
      wanted = true;
      start();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await current;
    },
  };
}
