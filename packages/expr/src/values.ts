import { CYCLE_DAYS } from "./limits.ts";
import {
  formatDate,
  formatDatetime,
  formatDuration,
  formatTime,
  intervalText,
  parseDate,
  parseDatetime,
  parseTime,
} from "./literals.ts";
import type { Inner } from "./node.ts";
import { Decimal } from "./number.ts";
import { compareText } from "./text.ts";
import type { ExprType } from "./types.ts";

/**
 * What an evaluation gives: text, references: string; bool: boolean; int: number, beyond ±(2^53−1) a Decimal; decimal: Decimal;
 * date, datetime (UTC), time: ISO 8601 text; duration: seconds as Decimal; list: array; unknown: null.
 */
export type Value = null | string | boolean | number | Decimal | readonly Value[];

/** Of two values of one type, neither of them null. Lists hold nulls equal, as PostgreSQL's arrays do. */
export function equal(a: Inner, b: Inner): boolean {
  if (Decimal.isDecimal(a) && Decimal.isDecimal(b)) return a.eq(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((x: Inner, i) => equal(x, b[i] as Inner));
  if (!isObject(a) || !isObject(b)) return a === b;
  const keys = Object.keys(a);
  const sameKeys = keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key));
  return sameKeys && keys.every((key) => equal(a[key] as Inner, b[key] as Inner));
}

const isObject = (value: Inner): value is { readonly [key: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !Decimal.isDecimal(value);

/** Negative, zero or positive; of two values of one ordered type, neither of them null. */
export function compare(a: Inner, b: Inner): number {
  if (typeof a === "string") return compareText(a, b as string);
  if (Decimal.isDecimal(a)) return a.comparedTo(b as Decimal);
  const x = a as number | bigint;
  const y = b as number | bigint;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A field's value as the API shows it → inside. Throws TypeError when the value is not of the field's type. */
export function fromJson(value: unknown, type: ExprType): Inner {
  if (value === null || value === undefined) return null;
  const inner = read(value, type);
  if (inner === undefined) throw new TypeError(`${JSON.stringify(value)} is not a ${type.kind}`);
  return inner;
}

function read(value: unknown, type: ExprType): Inner | undefined {
  switch (type.kind) {
    case "json":
    case "parts":
      return value as Inner;
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "int": {
      const number = readNumber(value);
      return number?.isInteger() ? number : undefined;
    }
    case "decimal":
      return readNumber(value);
    case "duration": {
      const seconds = readNumber(value);
      return seconds?.abs().lte(LONGEST) ? BigInt(seconds.times(1e6).toFixed(0)) : undefined;
    }
    case "list":
      return Array.isArray(value) ? value.map((item) => fromJson(item, type.of)) : undefined;
    case "null":
      return undefined;
    default:
      return typeof value === "string" ? readText(value, type.kind) : undefined;
  }
}

/** Seconds of ten thousand years, the longest duration that all arithmetic with it can bear. */
const LONGEST = CYCLE_DAYS * 86_400;

const numberPattern = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function readNumber(value: unknown): Decimal | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? new Decimal(value) : undefined;
  return typeof value === "string" && numberPattern.test(value) ? new Decimal(value) : undefined;
}

function readText(value: string, kind: "text" | "ref" | "date" | "datetime" | "time"): Inner | undefined {
  if (kind === "date") return parseDate(value);
  if (kind === "datetime") return parseDatetime(value);
  if (kind === "time") return parseTime(value);
  return kind === "ref" ? value.toLowerCase() : value;
}

export function toValue(inner: Inner, type: ExprType): Value {
  if (inner === null) return null;
  if (type.kind === "list") return (inner as readonly Inner[]).map((item) => toValue(item, type.of));
  if (type.kind === "int") {
    const exact = (inner as Decimal).toNumber();
    return Number.isSafeInteger(exact) ? exact : (inner as Decimal);
  }
  if (type.kind === "date") return formatDate(inner as number);
  if (type.kind === "datetime") return formatDatetime(inner as bigint);
  if (type.kind === "time") return formatTime(inner as number);
  if (type.kind === "duration") return formatDuration(inner as bigint);
  return inner as Value;
}

/** A literal as the value of a parameter that is cast to the type's SQL type: strings that PostgreSQL reads exactly. */
export function toParameter(inner: Inner, type: ExprType): unknown {
  if (inner === null) return null;
  if (type.kind === "list") return (inner as readonly Inner[]).map((item) => toParameter(item, type.of));
  if (type.kind === "duration") return intervalText(inner as bigint);
  if (Decimal.isDecimal(inner)) return inner.toFixed();
  return toValue(inner, type);
}
