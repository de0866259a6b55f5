import { type Locale, render } from "@guanxi/base";
import type { ObjectRight, Rights } from "@guanxi/kernel";
import { type Field, type SeveralField, fieldTypes, type ObjectType, recordSchema } from "@guanxi/meta";
import type { oas31 } from "openapi3-ts";
import { listParameters } from "../parameters.ts";
import { isFor, type RecordRoute, recordRoutes } from "../records/routes.ts";
import { may } from "../rights.ts";
import { opened } from "./open.ts";
import { objectRightsText } from "./rights.ts";
import { addErrors, refusals } from "./errors.ts";
import {
  addParameters,
  addSuccess,
  contentOf,
  headersOf,
  jsonContent,
  pathParameter,
  ref,
  type Schema,
} from "./parameters.ts";

/** Adds an object's tag, schemas and the routes that the caller's rights reach. */
export function addObject(builder: oas31.OpenApiBuilder, object: ObjectType, rights: Rights, locale: Locale): void {
  const routes = recordRoutes.filter((route) => isUseful(route, object, rights));
  if (routes.length === 0) return;
  builder.addTag({ name: object.plural, description: render(object.title, locale) });
  for (const kind of schemas) {
    if (routes.some((r) => (kind === "read" ? showsRecords(r) : r.body && bodySchemas[r.body] === kind)))
      builder.addSchema(schemaName(object, kind), schemaOf(builder, object, kind, locale));
  }
  for (const route of routes)
    builder.addPath(`/api/${object.plural}${route.tail}`, {
      [route.method.toLowerCase()]: operation(builder, object, route, rights, locale),
    });
}

const showsRecords = ({ answers }: RecordRoute): boolean =>
  !["totals", "history", "encrypted fields", "nothing", "content"].includes(answers);

function isUseful(route: RecordRoute, object: ObjectType, rights: Rights): boolean {
  const held = (right: ObjectRight): boolean => may(rights, object.name, right);
  if (!isFor(route, object) || !route.rights.every(held) || route.either?.some(held) === false) return false;
  if (route.system !== undefined && !rights.system.has(route.system)) return false;
  if (route.tail === "/{id}/history") return object.history;
  if (route.tail === "/{id}/reveal") return encryptedOf(object).length > 0;
  return route.tail !== "/by/{field}/{value}" || keysOf(object, route).length > 0;
}

const encryptedOf = (object: ObjectType): readonly string[] =>
  [...object.fields.values()].filter((field) => field.type === "encrypted_text").map((field) => field.name);

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
  "names of fields": undefined,
  content: undefined,
} as const;

/** Names of objects have no dots, so these never meet. */
const schemaName = (object: ObjectType, kind: SchemaKind): string =>
  kind === "read" ? object.name : `${object.name}.${kind}`;

const idSchema: oas31.SchemaObject = { type: "string", format: "uuid" };

function schemaOf(
  builder: oas31.OpenApiBuilder,
  object: ObjectType,
  kind: SchemaKind,
  locale: Locale,
): oas31.SchemaObject {
  const schema = recordSchema(object, kind === "row" ? "patch" : kind) as oas31.SchemaObject;
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const field = object.fields.get(name);
    if (!field) return [name, property] as const;
    const described = fieldOf(field, property, locale);
    return [name, field.branches && kind === "read" ? toldApart(builder, field, described) : described] as const;
  });
  const titled = { ...schema, title: render(object.title, locale), properties: Object.fromEntries(properties) };
  return kind === "row" ? { ...titled, required: ["id"], properties: { id: idSchema, ...titled.properties } } : titled;
}

/** Records of several objects as schemas of their own, by which generators tell them apart. */
function toldApart(builder: oas31.OpenApiBuilder, field: SeveralField, schema: oas31.SchemaObject): Schema {
  const named = field.branches.map(({ target = "" }) => {
    const properties: Record<string, Schema> = { object: { type: "string", const: target }, id: idSchema };
    const name = `${target}.reference`;
    builder.addSchema(name, { type: "object", properties, required: ["object", "id"], additionalProperties: false });
    return [target, `#/components/schemas/${name}`] as const;
  });
  const oneOf = named.map(([, $ref]) => ({ $ref }));
  const several = { oneOf, discriminator: { propertyName: "object", mapping: Object.fromEntries(named) } };
  const { oneOf: _, anyOf, ...rest } = schema;
  return anyOf ? { ...rest, anyOf: [several, ...anyOf.slice(1)] } : { ...rest, ...several };
}

/** With the title in the reader's language. A default that is a word for the moment of writing is no value of the schema. */
function fieldOf(field: Field, schema: Schema, locale: Locale): oas31.SchemaObject {
  const { default: preset, ...rest }: oas31.SchemaObject = { ...opened(schema), title: render(field.title, locale) };
  const word = fieldTypes[field.type].defaultWords?.includes(preset as string) === true;
  return preset === undefined || word ? rest : { ...rest, default: preset };
}

