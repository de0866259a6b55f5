import { locales, text } from "@guanxi/base";
import type { Kernel, RouteSchema } from "@guanxi/kernel";
import { answer, type Answer } from "../answer.ts";
import { apiVersion, type RestSettings } from "../settings.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";
import { meTag } from "./tags.ts";

/** Whether all is well, whether requests are served, and every check of this process by name: `ok`, or what is wrong. */
export type Health = () => Promise<{ ok: boolean; ready: boolean; checks: Record<string, "ok" | string> }>;

/** What monitors, load balancers and the curious ask, without a key. */
export function serviceEndpoints(health: Health, settings: RestSettings): readonly Endpoint[] {
  const report = (what: "ok" | "ready") => async (): Promise<Answer> => {
    const { [what]: ok, checks } = await health();
    return ok
      ? answer(200, { ok, checks })
      : answer(503, { ok, checks }, { "retry-after": String(settings.retryAfterSeconds) });
  };
  const start = {
    name: "Guanxi",
    version: apiVersion,
    openapi: "/api/openapi.json",
    docs: "/docs",
  };
  return [
    { method: "GET", path: "/", run: async () => answer(200, start) },
    { method: "GET", path: "/health", run: report("ok") },
    { method: "GET", path: "/ready", run: report("ready") },
  ];
}

const strings = (...names: string[]): RouteSchema => ({
  type: "object",
  required: names,
  properties: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});

const meSchema: RouteSchema = {
  type: "object",
  required: ["user", "tenant", "roles", "positions", "locale"],
  properties: {
    user: {
      type: "object",
      required: ["id", "name", "email"],
      properties: { id: { type: "string" }, name: { type: "string" }, email: { type: ["string", "null"] } },
    },
    tenant: strings("id", "name"),
    roles: { type: "array", items: { type: "string" } },
    positions: { type: "array", items: strings("id", "name") },
    locale: { type: "string", enum: [...locales] },
  },
};

export const meEndpoint = (kernel: Kernel): Endpoint =>
  forTenants(kernel, {
    method: "GET",
    path: "/api/me",
    docs: {
      operationId: "getMe",
      summary: text(
        "Who the caller is: user, tenant, roles and positions",
        "当前用户：用户、租户、角色和岗位",
        "目前使用者：使用者、租戶、角色和職位",
      ),
      tag: meTag,
      responses: { 200: { content: { "application/json": meSchema } } },
    },
    handle: async (_call, { actor, tenant }) =>
      answer(200, {
        user: { id: actor.user, name: actor.name, email: actor.email },
        tenant: { id: tenant.id, name: tenant.name },
        roles: actor.roles,
        positions: actor.positions,
        locale: actor.locale,
      }),
  });
