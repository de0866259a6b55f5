// Plays one run: first against its history, then against the parent's answers, until it is done, failed, or only waits for answers that come later.

const { Failure, limitError, scriptError, showCall, topLevelError } = require("./failure.cjs");
const { clockFactor, openIsolate } = require("./isolate.cjs");

/** While many short slices are repeated, the parent hears at least this often that they go on, ms. */
const worksEveryMs = 200;

/**
 * @import { RunRequest } from "../protocol.ts"
 * @import { Cost, Call, FinishedAnswer, LogLine } from "../types.ts"
 * @import { LimitName } from "../limits.ts"
 * @import { Thrown } from "./failure.cjs"
 * @typedef {{ call: number, answer: FinishedAnswer | "suspend" } | "drop"} Handed
 * @typedef {{ take: () => Promise<Handed>, send: (message: any) => void }} Line what connects a run with the parent
 * @typedef {{ ok: true, result: string } | { ok: false, error?: Thrown, limit?: { name: LimitName, limit: number, used: number } }} End
 */

/**
 * @param {import("./isolate.cjs").Environment} environment
 * @param {ReturnType<typeof import("./isolate.cjs").makeIsolate>} made
 * @param {RunRequest} request
 * @param {Line} line
 */
function startRun(environment, made, request, line) {
  const { code, filename, input, history, limits } = request;
  const startedAt = performance.now();
  const recorded = new Map(history.map((call) => [call.call, call]));
  /** Made by the script and not answered yet. @type {Map<number, Call>} */
  const open = new Map();
  /** @type {Set<number>} */
  const suspended = new Set();
  const used = { cpuMs: 0, calls: 0, logLines: 0, resultBytes: 0 };
  /** @type {Call[]} */
  let unsent = [];
  /** @type {LogLine[]} */
  let log = [];
  /** @type {End | undefined} */
  let end;
  let replayed = 0;
  /** Answers taken from the parent since the last message to it. */
  let taken = 0;
  let lastSign = startedAt;

  const isolate = openIsolate(environment, made, request);
  const replaying = () => replayed < history.length;

  function allowance() {
    if (replaying()) return limits.sliceMs;
    const left = limits.cpuMs - used.cpuMs;
    if (left <= 0) throw new Failure(limitError("cpuMs", limits.cpuMs, Math.ceil(used.cpuMs), " ms"));
    return Math.min(limits.sliceMs, left);
  }

  /** Counts a slice and turns an overrun into the limit it passed. @param {import("./isolate.cjs").Slice} slice @param {boolean} isNew */
  function account({ cpuMs, overrun }, isNew) {
    if (isNew) used.cpuMs += cpuMs;
    if (overrun === undefined) return;
    const stuck = overrun === "stuck" || overrun === "rss";
    if (overrun === "memory") throw new Failure(limitError("memoryMb", limits.memoryMb, limits.memoryMb, " MB"));
    if (overrun === "rss") {
      const rssMb = Math.round(process.memoryUsage.rss() / 1024 / 1024);
      throw new Failure(limitError("memoryMb", limits.memoryMb, rssMb, " MB, counted by its process"), stuck);
    }
    if (overrun === "clock")
      throw new Failure(
        limitError("sliceMs", limits.sliceMs, clockFactor * limits.sliceMs, " ms, on the clock of a busy machine"),
      );
    const name = cpuMs >= limits.sliceMs ? "sliceMs" : "cpuMs";
    const spent = Math.ceil(name === "cpuMs" ? used.cpuMs : cpuMs);
    throw new Failure(limitError(name, limits[name], spent, " ms of CPU time"), stuck);
  }

  const openBytes = () => open.values().reduce((sum, call) => sum + Buffer.byteLength(call.args), 0);

  function checkCall(/** @type {Call} */ call) {
    const bytes = openBytes() + Buffer.byteLength(call.args);
    if (bytes > limits.argumentBytes) throw new Failure(limitError("argumentBytes", limits.argumentBytes, bytes));
    const before = recorded.get(call.id);
    if (before === undefined || (before.op === call.op && before.args === call.args)) return;
    throw divergence(`call ${call.id} was ${showCall(before)} and is now ${showCall(call)}`);
  }

  const divergence = (/** @type {string} */ how) =>
    new Failure({ code: "REPLAY", name: "ReplayError", message: `the script took another path than before: ${how}` });

  /** Reads what the slice left behind. @param {string} outbox */
  function collect(outbox) {
    const left = JSON.parse(outbox);
    for (const entry of left.log) log.push({ ...entry, text: entry.text.replaceAll("\0", "\ufffd") });
    used.logLines += left.log.length;
    for (const call of left.calls) {
      checkCall(call);
      used.calls++;
      open.set(call.id, call);
      unsent.push(call);
    }
    end = left.end;
    if (end === undefined || end.ok) return;
    if (end.limit) throw new Failure(limitError(end.limit.name, end.limit.limit, end.limit.used));
    if (end.error) failUnlessDiverged(end.error);
  }

  /** A script that throws before it made every recorded call did not take its earlier path. @param {Thrown} thrown */
  function failUnlessDiverged(thrown) {
    const missing = history.slice(replayed).find((call) => !open.has(call.call));
    if (missing)
      throw divergence(`call ${missing.call} was ${showCall(missing)} and is now not made (${thrown.message})`);
    throw new Failure(scriptError(thrown, filename));
  }

  /** @param {"play" | "deliver"} name @param {unknown[]} args */
  async function step(name, args) {
    const isNew = !replaying();
    const { outbox, ...slice } = await isolate.step(name, args, allowance());
    account(slice, isNew);
    if (outbox === undefined) throw slice.error ?? new Error("a slice ended without its outbox");
    collect(outbox);
    if (performance.now() - lastSign < worksEveryMs) return;
    lastSign = performance.now();
    line.send({ type: "works" });
  }

  async function deliver(/** @type {number} */ id, /** @type {FinishedAnswer} */ answer) {
    open.delete(id);
    unsent = unsent.filter((call) => call.id !== id);
    await step("deliver", [id, answer.ok, answer.ok ? answer.value : answer.error, answer.at]);
  }

  async function begin() {
    try {
      const { evaluated, namespace } = isolate.evaluate(code, filename, allowance());
      const slice = await evaluated;
      account(slice, !replaying());
      if (slice.error) throw slice.error;
      await step("play", [namespace(), input]);
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure(topLevelError(/** @type {Error} */ (error), filename));
    }
  }

  async function replay() {
    for (const next of history) {
      if (!open.has(next.call)) throw divergence(`call ${next.call} was ${showCall(next)} and is now not made`);
      replayed++;
      await deliver(next.call, next);
    }
  }

  function report() {
    line.send({ type: "waits", taken, calls: unsent, log });
    [taken, unsent, log] = [0, [], []];
    lastSign = performance.now();
  }

  /** @returns {Promise<"dropped" | "settled">} */
  async function live() {
    while (open.size > suspended.size) {
      report();
      const handed = await line.take();
      if (handed === "drop") return "dropped";
      taken++;
      if (!open.has(handed.call)) continue;
      if (handed.answer === "suspend") suspended.add(handed.call);
      else await deliver(handed.call, handed.answer);
    }
    return "settled";
  }

  /** The heap of an isolate that does not stop cannot be asked. @param {boolean} [stuck] @returns {Cost} */
  function cost(stuck) {
    const memoryMb = stuck ? limits.memoryMb : isolate.heapMb();
    return {
      ...used,
      cpuMs: Math.round(used.cpuMs * 10) / 10,
      wallMs: Math.round(performance.now() - startedAt),
      memoryMb,
    };
  }

  function settle() {
    if (end?.ok) {
      used.resultBytes = Buffer.byteLength(end.result);
      if (used.resultBytes > limits.resultBytes)
        throw new Failure(limitError("resultBytes", limits.resultBytes, used.resultBytes));
      return { status: "done", result: end.result, cost: cost() };
    }
    if (suspended.size > 0) return { status: "suspended", waiting: [...suspended], cost: cost() };
    throw new Failure({
      code: "SCRIPT",
      name: "Error",
      message: "the script waits for something that never comes: no call is open",
    });
  }

  async function play() {
    await begin();
    await replay();
    if ((await live()) === "dropped") return { status: "dropped", cost: cost() };
    return settle();
  }

  /** @param {any} ended @param {boolean} [stuck] */
  function finish(ended, stuck) {
    line.send({ type: "end", end: ended, log, ...(stuck && { stuck: true }) });
    if (!stuck) isolate.close();
  }

  return play().then(
    (ended) => finish(ended),
    (/** @type {unknown} */ error) => {
      if (!(error instanceof Failure)) throw error;
      finish({ status: "failed", error: error.error, cost: cost(error.stuck) }, error.stuck);
    },
  );
}

module.exports = { startRun };
