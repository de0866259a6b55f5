import { GuanxiError } from "@guanxi/base";
import type { Route, RouteRequest } from "@guanxi/kernel";
import type { Catalogue } from "../workflows/publish.ts";
import { workflowSchema } from "./schemas.ts";

const tag = "workflows";

/** `/api/meta/workflows`. */
export function workflowRoutes(catalogue: Catalogue): Route[] {
  return [
    {
      method: "GET",
      path: "/api/meta/workflows",
      summary: "Workflows of the tenant",
      tag,
      response: { type: "object", properties: { data: { type: "array", items: workflowSchema } } },
      async handle(session) {
        const { definitions, metadata } = await catalogue.list(session);
        return { status: 200, body: { data: definitions }, headers: { ETag: `"${metadata}"` } };
      },
    },
    {
      method: "GET",
      path: "/api/meta/workflows/:name",
      summary: "A workflow as it was published",
      tag,
      response: workflowSchema,
      async handle(session, { params }) {
        const { workflow, metadata } = await catalogue.current(session, params["name"] ?? "");
        return { status: 200, body: workflow.definition, headers: { ETag: `"${metadata}"` } };
      },
    },
    {
      method: "PUT",
      path: "/api/meta/workflows/:name",
      summary: "Publish a new version of a workflow",
      tag,
      request: workflowSchema,
      response: workflowSchema,
      async handle(session, request) {
        const name = request.params["name"] ?? "";
        const published = await catalogue.publish(session, name, await request.json(), ifVersion(request));
        return {
          status: published.created ? 201 : 200,
          body: published.definition,
          headers: { ETag: `"${published.metadata}"` },
        };
      },
    },
    {
      method: "DELETE",
      path: "/api/meta/workflows/:name",
      summary: "Remove a workflow; its runs end by the version they began with",
      tag,
      async handle(session, request) {
        await catalogue.remove(session, request.params["name"] ?? "", ifVersion(request));
        return { status: 204 };
      },
    },
  ];
}

/** The metadata version that the caller has read. */
function ifVersion({ headers }: RouteRequest): number | undefined {
  const header = headers.get("if-match");
  if (header === null || header.trim() === "*") return undefined;
  const version = /^(?:W\/)?"(\d+)"$/.exec(header.trim())?.[1];
  if (version === undefined) throw new GuanxiError("PRECONDITION");
  return Number(version);
}
