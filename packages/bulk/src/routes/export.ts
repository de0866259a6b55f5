import { GuanxiError, text } from "@guanxi/base";
import type { Kernel, Route, RouteParameter } from "@guanxi/kernel";
import { exportRecords } from "../export/export.ts";
import type { FileFormat } from "../mapping/definition.ts";
import { QueryReader } from "./parameters.ts";
import { exportTag } from "./schemas.ts";

const mediaTypes: Readonly<Record<FileFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson; charset=utf-8",
};

const yesOrNo = (preset: string) => ({ type: "string", enum: ["true", "false"], default: preset });

const parameters: readonly RouteParameter[] = [
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
  query: ["select", "filter", "order", "expand", "deleted", ...parameters],
  responses: {
    200: {
      content: { "text/csv": { type: "string" }, "application/x-ndjson": { type: "string" } },
      headers: ["Content-Disposition"],
    },
  },
  async handle(caller, request) {
    const { session, object } = await kernel.objectByPlural(caller, request.params["plural"] ?? "");
    const query = new QueryReader(request.query);
    const format = query.choice("format", ["csv", "ndjson"]) ?? accepted(request.headers.get("accept"));
    const texts = {
      select: query.text("select"),
      filter: query.text("filter"),
      order: query.text("order"),
      expand: query.text("expand"),
    };
    const deleted = query.choice("deleted", ["only"]);
    const guard = query.flag("guard", true);
    const bom = query.flag("bom", false);
    query.done();
    const given = Object.fromEntries(Object.entries({ ...texts, deleted }).filter(([, value]) => value !== undefined));
    return {
      status: 200,
      stream: await exportRecords(kernel, session, object, { format, guard, bom, parameters: given }),
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
