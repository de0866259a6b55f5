import { errorCatalogue, type ErrorCode, type Locale, render, type Text, text } from "@guanxi/base";
import type { oas31 } from "openapi3-ts";

/** Refusals that any call can meet, whatever it is about. */
const always: readonly number[] = [400, 401, 403, 429, 500, 503];

/** Statuses that a call answers beside its success, by what it takes. */
export const refusals = (call: {
  body?: boolean;
  writes?: boolean;
  finds?: boolean;
  condition?: boolean;
}): readonly number[] => [
  ...always,
  ...(call.finds ? [404] : []),
  ...(call.writes ? [409, 422] : []),
  ...(call.condition ? [412] : []),
  ...(call.body ? [413, 415, 422] : []),
];

const codes = Object.keys(errorCatalogue) as ErrorCode[];
const codesOf = (status: number): readonly ErrorCode[] =>
  codes.filter((code) => errorCatalogue[code].status === status);
const statuses = [...new Set(codes.map((code) => errorCatalogue[code].status as number))];

/** One shared response per status of the catalogue, `Problem409`, naming the codes that it can carry. */
export function addErrors(builder: oas31.OpenApiBuilder, locale: Locale): void {
  builder.addSchema("Problem", problemSchema(locale));
  for (const status of statuses) {
    const titles = codesOf(status).map((code) => `\`GX-${code}\`: ${render(errorCatalogue[code].title, locale)}`);
    builder.addResponse(`Problem${status}`, {
      description: titles.join("\n\n"),
      ...(status === 429 || status === 503 ? { headers: { "Retry-After": { schema: { type: "integer" } } } } : {}),
      ...(status === 401 ? { headers: { "WWW-Authenticate": { schema: { type: "string" } } } } : {}),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    });
  }
}

export const errorResponses = (which: readonly number[]): Record<string, oas31.ReferenceObject> =>
  Object.fromEntries(
    [...new Set(which)].sort().map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
  );

const place: Text = text(
  "JSON pointer into the body, or a parameter's name",
  "请求体中的 JSON 指针，或参数名",
  "請求內容中的 JSON 指標，或參數名稱",
);

function problemSchema(locale: Locale): oas31.SchemaObject {
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
