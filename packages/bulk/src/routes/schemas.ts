import { jobStatuses } from "../jobs/job.ts";
import { mappingSchema } from "../mapping/schema.ts";

const count = { type: "integer", minimum: 0 };
const time = { type: "string", format: "date-time" };
const orNull = (type: string) => ({ type: [type, "null"] });

export const jobSchema = {
  type: "object",
  properties: {
    id: { type: "string", format: "uuid" },
    kind: { const: "import" },
    object: orNull("string"),
    status: { enum: [...jobStatuses] },
    mode: { enum: ["create", "upsert"] },
    key: orNull("string"),
    format: { enum: ["csv", "ndjson"] },
    mapping: orNull("string"),
    ...{ total: count, processed: count, created: count, updated: count, unchanged: count, rejected: count },
    error: { ...orNull("object"), description: "Why the job failed as a whole" },
    created_by: { type: "string", format: "uuid" },
    created_at: time,
    started_at: { ...time, type: ["string", "null"] },
    ended_at: { ...time, type: ["string", "null"] },
  },
};

/** A mapping in the API's description, with its definitions in place of names for them. */
const { $schema: _schema, $id: _id, $defs, ...mapping } = mappingSchema;
export const mappingBody = {
  ...mapping,
  properties: {
    ...mapping.properties,
    columns: {
      ...mapping.properties.columns,
      additionalProperties: $defs.column,
    },
  },
};
