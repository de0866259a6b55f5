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
export function orderRenames(renames: readonly Rename[]): readonly Rename[] {
  const waiting = [...renames];
  const ordered: Rename[] = [];
  while (waiting.length > 0) {
    const free = waiting.findIndex(({ to }) => !waiting.some((other) => other.from === to));
    const [next] = waiting.splice(Math.max(free, 0), 1) as [Rename];
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
