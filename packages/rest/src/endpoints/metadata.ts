import { type Text, text } from "@guanxi/base";
import { isStillBuilding, type Kernel, type MetadataAnswer, type RouteSchema, type Session } from "@guanxi/kernel";
import { answer, type Answer, noContent } from "../answer.ts";
import type { Call } from "../call.ts";
import { expectedVersion, isFresh } from "../conditions.ts";
import * as takes from "../parameters.ts";
import { mergePatch, readJson, readQuery } from "../request.ts";
import { buildingAnswer, buildingResponse } from "./changes.ts";
import { type Docs, type Endpoint, forTenants, type Method, type Params } from "./endpoint.ts";
import { metaTag } from "./tags.ts";

const list = "/api/meta/objects";
const one = "/api/meta/objects/:name";

const definition: RouteSchema = {
  type: "object",
  title: "Object definition",
  description: "JSON Schema with the vocabulary of https://guanxi.dev/schemas/object.json",
  required: ["name", "plural", "type", "properties"],
  properties: {
    name: { type: "string" },
    plural: { type: "string" },
    type: { type: "string", const: "object" },
    properties: { type: "object", additionalProperties: { type: "object" } },
  },
};
const extension: RouteSchema = {
  type: "object",
  title: "Object extension",
  description: "What is other than in the object that the platform or a plugin brings",
  required: ["extends"],
  properties: { extends: { type: "string" }, name: { type: "string" } },
};
const definitionPatch: RouteSchema = { type: "object", description: "JSON merge patch on an object definition" };

const ref = { $ref: "#/components/schemas/ObjectDefinition" };
const jsonOf = (schema: RouteSchema) => ({ "application/json": schema });
const schemas = {
  ObjectDefinition: definition,
  ObjectExtension: extension,
  ObjectDefinitionPatch: definitionPatch,
};
const shared = { tag: metaTag, schemas };

const reading = (operationId: string, summary: Text, response: RouteSchema): Docs => ({
  ...shared,
  operationId,
  summary,
  conditions: ["If-None-Match"],
  responses: { 200: { content: jsonOf(response), headers: ["ETag"] }, 304: { headers: ["ETag"] } },
});
const editing = (operationId: string, summary: Text, more: Pick<Docs, "request" | "responses">): Docs => ({
  ...shared,
  operationId,
  summary,
  parameters: takes.allowParameters.all,
  conditions: ["If-Match"],
  right: "edit_metadata",
  ...more,
});
const stored = { content: jsonOf(ref), headers: ["ETag"] } as const;

const allObjects = reading("listObjectDefinitions", text("List object definitions", "列出对象定义", "列出物件定義"), {
  type: "object",
  required: ["data"],
  properties: { data: { type: "array", items: ref } },
});
const oneObject: Docs = {
  ...reading("getObjectDefinition", text("Get an object definition", "读取对象定义", "讀取物件定義"), ref),
  parameters: takes.layerParameters.all,
};
const putObject = editing("putObjectDefinition", text("Define an object", "定义对象", "定義物件"), {
  request: { content: jsonOf({ anyOf: [ref, { $ref: "#/components/schemas/ObjectExtension" }] }) },
  responses: { 200: stored, 201: { ...stored, headers: ["ETag", "Location"] }, 202: buildingResponse },
});
const patchSchema = { $ref: "#/components/schemas/ObjectDefinitionPatch" };
const patchObject = editing(
  "patchObjectDefinition",
  text("Change an object definition", "修改对象定义", "修改物件定義"),
  {
    request: { content: { ...jsonOf(patchSchema), "application/merge-patch+json": patchSchema } },
    responses: { 200: stored, 202: buildingResponse },
  },
);
const deleteObject = editing("deleteObjectDefinition", text("Delete an object", "删除对象", "刪除物件"), {
  responses: { 202: buildingResponse, 204: {} },
});

const sensitiveFields = reading(
  "listSensitiveFields",
  text("List fields of personal or secret data", "列出个人或机密数据字段", "列出個人或機密資料欄位"),
  {
    type: "object",
    required: ["data"],
    properties: {
      data: {
        type: "array",
        items: {
          type: "object",
          required: ["object", "field"],
          properties: { object: { type: "string" }, field: { type: "string" } },
          additionalProperties: false,
        },
      },
    },
  },
);

const recalculation: RouteSchema = {
  type: "object",
  required: ["records", "differed"],
  properties: {
    records: { type: "integer", description: "Records that were looked at" },
    differed: { type: "integer", description: "Records of which a roll-up was wrong, and is right now" },
  },
  additionalProperties: false,
};
const recalculateObject: Docs = {
  operationId: "recalculateObject",
  summary: text("Compute an object's roll-ups anew", "重新计算对象的汇总字段", "重新計算物件的彙總欄位"),
  tag: metaTag,
  parameters: takes.recalculateParameters.all,
  right: "edit_metadata",
  responses: { 200: { content: jsonOf(recalculation) } },
};

