import { text } from "@guanxi/base";
import type { Kernel, Route } from "@guanxi/kernel";
import { localeOf } from "../call.ts";
import { json, mergePatch, readJson, readQuery } from "../request.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";

/** A route that another part or a plugin brings, behind the same door as the built-in ones. */
export const routeEndpoint = (kernel: Kernel, route: Route): Endpoint =>
  forTenants(kernel, {
    method: route.method,
    path: route.path,
    docs: {
      summary: text(route.summary, route.summary, route.summary),
      tag: route.tag,
      status: "2XX",
      ...(route.request === undefined ? {} : { request: route.request }),
      ...(route.response === undefined ? {} : { response: route.response }),
    },
    handle: (call, session, params) =>
      route.handle(session, {
        params,
        query: readQuery(call.request.url),
        headers: call.request.headers,
        locale: localeOf(call),
        json: () => readJson(call, route.method === "PATCH" ? mergePatch : json),
      }),
  });
