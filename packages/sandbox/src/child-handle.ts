import type { Observation, Observe } from "@guanxi/base";
import { runLimits } from "./limits.ts";
import { canReadRss, lastWords, readRssMb, startProcess } from "./process.ts";
import type { FromChild, ToChild } from "./protocol.ts";
import { type Kill, type RunSession, startSession } from "./run-session.ts";
import type { Job, Outcome } from "./types.ts";

/** How often the memory of a child at work is looked at, ms. At 1 GB/s of allocation it overshoots by some 50 MB. */
const watchEveryMs = 50;
/** A child that is not ready by then is given up, ms. */
const startLimitMs = 15_000;

const flags = ["--no-node-snapshot", "--jitless", "--enable-experimental-regexp-engine-on-excessive-backtracks"];

export interface ChildSettings {
  readonly addon: string;
  readonly bootstrap: string;
  readonly identity: { uid: number; gid: number } | undefined;
  readonly rssLimitMb: number;
  readonly observe: Observe;
}

/** The parent's side of one child process. It runs one job at a time. */
export interface Child {
  readonly pid: number;
  /** The only tenant it will ever serve; empty while it is a spare. */
  tenant: string;
  readonly ready: Promise<void>;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  readonly alive: boolean;
  readonly runs: number;
  run(job: Job): Promise<Outcome>;
  kill: Kill;
  /** For one that did nothing wrong. */
  end(reason: string): void;
  rssMb(): number | undefined;
}

/** Signals with which V8 or the processor ends a process that a script has driven too far. */
const crashes: ReadonlySet<string> = new Set(["SIGABRT", "SIGTRAP", "SIGILL", "SIGSEGV", "SIGBUS", "SIGFPE"]);

export function startChild(settings: ChildSettings): Child {
  const { addon, bootstrap, identity, rssLimitMb, observe } = settings;
  const child = startProcess("main.cjs", flags);
  const words = lastWords(child);
  const pid = child.pid ?? 0;
  let alive = true;
  let gone = false;
  let runs = 0;
  let lastRssMb = 0;
  let session: RunSession | undefined;

  const send = (message: ToChild): void => {
    // A channel that has closed means an exit event is on its way, and that ends the run.
    if (child.connected) child.send(message, () => {});
  };

  const readiness = Promise.withResolvers<void>();
  const exit = Promise.withResolvers<void>();
  const startTimer = setTimeout(() => handle.kill("start", "did not start"), startLimitMs);

  child.on("message", (message: FromChild) => {
    if (message.type !== "ready") return session?.receive(message);
    clearTimeout(startTimer);
    readiness.resolve();
  });
  child.on("error", () => end(null, "SIGKILL"));
  child.on("exit", end);

  function end(code: number | null, signal: string | null): void {
    if (gone) return;
    gone = true;
    clearTimeout(startTimer);
    const how = signal ?? `exit code ${code}`;
    if (alive)
      observe({
        kind: "sandbox_killed",
        tenant: handle.tenant,
        pid,
        cause: "crash",
        reason: `ended by itself: ${how} ${words()}`.trim(),
      });
    alive = false;
    session?.childEnded(signal === null ? "broke" : crashes.has(signal) ? "crashed" : "was killed", how);
    // Nobody may be waiting for a child that ends while it starts; the pool looks at `alive`.
    readiness.promise.catch(() => {});
    readiness.reject(new Error(`the child process ended while it started: ${how} ${words()}`.trim()));
    exit.resolve();
  }

  function stop(why: Observation): void {
    if (!alive) return;
    alive = false;
    child.kill("SIGKILL");
    observe(why);
  }

  function watchMemory(): void {
    lastRssMb = readRssMb(pid) ?? lastRssMb;
    if (lastRssMb > rssLimitMb) session?.killFor("memory", Math.round(lastRssMb));
  }

  const handle: Child = {
    pid,
    tenant: "",
    ready: readiness.promise,
    exited: exit.promise,
    get alive() {
      return alive;
    },
    get runs() {
      return runs;
    },
    async run(job) {
      if (gone) return { status: "put_back", reason: "child_died" };
      runs++;
      const memoryTimer = setInterval(watchMemory, watchEveryMs);
      session = startSession({
        job,
        limits: job.limits ?? runLimits,
        run: runs,
        send,
        kill: handle.kill,
        rssMb: () => lastRssMb,
      });
      try {
        return await session.outcome;
      } finally {
        clearInterval(memoryTimer);
        session = undefined;
      }
    },
    kill: (cause, reason) => stop({ kind: "sandbox_killed", tenant: handle.tenant, pid, cause, reason }),
    end: (reason) => stop({ kind: "sandbox_ended", tenant: handle.tenant, pid, reason }),
    rssMb: () => readRssMb(pid),
  };

  send({
    type: "init",
    addon,
    bootstrap,
    limits: runLimits,
    ...(identity && { identity }),
    ...(canReadRss ? {} : { rssLimitMb }),
  });
  return handle;
}
