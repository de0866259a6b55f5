/** Dates and times as text, read and written without going through a local time zone. */

const datePattern = /^(\d{4})-(\d{2})-(\d{2})$/;
const timePattern = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?$/;
/** RFC 3339 date-time; PostgreSQL keeps microseconds. */
const instantPattern =
  /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** 0001-01-01, first of the years that have four digits, and 10000-01-01, in milliseconds of Unix time. */
const firstDay = -62_135_596_800_000;
const afterLastDay = Date.UTC(10_000, 0, 1);

/** Milliseconds of the day's start in UTC; undefined when there is no such day in the years 0001 to 9999. */
function dayStart(date: string): number | undefined {
  const match = datePattern.exec(date);
  if (match === null) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const start = new Date(0);
  start.setUTCFullYear(year, month - 1, day);
  const real = start.getUTCFullYear() === year && start.getUTCMonth() === month - 1 && start.getUTCDate() === day;
  return real && year >= 1 ? start.getTime() : undefined;
}

export const isDate = (value: string): boolean => dayStart(value) !== undefined;

const withFraction = (text: string, fraction: string): string => {
  const kept = fraction.replace(/0+$/, "");
  return kept === "" ? text : `${text}.${kept}`;
};

/** `HH:MM:SS`, with microseconds where there are any; undefined when it is not a time of day. */
export function canonicalTime(value: string): string | undefined {
  const match = timePattern.exec(value);
  if (match === null) return undefined;
  const [, hour = "", minute = "", second = "00", fraction = ""] = match;
  return withFraction(`${hour}:${minute}:${second}`, fraction);
}

/** The same instant in UTC, `2026-01-31T01:30:00Z`; undefined when there is no such instant in the years 0001 to 9999. */
export function canonicalInstant(value: string): string | undefined {
  const match = instantPattern.exec(value);
  if (match === null) return undefined;
  const [, date = "", hour, minute, second, fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match;
  const start = dayStart(date);
  if (start === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
  const minutes = Number(hour) * 60 + Number(minute) - offset;
  // A leap second stands only at 23:59 UTC; like PostgreSQL, we count it as the second after.
  if (Number(second) === 60 && ((minutes % 1440) + 1440) % 1440 !== 1439) return undefined;
  const at = start + minutes * 60_000 + Number(second) * 1000;
  if (at < firstDay || at >= afterLastDay) return undefined;
  return `${withFraction(new Date(at).toISOString().slice(0, 19), fraction)}Z`;
}

const dayFormats = new Map<string, Intl.DateTimeFormat>();

/** The date at an instant in a time zone (IANA name). */
export function dateIn(timeZone: string, at: Date): string {
  let format = dayFormats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
    dayFormats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(at).map((p) => [p.type, p.value]));
  return `${parts.get("year")?.padStart(4, "0")}-${parts.get("month")}-${parts.get("day")}`;
}
