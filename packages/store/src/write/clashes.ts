import type { ObjectType, UniqueKey } from "@guanxi/meta";
import { quote } from "@guanxi/query";
import type { Statement } from "../types.ts";

/** Positions (`n`) of those `rows` whose values of the key a live record beside them already has. Values are by field name. */
export function clashesStatement(
  schema: string,
  object: ObjectType,
  key: UniqueKey,
  rows: readonly { readonly id: string; readonly values: Readonly<Record<string, unknown>> }[],
): Statement {
  const columns = key.fields.flatMap((name) => object.fields.get(name)?.column ?? []);
  const same = columns.map(({ name }) => `t.${quote(name)} = x.${quote(name)}`).join(" AND ");
  const shape = columns.map(({ name, sqlType }) => `${quote(name)} ${sqlType}`).join(", ");
  const asked = rows.map(({ id, values }, n) => ({
    ...Object.fromEntries(key.fields.map((field) => [field, values[field]])),
    "#": n,
    "#id": id,
  }));
  return {
    name: `${object.name}.clashes`,
    text: `SELECT x."#" AS n FROM jsonb_to_recordset($1::jsonb) AS x("#" int, "#id" uuid, ${shape})
      WHERE EXISTS (SELECT FROM ${quote(schema)}.${quote(object.table)} t WHERE ${same} AND t.deleted_at IS NULL AND t.id <> x."#id")`,
    params: [JSON.stringify(asked)],
    prepare: false,
  };
}

/** A record as it lies in its table, deleted or not: `data` is the JSON of its columns. */
export const storedStatement = (schema: string, object: ObjectType, id: string): Statement => ({
  name: `${object.name}.stored`,
  text: `SELECT to_json(t)::text AS data FROM ${quote(schema)}.${quote(object.table)} t WHERE id = $1::uuid`,
  params: [id],
  prepare: false,
});
