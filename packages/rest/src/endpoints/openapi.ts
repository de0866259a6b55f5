import { type Locale, text } from "@guanxi/base";
import type { Kernel, Session } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";
import { passed } from "../answer.ts";
import { localeOf } from "../call.ts";
import { describeApi, rightsKey } from "../openapi/document.ts";
import type { RestSettings } from "../settings.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";

/** `GET /api/openapi.json`; `endpoints` are the fixed addresses that it lists beside those of the objects. */
export function openapiEndpoint(kernel: Kernel, endpoints: readonly Endpoint[], settings: RestSettings): Endpoint {
  const documents = openapiCache(endpoints, settings.openapiCacheSize);
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

/** Documents by snapshot, rights and language; those of a snapshot go when it goes. */
function openapiCache(endpoints: readonly Endpoint[], size: number): (session: Session, locale: Locale) => string {
  const bySnapshot = new WeakMap<Snapshot, Map<string, string>>();
  return (session, locale) => {
    const documents = bySnapshot.get(session.snapshot) ?? new Map<string, string>();
    bySnapshot.set(session.snapshot, documents);
    const key = `${locale}|${rightsKey(session.actor.rights, session.snapshot.objects.keys())}`;
    const known = documents.get(key);
    if (known !== undefined) return known;
    const made = describeApi(session, endpoints, locale);
    const oldest = documents.keys().next();
    if (documents.size >= size && !oldest.done) documents.delete(oldest.value);
    documents.set(key, made);
    return made;
  };
}
