import type { ChildProcess } from "node:child_process";
import { sourceBytes } from "./limits.ts";
import { addonFile, lastWords, startProcess } from "./process.ts";
import type { CompileResult } from "./types.ts";

/** Parsing takes milliseconds; a source that takes longer is made to, ms. */
const compileLimitMs = 3_000;
/** The compiler's process ends when it was not needed for so long, ms. */
const idleMs = 30_000;

interface Compiler {
  compile(source: string, filename?: string): Promise<CompileResult>;
  close(): Promise<void>;
}

/**
 * Reads scripts in a process of its own, one after the other. Even a parser is too much for the server's process: a source can be written so that
 * parsing it takes very long. (The children that run scripts cannot do it: stripping types needs WebAssembly, which `--jitless` turns off.)
 */
export function createCompiler(identity: { uid: number; gid: number } | undefined): Compiler {
  let child: ChildProcess | undefined;
  let words = (): string => "";
  let idleTimer: NodeJS.Timeout | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  function stop(): void {
    clearTimeout(idleTimer);
    child?.kill("SIGKILL");
    child = undefined;
  }

  function running(): ChildProcess {
    clearTimeout(idleTimer);
    if (child?.connected) return child;
    child = startProcess("compiler.mjs", ["--no-node-snapshot", "--experimental-vm-modules"]);
    words = lastWords(child);
    child.send({ addon: addonFile(), identity });
    return child;
  }

  function ask(source: string, filename: string): Promise<CompileResult> {
    if (closed) return Promise.reject(new Error("the sandbox is closed"));
    const worker = running();
    const { promise, resolve, reject } = Promise.withResolvers<CompileResult>();
    const timer = setTimeout(() => {
      stop();
      resolve({ ok: false, message: `the script could not be read within ${compileLimitMs} ms` });
    }, compileLimitMs);
    const ended = (code: number | null, signal: string | null): void => {
      if (closed) return reject(new Error("the sandbox was closed"));
      // Foreign text brought the parser down; the next script gets a new process.
      if (signal !== null && signal !== "SIGKILL")
        return resolve({ ok: false, message: `reading the script ended its process (${signal})` });
      reject(new Error(`the process that reads scripts ended (${signal ?? code}): ${words()}`));
    };
    const answered = ({ broken, ...result }: CompileResult & { broken?: true }): void => {
      if (broken) stop();
      resolve(result);
    };
    worker.once("message", answered);
    worker.once("exit", ended);
    worker.once("error", reject);
    worker.send({ source, filename });
    return promise.finally(() => {
      clearTimeout(timer);
      worker.off("message", answered).off("exit", ended).off("error", reject);
      idleTimer = setTimeout(stop, idleMs).unref();
    });
  }

  return {
    compile(source, filename = "script.ts") {
      const bytes = Buffer.byteLength(source);
      if (bytes > sourceBytes)
        return Promise.resolve({ ok: false, message: `the script has ${bytes} bytes; ${sourceBytes} are allowed` });
      const next = last.then(() => ask(source, filename));
      last = next.catch(() => {});
      return next;
    },
    async close() {
      closed = true;
      stop();
      await last;
    },
  };
}
