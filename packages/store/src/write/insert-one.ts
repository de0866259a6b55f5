import type { Field, ObjectType } from "@guanxi/meta";
import { literal, quote } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { newRow } from "./insert.ts";
import {
  callersStatement,
  changeJson,
  faultList,
  grantShape,
  place,
  recordJson,
  recordShape,
  type ReferenceCheck,
  referenceChecks,
  referenceCte,
  type WriteContext,
  type WriteGrant,
  type WritePlan,
  writtenFields,
} from "./shared.ts";

const absent = ({ field: { name } }: ReferenceCheck): string =>
  `CASE WHEN i.${quote(name)} IS NOT NULL AND i.${quote(name)} NOT IN (SELECT id FROM ${quote(`ref_${name}`)}) THEN ${literal(name)} END`;

function compile(
  object: ObjectType,
  context: WriteContext,
  fields: readonly Field[],
  checks: readonly ReferenceCheck[],
): WritePlan {
  const { schema } = context.snapshot.settings;
  const s = quote(schema);
  const { columns, values } = newRow(object, schema, fields);
  const ctes = checks.map((c) => referenceCte(c, `SELECT i.${quote(c.field.name)} FROM input i`, schema)).join("");
  const text = `WITH input AS MATERIALIZED (SELECT * FROM jsonb_to_record(${place.rows}) AS x(id uuid, ${recordShape(fields)})),
${ctes}checked AS MATERIALIZED (SELECT ${faultList(checks.map(absent))} AS missing FROM input i), r AS (
  INSERT INTO ${s}.${quote(object.table)} (${columns})
  SELECT ${values} FROM input i
  WHERE (SELECT version FROM ${s}._meta) = ${place.version} AND (SELECT missing FROM checked) IS NULL
  RETURNING *
), c AS (
  INSERT INTO ${s}._change (object_id, record, op, version, at, actor, meta, cause, data)
  SELECT ${object.id}, r.id, 'create', 1, ${place.now}, ${place.user}, ${place.version}, ${place.cause}, ${changeJson(object, "r")} FROM r
)
SELECT (${place.rows} ->> 'id')::uuid AS id, k.missing, CASE WHEN r.id IS NOT NULL THEN ${recordJson(object, "r")} END AS data, (SELECT version FROM ${s}._meta) AS meta
FROM checked k LEFT JOIN r ON true`;
  return { text, constants: [] };
}

/** `insertStatement` for one record, made for the fields that it has. An actor who is its owner need not be looked for. */
export function insertOneStatement(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  row: Readonly<Record<string, unknown>>,
): Statement {
  const fields = writtenFields(object).filter((f) => row[f.name] !== undefined && row[f.name] !== null);
  const own = row["owner"] === context.user;
  const given = new Set(fields.filter((f) => !(own && f.name === "owner")));
  const checks = referenceChecks(object, grant, context.snapshot).filter((c) => given.has(c.field));
  return callersStatement(object, "insert", `${own} ${grantShape(grant)}`, row, fields, context, () =>
    compile(object, context, fields, checks),
  );
}
