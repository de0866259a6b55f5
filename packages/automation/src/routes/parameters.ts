import { GuanxiError, type Issue, isId, text } from "@guanxi/base";
import type { RouteParameter } from "@guanxi/kernel";
import { runStatuses } from "../runs/run.ts";

export interface RunFilter {
  readonly workflow?: string;
  readonly status?: string;
  readonly record?: string;
  readonly limit: number;
  /** Runs before this number. */
  readonly before?: number;
}

export const defaultLimit = 50;
export const maxLimit = 500;

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

const encode = (seq: number): string => Buffer.from(`r${seq}`).toString("base64url");
const decode = (cursor: string): number | undefined => {
  const seq = /^r(\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString())?.[1];
  return seq === undefined ? undefined : Number(seq);
};
export { encode as cursorOf };

/** The parameters of `GET /api/runs`; MALFORMED with every fault. */
export function readRunFilter(query: URLSearchParams): RunFilter {
  const issues: Issue[] = [];
  const fault = (path: string, en: string) => issues.push({ path, code: "parameter", text: { en } });
  const given = (name: string) => query.get(name) ?? undefined;
  const [status, record, cursor] = [given("status"), given("record"), given("cursor")];
  if (status !== undefined && !(runStatuses as readonly string[]).includes(status))
    fault("status", `must be one of ${runStatuses.join(", ")}`);
  if (record !== undefined && !isId(record)) fault("record", "must be an id");
  const limit = Number(given("limit") ?? defaultLimit);
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit) fault("limit", `must be from 1 to ${maxLimit}`);
  const before = cursor === undefined ? undefined : decode(cursor);
  if (cursor !== undefined && before === undefined) fault("cursor", "is not a cursor of this list");
  if (issues.length > 0) throw new GuanxiError("MALFORMED", { issues });
  const workflow = given("workflow");
  return {
    limit,
    ...(workflow === undefined ? {} : { workflow }),
    ...(status === undefined ? {} : { status }),
    ...(record === undefined ? {} : { record }),
    ...(before === undefined ? {} : { before }),
  };
}
