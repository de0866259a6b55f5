/** `digits × 10^exponent`, exactly; `digits` has no trailing zeros. */
export interface ExactDecimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const decimalText = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads decimal text, or the shortest text of a finite number, which is what JSON wrote. */
export function exactDecimal(value: number | string): ExactDecimal | undefined {
  const match = decimalText.exec(String(value));
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  const all = whole + fraction;
  const kept = all.replace(/0+$/, "");
  if (kept === "") return { digits: 0n, exponent: 0 };
  const magnitude = BigInt(kept);
  return {
    digits: sign === "-" ? -magnitude : magnitude,
    exponent: Number(exponent) - fraction.length + (all.length - kept.length),
  };
}

/** How many digits it takes to write a decimal: before the point, after it, and significant ones. */
export function digitCounts(value: ExactDecimal): { whole: number; scale: number; significant: number } {
  if (value.digits === 0n) return { whole: 0, scale: 0, significant: 0 };
  const length = String(value.digits < 0n ? -value.digits : value.digits).length;
  return {
    whole: Math.max(0, length + value.exponent),
    scale: Math.max(0, -value.exponent),
    significant: length,
  };
}

/** Both values' digits at the smaller of their exponents. */
function aligned(a: ExactDecimal, b: ExactDecimal): [bigint, bigint] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.digits * 10n ** BigInt(a.exponent - exponent), b.digits * 10n ** BigInt(b.exponent - exponent)];
}

export function compareDecimals(a: ExactDecimal, b: ExactDecimal): -1 | 0 | 1 {
  const [x, y] = aligned(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

export function isMultipleOf(value: ExactDecimal, step: ExactDecimal): boolean {
  const [x, y] = aligned(value, step);
  return x % y === 0n;
}

/** Plain digits without exponent, padded to `scale` digits after the point where given. */
export function decimalToText(value: ExactDecimal, scale?: number): string {
  const negative = value.digits < 0n;
  const places = Math.max(0, -value.exponent, scale ?? 0);
  const shifted = (negative ? -value.digits : value.digits) * 10n ** BigInt(places + value.exponent);
  const digits = String(shifted).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  return (negative ? "-" : "") + whole + (places === 0 ? "" : `.${digits.slice(digits.length - places)}`);
}
