import { errorCatalogue, type ErrorCode, type Locale, render, type Text, text } from "@guanxi/base";
import type { oas31 } from "openapi3-ts";
import { ref } from "./parameters.ts";

/** Refusals that any call can meet, whatever it is about. */
const always: readonly number[] = [400, 401, 403, 429, 500, 503];

/** Statuses that a call answers beside its success, by what it takes. */
export const refusals = (call: {
  body?: boolean;
  writes?: boolean;
  finds?: boolean;
  condition?: boolean;
  ranges?: boolean;
}): readonly number[] => [
  ...always,
  ...(call.finds ? [404] : []),
  ...(call.writes ? [409, 422] : []),
  ...(call.condition ? [412] : []),
  ...(call.ranges ? [416] : []),
  ...(call.body ? [413, 415, 422] : []),
];

const codes = Object.keys(errorCatalogue) as ErrorCode[];
const codesOf = (status: number): readonly ErrorCode[] =>
  codes.filter((code) => errorCatalogue[code].status === status);

/** Adds the shared responses of these statuses (`Problem409`, naming the codes that it can carry) → references to them. */
export function addErrors(
  builder: oas31.OpenApiBuilder,
  which: readonly number[],
  locale: Locale,
): Record<string, oas31.ReferenceObject> {
  const statuses = [...new Set(which)].sort();
  for (const status of statuses)
    if (!builder.rootDoc.components?.responses?.[`Problem${status}`])
      builder.addResponse(`Problem${status}`, problemResponse(status, locale));
  return Object.fromEntries(statuses.map((status) => [status, ref("responses", `Problem${status}`)]));
}

const headersOf: Readonly<Record<number, oas31.HeadersObject>> = {
  401: { "WWW-Authenticate": { schema: { type: "string" } } },
  429: { "Retry-After": { schema: { type: "integer" } } },
  503: { "Retry-After": { schema: { type: "integer" } } },
};

function problemResponse(status: number, locale: Locale): oas31.ResponseObject {
  const titles = codesOf(status).map((code) => `\`GX-${code}\`: ${render(errorCatalogue[code].title, locale)}`);
  const headers = headersOf[status];
  return {
    description: titles.join("\n\n"),
    ...(headers ? { headers } : {}),
    content: { "application/problem+json": { schema: ref("schemas", "Problem") } },
  };
}

const place: Text = text(
  "JSON pointer into the body, or a parameter's name",
  "请求体中的 JSON 指针，或参数名",
  "請求內容中的 JSON 指標，或參數名稱",
);

/** An error in any answer. */
export function problemSchema(locale: Locale): oas31.SchemaObject {
  const string: oas31.SchemaObject = { type: "string" };
  const integer: oas31.SchemaObject = { type: "integer" };
  const issue: oas31.SchemaObject = {
    type: "object",
    required: ["path", "code", "message"],
    properties: {
      path: { type: "string", description: render(place, locale) },
      code: string,
      message: string,
      position: integer,
      line: integer,
      column: integer,
    },
  };
  return {
    type: "object",
    description: "RFC 9457",
    required: ["type", "title", "status", "code", "instance"],
    properties: {
      type: { type: "string", format: "uri" },
      title: string,
      status: integer,
      code: { type: "string", enum: codes.map((code) => `GX-${code}`) },
      detail: string,
      instance: string,
      errors: { type: "array", items: issue },
    },
  };
}
