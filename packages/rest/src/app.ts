import { noTracer, type Observe, type Span, type Tracer } from "@guanxi/base";
import type { Kernel, Route } from "@guanxi/kernel";
import { Hono } from "hono";
import { type Answer, toResponse } from "./answer.ts";
import { type Call, checkHeaders, readCall } from "./call.ts";
import { operatorGate } from "./credentials.ts";
import { changeSetRoutes } from "./endpoints/changes.ts";
import { pluginRoutes } from "./endpoints/plugins.ts";
import { docsEndpoints } from "./endpoints/docs.ts";
import { arrange, type Endpoint } from "./endpoints/endpoint.ts";
import { keyEndpoints } from "./endpoints/keys.ts";
import { metadataEndpoints } from "./endpoints/metadata.ts";
import { type Metrics, metricsEndpoint } from "./endpoints/metrics.ts";
import { openapiEndpoint } from "./endpoints/openapi.ts";
import { platformEndpoints } from "./endpoints/platform.ts";
import { routeEndpoint } from "./endpoints/routes.ts";
import { type Health, meEndpoint, serviceEndpoints } from "./endpoints/service.ts";
import { type ScriptDeclarations, typesEndpoint } from "./endpoints/types.ts";
import { generatedRoutes } from "./generated.ts";
import { once } from "./idempotency.ts";
import { problemOf } from "./problem.ts";
import { defaultRestSettings, type RestSettings } from "./settings.ts";

export interface AppOptions {
  readonly kernel: Kernel;
  readonly operatorKey: string;
  /** Further addresses: of automation, of plugins. */
  readonly routes: readonly Route[];
  /** For `GET /api/types.d.ts?for=script`, which is not there without it. */
  readonly scriptDeclarations?: ScriptDeclarations;
  readonly observe: Observe;
  readonly tracer?: Tracer;
  readonly settings?: Partial<RestSettings>;
  readonly health: Health;
  /** Served to the operator at `/metrics`. */
  readonly metrics?: Metrics;
}

/**
 * The whole HTTP API as one Hono application. A request is a straight line: `Call` → the endpoint's `Answer`, or the problem
 * that an error becomes → `Response`. Throws when two routes claim one address.
 */
export function createApp(options: AppOptions): Hono {
  const { kernel, observe, tracer = noTracer, metrics } = options;
  const settings: RestSettings = { ...defaultRestSettings, ...options.settings };
  if (options.operatorKey === "") throw new Error("the operator key must not be empty");
  const gate = operatorGate(kernel, options.operatorKey);
  const documented = [
    meEndpoint(kernel),
    typesEndpoint(kernel, settings, options.scriptDeclarations),
    ...metadataEndpoints(kernel),
    ...[...changeSetRoutes(kernel), ...pluginRoutes(kernel)].map((route) => routeEndpoint(kernel, route)),
    ...keyEndpoints(kernel),
    ...options.routes.map((route) => routeEndpoint(kernel, route)),
  ];
  const endpoints = arrange([
    ...serviceEndpoints(options.health, settings),
    ...docsEndpoints(settings),
    ...(metrics ? [metricsEndpoint(metrics, gate)] : []),
    ...platformEndpoints(kernel, gate),
    openapiEndpoint(kernel, documented, settings),
    ...documented,
  ]);
  const app = new Hono();
  const mount = (endpoint: Endpoint): Hono =>
    app.on(endpoint.method, endpoint.path, (c) =>
      serve(readCall(c.req.raw, settings, endpoint.path), { observe, tracer }, (call) =>
        once(kernel, call, false, () => endpoint.run(call, c.req.param())),
      ),
    );
  endpoints.forEach(mount);
  const generated = generatedRoutes(kernel, endpoints, gate);
  app.all("*", (c) =>
    serve(readCall(c.req.raw, settings, "unmatched"), { observe, tracer }, (call) =>
      once(kernel, call, true, () => generated(call, c.req.path)),
    ),
  );
  return app;
}

interface Watchers {
  readonly observe: Observe;
  readonly tracer: Tracer;
}

/** A request joins the trace that its `traceparent` names. Its span has the route's pattern; the address itself may hold data. */
function serve(call: Call, { observe, tracer }: Watchers, work: (call: Call) => Promise<Answer>): Promise<Response> {
  const { request } = call;
  const parent = request.headers.get("traceparent") ?? undefined;
  return tracer.span({ name: request.method, kind: "server", root: true, parent }, async (span) => {
    call.trace = span.traceparent;
    const response = await answered(call, observe, work);
    describe(span, call, response.status);
    return response;
  });
}

function describe(span: Span, call: Call, status: number): void {
  const { method } = call.request;
  const tenant = call.session?.tenant.id;
  span.rename(`${method} ${call.route}`);
  span.set({
    "http.request.method": method,
    "http.route": call.route,
    "http.response.status_code": status,
    "guanxi.request": call.id,
    ...(tenant === undefined ? {} : { "guanxi.tenant": tenant }),
  });
  if (status >= 500) span.fail();
}

async function answered(call: Call, observe: Observe, work: (call: Call) => Promise<Answer>): Promise<Response> {
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
