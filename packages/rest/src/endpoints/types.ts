import { GuanxiError, type Locale, text } from "@guanxi/base";
import type { Kernel, RouteParameter, Session } from "@guanxi/kernel";
import { localeOf } from "../call.ts";
import { cachedView } from "../openapi/cache.ts";
import { readQuery } from "../request.ts";
import type { RestSettings } from "../settings.ts";
import { declareTypes } from "../types/declare.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";
import { metaTag } from "./tags.ts";

/** What scripts see besides the objects, by the declarations of these. */
export type ScriptDeclarations = (objects: string) => string;

const forScripts: RouteParameter = {
  name: "for",
  description: text(
    "With `script`: as workflow scripts see the tenant, for editors",
    "取值 `script`：工作流脚本所见的声明，供编辑器使用",
    "取值 `script`：工作流程腳本所見的宣告，供編輯器使用",
  ),
  schema: { type: "string", enum: ["script"] },
};

/** `GET /api/types.d.ts`, which `createClient<Objects>` of `@guanxi/client` is typed by, and scripts in editors. */
export function typesEndpoint(kernel: Kernel, settings: RestSettings, scripts?: ScriptDeclarations): Endpoint {
  const types = cachedView(settings.openapiCacheSize, (session, locale) => declareTypes(session, locale));
  const scriptTypes = cachedView(settings.openapiCacheSize, (session, locale) => declareTypes(session, locale, "any"));
  const declare = async (session: Session, locale: Locale, use: string | null): Promise<string> => {
    if (use === null) return types(session, locale);
    if (use !== "script" || !scripts)
      throw new GuanxiError("QUERY", { issues: [{ path: "for", code: "enum", params: { values: "script" } }] });
    return scripts(await scriptTypes(session, locale));
  };
  return forTenants(kernel, {
    method: "GET",
    path: "/api/types.d.ts",
    docs: {
      operationId: "getTypes",
      summary: text("TypeScript declarations of the objects", "对象的 TypeScript 声明", "物件的 TypeScript 宣告"),
      tag: metaTag,
      ...(scripts ? { parameters: [forScripts] } : {}),
      responses: { 200: { content: { "text/plain": { type: "string" } } } },
    },
    handle: async (call, session) => ({
      status: 200,
      text: await declare(await kernel.refresh(session), localeOf(call), readQuery(call.request.url).get("for")),
      headers: { "content-type": "text/plain; charset=utf-8" },
    }),
  });
}
