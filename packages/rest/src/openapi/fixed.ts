import { type Locale, render } from "@guanxi/base";
import type { Rights } from "@guanxi/kernel";
import type { oas31 } from "openapi3-ts";
import { type Docs, type Endpoint, isParameter } from "../endpoints/endpoint.ts";
import { noParameters } from "../parameters.ts";
import { errorResponses, refusals } from "./errors.ts";
import { addParameters, headersOf, jsonContent, pathParameter } from "./parameters.ts";

/** Adds the fixed addresses that a caller with these rights has a use for. */
export function addFixed(
  builder: oas31.OpenApiBuilder,
  endpoints: readonly Endpoint[],
  rights: Rights,
  locale: Locale,
): void {
  for (const endpoint of endpoints) {
    const { docs } = endpoint;
    if (!docs || docs.when?.(rights) === false) continue;
    const path = endpoint.path.replace(/:([^/]+)/g, "{$1}");
    builder.addPath(path, { [endpoint.method.toLowerCase()]: operation(builder, endpoint, docs, locale) });
  }
}

function operation(
  builder: oas31.OpenApiBuilder,
  endpoint: Endpoint,
  docs: Docs,
  locale: Locale,
): oas31.OperationObject {
  const named = endpoint.path.split("/").filter(isParameter);
  const writes = endpoint.method !== "GET";
  const parameters = [
    ...named.map((part) => pathParameter(part.slice(1))),
    ...addParameters(builder, docs.parameters ?? noParameters, headersOf(docs.conditions ?? [], writes), locale),
  ];
  const condition = docs.conditions?.includes("If-Match") ?? false;
  const body = docs.request !== undefined;
  return {
    tags: [docs.tag],
    summary: render(docs.summary, locale),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(docs.request === undefined
      ? {}
      : { requestBody: { required: true, content: jsonContent(docs.request as oas31.SchemaObject) } }),
    responses: { ...success(docs), ...errorResponses(refusals({ body, writes, finds: named.length > 0, condition })) },
  };
}

function success(docs: Docs): Record<string, oas31.ResponseObject> {
  const status = String(docs.status);
  if (docs.response === undefined) return { [status]: { description: "OK" } };
  return { [status]: { description: "OK", content: jsonContent(docs.response as oas31.SchemaObject) } };
}
