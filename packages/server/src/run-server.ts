import { isGuanxiError, issueMessage } from "@guanxi/base";
import { type Config, readConfig } from "./config.ts";
import { createLog } from "./log.ts";
import { type RunningServer, startServer } from "./serve.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds that a stop may take after its drain before the process ends all the same. */
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

function announce(config: Config, { address, metricsAddress }: RunningServer, ms: number): void {
  if (address === undefined) {
    console.log(`Guanxi worker ready after ${ms} ms`);
  } else {
    console.log(`Guanxi is ready after ${ms} ms: ${address}`);
    console.log(`  API reference    ${address}/docs`);
    console.log(`  API description  ${address}/api/openapi.json`);
  }
  if (metricsAddress !== undefined) console.log(`  metrics          ${metricsAddress}/metrics`);
  if (config.demo && config.databaseUrl === undefined)
    console.log(`  demo keys        ${config.dataDir}/demo-keys.json`);
}

async function run(environment: Environment): Promise<void> {
  const started = performance.now();
  const config = readConfig(environment);
  const log = createLog({ level: config.logLevel });
  const { observe } = log;
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
    // Who presses Ctrl-C waits for it.
    const hurried = signal === "SIGINT";
    setTimeout(() => process.exit(1), patienceMs + (hurried ? 0 : config.drainMs)).unref();
    server.stop(hurried).then(
      () => {
        log.close();
        observe({ kind: "stopped", ms: Math.round(performance.now() - begun) });
        process.exit(0);
      },
      (error: unknown) => {
        observe({ kind: "background_failed", task: "stop", error });
        log.close();
        process.exit(1);
      },
    );
  };
  announce(config, server, Math.round(performance.now() - started));
  if (stopRequested) stop(stopRequested);
}

/** Makes this process a server with these settings until a signal stops it. One that cannot start says why and ends with code 1. */
export function runServer(environment: Environment): void {
  run(environment).catch((error: unknown) => {
    console.error(explain(error));
    process.exit(1);
  });
}
