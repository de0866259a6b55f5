import type { ObjectRight, SystemRight } from "@guanxi/access";
import type { Locale, Text } from "@guanxi/base";
import type { ListParameters, Session } from "./types.ts";

/** JSON Schema (2020-12); a `$ref` to `#/components/schemas/…` is to one of the route's `schemas`. */
export type RouteSchema = Readonly<Record<string, unknown>>;

/** A parameter of a route's query. */
export interface RouteParameter {
  readonly name: string;
  readonly description: Text;
  readonly schema: RouteSchema;
}

/** Who may call a route: holders of a system right, or those who may do this to the object whose plural the path names as `:plural`. */
export type RouteRight = SystemRight | { readonly object: ObjectRight };

/** A success of a route. */
export interface RouteResponse {
  /** Schemas by media type; absent where there is no body. */
  readonly content?: Readonly<Record<string, RouteSchema>>;
  readonly headers?: readonly ("ETag" | "Location" | "Content-Disposition")[];
}

/**
 * An address beyond the generated ones. `rest` mounts it, lets in who has the `right`, refuses query parameters that it does not
 * name, and describes all of this in OpenAPI. Paths use `:name` for parts.
 */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** Unique, without dots: `cancelRun`. */
  readonly operationId: string;
  readonly summary: Text;
  /** The word of the path after `/api`, which no object's plural is. */
  readonly tag: { readonly name: string; readonly description: Text };
  /** What the caller needs; nothing but a key when absent. */
  readonly right?: RouteRight;
  /** A name is that of a list's parameter, with its meaning and form. */
  readonly query?: readonly (keyof ListParameters | RouteParameter)[];
  readonly conditions?: readonly ("If-Match" | "If-None-Match")[];
  /** The body by media type; a caller may leave it out where it is `optional`. */
  readonly request?: { readonly content: Readonly<Record<string, RouteSchema>>; readonly optional?: boolean };
  /** By status. Problems are not listed: they follow from the rest. */
  readonly responses: Readonly<Record<number, RouteResponse>>;
  /** Shared by name; routes that use one name give it one schema. */
  readonly schemas?: Readonly<Record<string, RouteSchema>>;
  handle(session: Session, request: RouteRequest): Promise<RouteAnswer>;
}

export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly locale: Locale;
  /**
   * The version that the caller has read, from If-Match; undefined when any will do. MALFORMED where it is no entity tag, PRECONDITION
   * where none of them names a version. Of several the present one counts, which `current` reads.
   */
  ifVersion(current: () => Promise<number>): Promise<number | undefined>;
  /** The JSON body; throws MALFORMED, TOO_LARGE or MEDIA_TYPE. */
  json(): Promise<unknown>;
  /** The body's bytes as they arrive, without a limit of size; null when there is none. It can be read once, by this or by `json`. */
  body(): ReadableStream<Uint8Array> | null;
}

export interface RouteAnswer {
  readonly status: number;
  /** A value to be written as JSON, or finished JSON text. */
  readonly body?: unknown;
  readonly text?: string;
  /** Bytes that are sent as they come, instead of `body` and `text`; `headers` say what they are. */
  readonly stream?: ReadableStream<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  /** True where the answer must not be stored, as that with a new API key. */
  readonly secret?: boolean;
}