/** Object definitions as the tenant wrote them; the entity tag is the tenant's metadata version. */
export function metadataEndpoints(kernel: Kernel): readonly Endpoint[] {
  const endpoint = (method: Method, path: string, docs: Docs, handle: Handle): Endpoint =>
    forTenants(kernel, {
      method,
      path,
      docs,
      handle: (call, session, params) => handle({ kernel, call, session, name: params.name ?? "" }, params),
    });
  return [
    endpoint("GET", list, allObjects, readAll),
    endpoint("GET", one, oneObject, readOne),
    endpoint("PUT", one, putObject, put),
    endpoint("PATCH", one, patchObject, patch),
    endpoint("DELETE", one, deleteObject, remove),
    endpoint("POST", `${one}/recalculate`, recalculateObject, recalculate),
    endpoint("GET", "/api/meta/sensitive", sensitiveFields, readSensitive),
  ];
}

interface MetadataCall {
  readonly kernel: Kernel;
  readonly call: Call;
  readonly session: Session;
  readonly name: string;
}
type Handle = (request: MetadataCall, params: Params) => Promise<Answer>;

const tagged = (call: Call, status: number, version: number, body: unknown): Answer => {
  const headers = { etag: `"${version}"` };
  return call.method === "GET" && isFresh(call, String(version))
    ? { status: 304, headers }
    : answer(status, body, headers);
};

const written = (call: Call, { created, version, definition: stored }: MetadataAnswer): Answer =>
  tagged(call, created ? 201 : 200, version, stored);

async function readAll({ kernel, call, session }: MetadataCall): Promise<Answer> {
  const { version, definitions } = await kernel.metadata.list(session);
  return tagged(call, 200, version, { data: definitions });
}

async function readOne({ kernel, call, session, name }: MetadataCall): Promise<Answer> {
  const { layer } = takes.readFromQuery(readQuery(call.request.url), takes.layerParameters);
  const found = await (layer === undefined
    ? kernel.metadata.get(session, name)
    : kernel.metadata.layer(session, name, layer));
  return tagged(call, 200, found.version, found.definition);
}

/** Of the objects that the caller may know of: the fields whose definition says that they are sensitive. */
async function readSensitive({ kernel, call, session }: MetadataCall): Promise<Answer> {
  const { version, definitions } = await kernel.metadata.list(session);
  const data = definitions.flatMap(({ name: object, properties }) =>
    Object.entries(properties).flatMap(([field, { sensitive }]) => (sensitive === true ? [{ object, field }] : [])),
  );
  return tagged(call, 200, version, { data });
}

async function put(request: MetadataCall): Promise<Answer> {
  const { kernel, call, session, name } = request;
  const options = await editOptions(request);
  const stored = await kernel.metadata.put(session, name, await readJson(call), options);
  if (isStillBuilding(stored)) return buildingAnswer(stored);
  const given = written(call, stored);
  return stored.created
    ? { ...given, headers: { ...given.headers, location: `${list}/${stored.definition.name}` } }
    : given;
}

async function patch(request: MetadataCall): Promise<Answer> {
  const { kernel, call, session, name } = request;
  const options = await editOptions(request);
  const stored = await kernel.metadata.patch(session, name, await readJson(call, mergePatch), options);
  return isStillBuilding(stored) ? buildingAnswer(stored) : written(call, stored);
}

async function remove(request: MetadataCall): Promise<Answer> {
  const building = await request.kernel.metadata.delete(request.session, request.name, await editOptions(request));
  return building ? buildingAnswer(building) : noContent;
}

async function recalculate({ kernel, call, session, name }: MetadataCall): Promise<Answer> {
  const { field } = takes.readFromQuery(readQuery(call.request.url), takes.recalculateParameters);
  return answer(200, await kernel.metadata.recalculate(session, name, field));
}

async function editOptions({
  kernel,
  call,
  session,
  name,
}: MetadataCall): Promise<{ ifVersion?: number; allow?: readonly string[] }> {
  const { allow } = takes.readFromQuery(readQuery(call.request.url), takes.allowParameters);
  const ifVersion = await expectedVersion(call, async () => (await kernel.metadata.get(session, name)).version);
  return {
    ...(ifVersion === undefined ? {} : { ifVersion }),
    ...(allow === undefined ? {} : { allow: allow.split(",").map((a) => a.trim()) }),
  };
}
