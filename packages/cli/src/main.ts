import { exitCodes } from "./failure.ts";
import { run } from "./run.ts";

/** One that comes sooner, in ms, is the same Ctrl-C on a second way: from the terminal, and passed on by npm or npx. */
const echoMs = 1_000;

const interruption = new AbortController();
let interruptedAt: number | undefined;

function interrupt(): void {
  if (interruptedAt !== undefined && performance.now() - interruptedAt > echoMs) process.exit(exitCodes.interrupted);
  interruptedAt ??= performance.now();
  interruption.abort();
}

const words = process.argv.slice(2);
// A server has its own way to stop.
if (words[0] !== "serve" && words[0] !== "worker")
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, interrupt);

// Whoever reads us has heard enough, as `head` does.
process.stdout.on("error", () => process.exit(exitCodes.failed));

const { stdin, stdout, stderr, env } = process;
process.exitCode = await run(words, { stdin, stdout, stderr, env, interrupted: interruption.signal });
// An answer that nobody reads to its end would keep the process.
if (words[0] !== "serve" && words[0] !== "worker") stdin.destroy();
