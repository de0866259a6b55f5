/** First come, first served within a tenant; between tenants each gets a turn, so a long queue delays nobody but its owner. */
export class FairQueue<T> {
  /** Tenants in the order of their turns. */
  readonly #tenants = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  waiting(tenant: string): number {
    return this.#tenants.get(tenant)?.size ?? 0;
  }

  push(tenant: string, item: T): void {
    let items = this.#tenants.get(tenant);
    if (items === undefined) this.#tenants.set(tenant, (items = new Set()));
    items.add(item);
    this.#size++;
  }

  /** The tenants that wait, the next in turn first. */
  turns(): IterableIterator<string> {
    return this.#tenants.keys();
  }

  /** The tenant's oldest item; its next turn comes after everyone else's. */
  take(tenant: string): T | undefined {
    const items = this.#tenants.get(tenant);
    const first = items?.values().next();
    if (items === undefined || first === undefined || first.done) return undefined;
    this.remove(tenant, first.value);
    if (this.#tenants.delete(tenant)) this.#tenants.set(tenant, items);
    return first.value;
  }

  remove(tenant: string, item: T): boolean {
    const items = this.#tenants.get(tenant);
    if (items === undefined || !items.delete(item)) return false;
    this.#size--;
    if (items.size === 0) this.#tenants.delete(tenant);
    return true;
  }

  /** Empties the queue. */
  drain(): T[] {
    const all = [...this.#tenants.values()].flatMap((items) => [...items]);
    this.#tenants.clear();
    this.#size = 0;
    return all;
  }
}
