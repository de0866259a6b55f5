import { GuanxiError, isObject, type Issue, type Locale } from "@guanxi/base";
import type { Definition, DefinitionKind, Kernel, Session } from "@guanxi/kernel";
import { quotedSchema } from "@guanxi/store";
import type { WorkflowDefinition } from "./definition.ts";
import { workflowsPart } from "./part.ts";
import { workflowUses } from "./uses.ts";
import { type ScriptCheck, type ScriptTools, compileScript, validateWorkflow } from "./validate.ts";
import { type Workflow, type WorkflowRow, compileWorkflow, workflowColumns } from "./workflow.ts";

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
      if (!isObject(body) || body["name"] !== name) {
        const fresh = await kernel.refresh(session);
        const script = await compileScript(fresh, body, name, locale, tools);
        throw refusal(validateWorkflow(body, name, fresh.snapshot, script));
      }
      const options = { ifVersion, locale };
      const { definition, version, created } = await kernel.metadata.putOther(session, kindName, body, options);
      return { definition: definition as unknown as WorkflowDefinition, metadata: version, created };
    },

    async remove(session: Session, name: string, ifVersion?: number): Promise<void> {
      requireRight(session);
      await current(session, name);
      await kernel.metadata.removeOther(session, kindName, name, ifVersion);
    },
  };
}

export type Catalogue = ReturnType<typeof createCatalogue>;

function requireRight(session: Session): void {
  if (!session.actor.rights.all && !session.actor.rights.system.has("edit_metadata"))
    throw new GuanxiError("FORBIDDEN", { detail: "Publishing workflows needs the system right edit_metadata." });
}

const kindName = "workflows";

/** Workflows as change sets know them. */
export function workflowKind(tools: ScriptTools): DefinitionKind<ScriptCheck> {
  return {
    name: kindName,
    one: "workflow",
    async read(session) {
      const found = await currentWorkflows(session);
      return new Map(found.map(({ name, definition }) => [name, definition as unknown as Definition]));
    },
    parse(body) {
      if (isObject(body) && typeof body["name"] === "string") return body as Definition;
      const code = isObject(body) && body["name"] === undefined ? "required" : "type";
      throw new GuanxiError("DEFINITION", {
        issues: [{ path: "/name", code, ...(code === "type" ? { params: { type: "string" } } : {}) }],
      });
    },
    prepare: (session, definition, locale) => compileScript(session, definition, definition.name, locale, tools),
    async put(session, definition, script) {
      if (script === undefined)
        throw new GuanxiError("UNAVAILABLE", { detail: `${definition.name} was changed meanwhile.`, retryAfter: 1 });
      await store(session, definition.name, definition, script);
    },
    remove: endCurrent,
    faults: async (session) =>
      new Set((await currentWorkflows(session)).filter(({ fault }) => fault !== undefined).map(({ name }) => name)),
    uses: async (session) =>
      (await currentWorkflows(session)).flatMap((workflow) => workflowUses(workflow, session.snapshot)),
  };
}

/** What is wrong with a workflow, on the objects of the session. */
export async function workflowFaults(
  session: Session,
  body: unknown,
  locale: Locale,
  tools: ScriptTools,
): Promise<readonly Issue[]> {
  const name = isObject(body) && typeof body["name"] === "string" ? body["name"] : "";
  const script = await compileScript(session, body, name, locale, tools);
  const validation = validateWorkflow(body, name, session.snapshot, script);
  return "issues" in validation ? validation.issues : [];
}

async function currentWorkflows({ connection, tenant, snapshot }: Session): Promise<Workflow[]> {
  const rows = await connection.sql<WorkflowRow>(
    `SELECT ${workflowColumns} FROM ${quotedSchema(tenant.id)}._workflow WHERE meta_to IS NULL ORDER BY name`,
  );
  return rows.map((row) => compileWorkflow(row, snapshot));
}

const refusal = (validation: ReturnType<typeof validateWorkflow>): GuanxiError =>
  new GuanxiError("DEFINITION", { issues: "issues" in validation ? validation.issues : [] });

/** A new version, from the metadata version of the session on. */
async function store(session: Session, name: string, body: unknown, script: ScriptCheck): Promise<void> {
  const validation = validateWorkflow(body, name, session.snapshot, script);
  if ("issues" in validation) throw refusal(validation);
  const { definition, object, code } = validation.valid;
  if (definition.as === "system" && !session.actor.rights.all)
    throw new GuanxiError("FORBIDDEN", {
      detail: "A workflow that acts as the system may only be published by an administrator.",
    });
  await endCurrent(session, name);
  await session.connection.sql(
    `INSERT INTO ${quotedSchema(session.tenant.id)}._workflow (name, version, object_id, definition, code, actor, meta_from)
     SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6 FROM ${quotedSchema(session.tenant.id)}._workflow WHERE name = $1`,
    [name, object.id, JSON.stringify(definition), code, session.actor.user, session.snapshot.version],
  );
}

async function endCurrent(session: Session, name: string): Promise<void> {
  await session.connection.sql(
    `UPDATE ${quotedSchema(session.tenant.id)}._workflow SET meta_to = $2 WHERE name = $1 AND meta_to IS NULL`,
    [name, session.snapshot.version],
  );
}
