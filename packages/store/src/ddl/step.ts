import type { ObjectType, StoredField } from "@guanxi/meta";
import { quote } from "@guanxi/query";

/** One statement of a metadata change, and what is said of it when rows stand in its way. */
export interface DdlStep {
  readonly sql: string;
  /** One line in English. */
  readonly effect: string;
  /**
   * A query for the rows that make the statement fail: `id`, their `value` as text, and `total`, how many there are.
   * It returns at most `rowsShown` of them. The statement succeeds when it returns none.
   */
  readonly inTheWay?: string;
  /** Whether it goes through the rows that were in the table, or throws them or their values away. */
  readonly scans?: true;
  /** What follows the statement and needs the tenant's key. */
  readonly crypt?: Crypt;
}

/** A column of texts that are to be encrypted, or of encrypted ones that are to be texts again. */
export interface Crypt {
  readonly to: "sealed" | "open";
  readonly object: ObjectType;
  readonly field: StoredField;
  /** What the field is called now and was before: history has its values under these. */
  readonly names: readonly string[];
}

/** Enough to see what is wrong with the data. */
export const rowsShown = 20;

export const qualified = (schema: string, name: string): string => `${quote(schema)}.${quote(name)}`;

/** A value of these fields as it is told with a row: nothing of those that are encrypted or sensitive, or that nobody reads. */
export const toldSql = (fields: readonly StoredField[], value: string): string =>
  fields.some(
    ({ type, unread, definition }) => type === "encrypted_text" || unread === true || definition.sensitive === true,
  )
    ? "NULL::text"
    : value;

/** The query of `inTheWay`: rows of `table` (under the alias `t`) for which `condition` holds. */
export const rowsWhere = (table: string, value: string, condition: string): string =>
  `SELECT t.id, ${value} AS value, count(*) OVER () AS total FROM ${table} t WHERE ${condition} ORDER BY t.id LIMIT ${rowsShown}`;
