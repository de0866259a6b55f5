import { GuanxiError, text } from "@guanxi/base";
import { type ObjectType, type RollupGroup, rollupsOf } from "@guanxi/meta";
import { queryError } from "@guanxi/query";
import { quote, recomputeStatement } from "@guanxi/store";
import type { Recalculated } from "../metadata-types.ts";
import type { Session } from "../types.ts";
import { objectOf, type RecordsEnv, StaleSnapshot } from "./context.ts";
import { lockParents, rolledUp, touchedRollups } from "./rollups.ts";

/** Records whose roll-ups are computed under one lock: even where each has thousands below it, whoever writes one of them waits less than a second. */
const batchRows = 100;

/** Computes the roll-ups of an object's records from what they look at, batch by batch; of one `field`, or of all. */
export async function recalculate(
  env: RecordsEnv,
  session: Session,
  name: string,
  field: string | undefined,
): Promise<Recalculated> {
  const object = objectOf(session, name);
  const groups = wantedGroups(session, object, field);
  let [records, differed] = [0, 0];
  if (groups.length === 0) return { records, differed };
  for (let after: string | undefined = ""; after !== undefined;) {
    const from: string = after;
    const batch = await env.store.transaction((connection) =>
      recalculateBatch(env, { ...session, connection }, object, groups, from),
    );
    records += batch.ids.length;
    differed += batch.differed;
    after = batch.ids.at(-1);
  }
  return { records, differed };
}

function wantedGroups(session: Session, object: ObjectType, field: string | undefined): readonly RollupGroup[] {
  const groups = rollupsOf(session.snapshot, object);
  if (field === undefined) return groups;
  const wanted = groups
    .map((group) => ({ ...group, rollups: group.rollups.filter((rollup) => rollup.field.name === field) }))
    .filter((group) => group.rollups.length > 0);
  if (wanted.length > 0) return wanted;
  throw queryError(
    "field",
    text(
      `${object.name} has no roll-up "${field}"`,
      `${object.name} 没有汇总字段“${field}”`,
      `${object.name} 沒有彙總欄位「${field}」`,
    ),
  );
}

/** Whoever writes one of these, or changes what the roll-ups are, waits until the batch is committed. */
async function recalculateBatch(
  env: RecordsEnv,
  session: Session,
  object: ObjectType,
  groups: readonly RollupGroup[],
  after: string,
): Promise<{ ids: readonly string[]; differed: number }> {
  const { connection, snapshot } = session;
  const s = quote(snapshot.settings.schema);
  const [meta] = await connection.sql<{ version: number }>(`SELECT version FROM ${s}._meta FOR SHARE`);
  if (!meta) throw new GuanxiError("NOT_FOUND");
  if (meta.version !== snapshot.version) throw new StaleSnapshot();
  const table = `${s}.${quote(object.table)}`;
  const rows = await connection.sql<{ id: string }>(
    `SELECT id FROM ${table} WHERE $1::text = '' OR id > nullif($1::text, '')::uuid ORDER BY id LIMIT ${batchRows}`,
    [after],
  );
  const ids = rows.map(({ id }) => id);
  const all = new Set(groups.flatMap((group) => group.rollups.map((rollup) => rollup.field.name)));
  await lockParents(session, touchedRollups(session, object, all), { ids: () => ids, fields: all });
  await connection.sql(
    `SELECT FROM ${table} t WHERE id IN (SELECT value::uuid FROM json_array_elements_text($1::json)) ORDER BY id FOR NO KEY UPDATE OF t`,
    [JSON.stringify(ids)],
  );
  const differing = new Set<string>();
  for (const group of groups) {
    const fields = new Set(group.rollups.map((rollup) => rollup.field.name));
    const found = await rolledUp(env, session, { object, ids: () => ids, fields, existed: true }, () =>
      connection.run<{ id: string }>(recomputeStatement(snapshot, group, ids)),
    );
    for (const { id } of found) differing.add(id);
  }
  return { ids, differed: differing.size };
}
