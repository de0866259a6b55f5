import { randomUUID } from "node:crypto";
import { GuanxiError, type Locale, pickLocale } from "@guanxi/base";
import type { Session } from "@guanxi/kernel";
import { apiVersion, type RestSettings } from "./settings.ts";

/** A request on its way to an answer. `route` and `session` are filled in as they become known. */
export interface Call {
  /** The request id, the caller's own where it is a sane one. */
  readonly id: string;
  /** `GET` also for `HEAD`. */
  readonly method: string;
  readonly request: Request;
  readonly settings: RestSettings;
  /** Milliseconds of `performance.now()` when it arrived. */
  readonly started: number;
  /** The body's bytes once somebody has asked for them. */
  body: Promise<Uint8Array> | undefined;
  /** The claim on its `Idempotency-Key`, where it came with one. */
  claim: string | undefined;
  /** The pattern of the route that answers, for logs and metrics: it names no record and no tenant. */
  route: string;
  session: Session | undefined;
  /** W3C `traceparent` of the request's own span, where it is traced. */
  trace: string | undefined;
}

const saneRequestId = /^[A-Za-z0-9._-]{1,64}$/;

export function readCall(request: Request, settings: RestSettings, route: string): Call {
  const sent = request.headers.get("x-request-id");
  return {
    id: sent !== null && saneRequestId.test(sent) ? sent : randomUUID(),
    method: request.method === "HEAD" ? "GET" : request.method,
    request,
    settings,
    started: performance.now(),
    body: undefined,
    claim: undefined,
    route,
    session: undefined,
    trace: undefined,
  };
}

/** The language of the answer: what the request asks for, else the caller's own, else English. */
export const localeOf = (call: Call): Locale =>
  pickLocale(call.request.headers.get("accept-language"), call.session?.actor.locale);

const isoDate = /^\d{4}-\d{2}-\d{2}$/;

/** Refuses versions that never were. */
export function checkHeaders(call: Call): void {
  const { headers } = call.request;
  const version = headers.get("guanxi-version");
  if (version === null) return;
  if (!isoDate.test(version) || Number.isNaN(Date.parse(version)))
    throw new GuanxiError("MALFORMED", { detail: `Guanxi-Version is a date, for instance ${apiVersion}` });
}

/** What the API has a name for but does not do yet: refused, because ignoring it would be a silent promise. */
export const notYet = (keyword: string): GuanxiError =>
  new GuanxiError("NOT_YET", {
    detail: `${keyword} is not supported yet`,
    issues: [{ path: keyword, code: "not_yet", params: { keyword } }],
  });
