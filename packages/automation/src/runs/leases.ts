import type { Observe } from "@guanxi/base";
import type { Store } from "@guanxi/store";
import type { AutomationSettings } from "../settings.ts";
import { renewLeases } from "./claim.ts";

/** Renews the leases of this worker's runs while they are worked on. */
export interface Leases {
  /** → release. */
  hold(tenant: string, runs: readonly string[]): () => void;
  stop(): void;
}

export function createLeases(store: Store, worker: string, settings: AutomationSettings, observe: Observe): Leases {
  const held = new Map<symbol, { tenant: string; runs: readonly string[]; since: number }>();

  function renew(): void {
    // Most batches end before their first renewal.
    const old = Date.now() - settings.renewMs / 2;
    for (const { tenant, runs, since } of held.values()) {
      if (since > old) continue;
      renewLeases(store, tenant, worker, runs, settings.leaseMs).catch((error: unknown) =>
        observe({ kind: "background_failed", task: "lease renewal", tenant, error }),
      );
    }
  }

  const timer = setInterval(renew, settings.renewMs);
  return {
    hold(tenant, runs) {
      const key = Symbol(tenant);
      held.set(key, { tenant, runs, since: Date.now() });
      return () => held.delete(key);
    },
    stop: () => clearInterval(timer),
  };
}
