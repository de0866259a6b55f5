import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a bad line does to a request: nothing, or it is lost on the way there, or its answer on the way back. */
export type Fault = "none" | "request lost" | "answer lost" | "answer slow" | Response;

export interface Line {
  readonly url: string;
  /** Requests that arrived, in order. */
  readonly seen: { readonly method: string; readonly path: string; readonly headers: Headers }[];
  /** What happens to the requests from now on, one after the other; then none of it. */
  faults(...faults: readonly Fault[]): void;
  close(): Promise<void>;
}

async function requestOf(incoming: IncomingMessage, url: string): Promise<Request> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = "GET" } = incoming;
  const headers = Object.entries(incoming.headersDistinct).map(([k, v]): [string, string] => [k, v?.join(", ") ?? ""]);
  const body = chunks.length === 0 ? {} : { body: Buffer.concat(chunks) };
  return new Request(url + (incoming.url ?? "/"), { method, headers, ...body });
}

async function answer(outgoing: ServerResponse, response: Response): Promise<void> {
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

/** An application behind a socket that misbehaves as told. */
export async function openLine(fetch: (request: Request) => Response | Promise<Response>): Promise<Line> {
  const seen: Line["seen"] = [];
  const coming: Fault[] = [];
  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const request = await requestOf(incoming, url());
    seen.push({ method: request.method, path: incoming.url ?? "", headers: request.headers });
    const fault = coming.shift() ?? "none";
    if (fault === "request lost") return void incoming.socket.destroy();
    if (fault instanceof Response) return answer(outgoing, fault);
    const response = await fetch(request);
    if (fault === "answer lost") return void incoming.socket.destroy();
    if (fault === "none") return answer(outgoing, response);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: url(),
    seen,
    faults: (...faults) => void coming.splice(0, coming.length, ...faults),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
