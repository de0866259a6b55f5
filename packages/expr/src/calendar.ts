import { CALENDAR_DAYS } from "./limits.ts";

/** A date is its number of days since 1970-01-01; a date-time the microseconds since then in UTC; a time those since midnight. */
export interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

export const DAY = 86_400_000_000n;

/** Days since 1970-01-01 in the proleptic Gregorian calendar; `month` may lie outside 1..12. */
export function dayNumber(year: number, month: number, day: number): number {
  const months = year * 12 + (month - 1);
  const y = Math.floor(months / 12);
  // Years that begin in March put the leap day last, so that month lengths follow one formula.
  const m = months - y * 12;
  const shiftedYear = m < 2 ? y - 1 : y;
  const shiftedMonth = (m + 10) % 12;
  const cycle = Math.floor(shiftedYear / 400);
  const yearOfCycle = shiftedYear - cycle * 400;
  const dayOfYear = Math.floor((153 * shiftedMonth + 2) / 5) + day - 1;
  return (
    cycle * 146_097 +
    yearOfCycle * 365 +
    Math.floor(yearOfCycle / 4) -
    Math.floor(yearOfCycle / 100) +
    dayOfYear -
    719_468
  );
}

export function dayOf(number: number): Day {
  const n = number + 719_468;
  const cycle = Math.floor(n / 146_097);
  const dayOfCycle = n - cycle * 146_097;
  const yearOfCycle = Math.floor(
    (dayOfCycle - Math.floor(dayOfCycle / 1_460) + Math.floor(dayOfCycle / 36_524) - Math.floor(dayOfCycle / 146_096)) /
      365,
  );
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return {
    year: yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1,
  };
}

const FIRST_DAY = dayNumber(1, 1, 1);

/** Years 1 to 9999 are all there is: a result outside them is null in both evaluations. */
export const dateOrNull = (number: number): number | null =>
  number >= FIRST_DAY && number < FIRST_DAY + CALENDAR_DAYS ? number : null;

export const localOrNull = (microseconds: bigint): bigint | null =>
  dateOrNull(Number(floorDivide(microseconds, DAY))) === null ? null : microseconds;

/** Moves by calendar months; the day is held within the month reached (31 January + 1 = 28 or 29 February). */
export function addMonths(number: number, months: number): number {
  const { year, month, day } = dayOf(number);
  const first = dayNumber(year, month + months, 1);
  const next = dayNumber(year, month + months + 1, 1);
  return first + Math.min(day, next - first) - 1;
}

/** 1 (Monday) to 7 (Sunday), as ISO 8601 counts. */
export const weekday = (number: number): number => ((((number + 3) % 7) + 7) % 7) + 1;

export function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}
