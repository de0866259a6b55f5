import { GuanxiError, type Locale } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import { quotedSchema } from "@guanxi/store";
import type { WorkflowDefinition } from "./definition.ts";
import { workflowsPart } from "./part.ts";
import { type ScriptCheck, type ScriptTools, compileScript, validateWorkflow } from "./validate.ts";
import type { Workflow } from "./workflow.ts";

export interface PublishOptions {
  /** The metadata version that the caller has read; PRECONDITION if there is a newer one. */
  readonly ifVersion?: number | undefined;
  /** Of the messages about the script. */
  readonly locale: Locale;
}

export interface Published {
  readonly definition: WorkflowDefinition;
  /** The tenant's metadata version. */
  readonly metadata: number;
  readonly created: boolean;
}

/** The workflows of a tenant as metadata. Throws FORBIDDEN, DEFINITION (with every fault), NOT_FOUND, PRECONDITION, and UNAVAILABLE when a script cannot be checked. */
export function createCatalogue(kernel: Kernel, tools: ScriptTools) {
  async function current(session: Session, name: string): Promise<{ workflow: Workflow; metadata: number }> {
    const fresh = await kernel.refresh(session);
    const workflow = fresh.part(workflowsPart).byName.get(name);
    if (!workflow) throw new GuanxiError("NOT_FOUND", { detail: `There is no workflow ${name}.` });
    return { workflow, metadata: fresh.snapshot.version };
  }

  return {
    async list(session: Session): Promise<{ definitions: readonly WorkflowDefinition[]; metadata: number }> {
      const fresh = await kernel.refresh(session);
      const definitions = [...fresh.part(workflowsPart).byName.values()].map((workflow) => workflow.definition);
      return { definitions, metadata: fresh.snapshot.version };
    },

    current,

    /** A new version. Whoever publishes is whom the workflow acts as. */
    async publish(
      session: Session,
      name: string,
      body: unknown,
      { ifVersion, locale }: PublishOptions,
    ): Promise<Published> {
      requireRight(session);
      // Before the lock is taken, because it starts processes. An object that changes meanwhile is as one that changes later.
      const script = await compileScript(await kernel.refresh(session), body, name, locale, tools);
      const { value, version } = await kernel.metadata.change(session, async (inside, next) => {
        if (ifVersion !== undefined && ifVersion !== next - 1) throw new GuanxiError("PRECONDITION");
        return store(inside, next, name, body, script);
      });
      return { ...value, metadata: version };
    },

    async remove(session: Session, name: string, ifVersion?: number): Promise<void> {
      requireRight(session);
      await current(session, name);
      await kernel.metadata.change(session, async (inside, next) => {
        if (ifVersion !== undefined && ifVersion !== next - 1) throw new GuanxiError("PRECONDITION");
        await endCurrent(inside, name, next);
      });
    },
  };
}

export type Catalogue = ReturnType<typeof createCatalogue>;

function requireRight(session: Session): void {
  if (!session.actor.rights.all && !session.actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Publishing workflows needs the system right edit_metadata." });
}

async function store(
  session: Session,
  next: number,
  name: string,
  body: unknown,
  script: ScriptCheck,
): Promise<Omit<Published, "metadata">> {
  const validation = validateWorkflow(body, name, session.snapshot, script);
  if ("issues" in validation) throw new GuanxiError("DEFINITION", { issues: validation.issues });
  const { definition, object, code } = validation.valid;
  if (definition.as === "system" && !session.actor.rights.all)
    throw new GuanxiError("FORBIDDEN", {
      detail: "A workflow that acts as the system may only be published by an administrator.",
    });
  const created = !(await endCurrent(session, name, next));
  await session.connection.sql(
    `INSERT INTO ${quotedSchema(session.tenant.id)}._workflow (name, version, object_id, definition, code, actor, meta_from)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6 FROM ${quotedSchema(session.tenant.id)}._workflow WHERE name = $1`,
    [name, object.id, JSON.stringify(definition), code, session.actor.user, next],
  );
  return { definition, created };
}

/** → whether there was a current version. */
async function endCurrent(session: Session, name: string, next: number): Promise<boolean> {
  const ended = await session.connection.sql(
    `UPDATE ${quotedSchema(session.tenant.id)}._workflow SET meta_to = $2 WHERE name = $1 AND meta_to IS NULL RETURNING version`,
    [name, next],
  );
  return ended.length > 0;
}
