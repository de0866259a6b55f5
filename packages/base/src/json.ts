/** An object of JSON: neither null nor a list. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The same value of JSON, which nobody can change any more. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

/** Whether the double that the text becomes is written with the same digits again. */
export function keepsItsDigits(source: string): boolean {
  const value = Number(source);
  return Number.isFinite(value) && canonical(source) === canonical(String(value));
}

const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** `1.50e3` and `1500` → `15e2`. */
function canonical(source: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}
