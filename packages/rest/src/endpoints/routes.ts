import type { Kernel, ListParameters, Route, RouteParameter } from "@guanxi/kernel";
import { localeOf } from "../call.ts";
import { expectedVersion } from "../conditions.ts";
import { listParameters } from "../parameters.ts";
import { bytesOf, json, mergePatch, readJson, readQuery } from "../request.ts";
import { type DescribedParameter, type Endpoint, forTenants } from "./endpoint.ts";

/** A route that another part or a plugin brings, behind the same door as the built-in ones. */
export const routeEndpoint = (kernel: Kernel, route: Route): Endpoint =>
  forTenants(kernel, {
    method: route.method,
    path: route.path,
    docs: { ...route, parameters: (route.query ?? []).map(parameterOf) },
    handle: (call, session, params) =>
      route.handle(session, {
        params,
        query: readQuery(call.request.url),
        headers: call.request.headers,
        locale: localeOf(call),
        ifVersion: (current) => expectedVersion(call, current),
        json: () => readJson(call, route.method === "PATCH" ? mergePatch : json),
        body: () => bytesOf(call),
      }),
  });

function parameterOf(named: keyof ListParameters | RouteParameter): DescribedParameter {
  if (typeof named !== "string") return named;
  const shared = listParameters.all.find((parameter) => parameter.name === named);
  if (!shared) throw new Error(`lists take no parameter ${named}`);
  return shared;
}
