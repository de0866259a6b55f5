import { text } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { passed } from "../answer.ts";
import { localeOf } from "../call.ts";
import { cachedView } from "../openapi/cache.ts";
import { describeApi } from "../openapi/document.ts";
import type { RestSettings } from "../settings.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";
import { metaTag } from "./tags.ts";

/** `GET /api/openapi.json`; `others` are the fixed addresses that it lists beside itself and those of the objects. */
export function openapiEndpoint(kernel: Kernel, others: readonly Endpoint[], settings: RestSettings): Endpoint {
  const documents = cachedView(settings.openapiCacheSize, (session, locale) =>
    describeApi(session, [...others, endpoint], locale),
  );
  const endpoint = forTenants(kernel, {
    method: "GET",
    path: "/api/openapi.json",
    docs: {
      operationId: "getOpenApi",
      summary: text("This document", "本文档", "本文件"),
      tag: metaTag,
      responses: { 200: { content: { "application/json": { type: "object" } } } },
    },
    handle: async (call, session) => passed(documents(await kernel.refresh(session), localeOf(call))),
  });
  return endpoint;
}
