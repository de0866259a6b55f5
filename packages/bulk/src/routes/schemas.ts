import { text } from "@guanxi/base";
import type { Route, RouteSchema } from "@guanxi/kernel";
import { jobStatuses } from "../jobs/job.ts";
import { mappingSchema } from "../mapping/schema.ts";

const count = { type: "integer", minimum: 0 };
const time = { type: "string", format: "date-time" };
const orNull = (type: string) => ({ type: [type, "null"] });

const jobProperties = {
  id: { type: "string", format: "uuid" },
  kind: { type: "string", const: "import" },
  object: orNull("string"),
  status: { type: "string", enum: [...jobStatuses] },
  mode: { type: "string", enum: ["create", "upsert"] },
  key: orNull("string"),
  format: { type: "string", enum: ["csv", "ndjson"] },
  mapping: orNull("string"),
  ...{ total: count, processed: count, created: count, updated: count, unchanged: count, rejected: count },
  error: { ...orNull("object"), description: "Why the job failed as a whole" },
  created_by: { type: "string", format: "uuid" },
  created_at: time,
  started_at: { ...time, type: ["string", "null"] },
  ended_at: { ...time, type: ["string", "null"] },
};
const jobSchema: RouteSchema = { type: "object", required: Object.keys(jobProperties), properties: jobProperties };

/** A mapping in the API's description, with its definitions in place of names for them. */
const { $schema: _schema, $id: _id, $defs, ...mapping } = mappingSchema;
const mappingBody: RouteSchema = {
  ...mapping,
  properties: {
    ...mapping.properties,
    columns: {
      ...mapping.properties.columns,
      additionalProperties: $defs.column,
    },
  },
};

export const schemas = { Job: jobSchema, Mapping: mappingBody } as const;

const ref = (name: keyof typeof schemas): RouteSchema => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: RouteSchema) => ({ "application/json": schema });
const listOf = (items: RouteSchema) => ({ data: { type: "array", items } });

/** What the routes take and answer, by what it is. */
export const bodies = {
  job: content(ref("Job")),
  jobs: content({
    type: "object",
    required: ["data", "next"],
    properties: { ...listOf(ref("Job")), next: orNull("string") },
  }),
  mapping: content(ref("Mapping")),
  mappings: content({ type: "object", required: ["data"], properties: listOf(ref("Mapping")) }),
} as const;

export const importTag: Route["tag"] = {
  name: "import",
  description: text(
    "Files in: imports as jobs, their rejected rows, and mappings of columns to fields",
    "导入文件：导入任务、被拒绝的行，以及列与字段的映射",
    "匯入檔案：匯入作業、被拒絕的列，以及欄與欄位的對應",
  ),
};

export const exportTag: Route["tag"] = { name: "export", description: text("Files out", "导出文件", "匯出檔案") };
