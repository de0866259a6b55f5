import type { CallNode, Inner, TypedNode } from "./node.ts";
import type { Digits } from "./number.ts";
import type { Kind } from "./types.ts";

/**
 * What an operation takes: a kind of value; any `number`; a `moment` (date or date-time); `T`, one common type of all that
 * are `T`; or `T[]`, a list of those.
 */
export type Param = Exclude<Kind, "list" | "null" | "json" | "parts"> | "number" | "moment" | "T" | "T[]";

/** What evaluations in memory know beside the values. */
export interface Run {
  /** Microseconds since 1970 in UTC. */
  readonly now: bigint;
  readonly zone: string;
  /** Month, 1 to 12. */
  readonly fiscalYearStart: number;
  readonly isNew: boolean;
}

/** An argument on its way into SQL. It is written at most once, because a parameter in it counts. */
export interface SqlArg {
  readonly node: TypedNode;
  sql(): string;
  /** As `numeric`, so that integers neither overflow nor divide as integers. */
  numeric(): string;
  /** Of a reference to several objects, the columns of which one is its value. */
  branches?(): readonly string[];
}

/** What SQL is made with beside the arguments. */
export interface SqlRun {
  parameter(value: unknown, sqlType: string): string;
  readonly now: string;
  readonly timeZone: string;
  readonly fiscalYearStart: number;
}

/** The month that a fiscal year begins in, January unless told. Throws RangeError for no month. */
export function fiscalYearStart(month = 1): number {
  if (!Number.isInteger(month) || month < 1 || month > 12) throw new RangeError(`${month} is not a month`);
  return month;
}

/** One function or operator for one kind of arguments: its signature and its two meanings, which agree on all values. */
export interface Operation {
  /** As it is written. */
  readonly name: string;
  /** Unique among all operations. */
  readonly key: string;
  readonly params: readonly Param[];
  /** The last parameter may come more than once. */
  readonly rest?: boolean;
  /** The kinds that `T` may be; all but json, parts and null where absent. */
  readonly among?: readonly Kind[];
  /** `number` is an integer when all numbers given are. */
  readonly returns: Exclude<Kind, "list" | "ref" | "null" | "json" | "parts"> | "number" | "T";
  /** Digits of the result; the widest of the arguments' where absent. */
  digits?(args: readonly TypedNode[]): Digits;
  /** May also be written after a dot: `name.startsWith('x')`. */
  readonly method?: boolean;
  /** Is asked even if an argument is null; all other operations give null then. */
  readonly nulls?: boolean;
  /** Refuses what the types alone allow, by throwing ExpressionError. */
  check?(args: readonly TypedNode[]): void;
  evaluate(args: readonly Inner[], run: Run, node: CallNode): Inner;
  sql(args: readonly SqlArg[], run: SqlRun, node: CallNode): string;
}
