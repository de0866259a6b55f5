// One isolate: opened for one run, entered slice by slice, closed. All foreign code runs on isolated-vm's threads, so this process's own thread
// stays free to notice overruns and a lost parent even while a slice does not stop.

const { bootstrapName } = require("./rehearsal.cjs");

/** A slice may take this many times its CPU limit on the clock (a busy machine) before it is stopped anyway. */
const clockFactor = 10;
/** How long an overrunning isolate may take to stop before it counts as stuck, ms. */
const stopGraceMs = 200;
/** How often an overdue slice or the memory is looked at, ms. */
const checkEveryMs = 20;

/**
 * @import { Limits } from "../limits.ts"
 * @import { Bytecode } from "./rehearsal.cjs"
 * @typedef {{ ivm: typeof import("isolated-vm"), bootstrap: string, bytecode: Bytecode, rssLimitMb?: number | undefined }} Environment
 * @typedef {{ cpuMs: number, overrun?: "time" | "clock" | "memory" | "stuck" | "rss", error?: Error }} Slice
 */

/** An isolate that knows no run yet. @param {Environment} environment @param {number} memoryMb */
function makeIsolate({ ivm, bootstrap, bytecode }, memoryMb) {
  const isolate = new ivm.Isolate({ memoryLimit: memoryMb });
  const context = isolate.createContextSync();
  const origin = { filename: bootstrapName, cachedData: bytecode };
  const inside = isolate.compileScriptSync(bootstrap, origin).runSync(context, { reference: true });
  const get = (/** @type {string} */ name) => inside.getSync(name, { reference: true });
  const enter = { begin: get("begin"), play: get("play"), deliver: get("deliver"), drain: get("drain") };
  return { isolate, context, enter, memoryMb };
}

/**
 * @param {Environment} environment
 * @param {ReturnType<typeof makeIsolate>} made
 * @param {{ seed: string, startedAt: number, limits: Limits }} options
 */
function openIsolate({ rssLimitMb }, { isolate, context, enter, memoryMb }, { seed, startedAt, limits }) {
  enter.begin.applySync(undefined, [seed, startedAt, JSON.stringify(limits)]);

  /** Resolves when the work ends or the isolate turns out not to stop; never rejects. @returns {Promise<Slice>} */
  function slice(/** @type {(timeout: number) => Promise<unknown>} */ work, /** @type {number} */ limitMs) {
    const before = process.cpuUsage();
    const cpuMs = () => {
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    return new Promise((resolve) => {
      /** @type {Slice["overrun"]} */
      let overrun;
      let stopAt = Infinity;
      const timer = setInterval(() => {
        if (performance.now() > stopAt) return finish({ cpuMs: cpuMs(), overrun: "stuck" });
        if (rssLimitMb !== undefined && process.memoryUsage.rss() > rssLimitMb * 1024 * 1024)
          return finish({ cpuMs: cpuMs(), overrun: "rss" });
        if (overrun !== undefined || cpuMs() < limitMs) return;
        overrun = "time";
        stopAt = performance.now() + stopGraceMs;
        isolate.dispose();
      }, checkEveryMs);
      /** @param {Slice} result */
      const finish = (result) => {
        clearInterval(timer);
        resolve(result);
      };
      const ended = (/** @type {Error | undefined} */ error) => {
        if (overrun === undefined && isolate.isDisposed) overrun = "memory";
        if (overrun === undefined && error?.message === "Script execution timed out.") overrun = "clock";
        finish({ cpuMs: cpuMs(), ...(overrun && { overrun }), ...(error && { error }) });
      };
      // By a whole slice, though less of the run's time may be left: the clock of some tenths of a ms would run out on its own.
      work(limits.sliceMs * clockFactor).then(() => ended(undefined), ended);
    });
  }

  return {
    /** Links the script (imports are refused) and runs its top level. Throws what V8 says about its syntax. */
    evaluate(/** @type {string} */ code, /** @type {string} */ filename, /** @type {number} */ limitMs) {
      const module = isolate.compileModuleSync(code, { filename });
      module.instantiateSync(context, (specifier) => {
        throw new SyntaxError(`a script cannot import "${specifier}"`);
      });
      const evaluated = slice((timeout) => module.evaluate({ timeout }), limitMs);
      return { evaluated, namespace: () => module.namespace.derefInto() };
    },

    /**
     * Enters the script and takes what it left in the outbox. Both are queued at once, which saves a change of threads. An error of the first
     * alone is an unhandled rejection inside; the script may still handle it in a later slice.
     * @returns {Promise<Slice & { outbox?: string }>}
     */
    async step(/** @type {"play" | "deliver"} */ name, /** @type {unknown[]} */ args, /** @type {number} */ limitMs) {
      let outbox;
      const result = await slice(async (timeout) => {
        const entered = enter[name].apply(undefined, args, { timeout }).catch((/** @type {Error} */ error) => error);
        const drained = enter.drain.apply(undefined, [], { timeout });
        const [error, text] = await Promise.all([entered, drained.catch((/** @type {Error} */ failed) => failed)]);
        if (typeof text !== "string") throw error instanceof Error ? error : text;
        if (error instanceof Error && error.message === "Script execution timed out.") throw error;
        outbox = text;
      }, limitMs);
      return outbox === undefined ? result : { ...result, outbox };
    },

    heapMb() {
      if (isolate.isDisposed) return memoryMb;
      const heap = isolate.getHeapStatisticsSync();
      return Math.round(((heap.used_heap_size + heap.externally_allocated_size) / 1024 / 1024) * 10) / 10;
    },

    close() {
      if (!isolate.isDisposed) isolate.dispose();
    },
  };
}

module.exports = { clockFactor, makeIsolate, openIsolate };
