import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GuanxiError, type Observe, secret } from "@guanxi/base";
import { type ServerType, serve as listen } from "@hono/node-server";
import { compose, Endings } from "./compose.ts";
import type { Config } from "./config.ts";
import { ensureDemo } from "./demo.ts";
import { startEmbeddedPostgres } from "./embedded/embedded.ts";
import { keptSecret } from "./secrets.ts";

export interface RunningServer {
  /** Undefined for a worker, which listens to nobody. */
  readonly address: string | undefined;
  /** Drains: requests and running scripts end first, then everything that this process started. */
  stop(): Promise<void>;
}

/** Starts what the configuration asks for; when anything fails, what was started is stopped again. */
export async function startServer(config: Config, observe: Observe): Promise<RunningServer> {
  const endings = new Endings();
  try {
    return { address: await start(config, observe, endings), stop: () => endings.run() };
  } catch (e) {
    await endings.run().catch((error: unknown) => observe({ kind: "background_failed", task: "stop", error }));
    throw e;
  }
}

async function start(config: Config, observe: Observe, endings: Endings): Promise<string | undefined> {
  const embedded =
    config.databaseUrl === undefined ? await startEmbeddedPostgres({ dataDir: config.dataDir, observe }) : undefined;
  if (embedded) endings.push(() => embedded.stop());
  const operatorKey = await operatorKeyOf(config);
  const composition = await compose({
    ...config,
    database: embedded?.connection ?? config.databaseUrl ?? "",
    operatorKey,
    worker: config.role !== "api",
    observe,
  });
  endings.push(() => composition.close());
  if (config.role === "worker") {
    composition.ready();
    return undefined;
  }
  const server = await listenOn(composition.app.fetch, config);
  endings.push(() => closeServer(server));
  const address = addressOf(config.host, (server.address() as AddressInfo).port);
  if (config.demo && embedded) await ensureDemo(composition.kernel, config.dataDir, address, operatorKey);
  composition.ready();
  return address;
}

/** The operator's key: as set, or kept in the data folder; a worker has no use for one. */
async function operatorKeyOf(config: Config): Promise<string> {
  if (config.operatorKey !== undefined) return config.operatorKey;
  return config.databaseUrl === undefined ? keptSecret(config.dataDir, "operator-key") : secret();
}

const addressOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

function listenOn(fetch: (request: Request) => Response | Promise<Response>, config: Config): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = listen({ fetch, hostname: config.host, port: config.port }, () => resolve(server));
    server.once("error", (e: NodeJS.ErrnoException) => {
      const detail =
        e.code === "EADDRINUSE"
          ? `Port ${config.port} is taken: stop what uses it, or set PORT to another one (0 for any).`
          : `Cannot listen on ${config.host}:${config.port}: ${e.message}`;
      reject(new GuanxiError("UNAVAILABLE", { detail, cause: e }));
    });
  });
}

/** How often connections are looked at that have become idle while the server closes, ms. */
const idleCheckMs = 50;

/** Takes no new connections, answers what is under way, and closes each connection that stays open between requests after its answer. */
function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve, reject) => {
    server.prependListener("request", (_request: unknown, response: ServerResponse) => {
      response.setHeader("connection", "close");
    });
    const closeIdle = (): void => {
      if ("closeIdleConnections" in server) server.closeIdleConnections();
    };
    const timer = setInterval(closeIdle, idleCheckMs);
    server.close((e) => {
      clearInterval(timer);
      if (e) reject(e);
      else resolve();
    });
    closeIdle();
  });
}
