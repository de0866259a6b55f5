import { isId, parseDuration } from "@guanxi/base";
import { DAY, dateOrNull, dayNumber, dayOf, floorDivide } from "./calendar.ts";
import { CYCLE_DAYS } from "./limits.ts";
import { Decimal } from "./number.ts";

const datePattern = /^(\d{4})-(\d\d)-(\d\d)$/;
const timePattern = /^(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?$/;
const datetimePattern = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?:([Zz])|([+-])(\d\d):(\d\d))$/;

/** `2026-01-31` → days since 1970; undefined when it is no day of the years 1 to 9999. */
export function parseDate(text: string): number | undefined {
  const [, year, month, day] = (datePattern.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return undefined;
  const number = dayNumber(year, month, day);
  const back = dayOf(number);
  const exists = back.year === year && back.month === month && back.day === day && dateOrNull(number) !== null;
  return exists ? number : undefined;
}

/** `09:30:00.5` → microseconds since midnight. */
export function parseTime(text: string): number | undefined {
  const [, hour, minute, second = "0", fraction = ""] = timePattern.exec(text) ?? [];
  if (hour === undefined || minute === undefined) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1e6 + Number(fraction.padEnd(6, "0"));
}

/** RFC 3339 with an offset → microseconds since 1970 in UTC. */
export function parseDatetime(text: string): bigint | undefined {
  const [, date = "", time = "", , sign, hours = "0", minutes = "0"] = datetimePattern.exec(text) ?? [];
  const day = parseDate(date);
  const clock = parseTime(time);
  if (day === undefined || clock === undefined || Number(hours) > 15 || Number(minutes) > 59) return undefined;
  const offset = BigInt(Number(hours) * 60 + Number(minutes)) * 60_000_000n;
  return BigInt(day) * DAY + BigInt(clock) - (sign === "-" ? -offset : offset);
}

export function parseRef(text: string): string | undefined {
  return isId(text) ? text.toLowerCase() : undefined;
}

/** `1h30m` → microseconds; at most 10,000 years, as everything that durations are added to. */
export function parseDurationText(text: string): bigint | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined || milliseconds > CYCLE_DAYS * 86_400_000) return undefined;
  return BigInt(milliseconds) * 1_000n;
}

const pad = (n: number | bigint, length: number): string => String(n).padStart(length, "0");

export function formatDate(number: number): string {
  const { year, month, day } = dayOf(number);
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}`;
}

export function formatTime(microseconds: number): string {
  const seconds = Math.floor(microseconds / 1e6);
  const fraction = microseconds % 1e6;
  const clock = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((n) => pad(n, 2))
    .join(":");
  return fraction === 0 ? clock : `${clock}.${pad(fraction, 6).replace(/0+$/, "")}`;
}

export function formatDatetime(microseconds: bigint): string {
  const day = floorDivide(microseconds, DAY);
  return `${formatDate(Number(day))}T${formatTime(Number(microseconds - day * DAY))}Z`;
}

/** Seconds, exact. */
export const formatDuration = (microseconds: bigint): Decimal => new Decimal(String(microseconds)).times("0.000001");

/** As PostgreSQL reads an interval under every `IntervalStyle`. */
export function intervalText(microseconds: bigint): string {
  const day = floorDivide(microseconds, DAY);
  return `${day} days ${microseconds - day * DAY} microseconds`;
}
