import { GuanxiError, isId, newId } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import { personOf } from "../relay/people.ts";
import { quotedSchema } from "@guanxi/store";
import { workflowsPart } from "../workflows/part.ts";

/** Starts a manual workflow on a record that the caller may see; → the run's id. */
export async function startRun(
  kernel: Kernel,
  wake: (tenant: string) => void,
  session: Session,
  name: string,
  body: unknown,
): Promise<string> {
  const record = (body as { record?: unknown } | null)?.record;
  if (!isId(record))
    throw new GuanxiError("VALIDATION", {
      issues: [{ path: "/record", code: record === undefined ? "required" : "format", params: { format: "id" } }],
    });
  const workflow = (await kernel.refresh(session)).part(workflowsPart).byName.get(name);
  if (!workflow) throw new GuanxiError("NOT_FOUND", { detail: `There is no workflow ${name}.` });
  if (workflow.definition.on !== "manual" || workflow.definition.active === false)
    throw new GuanxiError("CONFLICT", { detail: `The workflow ${name} is not one that is started by hand.` });
  const known = session.snapshot.byId.get(workflow.objectId);
  const object = known?.name ?? workflow.definition.object;
  await kernel.records.get(session, object, record);
  // The script sees what its actor may see, as in every other run.
  const actor = await kernel.sessionFor(session.tenant.id, workflow.actor, session.cause);
  const { text } = await kernel.records.get(actor, object, record, known ? told(known) : {});
  const id = newId();
  await session.connection.sql(
    `INSERT INTO ${quotedSchema(session.tenant.id)}._run (id, workflow, workflow_version, object_id, record, actor, status, input, cause)
     VALUES ($1, $2, $3, $4, $5, $6, 'queued', jsonb_build_object('record', $7::jsonb, 'old', NULL, 'actor', $8::jsonb), $9)`,
    [
      id,
      name,
      workflow.version,
      workflow.objectId,
      record,
      workflow.actor,
      text,
      JSON.stringify(personOf(session.actor)),
      JSON.stringify({ ...session.cause, depth: session.cause.depth + 1 }),
    ],
  );
  wake(session.tenant.id);
  return id;
}

/** Runs keep what they begin with, so that is what a change would keep, and formulas. */
function told(object: ObjectType): { select?: string } {
  const fields = [...object.fields.values()].filter(({ name }) => name !== "deleted_at");
  const names = fields.filter((field) => field.untold !== true).map((field) => field.name);
  return names.length === fields.length ? {} : { select: names.join() };
}

/** Ends a run that has not ended; what it has done stays. Its worker, if it has one, cannot write for it any more. */
export async function cancelRun(session: Session, id: string): Promise<void> {
  await changeRun(
    session,
    id,
    ["queued", "running", "waiting"],
    "status = 'cancelled', worker = NULL, lease_until = NULL, due_at = NULL, ended_at = now()",
  );
}

/**
 * Runs a failed or cancelled run again. Calls that were answered stay so, except a failed one at the end, which is asked again. `latest` continues
 * with the version that is published now; a script that then takes another path fails with GX-REPLAY.
 */
export async function retryRun(
  kernel: Kernel,
  wake: (tenant: string) => void,
  session: Session,
  id: string,
  latest: boolean,
): Promise<void> {
  const schema = quotedSchema(session.tenant.id);
  await kernel.transaction(session, async (inside) => {
    const version = latest
      ? `, workflow_version = coalesce((SELECT version FROM ${schema}._workflow w WHERE w.name = _run.workflow AND meta_to IS NULL), workflow_version)`
      : "";
    await changeRun(
      inside,
      id,
      ["failed", "cancelled"],
      `status = 'queued', due_at = NULL, error = NULL, ended_at = NULL, faults = 0, losses = 0${version}`,
    );
    await inside.connection.sql(
      `DELETE FROM ${schema}._journal j WHERE run = $1 AND NOT ok AND seq = (SELECT max(seq) FROM ${schema}._journal WHERE run = $1)`,
      [id],
    );
  });
  wake(session.tenant.id);
}

async function changeRun(session: Session, id: string, from: readonly string[], change: string): Promise<void> {
  const schema = quotedSchema(session.tenant.id);
  if (!isId(id)) throw new GuanxiError("NOT_FOUND");
  const states = from.map((state) => `'${state}'`).join(", ");
  const changed = await session.connection.sql(
    `UPDATE ${schema}._run SET ${change}, updated_at = now() WHERE id = $1 AND status IN (${states}) RETURNING id`,
    [id],
  );
  if (changed.length > 0) return;
  const [row] = await session.connection.sql<{ status: string }>(`SELECT status FROM ${schema}._run WHERE id = $1`, [
    id,
  ]);
  if (!row) throw new GuanxiError("NOT_FOUND");
  throw new GuanxiError("CONFLICT", { detail: `The run is ${row.status}.` });
}
