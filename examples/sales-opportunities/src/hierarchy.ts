import { type SourceAccount, SourceError } from "./source.ts";

/**
 * The accounts in groups: those without a parent, then those whose parents are in the groups before, wherever they stand in the
 * file. Throws SourceError where accounts are subsidiaries of each other.
 */
export function levels(accounts: readonly SourceAccount[]): SourceAccount[][] {
  const placed = new Set<string>();
  const groups: SourceAccount[][] = [];
  let rest = accounts;
  while (rest.length > 0) {
    const ready = rest.filter((a) => a.parent === undefined || placed.has(a.parent));
    if (ready.length === 0) {
      throw new SourceError([
        `accounts.csv: ${rest.map((a) => `"${a.name}"`).join(", ")} are subsidiaries of each other`,
      ]);
    }
    groups.push(ready);
    for (const { name } of ready) placed.add(name);
    rest = rest.filter((a) => !placed.has(a.name));
  }
  return groups;
}
