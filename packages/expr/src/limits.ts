/** Characters of one expression: far above any rule a person writes, low enough that checking one costs milliseconds. */
export const MAX_LENGTH = 10_000;

/** Levels of nesting; each costs stack in the parser, in the checker, in both evaluations and in PostgreSQL. */
export const MAX_DEPTH = 100;

/** Text concatenations in one expression, so that a short filter cannot build gigabytes out of a long text field. */
export const MAX_CONCATENATIONS = 100;

/** Digits before, and digits after the point that a number in an expression may come to have: keeps both evaluations exact. */
export const MAX_DIGITS = 2_000;

/** Formulas that lead from one to the next: each may nest as deep as an expression, and what it comes to must fit PostgreSQL's stack. */
export const MAX_FORMULA_LEVELS = 8;

/** Names, literals and operations that the formulas of one expression come to: PostgreSQL plans as many in some 10 ms. */
export const MAX_FORMULA_PARTS = 2_000;

/** Tests of related records around each other: each level is a subquery within one, asked for every record of the level above. */
export const MAX_TEST_DEPTH = 3;

/** Tests of related records in one expression, those of its formulas included; each looks into another table. */
export const MAX_TESTS = 10;

/** Digits before, and digits after the point that a decimal field is assumed to have at most. */
export const FIELD_DIGITS = 100;

/** Digits after the point that a division keeps; it rounds half away from zero. */
export const DIVISION_SCALE = 20;

/** Characters of a pattern given to `matches`. */
export const MAX_PATTERN_LENGTH = 500;

/** Positions of a pattern after its repetitions are written out; PostgreSQL gives up on much larger ones. */
export const MAX_PATTERN_SIZE = 1_000;

/** The largest count in `{n,m}` that PostgreSQL takes. */
export const MAX_REPEAT = 255;

/** Days from 0001-01-01 to 9999-12-31, and the days of 10,000 years, after which the calendar repeats itself. */
export const CALENDAR_DAYS = 3_652_059;
export const CYCLE_DAYS = 3_652_425;
