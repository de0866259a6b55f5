import { text } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { passed } from "../answer.ts";
import { localeOf } from "../call.ts";
import { cachedView } from "../openapi/cache.ts";
import { describeApi } from "../openapi/document.ts";
import type { RestSettings } from "../settings.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";

/** `GET /api/openapi.json`; `endpoints` are the fixed addresses that it lists beside those of the objects. */
export function openapiEndpoint(kernel: Kernel, endpoints: readonly Endpoint[], settings: RestSettings): Endpoint {
  const documents = cachedView(settings.openapiCacheSize, (session, locale) => describeApi(session, endpoints, locale));
  return forTenants(kernel, {
    method: "GET",
    path: "/api/openapi.json",
    docs: {
      summary: text("This document", "本文档", "本文件"),
      tag: "metadata",
      status: 200,
      response: { type: "object" },
    },
    handle: async (call, session) => passed(documents(await kernel.refresh(session), localeOf(call))),
  });
}
