export const joined = (terms: readonly string[] | undefined): string | undefined => terms?.join(",");

/** A part of a path. Throws TypeError for what every reader of URLs takes for a step to another address, also percent-encoded. */
export function part(value: string): string {
  if (value === "." || value === "..") throw new TypeError(`"${value}" cannot stand in an address`);
  return encodeURIComponent(value);
}

/** Empty without parameters; those that are undefined are left out. */
export function queryText(query: Readonly<Record<string, unknown>>): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) pairs.set(name, String(value));
  return pairs.size === 0 ? "" : `?${pairs}`;
}
