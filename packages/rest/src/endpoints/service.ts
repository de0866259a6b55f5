import { text } from "@guanxi/base";
import type { Kernel } from "@guanxi/kernel";
import { answer, type Answer } from "../answer.ts";
import { apiVersion, type RestSettings } from "../settings.ts";
import { type Endpoint, forTenants } from "./endpoint.ts";

/** Every check of this process by name: `ok`, or what is wrong. */
export type Health = () => Promise<{ ok: boolean; checks: Record<string, "ok" | string> }>;

/** What monitors, load balancers and the curious ask, without a key. */
export function serviceEndpoints(health: Health, settings: RestSettings): readonly Endpoint[] {
  const report = async (): Promise<Answer> => {
    const { ok, checks } = await health();
    return ok
      ? answer(200, { ok, checks })
      : answer(503, { ok, checks }, { "retry-after": String(settings.retryAfterSeconds) });
  };
  const start = {
    name: "Guanxi",
    version: apiVersion,
    openapi: "/api/openapi.json",
    ...(settings.docsUrl === undefined ? {} : { docs: settings.docsUrl }),
  };
  return [
    { method: "GET", path: "/", run: async () => answer(200, start) },
    { method: "GET", path: "/health", run: report },
    { method: "GET", path: "/ready", run: report },
  ];
}

export const meEndpoint = (kernel: Kernel): Endpoint =>
  forTenants(kernel, {
    method: "GET",
    path: "/api/me",
    docs: {
      summary: text("The caller", "当前用户", "目前使用者"),
      tag: "caller",
      status: 200,
      response: { type: "object" },
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
