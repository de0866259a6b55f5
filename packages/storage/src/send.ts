import { type IncomingMessage, request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import type { Readable } from "node:stream";

/** ms without a byte either way after which a connection is given up; more than a slow receiver has (5 min), for whom it is paused. */
const idleMs = 330_000;

/**
 * One request → its answer, whose body is not read yet. Not by `fetch`: that of Node.js 24 ends the process where a server closes a
 * connection on which a slow reader has paused.
 */
export function send(
  url: URL,
  method: string,
  headers: Readonly<Record<string, string>>,
  body?: Readable,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = url.protocol === "https:" ? overHttps : overHttp;
  const outgoing = request(url, { method, headers: { ...headers }, timeout: idleMs });
  outgoing.on("response", resolve).on("error", reject);
  outgoing.on("timeout", () => outgoing.destroy(new Error(`nothing moved for ${idleMs} ms`)));
  outgoing.on("close", () => body?.destroy());
  if (!body) outgoing.end();
  else body.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  return promise;
}
