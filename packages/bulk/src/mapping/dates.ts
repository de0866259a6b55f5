/** A wall clock's time as a format has read it. */
export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

export type DateReader = (text: string) => LocalTime | undefined;

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Two-digit years below this are of this century, others of the last: POSIX's rule. */
const century = 69;

type Part = "year" | "shortYear" | "month" | "monthName" | "day" | "hour" | "hour12" | "minute" | "second" | "half";

const tokens: Readonly<Record<string, readonly [Part, string]>> = {
  YYYY: ["year", "(\\d{4})"],
  YY: ["shortYear", "(\\d{2})"],
  MMM: ["monthName", "([A-Za-z]{3,9})"],
  MM: ["month", "(\\d{2})"],
  M: ["month", "(\\d{1,2})"],
  DD: ["day", "(\\d{2})"],
  D: ["day", "(\\d{1,2})"],
  HH: ["hour", "(\\d{2})"],
  H: ["hour", "(\\d{1,2})"],
  hh: ["hour12", "(\\d{2})"],
  h: ["hour12", "(\\d{1,2})"],
  mm: ["minute", "(\\d{2})"],
  m: ["minute", "(\\d{1,2})"],
  ss: ["second", "(\\d{2})"],
  s: ["second", "(\\d{1,2})"],
  A: ["half", "([AaPp][Mm]|上午|下午)"],
};
const token = /YYYY|YY|MMM|MM|M|DD|D|HH|H|hh|h|mm|m|ss|s|A/g;

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");

/** A reader of texts in this format; undefined when the format names no whole date. */
export function compileFormat(format: string): DateReader | undefined {
  const parts: Part[] = [];
  let pattern = "";
  let end = 0;
  for (const match of format.matchAll(token)) {
    const [part, piece] = tokens[match[0]] ?? ["day", ""];
    if (parts.includes(part)) return undefined;
    pattern += escaped(format.slice(end, match.index)) + piece;
    parts.push(part);
    end = match.index + match[0].length;
  }
  const has = (...names: Part[]): boolean => names.some((n) => parts.includes(n));
  if (!has("year", "shortYear") || !has("month", "monthName") || !has("day")) return undefined;
  if (has("hour12") !== has("half") || (has("hour") && has("hour12"))) return undefined;
  const expression = new RegExp(`^${pattern}${escaped(format.slice(end))}$`, "u");
  return (text) => {
    const match = expression.exec(text);
    return match === null ? undefined : localTime(new Map(parts.map((part, i) => [part, match[i + 1] ?? ""])));
  };
}

function localTime(read: ReadonlyMap<Part, string>): LocalTime | undefined {
  const number = (part: Part): number => Number(read.get(part) ?? 0);
  const short = read.get("shortYear");
  const year = short === undefined ? number("year") : Number(short) + (Number(short) < century ? 2000 : 1900);
  const name = read.get("monthName");
  const month = name === undefined ? number("month") : months.indexOf(name.slice(0, 3).toLowerCase()) + 1;
  const half = read.get("half");
  const hour12 = number("hour12");
  if (half !== undefined && (hour12 < 1 || hour12 > 12)) return undefined;
  const hour = half === undefined ? number("hour") : (hour12 % 12) + (/^p|下午/i.test(half) ? 12 : 0);
  const time = { year, month, day: number("day"), hour, minute: number("minute"), second: number("second") };
  return exists(time) ? time : undefined;
}

function exists({ year, month, day, hour, minute, second }: LocalTime): boolean {
  if (year < 1 || hour > 23 || minute > 59 || second > 59) return false;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const pad = (n: number, length = 2): string => String(n).padStart(length, "0");

/** `2026-01-31`. */
export const dateText = ({ year, month, day }: LocalTime): string => `${pad(year, 4)}-${pad(month)}-${pad(day)}`;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Whether there is such a zone (IANA name). */
export function isTimeZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

function clockOf(timeZone: string): Intl.DateTimeFormat {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    const digits = "2-digit";
    clock = new Intl.DateTimeFormat("en-US", {
      ...{
        timeZone,
        hourCycle: "h23",
        year: "numeric",
        month: digits,
        day: digits,
        hour: digits,
        minute: digits,
        second: digits,
      },
    });
    clocks.set(timeZone, clock);
  }
  return clock;
}

/** ms to add to UTC for the zone's wall clock at an instant. */
function offsetAt(zone: string, at: number): number {
  const part: Record<string, number> = {};
  for (const { type, value } of clockOf(zone).formatToParts(at)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return utc({ year, month, day, hour, minute, second }) - at;
}

function utc({ year, month, day, hour, minute, second }: LocalTime): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second);
}

/**
 * The instant at which the zone's wall clock shows this, RFC 3339 in UTC. A time that the clock skips is read with the offset before the
 * change, one that it shows twice with the offset after it, as PostgreSQL does.
 */
export function instantText(local: LocalTime, zone: string): string {
  const day = 86_400_000;
  const wall = utc(local);
  const candidates = [wall - offsetAt(zone, wall - day), wall - offsetAt(zone, wall + day)];
  const fitting = candidates.filter((at) => at + offsetAt(zone, at) === wall);
  const at = Math.max(...(fitting.length > 0 ? fitting : candidates));
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
