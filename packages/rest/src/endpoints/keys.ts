import { type Text, text } from "@guanxi/base";
import type { Kernel, RouteSchema } from "@guanxi/kernel";
import { answer, noContent } from "../answer.ts";
import { readJson } from "../request.ts";
import { type Docs, type Endpoint, forTenants } from "./endpoint.ts";
import { keysTag } from "./tags.ts";

const keySchema: RouteSchema = {
  type: "object",
  required: ["id", "name", "user", "prefix", "created_at", "expires_at", "last_used_at"],
  properties: {
    id: { type: "string", format: "uuid" },
    name: { type: "string" },
    user: { type: "string", format: "uuid" },
    prefix: { type: "string", description: "The first characters, to recognise it by" },
    created_at: { type: "string", format: "date-time" },
    expires_at: { type: ["string", "null"], format: "date-time" },
    last_used_at: { type: ["string", "null"], format: "date-time" },
  },
};

const newKeySchema: RouteSchema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string", minLength: 1, maxLength: 200 },
    user: { type: "string", format: "uuid", description: "The caller, unless another is named" },
    expires_at: { type: ["string", "null"], format: "date-time" },
  },
  additionalProperties: false,
};

const one = { $ref: "#/components/schemas/ApiKey" };
const made: RouteSchema = {
  allOf: [one, { type: "object", required: ["key"], properties: { key: { type: "string" } } }],
};
const list: RouteSchema = { type: "object", required: ["data"], properties: { data: { type: "array", items: one } } };

const docs = (operationId: string, summary: Text, more: Pick<Docs, "responses" | "request">): Docs => ({
  operationId,
  summary,
  tag: keysTag,
  schemas: { ApiKey: keySchema, NewApiKey: newKeySchema },
  ...more,
});

/** API keys of the tenant; who may see and make which is for the kernel to say. */
export const keyEndpoints = (kernel: Kernel): readonly Endpoint[] => [
  forTenants(kernel, {
    method: "GET",
    path: "/api/keys",
    docs: docs("listApiKeys", text("List API keys", "列出 API 密钥", "列出 API 金鑰"), {
      responses: { 200: { content: { "application/json": list } } },
    }),
    handle: async (_call, session) => answer(200, { data: await kernel.keys.list(session) }),
  }),
  forTenants(kernel, {
    method: "POST",
    path: "/api/keys",
    docs: docs(
      "createApiKey",
      text("Make an API key; it is shown this once", "创建 API 密钥（仅显示一次）", "建立 API 金鑰（僅顯示一次）"),
      {
        request: { content: { "application/json": { $ref: "#/components/schemas/NewApiKey" } } },
        responses: { 201: { content: { "application/json": made }, headers: ["Location"] } },
      },
    ),
    handle: async (call, session) => {
      const key = await kernel.keys.create(session, await readJson(call));
      return { ...answer(201, key, { location: `/api/keys/${key.id}` }), secret: true };
    },
  }),
  forTenants(kernel, {
    method: "DELETE",
    path: "/api/keys/:id",
    docs: docs("revokeApiKey", text("Revoke an API key", "吊销 API 密钥", "撤銷 API 金鑰"), { responses: { 204: {} } }),
    handle: async (_call, session, { id = "" }) => {
      await kernel.keys.revoke(session, id);
      return noContent;
    },
  }),
];
