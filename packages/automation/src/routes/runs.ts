import { GuanxiError, text } from "@guanxi/base";
import type { Kernel, Route, RouteRequest } from "@guanxi/kernel";
import { cancelRun, retryRun, startRun } from "./control-runs.ts";
import { readRunFilter, runParameters } from "./parameters.ts";
import { listRuns, readRun } from "./read-runs.ts";
import { bodies, runSchemas } from "./schemas.ts";
import { workflowsTag } from "./workflows.ts";

const tag: Route["tag"] = {
  name: "runs",
  description: text("What workflows did, and do", "工作流的运行记录", "工作流程的執行記錄"),
};
const common = { tag, schemas: runSchemas };

/** `/api/runs` and the start of manual workflows; `wake` tells workers of a tenant that has runs to start. */
export function runRoutes(kernel: Kernel, wake: (tenant: string) => void): Route[] {
  const id = ({ params }: RouteRequest): string => params["id"] ?? "";
  return [
    {
      method: "GET",
      path: "/api/runs",
      ...common,
      operationId: "listRuns",
      summary: text("Workflow runs, newest first", "工作流运行（最新在前）", "工作流程執行（最新在前）"),
      right: "view_runs",
      query: [...runParameters, "limit", "cursor"],
      responses: { 200: { content: bodies.runs } },
      async handle(session, { query }) {
        return { status: 200, body: await listRuns(session, readRunFilter(query)) };
      },
    },
    {
      method: "GET",
      path: "/api/runs/:id",
      ...common,
      operationId: "getRun",
      summary: text(
        "A run with its journal, log, cost, cause and effects",
        "运行详情：调用记录、日志、开销、起因和结果",
        "執行詳情：呼叫記錄、日誌、開銷、起因和結果",
      ),
      right: "view_runs",
      responses: { 200: { content: bodies.run } },
      async handle(session, request) {
        return { status: 200, body: await readRun(session, id(request)) };
      },
    },
    {
      method: "POST",
      path: "/api/runs/:id/cancel",
      ...common,
      operationId: "cancelRun",
      summary: text("End a run; what it has done stays", "终止运行；已完成的操作保留", "終止執行；已完成的操作保留"),
      right: "edit_metadata",
      responses: { 200: { content: bodies.run } },
      async handle(session, request) {
        await cancelRun(session, id(request));
        return { status: 200, body: await readRun(session, id(request)) };
      },
    },
    {
      method: "POST",
      path: "/api/runs/:id/retry",
      ...common,
      operationId: "retryRun",
      summary: text(
        "Run a failed run again, from the call that failed",
        "从失败的调用处重新运行",
        "從失敗的呼叫處重新執行",
      ),
      right: "edit_metadata",
      request: { content: bodies.retry, optional: true },
      responses: { 202: { content: bodies.started } },
      async handle(session, request) {
        await retryRun(kernel, wake, session, id(request), await readLatest(request));
        return { status: 202, body: { run: id(request) } };
      },
    },
    {
      method: "POST",
      path: "/api/workflows/:name/start",
      operationId: "startWorkflow",
      summary: text("Start a manual workflow on a record", "对记录手动启动工作流", "對記錄手動啟動工作流程"),
      tag: workflowsTag,
      request: { content: bodies.start },
      responses: { 202: { content: bodies.started, headers: ["Location"] } },
      async handle(session, request) {
        const run = await startRun(kernel, wake, session, request.params["name"] ?? "", await request.json());
        return { status: 202, body: { run }, headers: { Location: `/api/runs/${run}` } };
      },
    },
  ];
}

/** A body is optional. */
async function readLatest({ headers, json }: RouteRequest): Promise<boolean> {
  if (headers.get("content-type") === null) return false;
  const body = await json();
  if (typeof body !== "object" || body === null) return false;
  const { latest = false, ...others } = body as { latest?: unknown };
  for (const field of Object.keys(others))
    throw new GuanxiError("VALIDATION", { issues: [{ path: `/${field}`, code: "unknown", params: { field } }] });
  if (typeof latest !== "boolean")
    throw new GuanxiError("VALIDATION", { issues: [{ path: "/latest", code: "type", params: { type: "boolean" } }] });
  return latest;
}
