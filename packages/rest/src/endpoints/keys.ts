import { text } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { answer, noContent } from "../answer.ts";
import * as takes from "../parameters.ts";
import { readJson, readQuery } from "../request.ts";
import { type Docs, type Endpoint, forTenants, type Schema } from "./endpoint.ts";

const keySchema: Schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    name: { type: "string" },
    user: { type: "string", format: "uuid" },
    prefix: { type: "string", description: "The first characters, to recognise it by" },
    created_at: { type: "string", format: "date-time" },
    expires_at: { type: ["string", "null"], format: "date-time" },
    last_used_at: { type: ["string", "null"], format: "date-time" },
  },
};

const newKeySchema: Schema = {
  type: "object",
  required: ["name"],
  properties: {
    name: { type: "string" },
    user: { type: "string", format: "uuid", description: "The caller, unless another is named" },
    expires_at: { type: ["string", "null"], format: "date-time" },
  },
  additionalProperties: false,
};

const docs = (summary: Docs["summary"], status: number, more: Partial<Docs> = {}): Docs => ({
  summary,
  tag: "keys",
  status,
  ...more,
});

/** API keys of the tenant; who may see and make which is for the kernel to say. */
export const keyEndpoints = (kernel: Kernel): readonly Endpoint[] => [
  forTenants(kernel, {
    method: "GET",
    path: "/api/keys",
    docs: docs(text("List API keys", "列出 API 密钥", "列出 API 金鑰"), 200, {
      response: { type: "object", properties: { data: { type: "array", items: keySchema } } },
    }),
    handle: async (call, session) => {
      takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
      return answer(200, { data: await kernel.keys.list(session) });
    },
  }),
  forTenants(kernel, {
    method: "POST",
    path: "/api/keys",
    docs: docs(
      text("Make an API key; it is shown this once", "创建 API 密钥（仅显示一次）", "建立 API 金鑰（僅顯示一次）"),
      201,
      {
        request: newKeySchema,
        response: { ...keySchema, properties: { ...(keySchema.properties as object), key: { type: "string" } } },
      },
    ),
    handle: async (call, session) => {
      takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
      const key = await kernel.keys.create(session, await readJson(call));
      return { ...answer(201, key, { location: `/api/keys/${key.id}` }), secret: true };
    },
  }),
  forTenants(kernel, {
    method: "DELETE",
    path: "/api/keys/:id",
    docs: docs(text("Revoke an API key", "吊销 API 密钥", "撤銷 API 金鑰"), 204),
    handle: async (call, session, { id = "" }) => {
      takes.readFromQuery(readQuery(call.request.url), takes.noParameters);
      await kernel.keys.revoke(session, id);
      return noContent;
    },
  }),
];
