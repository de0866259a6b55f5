import { type Locale, type Text, render, text } from "@guanxi/base";
import type { Rights, Session } from "@guanxi/kernel";
import { oas31 } from "openapi3-ts";
import type { Endpoint } from "../endpoints/endpoint.ts";
import { apiVersion } from "../settings.ts";
import { problemSchema } from "./errors.ts";
import { addFixed } from "./fixed.ts";
import { addObject } from "./objects.ts";

const about: Text = text(
  "What you may do, and nothing else: objects, calls and fields that your roles do not reach are not listed.",
  "仅列出您有权执行的操作：您的角色无法访问的对象、调用和字段不会出现。",
  "僅列出您有權執行的操作：您的角色無法存取的物件、呼叫和欄位不會出現。",
);

const license = { name: "Apache-2.0", identifier: "Apache-2.0" };

/** OpenAPI 3.1 of what a caller with these rights may do, as JSON text in the language of `locale`. */
export function describeApi(session: Session, endpoints: readonly Endpoint[], locale: Locale): string {
  const { rights } = session.actor;
  const builder = oas31.OpenApiBuilder.create()
    .addInfo({ title: session.tenant.name, version: apiVersion, description: render(about, locale), license })
    .addServer({ url: "/" })
    .addSecurityScheme("key", { type: "http", scheme: "bearer", description: "API key: `gx_<tenant>_…`" })
    .addSchema("Problem", problemSchema(locale));
  builder.rootDoc.security = [{ key: [] }];
  for (const object of session.snapshot.objects.values()) addObject(builder, object, rights, locale);
  addFixed(builder, endpoints, session, locale);
  return builder.getSpecAsJson();
}

/** Two callers with the same text see the same document of one snapshot. */
export function rightsKey(rights: Rights, objects: Iterable<string>): string {
  const perObject = rights.all ? "*" : Array.from(objects, (name) => [...rights.object(name)].sort().join()).join(";");
  return `${perObject}|${[...rights.system].sort().join()}`;
}
