import type { ObjectType, StoredField } from "@guanxi/meta";
import { quote, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { newRow } from "./insert.ts";
import { callersStatement, grantShape, type WritePlan } from "./plans.ts";
import {
  createdCte,
  newParameters,
  idsSql,
  place,
  recordJson,
  recordShape,
  referenceChecks,
  referenceSql,
  type WriteContext,
} from "./shared.ts";

function compile(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  fields: readonly StoredField[],
  own: boolean,
): WritePlan {
  const given = new Set(fields.filter((f) => !(own && f.name === "owner")));
  const checks = referenceChecks(object, grant, context.snapshot).filter((c) => given.has(c.field));
  const { schema } = context.snapshot.settings;
  const s = quote(schema);
  const parameters = newParameters();
  const data = recordJson({ object, grant, snapshot: context.snapshot, parameters, written: "new" }, "r");
  const { columns, values } = newRow(object, schema, fields);
  const references = referenceSql(checks, schema, {
    wanted: (column, field) => `SELECT ${idsSql(field, `i.${column}`)} FROM input i`,
    proposed: (column) => `i.${column}`,
  });
  const text = `WITH input AS MATERIALIZED (SELECT * FROM jsonb_to_record(${place.rows}) AS x(id uuid, ${recordShape(fields)})),
${references.ctes}checked AS MATERIALIZED (SELECT ${references.missing} AS missing FROM input i), r AS (
  INSERT INTO ${s}.${quote(object.table)} (${columns})
  SELECT ${values} FROM input i
  WHERE (SELECT version FROM ${s}._meta) = ${place.version} AND (SELECT missing FROM checked) IS NULL
  RETURNING *
), ${createdCte(object, schema)}
SELECT (${place.rows} ->> 'id')::uuid AS id, k.missing, CASE WHEN r.id IS NOT NULL THEN ${data} END AS data, (SELECT version FROM ${s}._meta) AS meta
FROM checked k LEFT JOIN r ON true`;
  return { text, constants: parameters.values };
}

/** `insertStatement` for one record, made for the fields that it has. An actor who is its owner need not be looked for. */
export function insertOneStatement(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  row: Readonly<Record<string, unknown>>,
): Statement {
  const names = Object.keys(row).filter((name) => row[name] !== undefined && row[name] !== null);
  const own = row["owner"] === context.user;
  return callersStatement(object, "insert", `${own} ${grantShape(grant)}`, row, names, context, (fields) =>
    compile(object, grant, context, fields, own),
  );
}
