import { type Locale, render } from "@guanxi/base";
import type { Rights } from "@guanxi/kernel";
import { type ObjectType, recordSchema } from "@guanxi/meta";
import type { oas31 } from "openapi3-ts";
import { listParameters } from "../parameters.ts";
import { type RecordRoute, recordRoutes } from "../records/routes.ts";
import { may } from "../rights.ts";
import { errorResponses, refusals } from "./errors.ts";
import { addParameters, headersOf, jsonContent, pathParameter, ref } from "./parameters.ts";

type Schema = oas31.SchemaObject | oas31.ReferenceObject;

/** Adds an object's tag, schemas and the routes that the caller's rights reach. */
export function addObject(builder: oas31.OpenApiBuilder, object: ObjectType, rights: Rights, locale: Locale): void {
  const routes = recordRoutes.filter((route) => isUseful(route, object, rights));
  builder.addTag({ name: object.plural, description: render(object.title, locale) });
  for (const kind of schemas) {
    if (kind === "read" || routes.some((r) => r.body && bodySchemas[r.body] === kind))
      builder.addSchema(schemaName(object, kind), schemaOf(object, kind, locale));
  }
  for (const route of routes)
    builder.addPath(`/api/${object.plural}${route.tail}`, {
      [route.method.toLowerCase()]: operation(builder, object, route, locale),
    });
}

function isUseful(route: RecordRoute, object: ObjectType, rights: Rights): boolean {
  if (!route.rights.every((right) => may(rights, object.name, right))) return false;
  if (route.tail === "/{id}/history") return object.history;
  return route.tail !== "/by/{field}/{value}" || keysOf(object, route).length > 0;
}

/** Fields that name one record by themselves; who writes by a key also sets it. */
const keysOf = (object: ObjectType, { method }: RecordRoute): readonly string[] =>
  [...object.fields.values()]
    .filter((field) => field.unique && !field.system && (method === "GET" || !field.readOnly))
    .map((field) => field.name);

/** The schemas of an object: its record, and what a writer sends. `row` is a patch in an array, which brings its id. */
const schemas = ["read", "create", "patch", "row"] as const;
type SchemaKind = (typeof schemas)[number];
const bodySchemas = {
  "create or array": "create",
  patch: "patch",
  patches: "row",
  "list parameters": undefined,
} as const;

/** Names of objects have no dots, so these never meet. */
const schemaName = (object: ObjectType, kind: SchemaKind): string =>
  kind === "read" ? object.name : `${object.name}.${kind}`;

const idSchema: oas31.SchemaObject = { type: "string", format: "uuid" };

function schemaOf(object: ObjectType, kind: SchemaKind, locale: Locale): oas31.SchemaObject {
  const schema = recordSchema(object, kind === "row" ? "patch" : kind) as oas31.SchemaObject;
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const title = object.fields.get(name)?.title;
    return [name, title ? { ...property, title: render(title, locale) } : property] as const;
  });
  const titled = { ...schema, title: render(object.title, locale), properties: Object.fromEntries(properties) };
  return kind === "row" ? { ...titled, required: ["id"], properties: { id: idSchema, ...titled.properties } } : titled;
}

function operation(
  builder: oas31.OpenApiBuilder,
  object: ObjectType,
  route: RecordRoute,
  locale: Locale,
): oas31.OperationObject {
  const body = bodySchema(object, route);
  const writes = route.method !== "GET" && route.body !== "list parameters";
  const parameters = [
    ...pathParameters(object, route),
    ...addParameters(builder, route.parameters, headersOf(route.conditions, writes), locale),
  ];
  const condition = route.conditions.includes("If-Match");
  return {
    operationId: `${object.name}.${route.name}`,
    tags: [object.plural],
    summary: render(route.summary, locale, { title: render(object.title, locale) }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body ? { requestBody: { required: true, content: contentOf(route, body) } } : {}),
    responses: {
      ...successes(object, route),
      ...errorResponses(refusals({ body: body !== undefined, writes, finds: true, condition })),
    },
  };
}

function pathParameters(object: ObjectType, route: RecordRoute): oas31.ParameterObject[] {
  if (route.tail.startsWith("/{id}")) return [pathParameter("id", idSchema)];
  if (route.tail !== "/by/{field}/{value}") return [];
  return [pathParameter("field", { type: "string", enum: [...keysOf(object, route)] }), pathParameter("value")];
}

const contentOf = (route: RecordRoute, schema: Schema): oas31.ContentObject =>
  route.method === "PATCH"
    ? { ...jsonContent(schema), "application/merge-patch+json": { schema } }
    : jsonContent(schema);

function bodySchema(object: ObjectType, { body }: RecordRoute): Schema | undefined {
  if (body === undefined) return undefined;
  if (body === "list parameters") {
    const properties = listParameters.all.map((p) => [p.name, p.schema]);
    return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
  }
  const one = ref("schemas", schemaName(object, bodySchemas[body]));
  if (body === "patch") return one;
  return body === "patches" ? arrayOf(one) : { oneOf: [one, arrayOf(one)] };
}

const arrayOf = (items: Schema): oas31.SchemaObject => ({ type: "array", items });

const data = (items: Schema, more: Record<string, Schema> = {}): Schema => ({
  type: "object",
  required: ["data", ...Object.keys(more)],
  properties: { data: arrayOf(items), ...more },
});

function successes(object: ObjectType, { answers, conditions }: RecordRoute): Record<string, oas31.ResponseObject> {
  const record = ref("schemas", object.name);
  const next: Schema = { type: ["string", "null"] };
  const given = (schema: Schema, headers: readonly string[] = []): oas31.ResponseObject => ({
    description: "OK",
    ...(headers.length === 0 ? {} : { headers: Object.fromEntries(headers.map((h) => [h, ref("headers", h)])) }),
    content: jsonContent(schema),
  });
  const one = given(record, ["ETag"]);
  const made = given(record, ["ETag", "Location"]);
  if (answers === "record")
    return { 200: one, ...(conditions.includes("If-None-Match") ? { 304: { description: "Not Modified" } } : {}) };
  if (answers === "created or rows") return { 201: made, 200: given(data({ type: "object" })) };
  if (answers === "upserted") return { 200: one, 201: made };
  if (answers === "page") return { 200: given(withCount(data(record, { next }))) };
  if (answers === "nothing") return { 204: { description: "OK" } };
  return { 200: given(data({ type: "object" })) };
}

const withCount = (page: Schema): Schema =>
  "properties" in page ? { ...page, properties: { ...page.properties, count: { type: "integer" } } } : page;
