import { openAsBlob } from "node:fs";

/** Longest wait for one answer; 1,000 records are written in well under a second. */
const answerTimeoutMs = 60_000;
/** An upload takes as long as its file is long. */
const uploadTimeoutMs = 3_600_000;
/** The API's largest page. */
const pageSize = 500;

/** What the server refused, with every fault it named. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export type Fields = Readonly<Record<string, unknown>>;
export type ApiRecord = Fields & { readonly id: string };

export interface Client {
  readonly url: string;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Posts a file as it is. */
  upload<T>(path: string, file: string, type: string): Promise<T>;
  /** An answer that is not JSON. */
  text(path: string): Promise<string>;
  /** Every record that the filter finds, page by page. */
  list(plural: string, query: { readonly select: readonly string[]; readonly filter?: string }): Promise<ApiRecord[]>;
  aggregate(plural: string, query: Readonly<Record<string, string>>): Promise<Fields[]>;
}

interface Problem {
  readonly code?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

async function refusal(method: string, path: string, response: Response): Promise<ApiError> {
  const body = await response.text();
  let problem: Problem = {};
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    problem = { detail: body.slice(0, 300) };
  }
  const faults = (problem.errors ?? []).slice(0, 10).map((e) => `\n  ${e.path} ${e.message}`);
  const said = [problem.code, problem.title, problem.detail].filter(Boolean).join(": ");
  return new ApiError(
    response.status,
    problem.code,
    `${method} ${path} → ${response.status} ${said}${faults.join("")}`,
  );
}

function unreachable(url: string, cause: unknown): Error {
  const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
  return new Error(`No answer from ${url} (${reason}). Is the server running? \`npm start\` starts it.`, { cause });
}

/** A client of the public API at `url` (scheme, host and port), speaking for the holder of `key`. */
export function createClient({ url, key }: { readonly url: string; readonly key: string }): Client {
  const base = url.replace(/\/+$/, "");

  async function send(method: string, path: string, body: Blob | null, timeoutMs: number): Promise<Response> {
    const response = await fetch(base + path, {
      method,
      headers: { authorization: `Bearer ${key}` },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((e: unknown) => {
      throw unreachable(base, e);
    });
    if (!response.ok) throw await refusal(method, path, response);
    return response;
  }

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const json = body === undefined ? null : new Blob([JSON.stringify(body)], { type: "application/json" });
    const response = await send(method, path, json, answerTimeoutMs);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  return {
    url: base,
    call,
    async upload<T>(path: string, file: string, type: string) {
      const response = await send("POST", path, await openAsBlob(file, { type }), uploadTimeoutMs);
      return (await response.json()) as T;
    },
    text: async (path) => (await send("GET", path, null, answerTimeoutMs)).text(),
    async list(plural, { select, filter }) {
      const records: ApiRecord[] = [];
      let cursor: string | null = null;
      do {
        const query = {
          select: select.join(","),
          limit: pageSize,
          ...(filter === undefined ? {} : { filter }),
          ...(cursor === null ? {} : { cursor }),
        };
        const page: { data: ApiRecord[]; next: string | null } = await call("POST", `/api/${plural}/query`, query);
        records.push(...page.data);
        cursor = page.next;
      } while (cursor !== null);
      return records;
    },
    async aggregate(plural, query) {
      const answer = await call<{ data: Fields[] }>("GET", `/api/${plural}/aggregate?${new URLSearchParams(query)}`);
      return answer.data;
    },
  };
}
