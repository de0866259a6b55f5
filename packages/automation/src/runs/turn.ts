import type { Observe, Span, Tracer } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import type { Sandbox } from "@guanxi/sandbox";
import { isRefusal } from "../calls/answer.ts";
import type { AutomationSettings } from "../settings.ts";
import { type ActivationContext, activate } from "./activation.ts";
import { type ClaimedRun, claimRuns } from "./claim.ts";
import type { Codes } from "./codes.ts";
import { type RunEnd, endOf, failedEnd, faultEnd, putBackEnd } from "./end.ts";
import { createFinisher } from "./finish.ts";
import type { Leases } from "./leases.ts";
import { sessionOf } from "./session.ts";

export interface TurnContext {
  readonly kernel: Kernel;
  readonly sandbox: Sandbox;
  readonly settings: AutomationSettings;
  readonly codes: Codes;
  readonly leases: Leases;
  readonly worker: string;
  readonly observe: Observe;
  readonly tracer: Tracer;
  /** Aborted when scripts under way must be given back. */
  readonly signal: AbortSignal;
  /** Whether no further run may be started. */
  readonly stopping: () => boolean;
}

export interface TurnResult {
  /** Whether the tenant may have more runs to start. */
  readonly more: boolean;
  /** When put back and waiting runs go on, ms since 1970. */
  readonly due: readonly number[];
}

/** Works on a tenant's runs for a moment. `onFull` is called when there is more than one turn's worth, so that others can join in. */
export async function takeTurn(tenant: string, context: TurnContext, onFull: () => void): Promise<TurnResult> {
  const { kernel, settings } = context;
  const deadline = createDeadline(context);
  const due: number[] = [];
  for (;;) {
    const batch = await claimRuns(kernel.store, tenant, context.worker, settings);
    // Also when few were claimed: others may have waited for them.
    if (batch.length === 0) return { more: false, due };
    if (batch.length >= settings.claimRuns) onFull();
    due.push(...(await runBatch(tenant, batch, context, deadline)));
    if (deadline.over()) return { more: true, due };
  }
}

/** A turn's time. It begins when the first run has ended: before that it may have waited for a process, which then must not be used for that one run. */
interface Deadline {
  ranOne(): void;
  over(): boolean;
}

function createDeadline({ settings, stopping }: TurnContext): Deadline {
  let end = Infinity;
  return {
    ranOne: () => void (end = Math.min(end, Date.now() + settings.turnMs)),
    over: () => stopping() || Date.now() >= end,
  };
}

/** Runs of one workflow on one record follow each other; the others go side by side, `parallelRuns` at once. */
async function runBatch(
  tenant: string,
  batch: readonly ClaimedRun[],
  context: TurnContext,
  deadline: Deadline,
): Promise<number[]> {
  const finisher = createFinisher(context.kernel.store, tenant, context.settings.finishMs);
  const due: number[] = [];
  const written: Promise<void>[] = [];
  const release = context.leases.hold(
    tenant,
    batch.map((run) => run.id),
  );

  function write(end: RunEnd): void {
    if (end.due !== null) due.push(end.due);
    const done = finisher.add(end);
    // Awaited with the others below; until then a rejection is not unheard.
    done.catch(() => undefined);
    written.push(done);
  }

  async function runOne(run: ClaimedRun): Promise<boolean> {
    const started = performance.now();
    const end = deadline.over() ? putBackEnd(run) : await runTraced(run, context);
    deadline.ranOne();
    if (!end) return false;
    write(end);
    const { workflow, id } = run;
    if (end.status !== "queued")
      context.observe({
        kind: "run_ended",
        tenant,
        workflow,
        run: id,
        status: end.status,
        ms: Math.round(performance.now() - started),
      });
    return end.status !== "queued";
  }

  async function runChain(chain: readonly ClaimedRun[]): Promise<void> {
    let goOn = true;
    for (const run of chain) {
      if (goOn) goOn = await runOne(run);
      else write(putBackEnd(run));
    }
  }

  try {
    const chains = chainsOf(batch);
    const lanes = Array.from({ length: context.settings.parallelRuns }, async () => {
      for (let chain = chains.shift(); chain; chain = chains.shift()) await runChain(chain);
    });
    await Promise.all(lanes);
    finisher.last();
    await Promise.all(written);
  } finally {
    release();
  }
  return due;
}

function chainsOf(batch: readonly ClaimedRun[]): ClaimedRun[][] {
  const chains = new Map<string, ClaimedRun[]>();
  for (const run of batch) {
    const key = `${run.workflow} ${run.record}`;
    const chain = chains.get(key);
    if (chain) chain.push(run);
    else chains.set(key, [run]);
  }
  return [...chains.values()];
}

/** A run belongs to the trace of what caused it, however long ago that was, and not to the worker's turn in which it happens to be taken up. */
function runTraced(run: ClaimedRun, context: TurnContext): Promise<RunEnd | undefined> {
  const { tracer } = context;
  const attributes = {
    "guanxi.tenant": run.tenant,
    "guanxi.workflow": run.workflow,
    "guanxi.run": run.id,
    "guanxi.run.attempt": run.attempt,
  };
  const links = run.cause.trace === undefined ? [] : [tracer.current()];
  return tracer.span(
    { name: `run ${run.workflow}`, kind: "consumer", attributes, parent: run.cause.trace, links },
    async (span) => {
      const end = await runScript(run, context, span);
      if (end) span.set({ "guanxi.run.status": end.status });
      if (end?.status === "failed" || end?.fault) span.fail();
      return end;
    },
  );
}

/** Undefined when the run was taken away meanwhile. */
async function runScript(run: ClaimedRun, context: TurnContext, span: Span): Promise<RunEnd | undefined> {
  const { settings } = context;
  if (run.losses > settings.maxLosses)
    return failedEnd(run, {
      code: "GX-INTERNAL",
      message: `Given up: ${run.losses} workers died while they held this run.`,
    });
  try {
    const script = await context.codes(run.tenant, run.workflow, run.version);
    if (!script)
      return failedEnd(run, { code: "GX-NOT_FOUND", message: `Version ${run.version} of the workflow is gone.` });
    const session = await sessionOf(context.kernel, run, script.system, span.traceparent);
    const activation: ActivationContext = {
      kernel: context.kernel,
      sandbox: context.sandbox,
      settings,
      tracer: context.tracer,
      signal: context.signal,
    };
    return endOf(run, await activate(run, script.code, session, activation), settings);
  } catch (error) {
    if (isRefusal(error))
      return failedEnd(run, { code: `GX-${error.code}`, message: `The run's user cannot act: ${error.message}` });
    const { tenant, workflow } = run;
    context.observe({ kind: "background_failed", task: "run", tenant, workflow, error });
    return faultEnd(run, error, settings);
  }
}
