/** One fault of a refused request: where it is and what is wrong. */
export interface ProblemIssue {
  /** JSON pointer into the body, or a parameter's name. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
  /** Characters from the start of an expression. */
  readonly position?: number;
  /** 1-based place in a script. */
  readonly line?: number;
  readonly column?: number;
}

export interface ProblemFacts {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail?: string | undefined;
  readonly errors?: readonly ProblemIssue[] | undefined;
  readonly requestId?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** A call that did not succeed: what the server answered, or that nothing answered. */
export class GuanxiProblem extends Error {
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** `GX-VALIDATION` and the like; `NETWORK` and `TIMEOUT` without an answer, `HTTP` for one that is not the server's own. */
  readonly code: string;
  readonly title: string;
  readonly detail: string | undefined;
  /** All faults of the request at once. */
  readonly errors: readonly ProblemIssue[];
  /** Names the request in the server's logs. */
  readonly requestId: string | undefined;
  /** Seconds after which the server would like to be asked again. */
  readonly retryAfter: number | undefined;

  constructor(facts: ProblemFacts) {
    const issues = facts.errors ?? [];
    const lines = issues.map((issue) => `\n  ${issue.path}: ${issue.message}`);
    super(
      `${facts.code}: ${facts.detail ?? facts.title}${lines.join("")}`,
      facts.cause === undefined ? {} : { cause: facts.cause },
    );
    this.name = "GuanxiProblem";
    this.status = facts.status;
    this.code = facts.code;
    this.title = facts.title;
    this.detail = facts.detail;
    this.errors = issues;
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
  }
}

/** The problem of an answer that is no success, `text` being its body; what a proxy wrote, or cut off, counts by its status alone. */
export function problemOf(response: Response, text: string): GuanxiProblem {
  const isProblem = response.headers.get("content-type")?.startsWith("application/problem+json") === true;
  const facts = (isProblem ? factsIn(text) : undefined) ?? {
    code: "HTTP",
    title: `HTTP ${response.status}`,
  };
  return new GuanxiProblem({ ...facts, ...circumstances(response) });
}

/** The JSON of a success; where it is none, somebody else has answered. */
export function readJson(response: Response, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const title = `HTTP ${response.status} without the JSON that belongs to it`;
    throw new GuanxiProblem({ code: "HTTP", title, cause, ...circumstances(response) });
  }
}

const circumstances = ({ status, headers }: Response) => ({
  status,
  requestId: headers.get("x-request-id") ?? undefined,
  retryAfter: retryAfterOf(headers.get("retry-after")),
});

function factsIn(text: string): Pick<ProblemFacts, "code" | "title" | "detail" | "errors"> | undefined {
  try {
    const body = JSON.parse(text) as Partial<ProblemFacts> | null;
    const { code, title, detail, errors } = body ?? {};
    return code === undefined || title === undefined ? undefined : { code, title, detail, errors };
  } catch {
    return undefined;
  }
}

/** Seconds, or a date (RFC 9110 §10.2.3). */
function retryAfterOf(header: string | null): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = Number(header);
  const until = Number.isNaN(seconds) ? (Date.parse(header) - Date.now()) / 1_000 : seconds;
  return Number.isNaN(until) ? undefined : Math.max(0, until);
}
