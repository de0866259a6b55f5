import type { Source } from "./plan.ts";
import { type Parameters, type SqlContext, table, visibleOwners } from "./sql.ts";

/**
 * PostgreSQL cannot know how many rows a list of owners has that it reads only when the statement runs, and would look for the few rows of one
 * salesperson by walking the whole table in the order of the page. So the statement counts them first, up to this many: no more are fetched by
 * their owners and sorted; of more, the page is found soon enough by walking. Of a million rows that walk takes some 25,000 at most, if they lie evenly.
 */
const fewRows = 2_000;

const owners = (context: SqlContext, parameters: Parameters): string =>
  visibleOwners(context.settings.schema, parameters.add(context.user, "uuid"));

/** Whether the actor's rows are few: a condition that does not depend on a row, so that PostgreSQL decides by it once. Reads the owners' index alone. */
export function fewRowsSql(source: Source, context: SqlContext, parameters: Parameters): string {
  const rows = `SELECT FROM ${table(context, source)} r WHERE r.owner = o.id LIMIT ${fewRows + 1}`;
  return `(SELECT count(*) <= ${fewRows} FROM (SELECT FROM unnest(${owners(context, parameters)}) o(id) CROSS JOIN LATERAL (${rows}) r LIMIT ${fewRows + 1}) m)`;
}

/** The actor's rows, fetched by their owners; `OFFSET 0` keeps PostgreSQL from another way to them. */
export function ownedRowsSql(source: Source, context: SqlContext, parameters: Parameters): string {
  const rows = `SELECT * FROM ${table(context, source)} r WHERE r.owner = o.id OFFSET 0`;
  return `(SELECT r.* FROM unnest(${owners(context, parameters)}) o(id) CROSS JOIN LATERAL (${rows}) r OFFSET 0)`;
}
