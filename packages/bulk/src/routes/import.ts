import { GuanxiError, text } from "@guanxi/base";
import { type Kernel, type Route, type RouteRequest, readRouteQuery, type Session } from "@guanxi/kernel";
import { objectOf } from "../import/chunk.ts";
import { readJob } from "../jobs/job.ts";
import { compileMapping, readMapping } from "../mapping/check.ts";
import type { Encoding, FileFormat, MappingDefinition } from "../mapping/definition.ts";
import type { MappingStore } from "../mapping/store.ts";
import type { BulkSettings } from "../settings.ts";
import { receive } from "../upload/receive.ts";
import { jobsChannel } from "../worker.ts";
import { bodies, importTag, schemas } from "./schemas.ts";

const formats: Readonly<Record<string, FileFormat>> = {
  "text/csv": "csv",
  "application/x-ndjson": "ndjson",
  "application/ndjson": "ndjson",
  "application/jsonl": "ndjson",
};
/** Names by which files come; GBK and GB2312 are parts of GB18030. */
const encodings: Readonly<Record<string, Encoding>> = {
  "utf-8": "utf-8",
  utf8: "utf-8",
  gb18030: "gb18030",
  gbk: "gb18030",
  gb2312: "gb18030",
};

const parameters: Route["query"] = [
  {
    name: "mapping",
    description: text(
      "A stored mapping's name, or a mapping as JSON; columns are named like fields without it",
      "已保存映射的名称，或 JSON 格式的映射；不填则列名即字段名",
      "已儲存對應的名稱，或 JSON 格式的對應；不填則欄名即欄位名稱",
    ),
    schema: { type: "string" },
  },
  {
    name: "mode",
    description: text(
      "upsert changes the records whose key a row has; it needs the right edit too",
      "upsert 会修改与某行的键相同的记录；另需 edit 权限",
      "upsert 會修改與某列的鍵相同的記錄；另需 edit 權限",
    ),
    schema: { type: "string", enum: ["create", "upsert"] },
  },
  {
    name: "key",
    description: text("For upsert: a unique field, or id", "用于 upsert：唯一字段或 id", "用於 upsert：唯一欄位或 id"),
    schema: { type: "string" },
  },
];

/** `POST /api/import/:plural`. */
export const importRoute = (kernel: Kernel, settings: BulkSettings, mappings: MappingStore): Route => ({
  method: "POST",
  path: "/api/import/:plural",
  operationId: "importRecords",
  summary: text(
    "Import a CSV or NDJSON file of any length",
    "导入任意长度的 CSV 或 NDJSON 文件",
    "匯入任意長度的 CSV 或 NDJSON 檔案",
  ),
  tag: importTag,
  schemas,
  right: { object: "create" },
  query: parameters,
  request: { content: Object.fromEntries(Object.keys(formats).map((type) => [type, { type: "string" }])) },
  responses: { 202: { content: bodies.job, headers: ["Location"] } },
  async handle(caller, request) {
    const { session, object } = await kernel.objectByPlural(caller, request.params["plural"] ?? "");
    const asked = readRouteQuery(request.query, (given) => ({
      mapping: given.text("mapping"),
      mode: given.choice("mode", ["create", "upsert"]),
      key: given.text("key"),
    }));
    const { format, charset } = readContentType(request);
    const { name, definition } = await mappingOf(mappings, session, asked.mapping);
    const mapping = compileMapping(definition, session.snapshot, object, asked);
    const { mode, key } = mapping;
    objectOf(session, object.id, mode);
    const body = request.body();
    if (body === null) throw new GuanxiError("MALFORMED", { detail: "The body is the file." });
    const id = await receive(kernel, settings, session, {
      mapping,
      encoding: charset ?? definition.encoding ?? "utf-8",
      body,
      locale: request.locale,
      plan: {
        ...{ format, mode, mapping: definition, delimiter: definition.delimiter ?? "," },
        ...(key === undefined ? {} : { key: key.name }),
        ...(name === undefined ? {} : { mappingName: name }),
      },
    });
    kernel.store.signal(jobsChannel, session.tenant.id);
    return { status: 202, body: await readJob(session, id), headers: { location: `/api/jobs/${id}` } };
  },
});

function readContentType({ headers }: RouteRequest): { format: FileFormat; charset: Encoding | undefined } {
  const [type = "", ...parameters] = (headers.get("content-type") ?? "").toLowerCase().split(";");
  const format = formats[type.trim()];
  if (!format) throw new GuanxiError("MEDIA_TYPE", { detail: "send text/csv or application/x-ndjson" });
  const coding = headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity")
    throw new GuanxiError("MEDIA_TYPE", { detail: "send the body without a content encoding" });
  const named = parameters.map((p) => p.trim().replaceAll('"', "").split("=")).find(([key]) => key === "charset")?.[1];
  const charset = named === undefined ? undefined : encodings[named];
  if (named !== undefined && !charset) throw new GuanxiError("MEDIA_TYPE", { detail: "send UTF-8 or GB18030" });
  return { format, charset };
}

/** A stored mapping by name, one in the parameter itself, or none: columns named like fields. */
async function mappingOf(
  mappings: MappingStore,
  session: Session,
  given: string | undefined,
): Promise<{ name?: string; definition: MappingDefinition }> {
  if (given === undefined) return { definition: {} };
  if (!given.trimStart().startsWith("{")) return { name: given, definition: await mappings.read(session, given) };
  let value: unknown;
  try {
    value = JSON.parse(given);
  } catch (cause) {
    throw new GuanxiError("MALFORMED", { detail: "the mapping is not valid JSON", cause });
  }
  return { definition: readMapping(value) };
}
