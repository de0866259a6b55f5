import { CYCLE_DAYS } from "./limits.ts";
import type { SqlArg } from "./operation.ts";

/*
 * Pieces of SQL that more than one operation needs. An argument is written once in each, since it may be long and may hold
 * parameters; and none of them raises, whatever order PostgreSQL evaluates in.
 */

/** Ten thousand years: moved by them, every date and every step back from it stays inside PostgreSQL's calendar. */
export const cycle = `interval '${CYCLE_DAYS} days'`;

/** The value when it lies between two bounds (exclusive), else null. LEAST and GREATEST pass over null, which then meets `high`. */
const between = (sql: string, low: string, high: string): string =>
  `NULLIF(NULLIF(GREATEST(LEAST(${sql}, ${high}), ${low}), ${high}), ${low})`;

/** A timestamp of the years 10001 to 19999, else null. */
export const shiftedWithin = (sql: string): string =>
  between(sql, "timestamp '10000-12-31 23:59:59.999999'", "timestamp '20000-01-01'");

/** A date of the years 1 to 9999, else null. */
export const dateWithin = (sql: string): string => between(sql, "date '0001-12-31 BC'", "date '10000-01-01'");

/** At most ten thousand years either way, else null. */
export const durationWithin = (sql: string): string =>
  between(sql, `interval '-${CYCLE_DAYS} days -1 microseconds'`, `interval '${CYCLE_DAYS} days 1 microseconds'`);

/** A whole number with an absolute value up to `limit`, as PostgreSQL's integer, else null. */
export const integerWithin = (sql: string, limit: number): string =>
  `${between(sql, `${-limit - 1}`, `${limit + 1}`)}::int`;

/** A literal as a pattern of LIKE that means itself. */
export const likeLiteral = (text: string): string => text.replace(/[\\%_]/g, (special) => `\\${special}`);

/** An argument beside others of its type: lists of numbers meet as `numeric[]`, because PostgreSQL mixes numbers but not arrays of them. */
export function alike({ node, sql }: SqlArg): string {
  const isNumbers = node.type.kind === "list" && (node.type.of.kind === "int" || node.type.of.kind === "decimal");
  return isNumbers ? `${sql()}::numeric[]` : sql();
}

/**
 * A test of a value. Of a reference to several objects it says besides that one of its branches meets the test, which follows from the other
 * and is what their indexes serve.
 */
export function tested(value: SqlArg, test: (sql: string) => string): string {
  const whole = test(alike(value));
  return value.branches ? `(${whole} AND (${value.branches().map(test).join(" OR ")}))` : whole;
}

/** `held` of decimals. */
export function heldDecimal(sql: string, { precision, scale }: { precision: number; scale: number }): string {
  const limit = `1e${precision - scale}`;
  return between(`round(${sql}, ${scale})`, `-${limit}`, limit);
}

/** A datetime of the years 1 to 9999 in UTC, else null. */
export const heldDatetime = (sql: string): string =>
  between(sql, "timestamptz '0001-12-31 23:59:59.999999+00 BC'", "timestamptz '10000-01-01 00:00:00+00'");

/** What an integer field can hold, else null. */
export const heldInteger = (sql: string): string =>
  `${between(sql, String(Number.MIN_SAFE_INTEGER - 1), String(Number.MAX_SAFE_INTEGER + 1))}::bigint`;
