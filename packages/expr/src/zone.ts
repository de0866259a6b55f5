import { DAY, dayNumber, floorDivide } from "./calendar.ts";

const SECOND = 1_000_000n;
const DAY_SECONDS = 86_400;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, found);
  }
  return found;
}

/** Seconds to add to UTC for the zone's wall clock at an instant given in seconds since 1970. */
function offsetAt(zone: string, seconds: number): number {
  const part: Record<string, string> = {};
  for (const { type, value } of format(zone).formatToParts(seconds * 1_000)) part[type] = value;
  const year = part.era === "BC" ? 1 - Number(part.year) : Number(part.year);
  const days = dayNumber(year, Number(part.month), Number(part.day));
  return days * DAY_SECONDS + Number(part.hour) * 3_600 + Number(part.minute) * 60 + Number(part.second) - seconds;
}

/** The wall clock of the zone, as microseconds since 1970-01-01 00:00 on that clock. */
export function toLocal(instant: bigint, zone: string): bigint {
  return instant + BigInt(offsetAt(zone, Number(floorDivide(instant, SECOND)))) * SECOND;
}

/** The day on the zone's wall clock. */
export const localDay = (instant: bigint, zone: string): number => Number(floorDivide(toLocal(instant, zone), DAY));

/**
 * The instant at which the zone's wall clock shows `local`. A time that the clock skips is read with the offset before
 * the change, one that it shows twice with the offset after it, as PostgreSQL does: the later of two candidates each time.
 */
export function toInstant(local: bigint, zone: string): bigint {
  const seconds = Number(floorDivide(local, SECOND));
  const fraction = local - BigInt(seconds) * SECOND;
  const before = offsetAt(zone, seconds - DAY_SECONDS);
  const after = offsetAt(zone, seconds + DAY_SECONDS);
  const candidates = [seconds - before, seconds - after];
  const valid = candidates.filter((c) => offsetAt(zone, c) === seconds - c);
  return BigInt(Math.max(...(valid.length > 0 ? valid : candidates))) * SECOND + fraction;
}
