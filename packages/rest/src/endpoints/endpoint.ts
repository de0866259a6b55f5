import type { Text } from "@guanxi/base";
import type { Kernel, Rights, Route, Session } from "@guanxi/kernel";
import type { Answer } from "../answer.ts";
import type { Call } from "../call.ts";
import type { Condition } from "../conditions.ts";
import { authenticate } from "../credentials.ts";
import type { Parameters } from "../parameters.ts";

export type Method = Route["method"];
export type Params = Readonly<Record<string, string>>;
export type Schema = Readonly<Record<string, unknown>>;

/** What OpenAPI says of a fixed address. */
export interface Docs {
  readonly summary: Text;
  readonly tag: string;
  readonly parameters?: Parameters<unknown>;
  readonly conditions?: readonly Condition[];
  readonly request?: Schema;
  /** The status of success (`2XX` where it is the route's to choose) and, unless it has no body, its schema. */
  readonly status: number | "2XX";
  readonly response?: Schema;
  /** Whether a caller with these rights has a use for it; always, when absent. */
  readonly when?: (rights: Rights) => boolean;
}

/** A fixed address, whose words win over the generated ones. Parts are written `:name`. */
export interface Endpoint {
  readonly method: Method;
  readonly path: string;
  /** Absent where OpenAPI, a tenant's document, says nothing of it. */
  readonly docs?: Docs;
  readonly run: (call: Call, params: Params) => Promise<Answer>;
}

export interface TenantEndpoint extends Omit<Endpoint, "run"> {
  readonly docs: Docs;
  readonly handle: (call: Call, session: Session, params: Params) => Promise<Answer>;
}

/** Lets only callers with a valid credential in. */
export const forTenants = (kernel: Kernel, { handle, ...endpoint }: TenantEndpoint): Endpoint => ({
  ...endpoint,
  run: async (call, params) => handle(call, await authenticate(kernel, call), params),
});

/** Words before parts, so that `/api/runs/latest` is found before `/api/runs/:id`; throws when two have one address. */
export function arrange(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Set<string>();
  for (const { method, path } of endpoints) {
    const address = `${method} ${path.replace(/:[^/]+/g, ":")}`;
    if (seen.has(address)) throw new Error(`two routes answer ${method} ${path}`);
    seen.add(address);
  }
  return endpoints.toSorted((a, b) => compareParts(a.path.split("/"), b.path.split("/")));
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  const i = a.findIndex((part, at) => isParameter(part) !== isParameter(b[at] ?? ""));
  return i < 0 ? 0 : isParameter(a[i] ?? "") ? 1 : -1;
}

export const isParameter = (part: string): boolean => part.startsWith(":");

/** Methods of the endpoints at the address of these decoded parts. */
export const methodsAt = (endpoints: readonly Endpoint[], parts: readonly string[]): readonly Method[] =>
  endpoints.filter(({ path }) => matches(path.split("/").slice(1), parts)).map((e) => e.method);

const matches = (pattern: readonly string[], parts: readonly string[]): boolean =>
  pattern.length === parts.length && pattern.every((p, i) => (isParameter(p) ? parts[i] !== "" : p === parts[i]));
