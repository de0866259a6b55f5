import type { Tracer } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import type { Call, CallAnswer, Outcome, Sandbox } from "@guanxi/sandbox";
import { LimitPassed, createBudget, isRefusal, refusalText } from "../calls/answer.ts";
import { type HostCall, readArguments } from "../calls/call.ts";
import { hostCalls } from "../calls/index.ts";
import type { AutomationSettings } from "../settings.ts";
import { quotedSchema } from "@guanxi/store";
import type { ClaimedRun } from "./claim.ts";
import { type Answer, type Entry, createJournal } from "./journal.ts";
import type { RunCost } from "./run.ts";

/** One stretch of a run in the sandbox: from its start or its last wait to its end or next wait. */
export interface Activation {
  readonly outcome: Outcome;
  readonly cost: RunCost | null;
  /** When the earliest of the calls it waits for is due, ms since 1970. */
  readonly due: number | undefined;
  /** Finished calls that no effect has taken into the journal yet. */
  readonly kept: readonly Entry[];
}

export interface ActivationContext {
  readonly kernel: Kernel;
  readonly sandbox: Sandbox;
  readonly settings: AutomationSettings;
  readonly tracer: Tracer;
  /** Aborted when the worker must stop. */
  readonly signal: AbortSignal;
}

export async function activate(
  run: ClaimedRun,
  code: string,
  session: Session,
  context: ActivationContext,
): Promise<Activation> {
  const journal = createJournal(run, quotedSchema(run.tenant));
  const budget = createBudget(context.settings, run.cost ?? undefined);
  let due: number | undefined;

  async function onCall(call: Call): Promise<CallAnswer> {
    if (call.op === "wait") return wait(call);
    const host = hostCalls.get(call.op);
    if (!host)
      return journal.keep(call, {
        ok: false,
        error: JSON.stringify({ name: "TypeError", message: `there is no call "${call.op}"` }),
      });
    return context.tracer.inside({ name: call.op, attributes: { "guanxi.call": call.id } }, async () => {
      if (host.kind === "effect") return effect(host, call);
      return journal.keep(call, await answerOf(async () => ({ ok: true, value: await perform(host, call, session) })));
    });
  }

  function wait(call: Call): CallAnswer | Promise<CallAnswer> {
    const { until } = JSON.parse(call.args) as { until: number };
    if (until <= Date.now()) return journal.keep(call, { ok: true, value: "null" });
    due = Math.min(due ?? until, until);
    return "suspend";
  }

  const perform = (host: HostCall, call: Call, on: Session): Promise<string> =>
    host.run({ kernel: context.kernel, session: on, budget }, readArguments(call.args));

  const effect = (host: HostCall, call: Call): Promise<CallAnswer> =>
    journal.effect(call, (record) =>
      answerOf(() =>
        context.kernel.transaction(session, async (inside) => {
          const answer = { ok: true, value: await perform(host, call, inside) } as const;
          await record(inside.connection, answer);
          return answer;
        }),
      ),
    );

  const outcome = await context.sandbox.run({
    tenant: run.tenant,
    id: run.id,
    code,
    filename: `${run.workflow}.ts`,
    input: scriptInput(run.input, session.snapshot.settings.timeZone),
    seed: run.id,
    startedAt: run.startedAt,
    history: run.history,
    onCall: context.tracer.bind(onCall),
    signal: context.signal,
  });
  return {
    outcome,
    due,
    kept: journal.kept(),
    cost: outcome.status === "put_back" ? null : totalCost(run, outcome, budget.used),
  };
}

/** Refusals are answers; anything else is a fault of the platform and ends the activation. */
async function answerOf(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (isRefusal(error)) return { ok: false, error: refusalText(error) };
    throw error;
  }
}

/** The stored input, with what the prelude needs beside it. */
function scriptInput(input: string, timeZone: string): string {
  return `{"before":false,"timeZone":${JSON.stringify(timeZone)},${input.trimStart().slice(1)}`;
}

function totalCost(
  run: ClaimedRun,
  { cost }: Exclude<Outcome, { status: "put_back" }>,
  rows: { rowsRead: number; rowsWritten: number },
): RunCost {
  return {
    ...cost,
    cpuMs: cost.cpuMs + (run.cost?.cpuMs ?? 0),
    wallMs: cost.wallMs + (run.cost?.wallMs ?? 0),
    activations: (run.cost?.activations ?? 0) + 1,
    rowsRead: rows.rowsRead,
    rowsWritten: rows.rowsWritten,
  };
}

export const passedLimit = (outcome: Outcome): LimitPassed | undefined =>
  outcome.status === "put_back" && outcome.cause instanceof LimitPassed ? outcome.cause : undefined;
