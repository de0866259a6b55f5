/** Where the present comes from; tests that need another hand one in. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };

const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `"4s"`, `"1h30m"`, `"3d"` → milliseconds; undefined when it is not a duration. */
export function parseDuration(value: string): number | undefined {
  if (!/^(\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/.test(value)) return undefined;
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g))
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  return Math.round(total);
}
