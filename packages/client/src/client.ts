import { type FileCalls, fileCalls } from "./files.ts";
import { ImportJob } from "./jobs.ts";
import type { ObjectName, Schema } from "./objects.ts";
import { GuanxiProblem } from "./problem.ts";
import { RecordsOf } from "./records.ts";
import { createTransport, type Method, type Send, type TransportOptions, type WriteOptions } from "./transport.ts";

export interface ClientOptions<O extends Schema<O>> extends TransportOptions {
  /** The objects' words in addresses, `{ lead: "leads" }`; those that are missing are asked of the server, once. */
  readonly plurals?: { readonly [N in keyof O]?: O[N]["plural"] };
}

export interface RequestOptions extends WriteOptions {
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Refuses with status 412 unless what is written still has this version. */
  readonly version?: number;
  /** A POST that only reads: it is sent without an idempotency key. */
  readonly reads?: boolean;
}

export interface Client<O extends Schema<O>> extends FileCalls {
  /** The records of every object: `client.objects.lead`. */
  readonly objects: { readonly [N in ObjectName<O>]: RecordsOf<O, N> };
  /** The records of an object: `client.records("lead")`. */
  records<N extends ObjectName<O>>(name: N): RecordsOf<O, N>;
  /** An import that was begun earlier, by its id. */
  job(id: string): ImportJob;
  /**
   * Whatever else the API has: an address from `/api/` on, percent-encoded. Answers its JSON, undefined where there is none; what `T` says
   * of it is not checked. Rejects with GuanxiProblem, and is tried again as every other call.
   */
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
}

/** A client of one caller, typed by the declarations that `GET /api/types.d.ts` gives them. */
export function createClient<O extends Schema<O>>(options: ClientOptions<O>): Client<O> {
  const transport = createTransport(options);
  const pluralOf = createPlurals(transport.send, options.plurals ?? {});
  const known = new Map<string, unknown>();
  function records<N extends ObjectName<O>>(name: N): RecordsOf<O, N> {
    const made =
      (known.get(name) as RecordsOf<O, N> | undefined) ?? new RecordsOf<O, N>(transport, () => pluralOf(name));
    known.set(name, made);
    return made;
  }
  const objects = new Proxy({} as Client<O>["objects"], {
    // Whoever awaits the client's parts must not take them for promises.
    get: (_target, name) => (typeof name === "string" && name !== "then" ? records(name as ObjectName<O>) : undefined),
  });
  return {
    ...fileCalls(transport.transfer),
    objects,
    records,
    job: (id) => new ImportJob(transport, id),
    request: async <T>(method: Method, path: string, options: RequestOptions = {}) =>
      (await transport.send({ ...options, method, path })).body as T,
  };
}

type Definitions = { readonly data: readonly { readonly name: string; readonly plural: string }[] };

/** Says an object's plural, from what was given or from the server, which is asked when a name is not known yet. */
function createPlurals(
  send: Send,
  given: Readonly<Record<string, string | undefined>>,
): (name: string) => Promise<string> {
  const known = new Map(Object.entries(given));
  let asking: Promise<void> | undefined;
  async function ask(): Promise<void> {
    const { body } = await send({ method: "GET", path: "/api/meta/objects" });
    for (const { name, plural } of (body as Definitions).data) known.set(name, plural);
  }
  return async (name) => {
    if (known.get(name) === undefined) {
      asking ??= ask().finally(() => (asking = undefined));
      await asking;
    }
    const plural = known.get(name);
    if (plural !== undefined) return plural;
    const detail = `There is no object ${name}.`;
    throw new GuanxiProblem({ status: 404, code: "GX-NOT_FOUND", title: "Nothing here", detail });
  };
}
