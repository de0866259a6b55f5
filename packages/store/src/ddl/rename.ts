/** A rename that is still to be done; `id` makes names for the meantime. */
export interface Rename {
  readonly id: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Renames in an order in which no name is taken twice. Where names change places, one waits under a name that nothing
 * else has.
 */
export function orderRenames<R extends Rename>(renames: readonly R[]): readonly R[] {
  const waiting = [...renames];
  const ordered: R[] = [];
  while (waiting.length > 0) {
    const free = waiting.findIndex(({ to }) => !waiting.some((other) => other.from === to));
    const [next] = waiting.splice(Math.max(free, 0), 1) as [R];
    if (free >= 0) {
      ordered.push(next);
      continue;
    }
    const parked = `_t${next.id}`;
    ordered.push({ ...next, to: parked });
    waiting.push({ ...next, from: parked });
  }
  return ordered;
}
