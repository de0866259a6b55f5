import { DAY, addMonths, dateOrNull, dayOf, floorDivide, localOrNull, weekday } from "../calendar.ts";
import { CALENDAR_DAYS } from "../limits.ts";
import type { Inner } from "../node.ts";
import { Decimal, integerDigits } from "../number.ts";
import type { Operation, Run, SqlArg, SqlRun } from "../operation.ts";
import { cycle, dateWithin, integerWithin, shiftedWithin } from "../sql-text.ts";
import { localDay, toInstant, toLocal } from "../zone.ts";

const isDatetime = (arg: SqlArg): boolean => arg.node.type.kind === "datetime";

/** The tenant's day of a date or date-time. */
const dayIn = (moment: Inner, run: Run): number =>
  typeof moment === "bigint" ? localDay(moment, run.zone) : (moment as number);

const localSql = (arg: SqlArg, run: SqlRun): string =>
  isDatetime(arg) ? `(${arg.sql()} AT TIME ZONE ${run.timeZone})` : arg.sql();

const daySql = (arg: SqlArg, run: SqlRun): string => (isDatetime(arg) ? `${localSql(arg, run)}::date` : arg.sql());

/** A part of the tenant's day; `unit` is PostgreSQL's name of it. */
function part(name: string, unit: string, read: (day: number) => number): Operation {
  return {
    name,
    key: name,
    params: ["moment"],
    returns: "int",
    digits: () => integerDigits,
    evaluate: ([moment], run) => new Decimal(read(dayIn(moment!, run))),
    sql: ([moment], run) => `extract(${unit} FROM ${localSql(moment!, run)})::int`,
  };
}

/** PostgreSQL has no year 0: before year 1 comes -1. */
const counted = (year: number): number => (year > 0 ? year : year - 1);

/** A part of the fiscal year, which bears the number of the calendar year that it begins in. */
function fiscal(name: "year" | "quarter", read: (year: number, month: number) => number): Operation {
  return {
    ...part(name, name, () => 0),
    evaluate: ([moment], run) => {
      const { year, month } = dayOf(dayIn(moment!, run));
      const months = year * 12 + (month - 1) - (run.fiscalYearStart - 1);
      return new Decimal(read(Math.floor(months / 12), (((months % 12) + 12) % 12) + 1));
    },
    sql: ([moment], run) => {
      const back = run.fiscalYearStart - 1;
      const local = localSql(moment!, run);
      return `extract(${name} FROM ${back === 0 ? local : `${local} - interval '${back} months'`})::int`;
    },
  };
}

interface Step {
  readonly name: string;
  /** PostgreSQL's name of the unit in `make_interval`. */
  readonly unit: string;
  /** Steps that lead from any date to no other, in either direction. */
  readonly most: number;
  readonly move: (day: number, by: number) => number;
}

/** Moves by days or months of the calendar: the time of day on the tenant's clock stays. */
function step({ name, unit, most, move }: Step): Operation[] {
  const bounded = (by: Inner): number | null => {
    const steps = by as Decimal;
    return steps.abs().gt(most) ? null : steps.toNumber();
  };
  const moved = (local: string, by: SqlArg): string =>
    `(${shiftedWithin(`${local} + ${cycle} + make_interval(${unit} => ${integerWithin(by.numeric(), most)})`)} - ${cycle})`;
  return [
    {
      name,
      key: name,
      params: ["date", "int"],
      returns: "date",
      evaluate: ([date, by]) => {
        const steps = bounded(by!);
        return steps === null ? null : dateOrNull(move(date as number, steps));
      },
      sql: ([date, by]) => `${moved(date!.sql(), by!)}::date`,
    },
    {
      name,
      key: `${name}_datetime`,
      params: ["datetime", "int"],
      returns: "datetime",
      evaluate: ([moment, by], run) => {
        const steps = bounded(by!);
        if (steps === null) return null;
        const local = toLocal(moment as bigint, run.zone);
        const day = floorDivide(local, DAY);
        const reached = localOrNull(BigInt(move(Number(day), steps)) * DAY + (local - day * DAY));
        return reached === null ? null : toInstant(reached, run.zone);
      },
      sql: ([moment, by], run) => `(${moved(localSql(moment!, run), by!)} AT TIME ZONE ${run.timeZone})`,
    },
  ];
}

function literal(name: "date" | "datetime" | "time" | "duration"): Operation {
  return { name, key: `${name}_of`, params: [name], returns: name, evaluate: ([a]) => a!, sql: ([a]) => a!.sql() };
}

export const dates: readonly Operation[] = [
  literal("date"),
  {
    name: "date",
    key: "date_of_datetime",
    params: ["datetime"],
    returns: "date",
    evaluate: ([moment], run) => dateOrNull(localDay(moment as bigint, run.zone)),
    sql: ([moment], run) => dateWithin(daySql(moment!, run)),
  },
  literal("datetime"),
  literal("time"),
  literal("duration"),
  {
    name: "start of day",
    key: "start_of_day",
    params: ["date"],
    returns: "datetime",
    evaluate: ([date], run) => toInstant(BigInt(date as number) * DAY, run.zone),
    sql: ([date], run) => `(${date!.sql()}::timestamp AT TIME ZONE ${run.timeZone})`,
  },
  {
    name: "now",
    key: "now",
    params: [],
    returns: "datetime",
    evaluate: (_args, run) => run.now,
    sql: (_args, run) => run.now,
  },
  {
    name: "today",
    key: "today",
    params: [],
    returns: "date",
    evaluate: (_args, run) => localDay(run.now, run.zone),
    sql: (_args, run) => `(${run.now} AT TIME ZONE ${run.timeZone})::date`,
  },
  fiscal("year", (year) => counted(year)),
  fiscal("quarter", (_year, month) => Math.ceil(month / 3)),
  part("month", "month", (day) => dayOf(day).month),
  part("day", "day", (day) => dayOf(day).day),
  part("weekday", "isodow", weekday),
  ...step({ name: "add_days", unit: "days", most: CALENDAR_DAYS, move: (day, by) => day + by }),
  ...step({ name: "add_months", unit: "months", most: 12 * 9_999, move: addMonths }),
  {
    name: "days_between",
    key: "days_between",
    params: ["moment", "moment"],
    returns: "int",
    digits: () => integerDigits,
    evaluate: ([from, to], run) => new Decimal(dayIn(to!, run) - dayIn(from!, run)),
    sql: ([from, to], run) => `(${daySql(to!, run)} - ${daySql(from!, run)})`,
  },
];
