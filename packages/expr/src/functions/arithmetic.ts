import { DAY, dateOrNull, floorDivide, localOrNull } from "../calendar.ts";
import { CYCLE_DAYS, DIVISION_SCALE } from "../limits.ts";
import type { Inner, TypedNode } from "../node.ts";
import { Decimal, type Digits, divide, integerDigits } from "../number.ts";
import type { Operation, SqlArg } from "../operation.ts";
import { cycle, durationWithin, shiftedWithin } from "../sql-text.ts";

type Binary = (a: Decimal, b: Decimal) => Decimal | null;

const digitsOf = (args: readonly TypedNode[]): [Digits, Digits] => [
  args[0]?.digits ?? integerDigits,
  args[1]?.digits ?? integerDigits,
];

function number(name: string, key: string, calculate: Binary, digits: (a: Digits, b: Digits) => Digits): Operation {
  return {
    name,
    key,
    params: ["number", "number"],
    returns: "number",
    digits: (args) => digits(...digitsOf(args)),
    evaluate: ([a, b]) => calculate(a as Decimal, b as Decimal),
    sql: ([a, b]) => `(${a!.numeric()} ${name} ${b!.numeric()})`,
  };
}

const sumDigits = (a: Digits, b: Digits): Digits => ({
  whole: Math.max(a.whole, b.whole) + 1,
  scale: Math.max(a.scale, b.scale),
});

const LONGEST = BigInt(CYCLE_DAYS) * DAY;
const durationOrNull = (d: bigint): bigint | null => (d > LONGEST || d < -LONGEST ? null : d);

/** A date counts whole days: what a duration leaves of a day is dropped towards the earlier date. */
const moveDate = (date: Inner, by: bigint): Inner => dateOrNull((date as number) + Number(floorDivide(by, DAY)));

function moves(name: "+" | "-"): Operation[] {
  const signed = (d: Inner): bigint => (name === "-" ? -(d as bigint) : (d as bigint));
  // Ten thousand years on, where no duration leads out of PostgreSQL's calendar, and back again.
  const moved = (moment: string, by: SqlArg): string => shiftedWithin(`${moment} + ${cycle} ${name} ${by.sql()}`);
  return [
    {
      name,
      key: `date${name}duration`,
      params: ["date", "duration"],
      returns: "date",
      evaluate: ([date, by]) => moveDate(date!, signed(by!)),
      sql: ([date, by]) => `(${moved(date!.sql(), by!)} - ${cycle})::date`,
    },
    {
      name,
      key: `datetime${name}duration`,
      params: ["datetime", "duration"],
      returns: "datetime",
      evaluate: ([moment, by]) => localOrNull((moment as bigint) + signed(by!)),
      sql: ([moment, by]) => `((${moved(`(${moment!.sql()} AT TIME ZONE 'UTC')`, by!)} - ${cycle}) AT TIME ZONE 'UTC')`,
    },
    {
      name,
      key: `duration${name}duration`,
      params: ["duration", "duration"],
      returns: "duration",
      evaluate: ([a, b]) => durationOrNull((a as bigint) + signed(b!)),
      sql: ([a, b]) => durationWithin(`${a!.sql()} ${name} ${b!.sql()}`),
    },
  ];
}

export const arithmetic: readonly Operation[] = [
  number("+", "add", (a, b) => a.plus(b), sumDigits),
  {
    name: "+",
    key: "join",
    params: ["text", "text"],
    returns: "text",
    evaluate: ([a, b]) => (a as string) + (b as string),
    sql: ([a, b]) => `(${a!.sql()} || ${b!.sql()})`,
  },
  ...moves("+"),
  number("-", "subtract", (a, b) => a.minus(b), sumDigits),
  ...moves("-"),
  {
    name: "-",
    key: "date-date",
    params: ["date", "date"],
    returns: "int",
    digits: () => integerDigits,
    evaluate: ([a, b]) => new Decimal((a as number) - (b as number)),
    sql: ([a, b]) => `(${a!.sql()} - ${b!.sql()})`,
  },
  {
    name: "-",
    key: "datetime-datetime",
    params: ["datetime", "datetime"],
    returns: "duration",
    evaluate: ([a, b]) => (a as bigint) - (b as bigint),
    sql: ([a, b]) => `(${a!.sql()} - ${b!.sql()})`,
  },
  {
    name: "-",
    key: "negate",
    params: ["number"],
    returns: "number",
    evaluate: ([a]) => (a as Decimal).negated(),
    sql: ([a]) => `(- ${a!.numeric()})`,
  },
  {
    name: "-",
    key: "negate_duration",
    params: ["duration"],
    returns: "duration",
    evaluate: ([a]) => -(a as bigint),
    sql: ([a]) => `(- ${a!.sql()})`,
  },
  number(
    "*",
    "multiply",
    (a, b) => a.times(b),
    (a, b) => ({ whole: a.whole + b.whole, scale: a.scale + b.scale }),
  ),
  {
    ...number("/", "divide", divide, (a, b) => ({ whole: a.whole + b.scale + 1, scale: DIVISION_SCALE })),
    returns: "decimal",
    // `div` cuts exactly, where `/` rounds at a place of its own choice; one digit more is all that rounding needs.
    sql: ([a, b]) =>
      `trim_scale(round(div(${a!.numeric()} * 1e${DIVISION_SCALE + 1}, NULLIF(${b!.numeric()}, 0)) * 1e-${DIVISION_SCALE + 1}, ${DIVISION_SCALE}))`,
  },
  {
    ...number("%", "modulo", (a, b) => (b.isZero() ? null : a.mod(b)), sumDigits),
    sql: ([a, b]) => `(${a!.numeric()} % NULLIF(${b!.numeric()}, 0))`,
  },
];
