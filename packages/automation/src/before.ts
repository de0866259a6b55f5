import { isDeepStrictEqual } from "node:util";
import { GuanxiError, isGuanxiError, newId, type Tracer } from "@guanxi/base";
import type { Hook, HookScope, Kernel, Session, WriteOperation } from "@guanxi/kernel";
import {
  type Call,
  type CallAnswer,
  type Lease,
  type Outcome,
  type RunError,
  type Sandbox,
  hookLimits,
} from "@guanxi/sandbox";
import { isDatabaseError } from "@guanxi/store";
import { LimitPassed, createBudget, isRefusal, refusalText } from "./calls/answer.ts";
import { readArguments } from "./calls/call.ts";
import { hostCalls } from "./calls/index.ts";
import { personOf } from "./relay/people.ts";
import { withRights } from "./runs/session.ts";
import type { AutomationSettings } from "./settings.ts";
import { type BeforeWorkflow, workflowsPart } from "./workflows/part.ts";
import { whenHolds } from "./workflows/when.ts";
import { concernsFields } from "./workflows/workflow.ts";

type RecordValue = Record<string, unknown>;

/** Tenants' scripts see a record after what the platform's own hooks made of it. */
const hookOrder = 1_000;

/** Before-scripts as a link of the chain around a write: they may change the record or refuse it, and read on the write's own connection. */
export function createBeforeHook(kernel: Kernel, sandbox: Sandbox, settings: AutomationSettings, tracer: Tracer): Hook {
  const scripts = (session: Session, objectId: number, kind: WriteOperation["kind"]) =>
    session.part(workflowsPart).before(objectId, kind);
  return {
    order: hookOrder,
    applies: (session, object, kind) => scripts(session, object.id, kind).length > 0,
    async enter(session, object, kind): Promise<HookScope> {
      // Leased before a connection is taken, once for all records of the request.
      const lease = await sandbox.lease(session.tenant.id);
      try {
        const workflows = scripts(session, object.id, kind);
        const readers = await readersOf(kernel, session, workflows);
        return {
          async run(operation, next) {
            for (const [i, workflow] of workflows.entries())
              if (concerns(workflow, operation))
                await tracer.inside(
                  { name: `before ${workflow.name}`, attributes: { "guanxi.workflow": workflow.name } },
                  () => runBefore({ kernel, lease, settings, tracer }, workflow, readers[i], operation),
                );
            await next();
          },
          leave: () => lease.release(),
        };
      } catch (error) {
        lease.release();
        throw error;
      }
    },
  };
}

/** What each script reads with: the rights of its publisher, not of whoever writes. Undefined where the publisher has left. */
function readersOf(
  kernel: Kernel,
  session: Session,
  workflows: readonly BeforeWorkflow[],
): Promise<(Session | undefined)[]> {
  return Promise.all(
    workflows.map(async ({ actor, definition }) => {
      try {
        return withRights(await kernel.sessionFor(session.tenant.id, actor, session.cause), definition.as === "system");
      } catch (error) {
        if (isGuanxiError(error, "UNAUTHENTICATED")) return undefined;
        throw error;
      }
    }),
  );
}

function concerns(workflow: BeforeWorkflow, { session, record, old }: WriteOperation): boolean {
  if (workflow.fault !== undefined) throw scriptFault(workflow, `cannot run: ${workflow.fault}`);
  if (
    old &&
    !concernsFields(workflow.definition, (field) => !isDeepStrictEqual(record[field] ?? null, old[field] ?? null))
  )
    return false;
  return whenHolds(workflow.when, {
    record,
    old,
    user: session.actor.record,
    now: session.now,
    settings: session.snapshot.settings,
  });
}

interface BeforeContext {
  readonly kernel: Kernel;
  readonly lease: Lease;
  readonly settings: AutomationSettings;
  readonly tracer: Tracer;
}

