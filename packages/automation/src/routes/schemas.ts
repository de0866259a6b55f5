import { runStatuses } from "../runs/run.ts";
import { triggers } from "../workflows/definition.ts";

type Schema = Readonly<Record<string, unknown>>;

const time: Schema = { type: ["string", "null"], format: "date-time" };
const text: Schema = { type: "string" };

/** A workflow in the API's description; `schemas/workflow.json` says the same with more words. */
export const workflowSchema: Schema = {
  type: "object",
  required: ["name", "object", "on", "script"],
  properties: {
    name: text,
    title: text,
    titles: { type: "object", additionalProperties: text },
    description: text,
    object: text,
    on: { enum: [...triggers] },
    fields: { type: "array", items: text },
    when: text,
    order: { type: "integer" },
    as: { const: "system" },
    active: { type: "boolean" },
    script: text,
  },
  additionalProperties: false,
};

const runProperties = {
  id: { type: "string", format: "uuid" },
  workflow: text,
  workflow_version: { type: "integer" },
  status: { enum: [...runStatuses] },
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

export const runSchema: Schema = { type: "object", properties: runProperties };

export const runDetailSchema: Schema = {
  type: "object",
  properties: {
    ...runProperties,
    actor: { type: "string", format: "uuid" },
    cause: { type: "object" },
    result: {},
    log: { type: "array", items: { type: "object" } },
    journal: { type: "array", items: { type: "object" } },
    effects: { type: "array", items: { type: "object", properties: { op: text, object: text, record: text } } },
  },
};
