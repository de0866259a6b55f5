import { GuanxiError } from "@guanxi/base";
import { quote, type UpdatedRow, updateStatement } from "@guanxi/store";
import { type RecordsEnv, writeContext } from "./records/context.ts";
import { afterWrite } from "./records/transaction.ts";
import type { Session } from "./types.ts";

/**
 * Roles speak of objects by name: their rights follow a renamed object and end with a deleted one (`to` undefined), so
 * that a later object of the same name starts with none. Part of the metadata's transaction, on the old metadata.
 */
export async function moveRights(
  env: RecordsEnv,
  session: Session,
  from: string,
  to: string | undefined,
): Promise<void> {
  const role = session.snapshot.objects.get("role");
  if (!role) throw new Error("the core has no role");
  const holders = await session.connection.sql<{ id: string; rights: string }>(
    `SELECT id, rights::text AS rights FROM ${quote(session.tenant.schema)}.role
     WHERE deleted_at IS NULL AND jsonb_exists(rights, $1) ORDER BY id FOR NO KEY UPDATE`,
    [from],
  );
  if (holders.length === 0) return;
  const patches = holders.map(({ id, rights }) => {
    const { [from]: granted, ...others } = JSON.parse(rights) as Record<string, unknown>;
    return { id, patch: { rights: to === undefined ? others : { ...others, [to]: granted } } };
  });
  const grant = { read: { kind: "all" }, write: { kind: "all" }, references: new Map(), walks: new Map() } as const;
  const written = await session.connection.run<UpdatedRow>(
    updateStatement(role, grant, writeContext(session), patches),
  );
  if (written.some((row) => row.broken !== null))
    throw new GuanxiError("CONFLICT", { detail: `A rule on roles refuses to change who may use ${from}.` });
  await afterWrite(env, session, role);
}
