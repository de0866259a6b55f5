import { GuanxiError, text } from "@guanxi/base";
import { type Kernel, type Route, type RouteParameter, readRouteQuery } from "@guanxi/kernel";
import { exportRecords } from "../export/export.ts";
import type { FileFormat } from "../mapping/definition.ts";
import { exportTag } from "./schemas.ts";

const mediaTypes: Readonly<Record<FileFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson; charset=utf-8",
};

const yesOrNo = (preset: string) => ({ type: "string", enum: ["true", "false"], default: preset });

const ownParameters: readonly RouteParameter[] = [
  {
    name: "format",
    description: text("Instead of what Accept says", "替代 Accept 指定的格式", "取代 Accept 指定的格式"),
    schema: { type: "string", enum: ["csv", "ndjson"] },
  },
  {
    name: "guard",
    description: text(
      "An apostrophe before CSV cells that a spreadsheet would run as a formula",
      "在会被电子表格当作公式执行的 CSV 单元格前加撇号",
      "在會被試算表當作公式執行的 CSV 儲存格前加撇號",
    ),
    schema: yesOrNo("true"),
  },
  {
    name: "bom",
    description: text(
      "A byte order mark first, by which Excel knows UTF-8",
      "以字节顺序标记开头，供 Excel 识别 UTF-8",
      "以位元組順序記號開頭，供 Excel 識別 UTF-8",
    ),
    schema: yesOrNo("false"),
  },
];

/** `GET /api/export/:plural`. */
export const exportRoute = (kernel: Kernel): Route => ({
  method: "GET",
  path: "/api/export/:plural",
  operationId: "exportRecords",
  summary: text(
    "All records that the list's parameters find, as CSV or NDJSON",
    "按列表参数导出全部记录（CSV 或 NDJSON）",
    "依清單參數匯出全部記錄（CSV 或 NDJSON）",
  ),
  tag: exportTag,
  right: { object: "read" },
  query: ["select", "filter", "order", "expand", "deleted", ...ownParameters],
  responses: {
    200: {
      content: { "text/csv": { type: "string" }, "application/x-ndjson": { type: "string" } },
      headers: ["Content-Disposition"],
    },
  },
  async handle(caller, request) {
    const { session, object } = await kernel.objectByPlural(caller, request.params["plural"] ?? "");
    const { list, ...asked } = readRouteQuery(request.query, (given) => ({
      format: given.choice("format", ["csv", "ndjson"]),
      guard: given.flag("guard", true),
      bom: given.flag("bom", false),
      list: {
        select: given.text("select"),
        filter: given.text("filter"),
        order: given.text("order"),
        expand: given.text("expand"),
        deleted: given.choice("deleted", ["only"]),
      },
    }));
    const format = asked.format ?? accepted(request.headers.get("accept"));
    const parameters = Object.fromEntries(Object.entries(list).filter(([, value]) => value !== undefined));
    return {
      status: 200,
      stream: await exportRecords(kernel, session, object, { ...asked, format, parameters }),
      headers: {
        "content-type": mediaTypes[format],
        "content-disposition": `attachment; filename="${object.plural}.${format}"`,
      },
    };
  },
});

/** CSV unless the caller accepts NDJSON only. MEDIA_TYPE is for bodies, so whoever accepts neither is told by a malformed request. */
function accepted(accept: string | null): FileFormat {
  const types = (accept ?? "*/*")
    .toLowerCase()
    .split(",")
    .map((part) => part.split(";")[0]?.trim() ?? "");
  if (types.some((t) => t === "text/csv" || t === "text/*" || t === "*/*")) return "csv";
  if (types.some((t) => t === "application/x-ndjson" || t === "application/ndjson" || t === "application/*"))
    return "ndjson";
  throw new GuanxiError("MALFORMED", {
    detail: "accept text/csv or application/x-ndjson, or say format=csv or format=ndjson",
  });
}
