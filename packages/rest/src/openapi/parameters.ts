import { type Locale, render } from "@guanxi/base";
import type { oas31 } from "openapi3-ts";
import type { Condition } from "../conditions.ts";
import type { Parameter, Parameters } from "../parameters.ts";

export const ref = (kind: "schemas" | "parameters" | "responses" | "headers", name: string): oas31.ReferenceObject => ({
  $ref: `#/components/${kind}/${name}`,
});

/** Headers that a call takes. */
export const headersOf = (conditions: readonly Condition[], writes: boolean): readonly string[] => [
  ...conditions,
  ...(writes ? ["Idempotency-Key"] : []),
];

/** Adds the query parameters and headers of a call to the shared ones → references to them. */
export function addParameters(
  builder: oas31.OpenApiBuilder,
  parameters: Parameters<unknown>,
  headers: readonly string[],
  locale: Locale,
): oas31.ReferenceObject[] {
  for (const parameter of parameters.all) builder.addParameter(parameter.key, describe(parameter, locale));
  for (const name of headers) builder.addParameter(name, { name, in: "header", schema: { type: "string" } });
  return [...parameters.all.map((p) => ref("parameters", p.key)), ...headers.map((name) => ref("parameters", name))];
}

const describe = (parameter: Parameter, locale: Locale): oas31.ParameterObject => ({
  name: parameter.name,
  in: "query",
  description: render(parameter.description, locale),
  schema: parameter.schema as oas31.SchemaObject,
});

export const pathParameter = (
  name: string,
  schema: oas31.SchemaObject = { type: "string" },
): oas31.ParameterObject => ({
  name,
  in: "path",
  required: true,
  schema,
});

export const jsonContent = (schema: oas31.SchemaObject | oas31.ReferenceObject): oas31.ContentObject => ({
  "application/json": { schema },
});
