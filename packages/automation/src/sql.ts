import type { Connection, Row } from "@guanxi/store";

/** A statement that runs often enough to be worth a plan. Every parameter travels as text and is cast where it stands. */
export function hot<T extends Row>(
  connection: Connection,
  name: string,
  text: string,
  params: readonly (string | number | null)[],
): Promise<T[]> {
  const texts = params.map((param) => (param === null ? null : String(param)));
  return connection.run<T>({ name: `automation.${name}`, text, params: texts, prepare: true });
}

/** An array parameter of ids, numbers or names, none of which needs escaping. */
export const arrayOf = (values: Iterable<string | number>): string => `{${[...values].join(",")}}`;

/** PostgreSQL's text of a time as RFC 3339 UTC. */
export const isoTime = (value: string | null): string | null => (value === null ? null : new Date(value).toISOString());

/** JSON text of a column, or null. */
export const parsed = <T>(value: string | null): T | null => (value === null ? null : (JSON.parse(value) as T));