function operation(
  builder: oas31.OpenApiBuilder,
  object: ObjectType,
  route: RecordRoute,
  rights: Rights,
  locale: Locale,
): oas31.OperationObject {
  const body = bodySchema(object, route);
  const writes = route.method !== "GET" && route.body !== "list parameters" && route.body !== "names of fields";
  const ranges = route.answers === "content";
  const headers = [...headersOf(route.conditions, writes), ...(ranges ? ["Range", "If-Range"] : [])];
  const useful = route.parameters.all.filter(({ right }) => right === undefined || may(rights, object.name, right));
  const parameters = [...pathParameters(object, route), ...addParameters(builder, useful, headers, locale)];
  const condition = route.conditions.includes("If-Match");
  return {
    operationId: `${object.name}.${route.name}`,
    tags: [object.plural],
    summary: render(route.summary, locale, { title: render(object.title, locale) }),
    description: objectRightsText(route, object.name, locale),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body ? { requestBody: { required: true, content: contentOf(body, ...mediaTypesOf(route)) } } : {}),
    responses: {
      ...successes(builder, object, route),
      ...addErrors(builder, refusals({ body: body !== undefined, writes, finds: true, condition, ranges }), locale),
    },
  };
}

function pathParameters(object: ObjectType, route: RecordRoute): oas31.ParameterObject[] {
  if (route.tail.startsWith("/{id}")) return [pathParameter("id", idSchema)];
  if (route.tail !== "/by/{field}/{value}") return [];
  return [pathParameter("field", { type: "string", enum: [...keysOf(object, route)] }), pathParameter("value")];
}

const anyBytes: oas31.SchemaObject = {};

const mediaTypesOf = ({ method, body }: RecordRoute): readonly string[] =>
  body === "content"
    ? ["*/*"]
    : method === "PATCH"
      ? ["application/json", "application/merge-patch+json"]
      : ["application/json"];

function bodySchema(object: ObjectType, { body }: RecordRoute): Schema | undefined {
  if (body === undefined) return undefined;
  if (body === "list parameters") {
    const properties = listParameters.all.map((p) => [p.name, p.schema]);
    return { type: "object", additionalProperties: false, properties: Object.fromEntries(properties) };
  }
  if (body === "names of fields") {
    const fields: Schema = { type: "array", items: { type: "string", enum: [...encryptedOf(object)] } };
    return { type: "object", additionalProperties: false, required: ["fields"], properties: { fields } };
  }
  if (body === "content") return anyBytes;
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

/** What became of a row of an array that was sent with `atomic=false`. */
const rowResult: oas31.SchemaObject = {
  anyOf: [
    { type: "object", required: ["id"], properties: { id: idSchema } },
    { type: "object", required: ["error"], properties: { error: ref("schemas", "Problem") } },
  ],
};

const next: Schema = { type: ["string", "null"] };
const group: oas31.SchemaObject = { type: "object", additionalProperties: true };

const change: oas31.SchemaObject = {
  type: "object",
  required: ["version", "at", "by", "op", "changes", "cause"],
  properties: {
    version: { type: "integer" },
    at: { type: "string", format: "date-time" },
    by: idSchema,
    op: { type: "string", enum: ["create", "update", "delete", "restore", "purge"] },
    changes: {
      type: "object",
      description: "By field. Of one whose values are not told, an empty object.",
      additionalProperties: { type: "object", properties: { from: {}, to: {} } },
    },
    cause: group,
  },
};

function successes(
  builder: oas31.OpenApiBuilder,
  object: ObjectType,
  { answers, conditions }: RecordRoute,
): Record<string, oas31.ResponseObject> {
  const record = ref("schemas", object.name);
  const given = (status: number, schema?: Schema, headers?: readonly string[]) => ({
    [status]: addSuccess(builder, status, schema && jsonContent(schema), headers),
  });
  const one = given(200, record, ["ETag"]);
  const made = given(201, record, ["ETag", "Location"]);
  const shared = (name: string, schema: oas31.SchemaObject): Schema => {
    builder.addSchema(name, schema);
    return ref("schemas", name);
  };
  const rows = (): Schema => data({ anyOf: [record, shared("RowResult", rowResult)] });
  switch (answers) {
    case "record":
      return { ...one, ...(conditions.includes("If-None-Match") ? given(304, undefined, ["ETag"]) : {}) };
    case "created":
      return made;
    case "content":
      return content(builder);
    case "created or rows":
      return { ...made, ...given(200, rows()) };
    case "rows":
      return given(200, rows());
    case "upserted":
      return { ...one, ...made };
    case "page":
      return given(200, withCount(data(record, { next })));
    case "totals":
      return given(200, data(group));
    case "history":
      return given(200, data(shared("Change", change), { next }));
    case "encrypted fields": {
      const texts = encryptedOf(object).map((name) => [name, { type: ["string", "null"] }]);
      return given(200, { type: "object", additionalProperties: false, properties: Object.fromEntries(texts) });
    }
    case "nothing":
      return given(204);
  }
}

function content(builder: oas31.OpenApiBuilder): Record<string, oas31.ResponseObject> {
  const headers = ["ETag", "Content-Disposition", "Accept-Ranges"];
  const bytes = contentOf(anyBytes, "*/*");
  return {
    200: addSuccess(builder, 200, bytes, headers),
    206: addSuccess(builder, 206, bytes, [...headers, "Content-Range"]),
    304: addSuccess(builder, 304, undefined, ["ETag"]),
  };
}

const withCount = (page: Schema): Schema =>
  "properties" in page ? { ...page, properties: { ...page.properties, count: { type: "integer" } } } : page;
