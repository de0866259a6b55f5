import { GuanxiError } from "@guanxi/base";
import type { Kernel, Route } from "@guanxi/kernel";
import { exportRecords } from "../export/export.ts";
import type { FileFormat } from "../mapping/definition.ts";
import { QueryReader } from "./parameters.ts";

const mediaTypes: Readonly<Record<FileFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  ndjson: "application/x-ndjson; charset=utf-8",
};

/** `GET /api/export/:plural`. */
export const exportRoute = (kernel: Kernel): Route => ({
  method: "GET",
  path: "/api/export/:plural",
  summary:
    "All records that the list's parameters find, as CSV or NDJSON (format=csv|ndjson, or Accept); bom=true for Excel",
  tag: "jobs",
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
