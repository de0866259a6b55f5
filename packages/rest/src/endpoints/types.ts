import { text } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { localeOf } from "../call.ts";
import { cachedView } from "../openapi/cache.ts";
import type { RestSettings } from "../settings.ts";
import { declareTypes } from "../types/declare.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";

/** `GET /api/types.d.ts`, which `createClient<Objects>` of `@guanxi/client` is typed by. */
export function typesEndpoint(kernel: Kernel, settings: RestSettings): Endpoint {
  const types = cachedView(settings.openapiCacheSize, declareTypes);
  return forTenants(kernel, {
    method: "GET",
    path: "/api/types.d.ts",
    docs: {
      summary: text("TypeScript declarations of the objects", "对象的 TypeScript 声明", "物件的 TypeScript 宣告"),
      tag: "metadata",
      status: 200,
      response: { type: "string" },
    },
    handle: async (call, session) => ({
      status: 200,
      text: await types(await kernel.refresh(session), localeOf(call)),
      headers: { "content-type": "text/plain; charset=utf-8" },
    }),
  });
}
