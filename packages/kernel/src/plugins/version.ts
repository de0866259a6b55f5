/** Semantic versioning 2.0.0, without build metadata, which orders nothing. */
const form = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?$/;

/** Throws for what is no version. */
function partsOf(version: string): { readonly release: readonly number[]; readonly pre: readonly string[] } {
  const [, major, minor, patch, pre] = form.exec(version) ?? [];
  if (major === undefined) throw new Error(`"${version}" is no version; write it as 1.2.3`);
  return { release: [major, minor, patch].map(Number), pre: pre?.split(".") ?? [] };
}

/** Whether the first version comes after the second. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [partsOf(version), partsOf(than)];
  for (const [i, number] of a.release.entries()) {
    const other = b.release[i] ?? 0;
    if (number !== other) return number > other;
  }
  // A release comes after what came before it.
  if (a.pre.length === 0 || b.pre.length === 0) return a.pre.length < b.pre.length && a.pre.length === 0;
  for (const [i, word] of a.pre.entries()) {
    const other = b.pre[i];
    if (other === undefined) return true;
    if (word !== other) return comesAfter(word, other);
  }
  return false;
}

const isNumber = (word: string): boolean => /^\d+$/.test(word);

function comesAfter(word: string, other: string): boolean {
  if (isNumber(word) && isNumber(other)) return Number(word) > Number(other);
  if (isNumber(word) !== isNumber(other)) return isNumber(other);
  return word > other;
}
