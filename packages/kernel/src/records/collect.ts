import { setImmediate } from "node:timers/promises";
import { GuanxiError, isGuanxiError, type Issue } from "@guanxi/base";

/** What each item gives, or the issues of all that failed to give something. */
export function collect<T, R>(items: readonly T[], each: (item: T, index: number) => R): R[] {
  const results = new Collected<R>();
  for (const [i, item] of items.entries()) results.add(() => each(item, i));
  return results.all();
}

/** Rows that are checked before others get the event loop: about a millisecond, since a request waits for its turn several times. */
const checkedAtOnce = 25;

/** The same, with pauses. */
export async function collectByTurns<T, R>(items: readonly T[], each: (item: T, index: number) => R): Promise<R[]> {
  const results = new Collected<R>();
  for (const [i, item] of items.entries()) {
    if (i > 0 && i % checkedAtOnce === 0) await setImmediate();
    results.add(() => each(item, i));
  }
  return results.all();
}

class Collected<R> {
  readonly #results: R[] = [];
  readonly #issues: Issue[] = [];

  add(give: () => R): void {
    try {
      this.#results.push(give());
    } catch (e) {
      if (!isGuanxiError(e, "VALIDATION")) throw e;
      this.#issues.push(...e.issues);
    }
  }

  all(): R[] {
    if (this.#issues.length > 0) throw new GuanxiError("VALIDATION", { issues: this.#issues });
    return this.#results;
  }
}
