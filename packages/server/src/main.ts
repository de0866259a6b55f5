import { isGuanxiError, issueMessage } from "@guanxi/base";
import { type Config, readConfig } from "./config.ts";
import { logTo } from "./log.ts";
import { startServer } from "./serve.ts";

/** Milliseconds that a stop may take before the process ends all the same. */
const patienceMs = 30_000;
/**
 * A signal to the whole process group, as Ctrl-C sends it, comes a second time from npm, which passes it on. So only one that comes
 * later than this, in ms, is an operator's who has lost patience.
 */
const echoMs = 1_000;

function explain(error: unknown): string {
  if (!isGuanxiError(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  return [error.message, ...error.issues.map((i) => `  ${i.path} ${issueMessage(i, "en")}`)].join("\n");
}

function announce(config: Config, address: string | undefined, ms: number): void {
  if (address === undefined) {
    console.log(`Guanxi worker ready after ${ms} ms`);
    return;
  }
  console.log(`Guanxi is ready after ${ms} ms: ${address}`);
  console.log(`  API description  ${address}/api/openapi.json`);
  if (config.demo && config.databaseUrl === undefined)
    console.log(`  demo keys        ${config.dataDir}/demo-keys.json`);
}

async function main(): Promise<void> {
  const observe = logTo(process.stderr);
  const started = performance.now();
  const config = readConfig(process.env);
  let stopRequested: NodeJS.Signals | undefined;
  let stop = (signal: NodeJS.Signals): void => void (stopRequested = signal);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop(signal));
  const server = await startServer(config, observe);
  stop = (signal) => {
    const begun = performance.now();
    stop = () => {
      if (performance.now() - begun > echoMs) process.exit(1);
    };
    observe({ kind: "stopping", reason: signal });
    setTimeout(() => process.exit(1), patienceMs).unref();
    server.stop().then(
      () => {
        observe({ kind: "stopped", ms: Math.round(performance.now() - begun) });
        process.exit(0);
      },
      (error: unknown) => {
        observe({ kind: "background_failed", task: "stop", error });
        process.exit(1);
      },
    );
  };
  announce(config, server.address, Math.round(performance.now() - started));
  if (stopRequested) stop(stopRequested);
}

main().catch((error: unknown) => {
  console.error(explain(error));
  process.exit(1);
});
