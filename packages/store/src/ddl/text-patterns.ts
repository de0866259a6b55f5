import { literal } from "@guanxi/query";

/** Patterns of values as text (PostgreSQL's regular expressions), for reading them without ever raising an error. */
const date = "([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])";
export const timePattern = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?$";
export const uuidPattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";
/** E.164. */
export const phonePattern = "^\\+[1-9][0-9]{1,14}$";
const instant = `^${date}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?([Zz]|[+-](0[0-9]|1[0-4]):[0-5][0-9])$`;

export const patternValid = (text: string, pattern: string): string => `(${text} ~ ${literal(pattern)})`;

/** The day of the month is compared with the month's last, because casting `2026-02-31` raises. */
const realDay = (text: string): string =>
  `substr(${text}, 9, 2)::int <= ` +
  `extract(day FROM make_date(substr(${text}, 1, 4)::int, substr(${text}, 6, 2)::int, 1) + interval '1 month' - interval '1 day')`;

const guarded = (text: string, pattern: string): string =>
  `CASE WHEN ${patternValid(text, pattern)} AND substr(${text}, 1, 4) <> '0000' THEN ${realDay(text)} ELSE false END`;

export const dateValid = (text: string): string => guarded(text, `^${date}$`);
export const instantValid = (text: string): string => guarded(text, instant);
