import type { Child } from "./child-handle.ts";
import { FairQueue } from "./fair-queue.ts";

/**
 * How long a child stays with a tenant that has more runs while another tenant waits without a child, ms. A change of tenant costs a new process
 * (about 80 ms), so shorter turns would waste the processor; longer ones would make a single run wait.
 */
const turnMs = 450;
/** A child nobody has used for so long gives its memory back, ms. */
const idleMs = 300_000;
/** After a child could not start, the next is tried this much later, ms. */
const retryStartMs = 1_000;

export interface PoolSettings {
  readonly maxChildren: number;
  readonly spareChildren: number;
  readonly childrenForRuns: number;
  readonly childrenPerTenant: number;
  readonly runsPerChild: number;
  /** A child that keeps more than this between runs is replaced, so that one run's memory is never counted against the next, MB. */
  readonly idleRssMb: number;
  readonly start: () => Child;
  /** A child begins to serve a tenant. */
  readonly bound: (child: Child) => void;
  readonly startFailed: (error: unknown) => void;
}

export type Purpose = "run" | "lease";

export interface Waiter {
  grant(child: Child): void;
  /** The pool has closed. */
  refuse(): void;
}

interface Slot {
  readonly child: Child;
  state: "starting" | "idle" | "run" | "lease";
  lastUsed: number;
  turnStarted: number;
}

