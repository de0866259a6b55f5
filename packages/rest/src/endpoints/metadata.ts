import { text } from "@guanxi/base";
import type { Kernel, MetadataAnswer, Rights, Session } from "@guanxi/kernel";
import { answer, type Answer, noContent } from "../answer.ts";
import type { Call } from "../call.ts";
import { expectedVersion, isFresh, refuseOtherConditions } from "../conditions.ts";
import * as takes from "../parameters.ts";
import { mergePatch, readJson, readQuery } from "../request.ts";
import { type Docs, type Endpoint, forTenants, type Method, type Params, type Schema } from "./endpoint.ts";

const list = "/api/meta/objects";
const one = "/api/meta/objects/:name";

const definition: Schema = {
  type: "object",
  title: "Object definition",
  description: "JSON Schema with the vocabulary of https://guanxi.dev/schemas/object.json",
  required: ["name", "plural", "type", "properties"],
};

const mayEdit = (rights: Rights): boolean => rights.all || rights.system.has("edit_metadata");

const reading = (summary: Docs["summary"], response: Schema): Docs => ({
  summary,
  tag: "metadata",
  status: 200,
  response,
  conditions: ["If-None-Match"],
});
const editing = (summary: Docs["summary"], more: Partial<Docs>): Docs => ({
  summary,
  tag: "metadata",
  status: 200,
  parameters: takes.allowParameters,
  conditions: ["If-Match"],
  when: mayEdit,
  ...more,
});

/** Object definitions as the tenant wrote them; the entity tag is the tenant's metadata version. */
export function metadataEndpoints(kernel: Kernel): readonly Endpoint[] {
  const endpoint = (method: Method, path: string, docs: Docs, handle: Handle): Endpoint =>
    forTenants(kernel, {
      method,
      path,
      docs,
      handle: (call, session, params) => {
        refuseOtherConditions(call, docs.conditions ?? []);
        return handle({ kernel, call, session, name: params.name ?? "" }, params);
      },
    });
  const data = { type: "object", properties: { data: { type: "array", items: definition } } };
  const body = { request: definition, response: definition };
  return [
    endpoint("GET", list, reading(text("List object definitions", "列出对象定义", "列出物件定義"), data), readAll),
    endpoint(
      "GET",
      one,
      reading(text("Get an object definition", "读取对象定义", "讀取物件定義"), definition),
      readOne,
    ),
    endpoint("PUT", one, editing(text("Define an object", "定义对象", "定義物件"), body), put),
    endpoint("PATCH", one, editing(text("Change an object definition", "修改对象定义", "修改物件定義"), body), patch),
    endpoint("DELETE", one, editing(text("Delete an object", "删除对象", "刪除物件"), { status: 204 }), remove),
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
  takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
  const { version, definitions } = await kernel.metadata.list(session);
  return tagged(call, 200, version, { data: definitions });
}

async function readOne({ kernel, call, session, name }: MetadataCall): Promise<Answer> {
  takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
  const found = await kernel.metadata.get(session, name);
  return tagged(call, 200, found.version, found.definition);
}

async function put(request: MetadataCall): Promise<Answer> {
  const { kernel, call, session, name } = request;
  const options = await editOptions(request);
  const stored = await kernel.metadata.put(session, name, await readJson(call), options);
  const given = written(call, stored);
  return stored.created
    ? { ...given, headers: { ...given.headers, location: `${list}/${stored.definition.name}` } }
    : given;
}

async function patch(request: MetadataCall): Promise<Answer> {
  const { kernel, call, session, name } = request;
  const options = await editOptions(request);
  return written(call, await kernel.metadata.patch(session, name, await readJson(call, mergePatch), options));
}

async function remove(request: MetadataCall): Promise<Answer> {
  await request.kernel.metadata.delete(request.session, request.name, await editOptions(request));
  return noContent;
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
