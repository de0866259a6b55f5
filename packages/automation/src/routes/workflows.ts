import { text } from "@guanxi/base";
import type { Route, RouteRequest, Session } from "@guanxi/kernel";
import type { Catalogue } from "../workflows/publish.ts";
import { bodies, workflowSchemas } from "./schemas.ts";

export const workflowsTag: Route["tag"] = {
  name: "workflows",
  description: text(
    "Scripts that run on changes of records, or by hand",
    "在记录变更时自动运行或手动启动的脚本",
    "在記錄變更時自動執行或手動啟動的腳本",
  ),
};
const common = { tag: workflowsTag, schemas: workflowSchemas };

/** `/api/meta/workflows`. */
export function workflowRoutes(catalogue: Catalogue): Route[] {
  /** The metadata version that the caller has read. */
  const ifVersion = (session: Session, { params, ifVersion }: RouteRequest): Promise<number | undefined> =>
    ifVersion(async () => (await catalogue.current(session, params["name"] ?? "")).metadata);

  return [
    {
      method: "GET",
      path: "/api/meta/workflows",
      ...common,
      operationId: "listWorkflows",
      summary: text("Workflows of the tenant", "租户的工作流", "租戶的工作流程"),
      responses: { 200: { content: bodies.workflows, headers: ["ETag"] } },
      async handle(session) {
        const { definitions, metadata } = await catalogue.list(session);
        return { status: 200, body: { data: definitions }, headers: { ETag: `"${metadata}"` } };
      },
    },
    {
      method: "GET",
      path: "/api/meta/workflows/:name",
      ...common,
      operationId: "getWorkflow",
      summary: text("A workflow as it was published", "已发布的工作流", "已發布的工作流程"),
      responses: { 200: { content: bodies.workflow, headers: ["ETag"] } },
      async handle(session, { params }) {
        const { workflow, metadata } = await catalogue.current(session, params["name"] ?? "");
        return { status: 200, body: workflow.definition, headers: { ETag: `"${metadata}"` } };
      },
    },
    {
      method: "PUT",
      path: "/api/meta/workflows/:name",
      ...common,
      operationId: "putWorkflow",
      summary: text("Publish a new version of a workflow", "发布工作流的新版本", "發布工作流程的新版本"),
      right: "edit_metadata",
      conditions: ["If-Match"],
      request: { content: bodies.workflow },
      responses: {
        200: { content: bodies.workflow, headers: ["ETag"] },
        201: { content: bodies.workflow, headers: ["ETag"] },
      },
      async handle(session, request) {
        const name = request.params["name"] ?? "";
        const published = await catalogue.publish(session, name, await request.json(), {
          ifVersion: await ifVersion(session, request),
          locale: request.locale,
        });
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
      ...common,
      operationId: "deleteWorkflow",
      summary: text(
        "Remove a workflow; its runs end by the version they began with",
        "删除工作流；正在进行的运行按其开始时的版本完成",
        "刪除工作流程；進行中的執行依其開始時的版本完成",
      ),
      right: "edit_metadata",
      conditions: ["If-Match"],
      responses: { 204: {} },
      async handle(session, request) {
        await catalogue.remove(session, request.params["name"] ?? "", await ifVersion(session, request));
        return { status: 204 };
      },
    },
  ];
}
