import type { Observe } from "@guanxi/base";
import type { Kernel, Route } from "@guanxi/kernel";
import { Hono } from "hono";
import { type Answer, toResponse } from "./answer.ts";
import { type Call, checkHeaders, readCall } from "./call.ts";
import { operatorGate } from "./credentials.ts";
import { arrange, type Endpoint } from "./endpoints/endpoint.ts";
import { keyEndpoints } from "./endpoints/keys.ts";
import { metadataEndpoints } from "./endpoints/metadata.ts";
import { openapiEndpoint } from "./endpoints/openapi.ts";
import { platformEndpoints } from "./endpoints/platform.ts";
import { routeEndpoint } from "./endpoints/routes.ts";
import { type Health, meEndpoint, serviceEndpoints } from "./endpoints/service.ts";
import { typesEndpoint } from "./endpoints/types.ts";
import { generatedRoutes } from "./generated.ts";
import { once } from "./idempotency.ts";
import { problemOf } from "./problem.ts";
import { defaultRestSettings, type RestSettings } from "./settings.ts";

export interface AppOptions {
  readonly kernel: Kernel;
  readonly operatorKey: string;
  /** Further addresses: of automation, of plugins. */
  readonly routes: readonly Route[];
  readonly observe: Observe;
  readonly settings?: Partial<RestSettings>;
  readonly health: Health;
}

/**
 * The whole HTTP API as one Hono application. A request is a straight line: `Call` → the endpoint's `Answer`, or the problem
 * that an error becomes → `Response`. Throws when two routes claim one address.
 */
export function createApp(options: AppOptions): Hono {
  const { kernel, observe } = options;
  const settings: RestSettings = { ...defaultRestSettings, ...options.settings };
  if (options.operatorKey === "") throw new Error("the operator key must not be empty");
  const gate = operatorGate(kernel, options.operatorKey);
  const documented = [
    meEndpoint(kernel),
    typesEndpoint(kernel, settings),
    ...metadataEndpoints(kernel),
    ...keyEndpoints(kernel),
    ...options.routes.map((route) => routeEndpoint(kernel, route)),
  ];
  const endpoints = arrange([
    ...serviceEndpoints(options.health, settings),
    ...platformEndpoints(kernel, gate),
    openapiEndpoint(kernel, documented, settings),
    ...documented,
  ]);
  const app = new Hono();
  const mount = (endpoint: Endpoint): Hono =>
    app.on(endpoint.method, endpoint.path, (c) =>
      serve(readCall(c.req.raw, settings, endpoint.path), observe, (call) =>
        once(kernel, call, false, () => endpoint.run(call, c.req.param())),
      ),
    );
  endpoints.forEach(mount);
  const generated = generatedRoutes(kernel, endpoints, gate);
  app.all("*", (c) =>
    serve(readCall(c.req.raw, settings, "unmatched"), observe, (call) =>
      once(kernel, call, true, () => generated(call, c.req.path)),
    ),
  );
  return app;
}

async function serve(call: Call, observe: Observe, work: (call: Call) => Promise<Answer>): Promise<Response> {
  const response = await respond(call, observe, work);
  const tenant = call.session?.tenant.id;
  observe({
    kind: "request",
    id: call.id,
    method: call.request.method,
    route: call.route,
    status: response.status,
    ms: performance.now() - call.started,
    ...(tenant === undefined ? {} : { tenant }),
  });
  return response;
}

async function respond(call: Call, observe: Observe, work: (call: Call) => Promise<Answer>): Promise<Response> {
  try {
    checkHeaders(call);
    return toResponse(call, await work(call));
  } catch (error) {
    return toResponse(call, problemOf(call, error, observe));
  }
}
