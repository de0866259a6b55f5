import { GuanxiError, isGuanxiError, isId, text } from "@guanxi/base";
import { type ObjectType, type SeveralField, shownFields, type StoredField } from "@guanxi/meta";
import { queryError, resolveLimit } from "@guanxi/query";
import { quote } from "@guanxi/store";
import type { Session } from "../types.ts";
import { objectOf, runQuery } from "./context.ts";
import { getRecord } from "./read.ts";

interface Parameters {
  readonly limit?: number;
  readonly cursor?: string;
}

function pageOf({ limit, cursor }: Parameters): { limit: number; before: string | null } {
  if (cursor !== undefined && !/^\d{1,18}$/.test(cursor))
    throw queryError("cursor", text("this cursor is not valid", "游标无效", "游標無效"));
  return { limit: resolveLimit(limit), before: cursor ?? null };
}

/** A change lists what it changed; a creation, everything that was given. What was kept of values before a field was to be untold is not shown. */
const changedSql = `CASE p.op
          WHEN 'update' THEN (SELECT coalesce(jsonb_object_agg(o.key, CASE WHEN p.data ? o.key AND o.key <> ALL ($5::text[]) THEN jsonb_build_object('from', o.value, 'to', p.data -> o.key) ELSE '{}' END), '{}')
            FROM jsonb_each(p.old) o WHERE o.key NOT IN ('version', 'updated_at', 'updated_by') AND o.key <> ALL ($6::text[]))
          WHEN 'create' THEN (SELECT coalesce(jsonb_object_agg(n.key, jsonb_build_object('from', NULL, 'to', n.value)), '{}')
            FROM jsonb_each(p.data) n WHERE n.value <> 'null' AND n.key NOT IN ('id', 'version', 'created_at', 'created_by', 'updated_at', 'updated_by', 'deleted_at') AND n.key <> ALL ($5::text[]))
          ELSE '{}' END`;

/** Whether the record was purged and the actor is one who may purge: they see when and by whom it was changed, without any value. */
async function isPurged(session: Session, object: ObjectType, id: string): Promise<boolean> {
  if (!session.actor.rights.object(object.name).has("purge")) return false;
  const rows = await session.connection.sql(
    `SELECT FROM ${quote(session.tenant.schema)}._change WHERE record = $1::uuid AND object_id = $2 AND op = 'purge'`,
    [id, object.id],
  );
  return rows.length > 0;
}

/** Whether the record is there for the actor; NOT_FOUND unless it is or was purged. */
async function isThere(session: Session, object: ObjectType, id: string): Promise<boolean> {
  try {
    await getRecord(session, object.name, id, { select: "id" });
    return true;
  } catch (e) {
    if (isGuanxiError(e, "NOT_FOUND") && (await isPurged(session, object, id))) return false;
    throw e;
  }
}

/** Names of fields now and before, as an array of PostgreSQL. */
const namesOf = (object: ObjectType, which: (field: StoredField | SeveralField) => boolean): string =>
  `{${shownFields(object)
    .filter(which)
    .flatMap(({ name, definition: { was } }) => [name, ...(was === undefined ? [] : [was])])}}`;

const isLeftOut = ({ definition }: StoredField | SeveralField): boolean => definition.history === false;

/** Who changed what from what to what, newest first. Whoever sees the record sees its history. */
export async function recordHistory(
  session: Session,
  name: string,
  id: string,
  parameters: Parameters,
): Promise<string> {
  const object = objectOf(session, name);
  if (!isId(id)) throw new GuanxiError("NOT_FOUND");
  const there = await isThere(session, object, id);
  const { limit, before } = pageOf(parameters);
  const s = quote(session.snapshot.settings.schema);
  const [row] = await runQuery<{ data: string; next: string | null }>(session, {
    name: `${object.name}.history`,
    text: `WITH page AS (
      SELECT c.* FROM ${s}._change c WHERE c.record = $1::uuid AND c.object_id = $2::int AND ($3::bigint IS NULL OR c.seq < $3::bigint) ORDER BY c.seq DESC LIMIT $4::int + 1
    ), shown AS (SELECT * FROM page ORDER BY seq DESC LIMIT $4::int)
    SELECT coalesce(json_agg(json_build_object('version', p.version, 'at', p.at, 'by', p.actor, 'op', p.op, 'cause', p.cause, 'changes',
        ${there ? changedSql : "'{}'::jsonb"}) ORDER BY p.seq DESC), '[]')::text AS data,
      CASE WHEN (SELECT count(*) FROM page) > $4::int THEN min(p.seq)::text END AS next
    FROM shown p`,
    params: [
      id,
      String(object.id),
      before,
      String(limit),
      ...(there ? [namesOf(object, (f) => f.untold === true), namesOf(object, isLeftOut)] : []),
    ],
    prepare: true,
  });
  return `{"data":${row?.data ?? "[]"},"next":${JSON.stringify(row?.next ?? null)}}`;
}
