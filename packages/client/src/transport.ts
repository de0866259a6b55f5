import { GuanxiProblem, problemOf, readJson } from "./problem.ts";

export interface TransportOptions {
  /** Where the server is: `https://crm.example.com`. */
  readonly url: string;
  /** An API key or a token. */
  readonly key: string;
  /** Sends a request; the platform's `fetch` unless another one is given. */
  readonly fetch?: (request: Request) => Response | Promise<Response>;
  /** Further attempts after the first, where repeating is safe. */
  readonly retries?: number;
  /** Milliseconds that one attempt may take. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface WriteOptions extends CallOptions {
  /** Names this write, so that it is done once however often it is sent; made for each write unless given. */
  readonly idempotencyKey?: string | undefined;
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface Call extends WriteOptions {
  readonly method: Method;
  /** From `/api/` on, percent-encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly version?: number | undefined;
  /** A POST that only reads. */
  readonly reads?: boolean;
}

export interface Reply {
  readonly status: number;
  /** Undefined where the answer has no body. */
  readonly body: unknown;
}

export type Send = (call: Call) => Promise<Reply>;

/** What a file comes from. A stream is sent as it is read, where the platform can do that. */
export type FileBody = string | Uint8Array | Blob | ReadableStream<Uint8Array>;

export interface FileCall extends CallOptions {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: FileBody;
}

/** Sends a file, or asks for one, whose bytes are the answer's `body`; once, because half a file is none. */
export type Transfer = (call: FileCall) => Promise<Response>;

export interface Transport {
  readonly send: Send;
  readonly transfer: Transfer;
}

const defaultRetries = 3;
const defaultTimeoutMs = 30_000;
/** The first pause is up to a quarter of a second, each further one up to twice as long, none longer than 10 s. */
const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** A server that asks for more patience than this many seconds is answered by giving up. */
const longestWaitSeconds = 60;

const passing: ReadonlySet<number> = new Set([0, 429, 502, 503, 504]);

/** Whether the same request may fare better later: nothing answered, or somebody who could not help just now. */
const mayPass = (problem: GuanxiProblem): boolean => passing.has(problem.status) || problem.code === "GX-IN_FLIGHT";

/** Chance keeps clients that failed together from coming back together. */
function pauseMs(problem: GuanxiProblem, attempt: number): number {
  const asked = (problem.retryAfter ?? 0) * 1_000;
  return asked + Math.random() * Math.min(longestPauseMs, firstPauseMs * 2 ** attempt);
}

export function createTransport(options: TransportOptions): Transport {
  const { retries = defaultRetries, timeoutMs = defaultTimeoutMs, key } = options;
  const base = options.url.replace(/\/+$/, "");
  const send = options.fetch ?? ((request: Request) => fetch(request));

  async function attempt(call: Call, headers: Record<string, string>): Promise<Reply> {
    const body = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
    const limit = timeLimit(timeoutMs, call.signal);
    let response: Response;
    let text: string;
    try {
      const request = new Request(base + call.path, { method: call.method, headers, signal: limit.signal, ...body });
      response = await Promise.race([send(request), limit.reached]);
      text = await Promise.race([response.text(), limit.reached]);
    } catch (cause) {
      throw lost(call, limit.signal.aborted, cause);
    } finally {
      limit.clear();
    }
    if (!response.ok) throw problemOf(response, text);
    return { status: response.status, body: text === "" ? undefined : readJson(response, text) };
  }

  function lost(call: CallOptions, late: boolean, cause: unknown): GuanxiProblem {
    call.signal?.throwIfAborted();
    return late
      ? new GuanxiProblem({ status: 0, code: "TIMEOUT", title: `No answer within ${timeoutMs} ms`, cause })
      : new GuanxiProblem({ status: 0, code: "NETWORK", title: "The server cannot be reached", cause });
  }

  /** Only the caller's signal ends it: nobody knows how long a file takes. */
  async function transfer(call: FileCall): Promise<Response> {
    const { method, path, body, signal } = call;
    signal?.throwIfAborted();
    const init = {
      method,
      headers: { authorization: `Bearer ${key}`, ...call.headers },
      ...(signal ? { signal } : {}),
      // A stream can be sent only while the answer is not read yet.
      ...(body === undefined ? {} : { body, duplex: "half" }),
    };
    let response: Response;
    try {
      response = await send(new Request(base + path, init as RequestInit));
      if (response.ok) return response;
      throw problemOf(response, await response.text());
    } catch (cause) {
      throw cause instanceof GuanxiProblem ? cause : lost(call, false, cause);
    }
  }

  async function sendRepeatedly(call: Call): Promise<Reply> {
    const writes = call.method !== "GET" && !call.reads;
    const idempotencyKey = call.idempotencyKey ?? (writes && retries > 0 ? crypto.randomUUID() : undefined);
    const headers = headersOf(call, key, idempotencyKey);
    for (let tried = 0; ; tried++) {
      call.signal?.throwIfAborted();
      try {
        return await attempt(call, headers);
      } catch (error) {
        const problem = error instanceof GuanxiProblem && mayPass(error) ? error : undefined;
        if (!problem || tried >= retries || (problem.retryAfter ?? 0) > longestWaitSeconds) throw error;
        await pause(pauseMs(problem, tried), call.signal);
      }
    }
  }

  return { send: sendRepeatedly, transfer };
}

/**
 * Aborts after the time or with `outer`, whichever is first. `reached` rejects then, whatever the request does: runtimes let go
 * of combined and timed signals that only a request refers to, and such a request would never end.
 */
function timeLimit(ms: number, outer: AbortSignal | undefined) {
  const controller = new AbortController();
  const forward = (): void => controller.abort(outer?.reason);
  const timer = setTimeout(() => controller.abort(new Error(`no answer within ${ms} ms`)), ms);
  const reached = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason), { once: true });
  });
  // Most requests end in time, and nobody hears of a limit that is reached later.
  reached.catch(() => undefined);
  outer?.addEventListener("abort", forward, { once: true });
  return {
    signal: controller.signal,
    reached,
    clear(): void {
      clearTimeout(timer);
      outer?.removeEventListener("abort", forward);
    },
  };
}

function headersOf(call: Call, key: string, idempotencyKey: string | undefined): Record<string, string> {
  return {
    accept: "application/json",
    authorization: `Bearer ${key}`,
    ...(call.body === undefined ? {} : { "content-type": "application/json" }),
    ...(call.version === undefined ? {} : { "if-match": `"${call.version}"` }),
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
  };
}

/** Rejects as soon as the signal aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort, { once: true });
  });
}
