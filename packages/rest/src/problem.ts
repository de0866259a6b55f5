import { GuanxiError, isGuanxiError, type Observe, toProblem } from "@guanxi/base";
import type { Answer } from "./answer.ts";
import { type Call, localeOf } from "./call.ts";

/** Any error as `application/problem+json`. What is no GuanxiError is a bug: the operator hears of it, the caller only that it happened. */
export function problemOf(call: Call, error: unknown, observe: Observe): Answer {
  const known = isGuanxiError(error) && error.code !== "INTERNAL" ? error : new GuanxiError("INTERNAL");
  if (known.status >= 500) observe({ kind: "request_failed", id: call.id, error });
  return problemAnswer(call, known);
}

export function problemAnswer(call: Call, error: GuanxiError, headers: Readonly<Record<string, string>> = {}): Answer {
  return {
    status: error.status,
    body: toProblem(error, localeOf(call), call.id),
    headers: { "content-type": "application/problem+json; charset=utf-8", ...headersOf(call, error), ...headers },
  };
}

function headersOf(call: Call, error: GuanxiError): Record<string, string> {
  if (error.status === 401) return { "www-authenticate": challenge(call) };
  if (error.status === 503 || error.status === 429 || error.retryAfter !== undefined)
    return { "retry-after": retryAfter(call, error) };
  return {};
}

const retryAfter = (call: Call, error: GuanxiError): string =>
  String(Math.max(1, Math.ceil(error.retryAfter ?? call.settings.retryAfterSeconds)));

/** RFC 6750 §3: `invalid_token` only where a token was sent. */
const challenge = (call: Call): string =>
  call.request.headers.has("authorization") ? 'Bearer realm="guanxi", error="invalid_token"' : 'Bearer realm="guanxi"';
