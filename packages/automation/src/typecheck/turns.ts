import { GuanxiError } from "@guanxi/base";

interface Waiting {
  readonly tenant: string;
  start(): void;
}

/**
 * Lets `places` pieces of work go on at once, of each tenant one, so that a tenant's slow work never takes the last place. Beyond
 * `waiting` pieces that wait, the next is refused with UNAVAILABLE.
 */
export function createTurns(places: number, waiting: number) {
  const busy = new Set<string>();
  const queue: Waiting[] = [];

  function next(): void {
    const i = busy.size < places ? queue.findIndex(({ tenant }) => !busy.has(tenant)) : -1;
    const [first] = i < 0 ? [] : queue.splice(i, 1);
    if (!first) return;
    busy.add(first.tenant);
    first.start();
    next();
  }

  return async function turn<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    if (queue.length >= waiting)
      throw new GuanxiError("UNAVAILABLE", { retryAfter: 5, detail: "Too many scripts wait to be checked." });
    await new Promise<void>((start) => {
      queue.push({ tenant, start });
      next();
    });
    try {
      return await work();
    } finally {
      busy.delete(tenant);
      next();
    }
  };
}
