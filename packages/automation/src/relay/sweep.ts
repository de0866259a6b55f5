import type { Observe } from "@guanxi/base";

/** Tenants that a full sweep looks at together. */
const together = 2;

export interface Sweep {
  /** Looks at every tenant as soon as possible: after a start, or when signals may have been lost. */
  all(): void;
  stop(): Promise<void>;
}

/** Visits tenants: all of them when told to, otherwise one every `intervalMs`, round and round. */
export function createSweep(
  list: () => Promise<readonly string[]>,
  visit: (tenant: string) => Promise<void>,
  intervalMs: number,
  observe: Observe,
): Sweep {
  let round: string[] = [];
  let wanted = false;
  let stopped = false;
  let current: Promise<void> | undefined;

  async function visitAll(): Promise<void> {
    while (wanted && !stopped) {
      wanted = false;
      const tenants = [...(await list())];
      const lanes = Array.from({ length: together }, async () => {
        for (let tenant = tenants.shift(); tenant !== undefined && !stopped; tenant = tenants.shift())
          await visit(tenant);
      });
      await Promise.all(lanes);
    }
  }

  async function visitNext(): Promise<void> {
    if (round.length === 0) round = [...(await list())];
    const tenant = round.shift();
    if (tenant !== undefined) await visit(tenant);
  }

  function start(work: () => Promise<void>): void {
    current = work()
      .catch((error: unknown) => {
        observe({ kind: "background_failed", task: "sweep", error });
        // What a sweep of all has missed is found at the next tick.
        if (work === visitAll) wanted = true;
      })
      .finally(() => (current = undefined));
  }

  const timer = setInterval(() => {
    if (current === undefined) start(wanted ? visitAll : visitNext);
  }, intervalMs);

  return {
    all() {
      wanted = true;
      if (current === undefined && !stopped) start(visitAll);
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await current;
    },
  };
}
