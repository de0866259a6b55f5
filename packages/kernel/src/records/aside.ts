import { GuanxiError } from "@guanxi/base";
import { listsRecords, type ObjectType, type StoredField } from "@guanxi/meta";
import { type Generation, quote } from "@guanxi/store";
import type { Session } from "../types.ts";

/**
 * Records of plugins that are away let go of records that are purged, whatever they would ask while their plugin is here. CONFLICT where one
 * cannot be without: purging the plugin, or enabling it, is the way on.
 */
export async function releaseAside(session: Session, family: readonly Generation[]): Promise<void> {
  for (const holder of session.snapshot.aside.values())
    for (const field of holder.columns)
      for (const { object, ids } of family)
        if (field.target === object.name && !field.system) await letGo(session, holder, field, ids);
}

async function letGo(
  { connection, snapshot }: Session,
  holder: ObjectType,
  { column, type, branchOf = "" }: StoredField,
  ids: readonly string[],
): Promise<void> {
  const table = `${quote(snapshot.settings.schema)}.${quote(holder.table)}`;
  const name = quote(column.name);
  const given = "ARRAY(SELECT e::uuid FROM json_array_elements_text($1::json) e)";
  const list = JSON.stringify(ids);
  if (listsRecords(type)) {
    const left = `ARRAY(SELECT e FROM unnest(${name}) e WHERE e <> ALL (${given}))`;
    await connection.sql(`UPDATE ${table} SET ${name} = ${left} WHERE ${name} && ${given}`, [list]);
  } else if (!column.notNull && holder.fields.get(branchOf)?.required !== true) {
    await connection.sql(`UPDATE ${table} SET ${name} = NULL WHERE ${name} = ANY (${given})`, [list]);
  } else {
    const [row] = await connection.sql<{ n: number }>(
      `SELECT count(*) AS n FROM ${table} WHERE ${name} = ANY (${given})`,
      [list],
    );
    if (row && row.n > 0)
      throw new GuanxiError("CONFLICT", {
        detail: `Records of the plugin ${holder.source}, which is away, need this one: enable the plugin and delete them, or purge the plugin.`,
      });
  }
}
