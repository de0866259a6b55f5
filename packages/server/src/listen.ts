import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { GuanxiError } from "@guanxi/base";
import { type ServerType, serve } from "@hono/node-server";

export interface Listener {
  /** `http://host:port`. */
  readonly address: string;
  /** From now on every answer asks its caller to use another connection next time. */
  drain(): void;
  /** Takes no new connections, answers what is under way, and closes each connection that stays open between requests after its answer. */
  close(): Promise<void>;
}

interface Place {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** The setting that the port is from. */
  readonly setting: string;
}

/** Throws UNAVAILABLE with what to do about it where nobody can listen there. */
export function listen(fetch: (request: Request) => Response | Promise<Response>, place: Place): Promise<Listener> {
  const { host, port, setting } = place;
  return new Promise((resolve, reject) => {
    // The file of a backup may take hours to arrive; who reads a body bounds it, in bytes or in the time between two of them.
    const serverOptions = { requestTimeout: 0 };
    const server = serve({ fetch, hostname: host, port, serverOptions }, () =>
      resolve({
        address: addressOf(host, (server.address() as AddressInfo).port),
        drain: () => lastAnswers(server),
        close: () => closeServer(server),
      }),
    );
    server.once("error", (e: NodeJS.ErrnoException) => {
      const detail =
        e.code === "EADDRINUSE"
          ? `Port ${port} is taken: stop what uses it, or set ${setting} to another one (0 for any).`
          : `Cannot listen on ${host}:${port}: ${e.message}`;
      reject(new GuanxiError("UNAVAILABLE", { detail, cause: e }));
    });
  });
}

const addressOf = (host: string, port: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${port}`;

/** How often connections are looked at that have become idle while the server closes, ms. */
const idleCheckMs = 50;

function lastAnswers(server: ServerType): void {
  server.prependListener("request", (_request: unknown, response: ServerResponse) => {
    response.setHeader("connection", "close");
  });
}

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve, reject) => {
    lastAnswers(server);
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
