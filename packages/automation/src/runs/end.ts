import type { Outcome, RunError } from "@guanxi/sandbox";
import type { AutomationSettings } from "../settings.ts";
import { type Activation, passedLimit } from "./activation.ts";
import type { ClaimedRun } from "./claim.ts";
import type { Entry } from "./journal.ts";
import { type RunCost, type RunFault, RunLost, type RunStatus } from "./run.ts";

/** What is written of a run when it leaves its worker. */
export interface RunEnd {
  readonly id: string;
  readonly attempt: number;
  readonly status: RunStatus;
  /** ms since 1970; when a waiting or put back run goes on. */
  readonly due: number | null;
  /** Whether this was a fault of the platform. */
  readonly fault: boolean;
  /** JSON text. */
  readonly result: string | null;
  readonly error: RunFault | null;
  readonly cost: RunCost | null;
  readonly log: unknown;
  readonly entries: readonly Entry[];
}

const nothing = { due: null, fault: false, result: null, error: null, cost: null, log: null, entries: [] } as const;

/** Failed before or outside its script. */
export const failedEnd = ({ id, attempt }: Pick<ClaimedRun, "id" | "attempt">, error: RunFault): RunEnd => ({
  ...nothing,
  id,
  attempt,
  status: "failed",
  error,
});

/** Back in the queue as if it had not been claimed. */
export const putBackEnd = ({ id, attempt }: ClaimedRun): RunEnd => ({ ...nothing, id, attempt, status: "queued" });

/** Tried again after a while, or given up after too many faults of the platform. */
export function faultEnd(run: ClaimedRun, cause: unknown, settings: AutomationSettings): RunEnd {
  if (run.faults + 1 >= settings.maxFaults) {
    const message = `Given up after ${run.faults + 1} faults of the platform. Nothing is wrong with the script; retry the run when the platform is well.`;
    return {
      ...failedEnd(run, { code: "GX-INTERNAL", name: cause instanceof Error ? cause.name : "Error", message }),
      fault: true,
    };
  }
  const wait = Math.min(settings.retryMs * 2 ** run.faults, settings.retryMaxMs);
  return { ...putBackEnd(run), due: Date.now() + wait, fault: true };
}

/** What becomes of the run after an activation; undefined when it is not ours any more. */
export function endOf(run: ClaimedRun, activation: Activation, settings: AutomationSettings): RunEnd | undefined {
  const { outcome, cost, due, kept } = activation;
  if (outcome.status === "put_back") return putBack(run, activation, settings);
  const end = { ...nothing, id: run.id, attempt: run.attempt, cost, log: outcome.log, entries: kept };
  if (outcome.status === "done") return { ...end, status: "succeeded", result: outcome.result };
  if (outcome.status === "suspended") return { ...end, status: "waiting", due: due ?? Date.now() };
  if (outcome.error.code === "INTERNAL") return faultEnd(run, outcome.error, settings);
  return { ...end, status: "failed", error: faultOf(outcome.error) };
}

function putBack(run: ClaimedRun, activation: Activation, settings: AutomationSettings): RunEnd | undefined {
  const { cause, reason } = activation.outcome as Extract<Outcome, { status: "put_back" }>;
  const limit = passedLimit(activation.outcome);
  if (limit) {
    const error = {
      code: "GX-LIMIT",
      message: limit.message,
      limit: { name: limit.limit, limit: limit.allowed, used: limit.used },
    };
    return { ...failedEnd(run, error), entries: activation.kept };
  }
  if (cause instanceof RunLost) return undefined;
  return reason === "call_failed" || reason === "child_died" ? faultEnd(run, cause, settings) : putBackEnd(run);
}

function faultOf(error: RunError): RunFault {
  const { name, message, line, column, stack, limit } = error;
  const refused = error.reason?.startsWith("GX-") ? error.reason : undefined;
  return {
    code: refused ?? `GX-${error.code}`,
    name,
    message,
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(stack === undefined ? {} : { stack }),
    ...(limit === undefined ? {} : { limit }),
    ...(refused !== undefined && error.data !== undefined ? { errors: JSON.parse(error.data) as unknown } : {}),
  };
}
