import { text as texts } from "@guanxi/base";
import { type Kernel, pageCursor, type Route, type RouteRequest, readRouteQuery, type Session } from "@guanxi/kernel";
import { csvLines } from "../export/export.ts";
import { guarded } from "../csv.ts";
import { cancelJob, jobStatuses, listJobs, readJob, readPlan, rejectedRows } from "../jobs/job.ts";
import { type ImportPlan, reasonColumn, rowColumn } from "../mapping/definition.ts";
import type { RawRow } from "../mapping/row.ts";
import { bodies, importTag, schemas } from "./schemas.ts";

/** Rejected rows that are read at once. */
const rowsAtOnce = 500;
/** The list that the cursors belong to. */
const jobList = "jobs";

const common = { tag: importTag, schemas };
const idOf = ({ params }: RouteRequest): string => params["id"] ?? "";

/** `/api/jobs`. A caller sees the jobs they have started; administrators see all. */
export const jobRoutes = (kernel: Kernel): Route[] => [
  {
    method: "GET",
    path: "/api/jobs",
    ...common,
    operationId: "listJobs",
    summary: texts("Import jobs, newest first", "导入任务（最新在前）", "匯入作業（最新在前）"),
    query: [
      {
        name: "status",
        description: texts("With this status", "任务状态", "作業狀態"),
        schema: { type: "string", enum: [...jobStatuses] },
      },
      "limit",
      "cursor",
    ],
    responses: { 200: { content: bodies.jobs } },
    async handle(session, request) {
      const filter = readRouteQuery(request.query, (given) => ({
        status: given.choice("status", jobStatuses),
        ...given.page(jobList),
      }));
      const { data, next } = await listJobs(session, filter);
      return { status: 200, body: { data, next: next === undefined ? null : pageCursor(jobList, next) } };
    },
  },
  {
    method: "GET",
    path: "/api/jobs/:id",
    ...common,
    operationId: "getJob",
    summary: texts("A job's progress and counts", "任务的进度和计数", "作業的進度和計數"),
    responses: { 200: { content: bodies.job } },
    async handle(session, request) {
      return { status: 200, body: await readJob(session, idOf(request)) };
    },
  },
  {
    method: "GET",
    path: "/api/jobs/:id/errors",
    ...common,
    operationId: "getJobErrors",
    summary: texts(
      "The rejected rows as CSV, with the columns of the upload, the row's number and the reason",
      "被拒绝的行（CSV）：上传的列、行号和原因",
      "被拒絕的列（CSV）：上傳的欄、列號和原因",
    ),
    responses: { 200: { content: { "text/csv": { type: "string" } }, headers: ["Content-Disposition"] } },
    async handle(session, request) {
      const plan = await readPlan(session, idOf(request));
      const headers = {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": `attachment; filename="errors-${idOf(request)}.csv"`,
      };
      return { status: 200, stream: errorFile(session, idOf(request), plan), headers };
    },
  },
  {
    method: "POST",
    path: "/api/jobs/:id/cancel",
    ...common,
    operationId: "cancelJob",
    summary: texts("End a job; the rows it has imported stay", "终止任务；已导入的行保留", "終止作業；已匯入的列保留"),
    responses: { 200: { content: bodies.job } },
    async handle(session, request) {
      await cancelJob(session, (work) => kernel.store.transaction(work), idOf(request));
      return { status: 200, body: await readJob(session, idOf(request)) };
    },
  },
];

const encoder = new TextEncoder();

/** Rejected rows as they were sent, page after page. A row of NDJSON is one cell, since its members need not be those of the next. */
function errorFile(session: Session, job: string, plan: ImportPlan): ReadableStream<Uint8Array> {
  const header = plan.format === "csv" ? plan.columns : ["record"];
  const own = [rowColumn, reasonColumn];
  // A file of rejected rows that is sent again has these columns already.
  const kept = header.map((name, i) => ({ name, i })).filter(({ name }) => !own.includes(name));
  const cells = (raw: RawRow): string[] => {
    if (typeof raw === "string") return [raw];
    // What a row has too much of stands behind the columns, so that nothing of it is lost.
    return raw.length === header.length ? kept.map(({ i }) => raw[i] ?? "") : [...raw];
  };
  let after = 0;
  let text = csvLines([[...kept.map(({ name }) => name), ...own]], plan.delimiter);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const rows = await rejectedRows(session, job, after, rowsAtOnce);
        after = rows.at(-1)?.row ?? after;
        const lines = rows.map(({ row, data, reason }) => [
          ...padded(cells(JSON.parse(data) as RawRow), kept.length),
          String(row),
          guarded(reason),
        ]);
        text += csvLines(lines, plan.delimiter);
        if (text !== "") controller.enqueue(encoder.encode(text));
        text = "";
        if (rows.length < rowsAtOnce) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const padded = (cells: string[], length: number): string[] =>
  cells.length >= length ? cells : [...cells, ...Array.from({ length: length - cells.length }, () => "")];
