import { Decimal as Library } from "decimal.js";
import { DIVISION_SCALE, MAX_DIGITS } from "./limits.ts";

/**
 * Exact decimals. The precision is beyond what a checked expression can reach (see `Digits`), so nothing is ever rounded
 * except where the language says so.
 */
export const Decimal = Library.clone({
  precision: 2 * MAX_DIGITS + 1_000,
  rounding: Library.ROUND_HALF_UP,
  modulo: Library.ROUND_DOWN,
  toExpNeg: -9e15,
  toExpPos: 9e15,
});
export type Decimal = InstanceType<typeof Decimal>;

/** The most digits a number can have before and after its point, known before any record is. */
export interface Digits {
  readonly whole: number;
  readonly scale: number;
}

export const integerDigits: Digits = { whole: 16, scale: 0 };

export function digitsOf(value: Decimal): Digits {
  return { whole: Math.max(value.e + 1, 1), scale: value.decimalPlaces() };
}

export const widest = (all: readonly Digits[]): Digits => ({
  whole: Math.max(...all.map((d) => d.whole)),
  scale: Math.max(...all.map((d) => d.scale)),
});

const one = new Decimal(1);
const shift = new Decimal(10).pow(DIVISION_SCALE + 1);

/** The quotient rounded half away from zero to `DIVISION_SCALE` digits; null for a zero divisor. */
export function divide(a: Decimal, b: Decimal): Decimal | null {
  if (b.isZero()) return null;
  const truncated = a.times(shift).dividedToIntegerBy(b).times(one.div(shift));
  return truncated.toDecimalPlaces(DIVISION_SCALE, Decimal.ROUND_HALF_UP);
}

/** Rounds half away from zero; negative `places` round to tens, hundreds, … */
export function round(value: Decimal, places: number): Decimal {
  if (places >= 0) return value.toDecimalPlaces(places, Decimal.ROUND_HALF_UP);
  const unit = new Decimal(10).pow(-places);
  return value.times(new Decimal(10).pow(places)).toDecimalPlaces(0, Decimal.ROUND_HALF_UP).times(unit);
}

/** Rounded to so many digits after the point; null where it has more before it than are left of the precision. */
export function held(value: Decimal, { precision, scale }: { precision: number; scale: number }): Decimal | null {
  const rounded = round(value, scale);
  return rounded.abs().gte(new Decimal(10).pow(precision - scale)) ? null : rounded;
}
