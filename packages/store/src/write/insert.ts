import { autonumberParts, type ObjectType, type StoredField } from "@guanxi/meta";
import { literal, quote, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { grantShape, plannedStatement, type WritePlan } from "./plans.ts";
import {
  createdCte,
  newParameters,
  givenSql,
  idsSql,
  place,
  recordJson,
  recordShape,
  referenceChecks,
  referenceSql,
  type WriteContext,
  writtenFields,
} from "./shared.ts";

/** One answer row per input row. `data` is null for all when one was refused: a statement stores all or nothing. */
export interface InsertedRow extends Record<string, unknown> {
  readonly id: string;
  /** The stored record's JSON. */
  readonly data: string | null;
  /** Reference fields whose target is not there for the actor, comma-separated. */
  readonly missing: string | null;
  /** The tenant's metadata version now. */
  readonly meta: number;
}

/** `P-{YYYY}-{00000}` → `'P-' || to_char(…) || '-' || lpad(…)`; a number longer than its zeros keeps all its digits. */
function autonumberSql(field: StoredField, schema: string): string {
  const next = `nextval(${literal(`${quote(schema)}.${quote(`_s${field.id}`)}`)})::text`;
  return autonumberParts(field.pattern ?? "{0}")
    .map((part) => {
      if (part.kind === "text") return literal(part.text);
      if (part.kind === "date") return `to_char(${place.now} AT TIME ZONE ${place.timeZone}, ${literal(part.format)})`;
      // `i.id` makes it a question per row; without it PostgreSQL asks once per statement.
      return `(SELECT lpad(n, greatest(${part.digits}, length(n)), '0') FROM (SELECT ${next} AS n WHERE i.id IS NOT NULL) s)`;
    })
    .join(" || ");
}

/** Columns of a new row with these fields, and where their values come from. */
export function newRow(
  object: ObjectType,
  schema: string,
  fields: readonly StoredField[],
): { columns: string; values: string } {
  const pairs: [string, string][] = [
    ["id", "i.id"],
    ...fields.map((f): [string, string] => [f.column.name, givenSql(f, `i.${quote(f.column.name)}`)]),
    ...object.columns
      .filter((f) => f.type === "autonumber")
      .map((f): [string, string] => [f.column.name, autonumberSql(f, schema)]),
    ["created_at", place.now],
    ["created_by", place.user],
    ["updated_at", place.now],
    ["updated_by", place.user],
    ["version", "1"],
  ];
  return { columns: pairs.map(([c]) => quote(c)).join(", "), values: pairs.map(([, v]) => v).join(", ") };
}

/**
 * The CTEs of a statement that stores new rows and their change rows, or nothing: `input` (SQL of the rows, by column name), `checked` (`id` and
 * `missing` of each) and `r`, the stored records.
 */
export function insertCtes(object: ObjectType, grant: WriteGrant, { snapshot }: WriteContext, input: string): string {
  const { schema } = snapshot.settings;
  const s = quote(schema);
  const { columns, values } = newRow(object, schema, writtenFields(object));
  const references = referenceSql(referenceChecks(object, grant, snapshot), schema, {
    wanted: (column, field) => `SELECT ${idsSql(field, `i.${column}`)} FROM input i`,
    proposed: (column) => `i.${column}`,
  });
  return `input AS MATERIALIZED (${input}),
${references.ctes}checked AS MATERIALIZED (
  SELECT i.id, ${references.missing} AS missing FROM input i
), r AS (
  INSERT INTO ${s}.${quote(object.table)} (${columns})
  SELECT ${values} FROM input i
  WHERE (SELECT version FROM ${s}._meta) = ${place.version} AND NOT EXISTS (SELECT FROM checked WHERE missing IS NOT NULL)
  RETURNING *
), ${createdCte(object, schema)}`;
}

function compile(object: ObjectType, grant: WriteGrant, context: WriteContext): WritePlan {
  const s = quote(context.snapshot.settings.schema);
  const parameters = newParameters();
  const data = recordJson({ object, grant, snapshot: context.snapshot, parameters, written: "new" }, "r");
  const input = `SELECT * FROM jsonb_to_recordset(${place.rows}) AS x(id uuid, ${recordShape(writtenFields(object))})`;
  const text = `WITH ${insertCtes(object, grant, context, input)}
SELECT k.id, k.missing, CASE WHEN r.id IS NOT NULL THEN ${data} END AS data, (SELECT version FROM ${s}._meta) AS meta
FROM checked k LEFT JOIN r ON r.id = k.id`;
  return { text, constants: parameters.values };
}

/** One statement that stores `rows` (each with its new `id`) and their change rows, or nothing. */
export const insertStatement = (
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  rows: readonly Record<string, unknown>[],
): Statement =>
  plannedStatement(object, "insert", grantShape(grant), rows, context, () => compile(object, grant, context));
