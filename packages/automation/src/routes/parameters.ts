import { text } from "@guanxi/base";
import { type Page, type RouteParameter, readRouteQuery } from "@guanxi/kernel";
import { type RunStatus, runStatuses } from "../runs/run.ts";

export interface RunFilter extends Page {
  readonly workflow: string | undefined;
  readonly status: RunStatus | undefined;
  readonly record: string | undefined;
}

/** The list that the cursors belong to. */
export const runList = "runs";

/** What `GET /api/runs` takes besides the page. */
export const runParameters: readonly RouteParameter[] = [
  {
    name: "workflow",
    description: text("Of this workflow", "所属工作流", "所屬工作流程"),
    schema: { type: "string" },
  },
  {
    name: "status",
    description: text("With this status", "运行状态", "執行狀態"),
    schema: { type: "string", enum: [...runStatuses] },
  },
  {
    name: "record",
    description: text("On this record", "所处理的记录", "所處理的記錄"),
    schema: { type: "string", format: "uuid" },
  },
];

/** The parameters of `GET /api/runs`; QUERY with every fault. */
export const readRunFilter = (query: URLSearchParams): RunFilter =>
  readRouteQuery(query, (given) => ({
    workflow: given.text("workflow"),
    status: given.choice("status", runStatuses),
    record: given.id("record"),
    ...given.page(runList),
  }));
