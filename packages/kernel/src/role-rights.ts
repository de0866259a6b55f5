import { GuanxiError } from "@guanxi/base";
import { quote, type UpdatedRow, updateStatement } from "@guanxi/store";
import { type RecordsEnv, writeContext } from "./records/context.ts";
import { afterWrite } from "./records/transaction.ts";
import type { Session } from "./types.ts";

/**
 * Roles speak of objects by name: their rights follow a renamed object and end with a deleted one (undefined in `moves`), so
 * that a later object of the same name starts with none. Part of the metadata's transaction; `session` is on the new metadata.
 */
export async function moveRights(
  env: RecordsEnv,
  session: Session,
  moves: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  if (moves.size === 0) return;
  const role = session.snapshot.objects.get("role");
  if (!role) throw new Error("the core has no role");
  const holders = await session.connection.sql<{ id: string; rights: string }>(
    `SELECT id, rights::text AS rights FROM ${quote(session.tenant.schema)}.role
     WHERE deleted_at IS NULL AND jsonb_exists_any(rights, ARRAY(SELECT json_array_elements_text($1::json))) ORDER BY id FOR NO KEY UPDATE`,
    [JSON.stringify([...moves.keys()])],
  );
  if (holders.length === 0) return;
  const patches = holders.map(({ id, rights }) => ({ id, patch: { rights: moved(rights, moves) } }));
  const grant = { read: { kind: "all" }, write: { kind: "all" }, references: new Map(), walks: new Map() } as const;
  const written = await session.connection.run<UpdatedRow>(
    updateStatement(role, grant, writeContext(session), patches),
  );
  if (written.some((row) => row.broken !== null))
    throw new GuanxiError("CONFLICT", {
      detail: `A rule on roles refuses to change who may use ${[...moves.keys()].join(", ")}.`,
    });
  await afterWrite(env, session, role);
}

function moved(rights: string, moves: ReadonlyMap<string, string | undefined>): Record<string, unknown> {
  const entries = Object.entries(JSON.parse(rights) as Record<string, unknown>);
  return Object.fromEntries(
    entries.flatMap(([object, granted]) => {
      const to = moves.has(object) ? moves.get(object) : object;
      return to === undefined ? [] : [[to, granted] as const];
    }),
  );
}
