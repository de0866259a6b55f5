import { GuanxiError } from "@guanxi/base";

/** What PostgreSQL refused, in our words. Its text stays inside: it may hold data. */
export class DatabaseError extends Error {
  /** Five characters, PostgreSQL Appendix A. */
  readonly sqlState: string;
  readonly constraint: string | undefined;

  constructor(sqlState: string, constraint: string | undefined, plan: string, cause: unknown) {
    super(`${plan}: SQLSTATE ${sqlState}${constraint ? ` on ${constraint}` : ""}`, { cause });
    this.name = "DatabaseError";
    this.sqlState = sqlState;
    this.constraint = constraint;
  }
}

export const isDatabaseError = (e: unknown, ...states: readonly string[]): e is DatabaseError =>
  e instanceof DatabaseError && (states.length === 0 || states.some((s) => e.sqlState.startsWith(s)));

/** A table or its schema is not there: the tenant was deleted meanwhile, or has tables of an older program. */
export const isGone = (e: unknown): e is DatabaseError => isDatabaseError(e, "42P01", "3F000");

/** Ours for what a caller can do something about, by class of SQLSTATE: lost connections, shutdown, no room, time-outs. */
const unavailable = ["08", "57P", "53", "57014"];

/** Turns what postgres.js threw into a DatabaseError or, where waiting helps, into UNAVAILABLE. */
export function storeError(e: unknown, plan: string): unknown {
  if (!(e instanceof Error)) return e;
  const { code, constraint_name } = e as Error & { code?: unknown; constraint_name?: string };
  if (typeof code !== "string") return e;
  // First, because EPIPE looks like an SQLSTATE.
  if (/^(CONNECT|CONNECTION_|ECONN|EPIPE|ENOENT|ETIMEDOUT)/.test(code))
    return new GuanxiError("UNAVAILABLE", { retryAfter: 1, cause: e });
  if (/^[0-9A-Z]{5}$/.test(code)) {
    if (unavailable.some((c) => code.startsWith(c)))
      return new GuanxiError("UNAVAILABLE", {
        retryAfter: 1,
        cause: new DatabaseError(code, constraint_name, plan, e),
      });
    return new DatabaseError(code, constraint_name, plan, e);
  }
  return e;
}
