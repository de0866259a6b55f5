import { type Locale, render } from "@guanxi/base";
import type { Session } from "@guanxi/kernel";
import type { ObjectType } from "@guanxi/meta";
import type { oas31 } from "openapi3-ts";
import { type Docs, type Endpoint, isParameter } from "../endpoints/endpoint.ts";
import { objectsFor, reaches } from "../rights.ts";
import { addErrors, refusals } from "./errors.ts";
import { addParameters, addSuccess, headersOf, pathParameter } from "./parameters.ts";
import { opened } from "./open.ts";
import { rightText } from "./rights.ts";

/** Adds the fixed addresses that the caller may call, with their tags and schemas. */
export function addFixed(
  builder: oas31.OpenApiBuilder,
  endpoints: readonly Endpoint[],
  { actor, snapshot }: Session,
  locale: Locale,
): void {
  const tags = new Set<string>();
  for (const endpoint of endpoints) {
    const { docs } = endpoint;
    const objects = [...snapshot.objects.values()];
    if (!docs || !reaches(actor.rights, objects, docs.right)) continue;
    if (!tags.has(docs.tag.name))
      builder.addTag({ name: docs.tag.name, description: render(docs.tag.description, locale) });
    tags.add(docs.tag.name);
    const named = typeof docs.right === "object" ? objectsFor(actor.rights, objects, docs.right.object) : [];
    const path = endpoint.path.replace(/:([^/]+)/g, "{$1}");
    builder.addPath(path, { [endpoint.method.toLowerCase()]: operation(builder, endpoint, docs, named, locale) });
    addSchemas(builder, docs);
  }
}

/** Those of the route's schemas that the document names by now, or one of them does. */
function addSchemas(builder: oas31.OpenApiBuilder, { schemas = {}, request, responses }: Docs): void {
  const texts = [JSON.stringify([request, responses])];
  const waiting = new Map(Object.entries(schemas));
  for (const text of texts) {
    for (const [name, schema] of waiting) {
      if (!text.includes(`"#/components/schemas/${name}"`)) continue;
      builder.addSchema(name, opened(schema) as oas31.SchemaObject);
      waiting.delete(name);
      texts.push(JSON.stringify(schema));
    }
  }
}

/** `objects` are those that a `:plural` may name. */
function operation(
  builder: oas31.OpenApiBuilder,
  endpoint: Endpoint,
  docs: Docs,
  objects: readonly ObjectType[],
  locale: Locale,
): oas31.OperationObject {
  const named = endpoint.path
    .split("/")
    .filter(isParameter)
    .map((part) => part.slice(1));
  const writes = endpoint.method !== "GET";
  const parameters = [
    ...named.map((name) => pathParameter(name, partSchema(name, objects))),
    ...addParameters(builder, docs.parameters ?? [], headersOf(docs.conditions ?? [], writes), locale),
  ];
  const condition = docs.conditions?.includes("If-Match") ?? false;
  const { request } = docs;
  const refused = refusals({ body: request !== undefined, writes, finds: named.length > 0, condition });
  return {
    operationId: docs.operationId,
    tags: [docs.tag.name],
    summary: render(docs.summary, locale),
    description: rightText(docs.right, locale),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === undefined
      ? {}
      : { requestBody: { required: request.optional !== true, content: mediaTypes(request.content) } }),
    responses: { ...successes(builder, docs), ...addErrors(builder, refused, locale) },
  };
}

function partSchema(name: string, objects: readonly ObjectType[]): oas31.SchemaObject {
  if (name === "plural") return { type: "string", enum: objects.map((object) => object.plural) };
  return name === "id" ? { type: "string", format: "uuid" } : { type: "string" };
}

const mediaTypes = (content: NonNullable<Docs["request"]>["content"]): oas31.ContentObject =>
  Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema: opened(schema) }]));

const successes = (builder: oas31.OpenApiBuilder, { responses }: Docs): Record<string, oas31.ResponseObject> =>
  Object.fromEntries(
    Object.entries(responses).map(([status, { content, headers }]) => [
      status,
      addSuccess(builder, Number(status), content && mediaTypes(content), headers),
    ]),
  );
