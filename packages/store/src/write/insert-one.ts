import type { Field, ObjectType } from "@guanxi/meta";
import { quote, type WriteGrant } from "@guanxi/query";
import type { Statement } from "../types.ts";
import { newRow } from "./insert.ts";
import { callersStatement, grantShape, type WritePlan } from "./plans.ts";
import {
  absentReference,
  changeJson,
  faultList,
  place,
  recordJson,
  recordShape,
  referenceChecks,
  referenceCte,
  type WriteContext,
} from "./shared.ts";

function compile(
  object: ObjectType,
  grant: WriteGrant,
  context: WriteContext,
  fields: readonly Field[],
  own: boolean,
): WritePlan {
  const given = new Set(fields.filter((f) => !(own && f.name === "owner")));
  const checks = referenceChecks(object, grant, context.snapshot).filter((c) => given.has(c.field));
  const { schema } = context.snapshot.settings;
  const s = quote(schema);
  const { columns, values } = newRow(object, schema, fields);
  const ctes = checks.map((c) => referenceCte(c, `SELECT i.${quote(c.field.name)} FROM input i`, schema)).join("");
  const absent = checks.map(({ field: { name } }) => absentReference(name, `i.${quote(name)}`));
  const text = `WITH input AS MATERIALIZED (SELECT * FROM jsonb_to_record(${place.rows}) AS x(id uuid, ${recordShape(fields)})),
${ctes}checked AS MATERIALIZED (SELECT ${faultList(absent)} AS missing FROM input i), r AS (
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
  const names = Object.keys(row).filter((name) => row[name] !== undefined && row[name] !== null);
  const own = row["owner"] === context.user;
  return callersStatement(object, "insert", `${own} ${grantShape(grant)}`, row, names, context, (fields) =>
    compile(object, grant, context, fields, own),
  );
}
