import { join } from "node:path";
import { noTracer, type Observe, secret, type Tracer } from "@guanxi/base";
import { compose, type Composition, Endings } from "./compose.ts";
import type { MasterSecrets } from "@guanxi/kernel";
import { type Config, settings } from "./config.ts";
import { ensureDemo } from "./demo.ts";
import { startEmbeddedPostgres } from "./embedded/embedded.ts";
import { listen } from "./listen.ts";
import { keptSecret } from "./secrets.ts";
import type { Tracing } from "./tracing.ts";

export interface RunningServer {
  /** Undefined for a worker, which serves no API. */
  readonly address: string | undefined;
  /** Where `/metrics` is without a key, if anywhere. */
  readonly metricsAddress: string | undefined;
  /**
   * Says for `drainMs` that it ends while it goes on answering, so that nobody's request comes too late; not so when `hurried`. Then
   * requests and running scripts end, then everything that this process started.
   */
  stop(hurried: boolean): Promise<void>;
}

/** Starts what the configuration asks for; when anything fails, what was started is stopped again. */
export async function startServer(config: Config, observe: Observe): Promise<RunningServer> {
  const endings = new Endings();
  try {
    const { drain, ...running } = await start(config, observe, endings);
    return {
      ...running,
      async stop(hurried) {
        if (drain && !hurried) await drain();
        await endings.run();
      },
    };
  } catch (e) {
    await endings.run().catch((error: unknown) => observe({ kind: "background_failed", task: "stop", error }));
    throw e;
  }
}

async function start(
  config: Config,
  observe: Observe,
  endings: Endings,
): Promise<Omit<RunningServer, "stop"> & { drain?: () => Promise<void> }> {
  const tracer = await tracerOf(config, observe, endings);
  const embedded =
    config.databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir: config.dataDir, observe }) : undefined;
  if (embedded) endings.push(() => embedded.stop());
  const operatorKey = await operatorKeyOf(config);
  const composition = await compose({
    ...config,
    demo: config.demo && embedded !== undefined,
    database: embedded?.connection ?? config.databaseUrl ?? "",
    operatorKey,
    masterSecrets: await masterSecretsOf(config),
    files: {
      folder: join(config.dataDir, "files"),
      s3: config.s3,
      mostBytes: config.fileBytes,
      keepMs: config.fileKeepMs,
    },
    changes: { largeTableBytes: config.largeTableBytes, changeWaitMs: config.changeWaitMs },
    worker: config.role !== "api",
    api: config.role !== "worker",
    observe,
    tracer,
  });
  endings.push(() => composition.close());
  const metricsAddress = await listenForMonitors(config, composition, endings);
  if (config.role === "worker") {
    composition.ready();
    return { address: undefined, metricsAddress };
  }
  const { host, port } = config;
  const server = await listen(composition.app.fetch, { host, port, setting: settings.port.name });
  endings.push(() => server.close());
  if (config.demo && embedded) await ensureDemo(composition.kernel, config.dataDir, server.address, operatorKey);
  composition.ready();
  async function drain(): Promise<void> {
    composition.ending();
    server.drain();
    await new Promise((resolve) => setTimeout(resolve, config.drainMs));
  }
  return { address: server.address, metricsAddress, drain };
}

/** Traces to an OTLP receiver. Nothing of OpenTelemetry is loaded before. */
export async function openTracing(endpoint: string, observe: Observe): Promise<Tracing> {
  const { startTracing } = await import("./tracing.ts");
  return startTracing(endpoint, observe);
}

async function tracerOf({ tracesEndpoint }: Config, observe: Observe, endings: Endings): Promise<Tracer> {
  if (tracesEndpoint === undefined) return noTracer;
  const tracing = await openTracing(tracesEndpoint, observe);
  endings.push(() => tracing.stop());
  return tracing.tracer;
}

async function listenForMonitors(
  { metricsHost: host, metricsPort: port }: Config,
  composition: Composition,
  endings: Endings,
): Promise<string | undefined> {
  if (port === undefined) return undefined;
  const listener = await listen(monitoring(composition), { host, port, setting: settings.metricsPort.name });
  endings.push(() => listener.close());
  return listener.address;
}

/** The operator's key: as set, or kept in the data folder; a worker has no use for one. */
async function operatorKeyOf(config: Config): Promise<string> {
  if (config.operatorKey !== undefined) return config.operatorKey;
  return config.databaseUrl === undefined ? keptSecret(config.dataDir, "operator-key") : secret();
}

/** The secret that encrypted fields hang on: as set, or kept in the data folder. */
async function masterSecretsOf(config: Config): Promise<MasterSecrets | undefined> {
  const { masterKey, previousMasterKeys: previous, databaseUrl, dataDir } = config;
  const current = masterKey ?? (databaseUrl === undefined ? await keptSecret(dataDir, "master-key") : undefined);
  return current === undefined ? undefined : { current, previous };
}

/** What monitors ask, without a key: this is for an address that only they reach. */
function monitoring({ health, metrics }: Composition): (request: Request) => Promise<Response> {
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "GET" && request.method !== "HEAD")
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
    if (pathname === "/metrics") {
      const { contentType, text } = await metrics();
      return new Response(text, { headers: { "content-type": contentType } });
    }
    if (pathname !== "/health" && pathname !== "/ready") return new Response(null, { status: 404 });
    const { ok, ready, checks } = await health();
    const well = pathname === "/ready" ? ready : ok;
    return Response.json({ ok: well, checks }, { status: well ? 200 : 503 });
  };
}
