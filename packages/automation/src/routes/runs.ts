import { GuanxiError } from "@guanxi/base";
import type { Kernel, Route, RouteRequest, Session } from "@guanxi/kernel";
import type { Queue } from "../queue/queue.ts";
import { cancelRun, retryRun, startRun } from "./control-runs.ts";
import { readRunFilter } from "./parameters.ts";
import { listRuns, readRun } from "./read-runs.ts";
import { runDetailSchema, runSchema } from "./schemas.ts";

const tag = "runs";

/** `/api/runs` and the start of manual workflows. */
export function runRoutes(kernel: Kernel, queue: Queue): Route[] {
  const id = ({ params }: RouteRequest): string => params["id"] ?? "";
  return [
    {
      method: "GET",
      path: "/api/runs",
      summary: "Workflow runs, newest first, by workflow, status and record",
      tag,
      response: {
        type: "object",
        properties: { data: { type: "array", items: runSchema }, next: { type: ["string", "null"] } },
      },
      async handle(session, { query }) {
        requireRight(session, "view_runs");
        return { status: 200, body: await listRuns(session, readRunFilter(query)) };
      },
    },
    {
      method: "GET",
      path: "/api/runs/:id",
      summary: "A run with its journal, log, cost, cause and effects",
      tag,
      response: runDetailSchema,
      async handle(session, request) {
        requireRight(session, "view_runs");
        return { status: 200, body: await readRun(session, id(request)) };
      },
    },
    {
      method: "POST",
      path: "/api/runs/:id/cancel",
      summary: "End a run; what it has done stays",
      tag,
      async handle(session, request) {
        requireRight(session, "edit_metadata");
        await cancelRun(session, id(request));
        return { status: 200, body: await readRun(session, id(request)) };
      },
    },
    {
      method: "POST",
      path: "/api/runs/:id/retry",
      summary: "Run a failed run again, from the call that failed",
      tag,
      request: { type: "object", properties: { latest: { type: "boolean" } }, additionalProperties: false },
      async handle(session, request) {
        requireRight(session, "edit_metadata");
        await retryRun(kernel, queue, session, id(request), await readLatest(request));
        return { status: 202, body: { run: id(request) } };
      },
    },
    {
      method: "POST",
      path: "/api/workflows/:name/start",
      summary: "Start a manual workflow on a record",
      tag: "workflows",
      request: {
        type: "object",
        required: ["record"],
        properties: { record: { type: "string", format: "uuid" } },
        additionalProperties: false,
      },
      response: { type: "object", properties: { run: { type: "string", format: "uuid" } } },
      async handle(session, request) {
        const run = await startRun(kernel, queue, session, request.params["name"] ?? "", await request.json());
        return { status: 202, body: { run }, headers: { Location: `/api/runs/${run}` } };
      },
    },
  ];
}

function requireRight({ actor }: Session, right: "view_runs" | "edit_metadata"): void {
  if (!actor.rights.all && !actor.rights.system.has(right))
    throw new GuanxiError("FORBIDDEN", { detail: `This needs the system right ${right}.` });
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