async function runBefore(
  context: BeforeContext,
  workflow: BeforeWorkflow,
  reader: Session | undefined,
  operation: WriteOperation,
): Promise<void> {
  const { session, old } = operation;
  if (!reader) throw scriptFault(workflow, "cannot run: whoever published it is no longer active");
  const before = operation.record;
  const { connection, snapshot, now } = session;
  const calls = createCalls(context, { ...reader, connection, snapshot, now });
  const outcome = await context.lease.run({
    tenant: session.tenant.id,
    id: newId(),
    code: workflow.code,
    filename: `${workflow.name}.ts`,
    input: JSON.stringify({
      before: true,
      timeZone: session.snapshot.settings.timeZone,
      record: before,
      old,
      actor: personOf(session.actor),
    }),
    seed: newId(),
    startedAt: session.now.getTime(),
    history: [],
    onCall: context.tracer.bind(calls.onCall),
    limits: hookLimits,
  });
  const result = resultOf(workflow, outcome);
  if (calls.broken) throw calls.broken;
  if (operation.kind !== "delete")
    operation.record = changed(before, JSON.parse(result) as RecordValue, operation.kind);
}

/** Calls of a before-script: reads only, on the write's connection, journalled nowhere. */
function createCalls({ kernel, settings, tracer }: BeforeContext, session: Session) {
  const budget = createBudget(settings);
  const calls = {
    /** An error after which the write's transaction is of no use, whatever the script makes of it. */
    broken: undefined as GuanxiError | undefined,
    async onCall(call: Call): Promise<CallAnswer> {
      const at = Date.now();
      const host = hostCalls.get(call.op);
      if (!host?.inBefore)
        return {
          ok: false,
          error: JSON.stringify({ name: "TypeError", message: `a before-script cannot ask for ${call.op}` }),
          at,
        };
      try {
        const value = await tracer.inside({ name: call.op }, () =>
          host.run({ kernel, session, budget }, readArguments(call.args)),
        );
        return { ok: true, value, at };
      } catch (error) {
        if (!isRefusal(error)) throw error;
        if (isDatabaseError(error.cause)) calls.broken = error;
        return { ok: false, error: refusalText(error), at };
      }
    },
  };
  return calls;
}

/** JSON text of the record as the script left it; throws what refuses the write. */
function resultOf(workflow: BeforeWorkflow, outcome: Outcome): string {
  if (outcome.status === "done") return outcome.result;
  if (outcome.status === "failed") throw refusal(workflow, outcome.error);
  if (outcome.status === "suspended") throw scriptFault(workflow, "a before-script cannot wait");
  if (outcome.cause instanceof LimitPassed) throw scriptFault(workflow, outcome.cause.message);
  if (outcome.reason === "call_failed") throw outcome.cause;
  throw new GuanxiError("UNAVAILABLE", { retryAfter: 1, detail: `The workflow ${workflow.name} could not be run.` });
}

function refusal(workflow: BeforeWorkflow, error: RunError): GuanxiError {
  if (error.reason !== "GX-REFUSED") return scriptFault(workflow, error.message, error);
  const { field } = (error.data === undefined ? {} : JSON.parse(error.data)) as { field?: string };
  return new GuanxiError("REFUSED", {
    detail: error.message,
    issues: [{ path: field === undefined ? "" : `/${field}`, code: "refused", text: { en: error.message } }],
  });
}

function scriptFault(
  workflow: BeforeWorkflow,
  message: string,
  { line, column }: Pick<RunError, "line" | "column"> = {},
): GuanxiError {
  const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
  const text = { en: `workflow ${workflow.name}: ${message}` };
  return new GuanxiError("SCRIPT", { detail: text.en, issues: [{ path: "", code: "script", text, ...place }] });
}

/** The record with what the script changed. What it left alone keeps its value to the last digit; what it removed is empty. */
function changed(before: RecordValue, after: RecordValue, kind: WriteOperation["kind"]): RecordValue {
  const sent = JSON.parse(JSON.stringify(before)) as RecordValue;
  const result: RecordValue = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (isDeepStrictEqual(sent[key], after[key])) result[key] = before[key];
    else if (key in after) result[key] = after[key];
    else if (kind === "update") result[key] = null;
  }
  return result;
}
