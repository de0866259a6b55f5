import { type ChildProcess, spawn } from "node:child_process";
import { setPriority } from "node:os";

export interface CompilerLimits {
  /** ms on the clock. */
  readonly ms: number;
  readonly memoryMb: number;
}

/** `memory`: it needs more than it may have, or breaks on the script; `failed`: it could not do its work, whatever the script. */
export type CompilerEnd =
  | { readonly kind: "done"; readonly output: string }
  | { readonly kind: "time" }
  | { readonly kind: "memory" }
  /** `reason` is for publishers and names no path of the machine; `cause` is for its operator. */
  | { readonly kind: "failed"; readonly reason: string; readonly cause: Error };

/** Characters of the compiler's output that are kept; many times what is shown of it. */
const outputLength = 1_000_000;
/** Characters of its last words, which say why it gave up. */
const errorLength = 4_000;
/** Requests and scripts go first when the processors are busy. */
const niceness = 10;
/** Part of the memory at which its collector begins to work for it rather than take more. */
const softPart = 0.8;

/**
 * The system's own limits, in the process that becomes the compiler: they hold even when nobody is left to watch. Data and not
 * address space is what counts, since the compiler reserves much more than it uses.
 */
const limited = 'ulimit -d "$1" 2>/dev/null; ulimit -t "$2" 2>/dev/null; shift 2; exec "$@"';

function start(compiler: string, folder: string, args: readonly string[], limits: CompilerLimits): ChildProcess {
  const options = {
    cwd: folder,
    env: { GOMEMLIMIT: `${Math.round(limits.memoryMb * softPart)}MiB`, GOMAXPROCS: "1" },
    stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
  };
  if (process.platform === "win32") return spawn(compiler, args, options);
  const cpuSeconds = Math.ceil(limits.ms / 1_000) + 1;
  return spawn(
    "/bin/sh",
    ["-c", limited, "sh", `${limits.memoryMb * 1_024}`, `${cpuSeconds}`, compiler, ...args],
    options,
  );
}

/** The end of a text that arrives in pieces, or its beginning. */
function collect(child: ChildProcess, from: "stdout" | "stderr", length: number): () => string {
  let text = "";
  child[from]?.setEncoding("utf8").on("data", (piece: string) => {
    if (text.length < length) text = (text + piece).slice(0, length);
  });
  return () => text;
}

/** Runs the compiler on a folder, in a process of its own that sees nothing of ours and is killed when it passes a limit. */
export function runCompiler(
  compiler: string,
  folder: string,
  args: readonly string[],
  limits: CompilerLimits,
): Promise<CompilerEnd> {
  const child = start(compiler, folder, args, limits);
  const output = collect(child, "stdout", outputLength);
  const words = collect(child, "stderr", errorLength);
  const { promise, resolve } = Promise.withResolvers<CompilerEnd>();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, limits.ms);
  child.once("spawn", () => yieldTo(child));
  child.once("error", (cause: NodeJS.ErrnoException) =>
    resolve({ kind: "failed", reason: `the compiler cannot be started (${cause.code})`, cause }),
  );
  child.once("close", (code, signal) => resolve(late ? { kind: "time" } : endOf(code, signal, output(), words())));
  return promise.finally(() => clearTimeout(timer));
}

function yieldTo(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) setPriority(child.pid, niceness);
  } catch {
    // It has ended already, which its exit tells; or the system forbids it, and then it runs as any process does.
  }
}

/**
 * What its runtime says when it gives up. Without memory it stops wherever that shows first, also by an invalid access of its own;
 * and a script that brings it down with memory left would do so again.
 */
const broken = /^(?:fatal error: |panic: |runtime: |SIG\w+: |unexpected fault )/m;

/** The compiler ends with 1 or 2 when it found faults, and its runtime with 2 when it cannot go on. */
function endOf(code: number | null, signal: string | null, output: string, words: string): CompilerEnd {
  if (signal === "SIGXCPU") return { kind: "time" };
  if (code !== 0 && broken.test(words)) return { kind: "memory" };
  const told = code === 0 || ((code === 1 || code === 2) && words === "" && output !== "");
  if (told) return { kind: "done", output };
  return { kind: "failed", reason: `the compiler ended with ${signal ?? code}`, cause: new Error(words) };
}
