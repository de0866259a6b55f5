import { noTracer, type Observe, type Tracer } from "@guanxi/base";
import { isGone } from "@guanxi/store";
import type { AutomationSettings } from "../settings.ts";
import type { Dispatched } from "./dispatch.ts";

export interface Relay {
  /** The tenant has committed changes. Cheap; a burst of signals becomes one transaction. */
  signal(tenant: string): void;
  /** Ends after the batches under way. */
  stop(): Promise<void>;
}

/** ms before a tenant is tried again whose dispatch failed. */
const retryMs = 1_000;

export interface RelayWork {
  dispatch(tenant: string): Promise<Dispatched>;
  /** Runs wait to be started. */
  onRuns(tenant: string): Promise<void>;
  /** Whether nobody waits for the tenant's changes, so that one batch may serve more of them. */
  calm(tenant: string): boolean;
}

/** Dispatches tenants that were signalled, a few at once, each by one batch before the next tenant's turn. */
export function createRelay(
  { dispatch, onRuns, calm }: RelayWork,
  settings: AutomationSettings,
  observe: Observe,
  tracer: Tracer = noTracer,
): Relay {
  const waiting = new Set<string>();
  const active = new Set<string>();
  /** Signalled while their batch was under way, so that it may not have seen the change. */
  const again = new Set<string>();
  /** Their batch left rows behind. */
  const behind = new Set<string>();
  const retries = new Set<NodeJS.Timeout>();
  const resting = new Map<string, NodeJS.Timeout>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let idle: PromiseWithResolvers<void> | undefined;

  function signal(tenant: string): void {
    if (stopped) return;
    if (active.has(tenant)) return void again.add(tenant);
    if (calm(tenant)) rest(tenant);
    else queue(tenant, settings.relayMs);
  }

  function rest(tenant: string): void {
    if (resting.has(tenant) || waiting.has(tenant)) return;
    const end = (): void => {
      resting.delete(tenant);
      queue(tenant, 0);
    };
    resting.set(tenant, setTimeout(end, settings.calmRelayMs));
  }

  function queue(tenant: string, ms: number): void {
    if (stopped) return;
    if (active.has(tenant)) return void again.add(tenant);
    waiting.add(tenant);
    timer ??= setTimeout(turn, ms);
  }

  function turn(): void {
    timer = undefined;
    for (const tenant of waiting) {
      if (active.size >= settings.relayTenants) return;
      waiting.delete(tenant);
      active.add(tenant);
      // A batch is of many requests; the signal's own is but one of them.
      const traced = { name: "relay", root: true, attributes: { "guanxi.tenant": tenant } };
      void tracer.span(traced, () => relay(tenant)).finally(() => done(tenant));
    }
  }

  function done(tenant: string): void {
    active.delete(tenant);
    const signalled = again.delete(tenant);
    if (behind.delete(tenant)) queue(tenant, 0);
    else if (signalled) signal(tenant);
    if (active.size === 0) idle?.resolve();
    if (waiting.size > 0) timer ??= setTimeout(turn, 0);
  }

  async function relay(tenant: string): Promise<void> {
    try {
      const { events, runs, more, oldest } = await dispatch(tenant);
      // Clocks of two machines differ a little.
      const lagMs = oldest === undefined ? 0 : Math.max(0, Date.now() - oldest.getTime());
      if (events > 0) observe({ kind: "events_relayed", tenant, events, runs, lagMs });
      if (runs > 0) await onRuns(tenant);
      if (more) behind.add(tenant);
    } catch (error) {
      if (isGone(error)) return; // The tenant was deleted meanwhile.
      observe({ kind: "background_failed", task: "relay", tenant, error });
      const retry = setTimeout(() => {
        retries.delete(retry);
        signal(tenant);
      }, retryMs);
      retries.add(retry);
    }
  }

  return {
    signal,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      for (const timeout of resting.values()) clearTimeout(timeout);
      for (const retry of retries) clearTimeout(retry);
      waiting.clear();
      if (active.size === 0) return;
      idle = Promise.withResolvers();
      await idle.promise;
    },
  };
}
