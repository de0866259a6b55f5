import type { KillCause } from "@guanxi/base";
import type { Limits, LimitName } from "./limits.ts";
import type { FromChild, ToChild } from "./protocol.ts";
import type { Call, CallAnswer, Cost, Job, LogLine, Outcome, PutBack, RunError } from "./types.ts";

/** A slice that takes this many times its CPU limit on the clock is stopped even on a busy machine (the child tries at 10). */
const clockFactor = 12;
/** What starting an isolate, messages and a stop may take on top, ms. */
const graceMs = 1_000;

/** Ends the process for something it did; `reason` is for people. */
export type Kill = (cause: KillCause, reason: string) => void;

interface SessionOptions {
  readonly job: Job;
  readonly limits: Limits;
  readonly run: number;
  readonly send: (message: ToChild) => void;
  readonly kill: Kill;
  /** What the child last used, MB. */
  readonly rssMb: () => number;
}

/** One run as the parent sees it: answers the child's calls, re-checks its counts, and kills it when it does not answer in time. */
export interface RunSession {
  readonly outcome: Promise<Outcome>;
  receive(message: Exclude<FromChild, { type: "ready" }>): void;
  childEnded(how: "broke" | "crashed" | "was killed", detail: string): void;
  killFor(what: "memory" | "silence", used: number): void;
}

export function startSession({ job, limits, run, send, kill, rssMb }: SessionOptions): RunSession {
  const startedAt = performance.now();
  const { promise: outcome, resolve } = Promise.withResolvers<Outcome>();
  const log: LogLine[] = [];
  /** For the calls; most runs make none, and an abort is dear. */
  let answering: AbortController | undefined;
  let calls = 0;
  /** Messages the child has not reacted to; while there are any, it must show signs of life. */
  let owed = 1;
  let watchdog: NodeJS.Timeout | undefined;
  /** Why the run was given up while the child is still at it. */
  let givenUp: Outcome | undefined;
  let over = false;

  const elapsed = (): number => Math.round(performance.now() - startedAt);
  const cost = (): Cost => ({
    cpuMs: 0,
    wallMs: elapsed(),
    calls,
    logLines: log.length,
    resultBytes: 0,
    memoryMb: Math.round(rssMb()),
  });
  const failed = (error: RunError): Outcome => ({ status: "failed", error, cost: cost(), log });
  const passed = (name: LimitName, used: number, what: string): Outcome =>
    failed({
      code: "LIMIT",
      name: "LimitError",
      message: `the limit ${name} was passed: ${what}`,
      limit: { name, limit: limits[name], used },
    });

  function finish(result: Outcome): void {
    if (over) return;
    over = true;
    clearTimeout(watchdog);
    clearTimeout(wallTimer);
    job.signal?.removeEventListener("abort", cancel);
    answering?.abort();
    resolve(result);
  }

  function watch(): void {
    clearTimeout(watchdog);
    watchdog = undefined;
    if (owed === 0) return;
    const patience = limits.sliceMs * clockFactor + graceMs;
    watchdog = setTimeout(() => session.killFor("silence", patience), patience);
  }

  function hand(message: ToChild): void {
    send(message);
    owed++;
    if (watchdog === undefined) watch();
  }

  /** Ends the run without a result: at its next wait, so that the child can be used again. */
  function giveUp(result: Outcome): void {
    if (over || givenUp) return;
    givenUp = result;
    answering?.abort();
    hand({ type: "drop", run });
  }

  const putBack = (reason: PutBack["reason"], cause?: unknown): PutBack => ({
    status: "put_back",
    reason,
    ...(cause === undefined ? {} : { cause }),
  });
  const cancel = (): void => giveUp(putBack("cancelled"));
  const wallTimer = setTimeout(
    () => giveUp(passed("wallMs", elapsed(), `the run has taken ${elapsed()} ms of ${limits.wallMs}`)),
    limits.wallMs,
  );

  function answer(call: Call): void {
    const { signal } = (answering ??= new AbortController());
    const hear = (given: CallAnswer): void => {
      if (!over && !givenUp) hand({ type: "answer", run, call: call.id, answer: given });
    };
    // The callback may throw at once, too.
    Promise.resolve()
      .then(() => job.onCall(call, signal))
      .then(hear, (cause: unknown) => giveUp(putBack("call_failed", cause)));
  }

  /** The child counts inside the isolate; a child that sends more than it may is not ours any more. */
  function plausible(sent: readonly Call[]): boolean {
    if (!Array.isArray(sent) || calls + sent.length > limits.calls) return false;
    return sent.every((call) => typeof call.args === "string" && Buffer.byteLength(call.args) <= limits.argumentBytes);
  }

  function broken(detail: string): void {
    kill("protocol", "broke the protocol");
    finish(failed({ code: "INTERNAL", name: "SandboxError", message: detail }));
  }

  function waits(message: Extract<FromChild, { type: "waits" }>): void {
    log.push(...message.log);
    if (log.length > limits.logLines || !plausible(message.calls))
      return broken("the child sent more than its limits allow");
    calls = Math.max(calls, message.calls.at(-1)?.id ?? 0);
    // The run itself is owed until the first wait, every answer until it is taken.
    owed = Math.max(0, owed - (started ? message.taken : message.taken + 1));
    started = true;
    watch();
    for (const call of message.calls) if (!givenUp) answer(call);
  }
  let started = false;

  function ended({ end, log: rest, stuck }: Extract<FromChild, { type: "end" }>): void {
    log.push(...rest);
    if (stuck) kill("stuck", "the isolate did not stop");
    if (givenUp) return finish("log" in givenUp ? { ...givenUp, log } : givenUp);
    if (end.status === "dropped") return broken("the child dropped a run on its own");
    finish({ ...end, log });
  }

  const session: RunSession = {
    outcome,
    receive(message) {
      if (over || message.run !== run) return;
      if (message.type === "waits") return waits(message);
      if (message.type === "end") return ended(message);
      watch();
    },
    childEnded(how, detail) {
      if (givenUp) return finish(givenUp);
      if (how === "was killed") return finish(putBack("child_died"));
      if (how === "broke") return finish(failed({ code: "INTERNAL", name: "SandboxError", message: detail }));
      const used = Math.max(limits.memoryMb, Math.round(rssMb()));
      finish(passed("memoryMb", used, `the script brought its process down (${detail})`));
    },
    killFor(what, used) {
      if (what === "memory") kill("memory", `used ${used} MB`);
      else kill("stuck", `gave no sign for ${used} ms`);
      if (givenUp) finish(givenUp);
      else if (what === "memory")
        finish(passed("memoryMb", used, `its process grew to ${used} MB, the script may use ${limits.memoryMb} MB`));
      else
        finish(
          passed("sliceMs", used, `no sign of life for ${used} ms, a slice may take ${limits.sliceMs} ms of CPU time`),
        );
    },
  };

  send({
    type: "run",
    run,
    code: job.code,
    filename: job.filename,
    input: job.input,
    seed: job.seed,
    startedAt: job.startedAt,
    history: job.history,
    limits,
  });
  watch();
  if (job.signal?.aborted) cancel();
  else job.signal?.addEventListener("abort", cancel, { once: true });
  return session;
}
