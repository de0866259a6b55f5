import type { Child } from "./child-handle.ts";
import { FairQueue } from "./fair-queue.ts";

/**
 * How long a child stays with a tenant that has more runs while another tenant waits without a child, ms. A change of tenant costs a new process
 * (about 80 ms), so shorter turns would waste the processor; longer ones would make a single run wait.
 */
const turnMs = 650;
/** A tenant whose runs have paused for so long has none left, ms. Shorter pauses lie between two batches of runs, and the next would need a new process. */
const restMs = 25;
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
  /** The end of its first run: what its start took is no part of its turn. */
  turnStarted: number | undefined;
}

/** The children by tenant, and who waits for one. Leases go before runs. */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #slots = new Map<Child, Slot>();
  readonly #spares = new Set<Slot>();
  readonly #queues: Readonly<Record<Purpose, FairQueue<Waiter>>> = { lease: new FairQueue(), run: new FairQueue() };
  readonly #reaper: NodeJS.Timeout;
  #startAfter = 0;
  #later: { readonly at: number; readonly timer: NodeJS.Timeout } | undefined;
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
    slot.turnStarted ??= slot.lastUsed;
    if (!child.alive) this.#slots.delete(child);
    else if (child.runs >= this.#settings.runsPerChild) this.#retire(slot, "has done its runs");
    else if ((child.rssMb() ?? 0) > this.#settings.idleRssMb) this.#retire(slot, "kept too much memory");
    this.#pump();
  }

  /** Kills every child and hands back who was waiting. */
  async close(): Promise<Waiter[]> {
    this.#closed = true;
    clearInterval(this.#reaper);
    clearTimeout(this.#later?.timer);
    const children = [...this.#slots.keys(), ...[...this.#spares].map((slot) => slot.child)];
    for (const child of children) child.end("the sandbox closes");
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
    return (
      own < this.#queues.run.waiting(tenant) &&
      this.#count(forRuns) < this.#settings.childrenForRuns &&
      this.#count((slot) => slot.child.tenant === tenant && forRuns(slot)) < this.#share()
    );
  }

  /**
   * Children that one tenant may start for its runs now: an even share of those that have had runs within a turn, because a further one of the same
   * tenant would only have to be changed for the next tenant's.
   */
  #share(): number {
    const { childrenForRuns, childrenPerTenant } = this.#settings;
    const since = performance.now() - turnMs;
    const tenants = new Set(this.#queues.run.turns());
    // Not empty, since who asks for a child waits in the queue.
    for (const { child, state, lastUsed } of this.#slots.values())
      if (state === "starting" || state === "run" || lastUsed > since) tenants.add(child.tenant);
    return Math.min(childrenPerTenant, Math.ceil(childrenForRuns / tenants.size));
  }

  /** Ends the child that was unused for the longest; for a run, only one whose tenant has no runs left or has had its turn. */
  #evict(tenant: string, purpose: Purpose): boolean {
    const others = [...this.#slots.values()].filter((slot) => slot.state === "idle" && slot.child.tenant !== tenant);
    const waits = new Map(others.map((slot) => [slot, purpose === "lease" ? 0 : this.#turnLeft(slot)]));
    const victim = this.#pick(
      (slot) => (waits.get(slot) ?? 1) <= 0,
      (slot) => slot.lastUsed,
    );
    if (victim) this.#retire(victim, "makes room for another tenant");
    else if (waits.size > 0) this.#pumpLater(Math.min(...waits.values()));
    return victim !== undefined;
  }

  /** ms until a run of another tenant may take the place of this idle child. */
  #turnLeft({ child, turnStarted, lastUsed }: Slot): number {
    const now = performance.now();
    const turn = (turnStarted ?? now) + turnMs - now;
    return this.#queues.run.waiting(child.tenant) > 0 ? turn : Math.min(turn, lastUsed + restMs - now);
  }

  #bind(slot: Slot, tenant: string): Slot {
    slot.child.tenant = tenant;
    this.#slots.set(slot.child, slot);
    this.#settings.bound(slot.child);
    return slot;
  }

  #start(tenant?: string): void {
    if (performance.now() < this.#startAfter) return this.#pumpLater(retryStartMs);
    const child = this.#settings.start();
    const slot: Slot = { child, state: "starting", lastUsed: performance.now(), turnStarted: undefined };
    if (tenant === undefined) this.#spares.add(slot);
    else this.#bind(slot, tenant);
    child.ready.then(
      () => {
        slot.state = "idle";
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
    const at = performance.now() + ms;
    if (this.#later && this.#later.at <= at) return;
    clearTimeout(this.#later?.timer);
    const timer = setTimeout(() => {
      this.#later = undefined;
      this.#pump();
    }, ms);
    this.#later = { at, timer };
  }

  #refillSpares(): void {
    if (this.#slots.size === 0 || performance.now() < this.#startAfter) return;
    while (this.#spares.size < this.#settings.spareChildren) this.#start();
  }

  #retire(slot: Slot, reason: string): void {
    this.#slots.delete(slot.child);
    slot.child.end(reason);
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
