import { Readable } from "node:stream";
import type { ReadableStream as WebStream } from "node:stream/web";
import { type Locale, pickLocale } from "@guanxi/base";
import { GuanxiProblem, problemOf } from "@guanxi/client";
import { Interrupted } from "./failure.ts";
import type { Io } from "./io.ts";
import type { Target } from "./target.ts";

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;
export type Method = (typeof methods)[number];

export interface Request {
  readonly method?: Method;
  /** From the first slash on, percent-encoded. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly stream?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  /** ms until the answer's head; unless given, what an answer takes that no work of hours stands behind. */
  readonly timeoutMs?: number;
  /** Ends the request; the user's interruption unless given. */
  readonly signal?: AbortSignal;
}

export interface Api {
  readonly url: string;
  /** The answer's JSON; undefined without a body. */
  json<T>(request: Request): Promise<T>;
  /** An answer that is read as it comes. */
  open(request: Request): Promise<Response>;
}

/** The server's own statements stop after 30 s unless set otherwise; beyond twice that nothing is to be expected. */
const answerMs = 60_000;
/** For uploads, copies and the like, which take as long as they take: as good as never. */
export const unlimitedMs = 24 * 3_600_000;

/** The user's language by the rules of POSIX. */
export function localeOf(io: Io): Locale {
  const { env } = io;
  const name = env["LC_ALL"] || env["LC_MESSAGES"] || env["LANG"] || "";
  return pickLocale(name.split(".")[0]?.replace("_", "-"));
}

/** Speaks to one server as one caller. Rejects with GuanxiProblem, or Interrupted when the user ended it. */
export function createApi(io: Io, target: Target): Api {
  async function attempt(request: Request): Promise<Response> {
    const stop = request.signal ?? io.interrupted;
    const timer = new AbortController();
    const limit = setTimeout(() => timer.abort(), request.timeoutMs ?? answerMs);
    try {
      const response = await fetch(target.url + request.path, {
        method: request.method ?? "GET",
        headers: {
          accept: "*/*",
          ...connectionOf(request),
          "accept-language": localeOf(io),
          ...(target.key === "" ? {} : { authorization: `Bearer ${target.key}` }),
          ...(request.body === undefined ? {} : { "content-type": "application/json" }),
          ...request.headers,
        },
        signal: AbortSignal.any([stop, timer.signal]),
        ...bodyOf(request),
      });
      if (!response.ok) throw await problemIn(response, request, target);
      return response;
    } catch (error) {
      if (error instanceof GuanxiProblem) throw error;
      if (stop.aborted) throw new Interrupted("Interrupted.");
      throw unreachable(target.url, error, timer.signal.aborted);
    } finally {
      clearTimeout(limit);
    }
  }
  /** What only reads is asked once more where the connection was cut, such as a kept one of an upload before. */
  async function open(request: Request): Promise<Response> {
    try {
      return await attempt(request);
    } catch (error) {
      if ((request.method ?? "GET") !== "GET" || !wasCut(error)) throw error;
      return attempt(request);
    }
  }
  return {
    url: target.url,
    open,
    async json<T>(request: Request): Promise<T> {
      const response = await open(request);
      const text = await response.text();
      try {
        return (text === "" ? undefined : JSON.parse(text)) as T;
      } catch {
        throw new GuanxiProblem({ status: response.status, code: "HTTP", title: stranger(target.url) });
      }
    },
  };
}

/**
 * A connection that is kept may be closed by the server in the moment of the next request, which then fails; what only reads is asked once more. Its
 * connection is kept, since Node.js breaks down when one ends whose body is still being read (nodejs/undici issue 5360). So is one for an upload: the
 * server that refuses in the middle would else close it at once, and its answer would be lost.
 */
const connectionOf = ({ method = "GET", stream }: Request): Record<string, string> =>
  stream === undefined && method !== "GET" ? { connection: "close" } : {};

function bodyOf({ body, stream }: Request): object {
  if (stream !== undefined) return { body: Readable.toWeb(stream), duplex: "half" };
  return body === undefined ? {} : { body: JSON.stringify(body) };
}

/** The answer's body as a stream of Node.js. */
export const bytesOf = (response: Response): Readable =>
  response.body === null ? Readable.from([]) : Readable.fromWeb(response.body as WebStream<Uint8Array>);

const stranger = (url: string): string => `What answers at ${url} is not a Guanxi server; check --url or GUANXI_URL.`;

const networkReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the host's name cannot be looked up",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the host",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  UND_ERR_CONNECT_TIMEOUT: "the host does not answer",
};

const codeOf = (error: unknown): string =>
  (error as { cause?: { code?: string } | undefined } | undefined)?.cause?.code ?? "";

const wasCut = (error: unknown): boolean =>
  error instanceof GuanxiProblem && ["ECONNRESET", "UND_ERR_SOCKET", "EPIPE"].includes(codeOf(error.cause));

function unreachable(url: string, cause: unknown, late: boolean): GuanxiProblem {
  const inner = (cause as { cause?: { message?: string } }).cause;
  const reason = late
    ? "no answer came in time"
    : (networkReasons[codeOf(cause)] ?? inner?.message ?? (cause as Error).message);
  const advice = "Start a server there (`guanxi serve`), or name another one with --url or GUANXI_URL.";
  const detail = `${url} cannot be reached: ${reason}.\n${advice}`;
  return new GuanxiProblem({ status: 0, code: "NETWORK", title: "The server cannot be reached", detail, cause });
}

/** What the server has refused, with what the user can do about it. */
async function problemIn(response: Response, { path }: Request, target: Target): Promise<GuanxiProblem> {
  const { status, code, title, detail, errors, requestId } = problemOf(response, await response.text());
  if (code === "HTTP") return new GuanxiProblem({ status, code, title: stranger(target.url), requestId });
  const advice = adviceFor(status, target);
  const says = detail ?? (status === 404 ? `${title}: ${path.split("?")[0]}` : title);
  const words = advice === undefined ? says : `${says}. ${advice}`;
  return new GuanxiProblem({ status, code, title, detail: words, errors, requestId });
}

function adviceFor(status: number, { caller, url }: Target): string | undefined {
  if (status !== 401 && !(status === 403 && caller === "operator")) return undefined;
  return caller === "operator"
    ? `The operator's key of ${url} is another one: see GUANXI_OPERATOR_KEY, --operator-key.`
    : `The key is not one of ${url}, or was revoked or has expired: see GUANXI_KEY, --key.`;
}
