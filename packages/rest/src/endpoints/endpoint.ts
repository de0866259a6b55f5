import type { Kernel, Route, RouteParameter, Session } from "@guanxi/kernel";
import type { Answer } from "../answer.ts";
import type { Call } from "../call.ts";
import { refuseOtherConditions } from "../conditions.ts";
import { authenticate } from "../credentials.ts";
import { refuseOtherNames } from "../parameters.ts";
import { readQuery } from "../request.ts";
import { admit } from "../rights.ts";

export type Method = Route["method"];
export type Params = Readonly<Record<string, string>>;

/** A query parameter in the description: shared under its `key`, or the operation's own where it has none. */
export type DescribedParameter = RouteParameter & { readonly key?: string };

/** What OpenAPI says of a fixed address, and who is let in. */
export interface Docs extends Pick<
  Route,
  "operationId" | "summary" | "tag" | "right" | "conditions" | "request" | "responses" | "schemas"
> {
  readonly parameters?: readonly DescribedParameter[];
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

/** Lets only callers in who have a valid credential and the right, and takes only what the description names. */
export const forTenants = (kernel: Kernel, { handle, ...endpoint }: TenantEndpoint): Endpoint => {
  const { right, conditions = [], parameters = [] } = endpoint.docs;
  const names = new Set(parameters.map((parameter) => parameter.name));
  return {
    ...endpoint,
    run: async (call, params) => {
      const session = await admit(kernel, await authenticate(kernel, call), right, params);
      refuseOtherConditions(call, conditions);
      refuseOtherNames(readQuery(call.request.url), names);
      return handle(call, session, params);
    },
  };
};

/** Words before parts, so that `/api/runs/latest` is found before `/api/runs/:id`; throws when two have one address or name. */
export function arrange(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const names = endpoints.flatMap(({ docs }) => docs?.operationId ?? []);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`two routes have the operationId ${twice}`);
  const seen = new Set<string>();
  for (const { method, path } of endpoints) {
    const address = `${method} ${path.replace(/:[^/]+/g, ":")}`;
    if (seen.has(address)) throw new Error(`two routes answer ${method} ${path}`);
    seen.add(address);
  }
  return endpoints.toSorted((a, b) => compareParts(a.path.split("/"), b.path.split("/")));
}

function compareParts(a: readonly string[], b: readonly string[]): number {
  const longer = a.length < b.length ? b : a;
  const i = longer.findIndex((_, at) => isParameter(a[at] ?? "") !== isParameter(b[at] ?? ""));
  return i < 0 ? 0 : isParameter(a[i] ?? "") ? 1 : -1;
}

export const isParameter = (part: string): boolean => part.startsWith(":");

/** Methods of the endpoints at the address of these decoded parts. */
export const methodsAt = (endpoints: readonly Endpoint[], parts: readonly string[]): readonly Method[] =>
  endpoints.filter(({ path }) => matches(path.split("/").slice(1), parts)).map((e) => e.method);

const matches = (pattern: readonly string[], parts: readonly string[]): boolean =>
  pattern.length === parts.length && pattern.every((p, i) => (isParameter(p) ? parts[i] !== "" : p === parts[i]));