/** The children by tenant, and who waits for one. Leases go before runs. */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #slots = new Map<Child, Slot>();
  readonly #spares = new Set<Slot>();
  readonly #queues: Readonly<Record<Purpose, FairQueue<Waiter>>> = { lease: new FairQueue(), run: new FairQueue() };
  readonly #reaper: NodeJS.Timeout;
  #startAfter = 0;
  #later: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    this.#reaper = setInterval(() => this.#reap(), idleMs / 10).unref();
  }

  queued(purpose: Purpose): number {
    return this.#queues[purpose].size;
  }

  get children(): number {
    return this.#slots.size;
  }

  get spares(): number {
    return this.#spares.size;
  }

  get busy(): number {
    return this.#count((slot) => slot.state === "run" || slot.state === "lease");
  }

  request(purpose: Purpose, tenant: string, waiter: Waiter): void {
    this.#queues[purpose].push(tenant, waiter);
    this.#pump();
  }

  withdraw(purpose: Purpose, tenant: string, waiter: Waiter): boolean {
    return this.#queues[purpose].remove(tenant, waiter);
  }

  /** Gives a granted child back, dead or alive. */
  release(child: Child): void {
    const slot = this.#slots.get(child);
    if (slot === undefined) return;
    slot.state = "idle";
    slot.lastUsed = performance.now();
    if (!child.alive) this.#slots.delete(child);
    else if (child.runs >= this.#settings.runsPerChild) this.#retire(slot, "has done its runs");
    else if ((child.rssMb() ?? 0) > this.#settings.idleRssMb) this.#retire(slot, "kept too much memory");
    this.#pump();
  }

  /** Kills every child and hands back who was waiting. */
  async close(): Promise<Waiter[]> {
    this.#closed = true;
    clearInterval(this.#reaper);
    clearTimeout(this.#later);
    const children = [...this.#slots.keys(), ...[...this.#spares].map((slot) => slot.child)];
    for (const child of children) child.kill("the sandbox closes", "sandbox_ended");
    this.#slots.clear();
    this.#spares.clear();
    await Promise.all(children.map((child) => child.exited));
    return [...this.#queues.lease.drain(), ...this.#queues.run.drain()];
  }

  #pump(): void {
    if (this.#closed) return;
    while (this.#grantNext("lease")) continue;
    while (this.#grantNext("run")) continue;
    this.#refillSpares();
  }

  #grantNext(purpose: Purpose): boolean {
    const queue = this.#queues[purpose];
    for (const tenant of queue.turns()) {
      if (purpose === "run" && this.#count((slot) => slot.state === "run") >= this.#settings.childrenForRuns)
        return false;
      const slot = this.#find(tenant, purpose);
      if (slot === undefined) continue;
      slot.state = purpose;
      queue.take(tenant)?.grant(slot.child);
      return true;
    }
    return false;
  }

  /** A child for the tenant now; otherwise sees to it that one starts, if there is room or can be made. */
  #find(tenant: string, purpose: Purpose): Slot | undefined {
    const own = (state: Slot["state"]) => (slot: Slot) => slot.child.tenant === tenant && slot.state === state;
    if (purpose === "run" && this.#count(own("run")) >= this.#settings.childrenPerTenant) return undefined;
    const idle = this.#pick(own("idle"), (slot) => -slot.lastUsed);
    if (idle) return idle;
    if (!this.#mayStart(purpose, tenant)) return undefined;
    if (this.#slots.size >= this.#settings.maxChildren && !this.#evict(tenant, purpose)) return undefined;
    const spare = [...this.#spares].find((slot) => slot.state === "idle");
    if (spare === undefined) return void this.#start(tenant);
    this.#spares.delete(spare);
    return this.#bind(spare, tenant);
  }

  /** Whether one more child is of use: for someone who waits, and within what runs may hold. */
  #mayStart(purpose: Purpose, tenant: string): boolean {
    const own = this.#count((slot) => slot.child.tenant === tenant && slot.state === "starting");
    if (purpose === "lease") return own < this.#queues.lease.waiting(tenant);
    const forRuns = (slot: Slot): boolean => slot.state === "starting" || slot.state === "run";
    const { childrenForRuns, childrenPerTenant } = this.#settings;
    return (
      own < this.#queues.run.waiting(tenant) &&
      this.#count(forRuns) < childrenForRuns &&
      this.#count((slot) => slot.child.tenant === tenant && forRuns(slot)) < childrenPerTenant
    );
  }

  /** Ends the child that was unused for the longest; for a run, only one whose tenant has no runs left or has had its turn. */
  #evict(tenant: string, purpose: Purpose): boolean {
    const turnLeft = (slot: Slot): number =>
      purpose === "lease" || this.#queues.run.waiting(slot.child.tenant) === 0
        ? 0
        : slot.turnStarted + turnMs - performance.now();
    const idle = (slot: Slot): boolean => slot.state === "idle" && slot.child.tenant !== tenant;
    const victim = this.#pick(
      (slot) => idle(slot) && turnLeft(slot) <= 0,
      (slot) => slot.lastUsed,
    );
    if (victim) this.#retire(victim, "makes room for another tenant");
    else if (this.#count(idle) > 0) this.#pumpLater(turnMs);
    return victim !== undefined;
  }

  #bind(slot: Slot, tenant: string): Slot {
    slot.child.tenant = tenant;
    slot.turnStarted = performance.now();
    this.#slots.set(slot.child, slot);
    this.#settings.bound(slot.child);
    return slot;
  }

  #start(tenant?: string): void {
    if (performance.now() < this.#startAfter) return this.#pumpLater(retryStartMs);
    const child = this.#settings.start();
    const slot: Slot = { child, state: "starting", lastUsed: performance.now(), turnStarted: performance.now() };
    if (tenant === undefined) this.#spares.add(slot);
    else this.#bind(slot, tenant);
    child.ready.then(
      () => {
        slot.state = "idle";
        slot.turnStarted = performance.now();
        this.#pump();
      },
      (error: unknown) => {
        if (this.#closed) return;
        this.#settings.startFailed(error);
        this.#startAfter = performance.now() + retryStartMs;
        this.#pumpLater(retryStartMs);
      },
    );
    // One that is busy is let go by whoever holds it.
    void child.exited.then(() => {
      this.#spares.delete(slot);
      if (slot.state === "idle" || slot.state === "starting") this.#slots.delete(child);
      this.#pump();
    });
  }

  #pumpLater(ms: number): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#pump();
    }, ms);
  }

  #refillSpares(): void {
    if (this.#slots.size === 0 || performance.now() < this.#startAfter) return;
    while (this.#spares.size < this.#settings.spareChildren) this.#start();
  }

  #retire(slot: Slot, reason: string): void {
    this.#slots.delete(slot.child);
    slot.child.kill(reason, "sandbox_ended");
  }

  #reap(): void {
    const limit = performance.now() - idleMs;
    for (const slot of this.#slots.values()) {
      if (slot.state === "idle" && slot.lastUsed < limit) this.#retire(slot, "was not used");
    }
  }

  #count(matches: (slot: Slot) => boolean): number {
    let count = 0;
    for (const slot of this.#slots.values()) if (matches(slot)) count++;
    return count;
  }

  #pick(matches: (slot: Slot) => boolean, rank: (slot: Slot) => number): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots.values()) {
      if (matches(slot) && (best === undefined || rank(slot) < rank(best))) best = slot;
    }
    return best;
  }
}
