import type { RouteSchema } from "@guanxi/kernel";
import { runStatuses } from "../runs/run.ts";
import { workflowSchema as definitionSchema } from "../workflows/schema.ts";

const time: RouteSchema = { type: ["string", "null"], format: "date-time" };
const text: RouteSchema = { type: "string" };

/** A workflow in the API's description, which names it as it names all schemas. */
export const workflowSchema: RouteSchema = (({ $schema: _, $id: __, properties, ...rest }) => {
  const { $schema: ___, ...members } = properties;
  return { ...rest, properties: members };
})(definitionSchema);

const runProperties = {
  id: { type: "string", format: "uuid" },
  workflow: text,
  workflow_version: { type: "integer" },
  status: { type: "string", enum: [...runStatuses] },
  object: { type: ["string", "null"] },
  record: { type: "string", format: "uuid" },
  attempts: { type: "integer" },
  created_at: time,
  started_at: time,
  due_at: time,
  ended_at: time,
  error: {
    type: ["object", "null"],
    properties: { code: text, message: text, line: { type: "integer" }, column: { type: "integer" } },
  },
  cost: { type: ["object", "null"] },
};

const runSchema: RouteSchema = { type: "object", required: Object.keys(runProperties), properties: runProperties };

const callSchema: RouteSchema = {
  type: "object",
  description: "A call of the script, as its journal keeps it",
  required: ["call", "op", "args", "ok", "at"],
  properties: {
    call: { type: "integer" },
    op: text,
    args: {},
    ok: { type: "boolean" },
    value: {},
    error: {},
    at: { type: "string", format: "date-time" },
  },
};

const effectSchema: RouteSchema = {
  type: "object",
  description: "A record that the run has written",
  required: ["op", "object", "record"],
  properties: { op: text, object: text, record: text },
};

const runDetailProperties = {
  ...runProperties,
  actor: { type: "string", format: "uuid" },
  cause: { type: "object" },
  result: {},
  log: { type: "array", items: { type: "object" } },
  journal: { type: "array", items: callSchema },
  effects: { type: "array", items: effectSchema },
};

const runDetailSchema: RouteSchema = {
  type: "object",
  required: Object.keys(runDetailProperties),
  properties: runDetailProperties,
};

const ref = (name: string): RouteSchema => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: RouteSchema) => ({ "application/json": schema });

/** What the routes take and answer, by what it is. */
export const bodies = {
  workflow: content(ref("Workflow")),
  workflows: content({
    type: "object",
    required: ["data"],
    properties: { data: { type: "array", items: ref("Workflow") } },
  }),
  run: content(ref("RunDetail")),
  runs: content({
    type: "object",
    required: ["data", "next"],
    properties: { data: { type: "array", items: ref("Run") }, next: { type: ["string", "null"] } },
  }),
  started: content({ type: "object", required: ["run"], properties: { run: { type: "string", format: "uuid" } } }),
  start: content({
    type: "object",
    required: ["record"],
    properties: { record: { type: "string", format: "uuid" } },
    additionalProperties: false,
  }),
  retry: content({ type: "object", properties: { latest: { type: "boolean" } }, additionalProperties: false }),
} as const;

export const workflowSchemas = { Workflow: workflowSchema } as const;
export const runSchemas = { Run: runSchema, RunDetail: runDetailSchema } as const;
