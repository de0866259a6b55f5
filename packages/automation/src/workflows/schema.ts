import { locales } from "@guanxi/base";
import { sourceBytes } from "@guanxi/sandbox";
import { defaultOrder, namePattern, nameLength, triggers } from "./definition.ts";

const text = { type: "string" } as const;

/** The members of a workflow's definition, in the order in which files have them. */
export const workflowMembers = {
  $schema: text,
  name: {
    description: "As in the address; unique within the tenant.",
    ...text,
    pattern: namePattern,
    maxLength: nameLength,
  },
  title: text,
  titles: {
    description: "The title in other languages.",
    type: "object",
    properties: Object.fromEntries(locales.map((locale) => [locale, text])),
    additionalProperties: false,
  },
  description: text,
  object: { description: "The object whose records it watches.", ...text },
  on: {
    description:
      "before_*: inside the write; the script may change the record or refuse it, and read, but not write. created, updated, deleted: after the commit, once for each change. manual: by POST /api/workflows/{name}/start.",
    enum: [...triggers],
  },
  fields: {
    description: "For updated and before_update: start only if one of these has changed.",
    type: "array",
    items: text,
    minItems: 1,
  },
  when: {
    description:
      "A condition in CEL on the record's fields, on `old` (the record before an update) and on `user` (who made the change).",
    ...text,
    examples: ["source == 'web'", "old.stage != stage && amount > 50000"],
  },
  order: { description: "Before-scripts of one write run from low to high.", type: "integer", default: defaultOrder },
  as: {
    description:
      "Absent: with the rights of whoever published this version. system: with all rights; only administrators may publish it.",
    const: "system",
  },
  active: { description: "false keeps the definition without starting it.", type: "boolean", default: true },
  script: {
    description:
      "TypeScript or JavaScript with one default export: async ({ record, old, actor, crm }) => { … }. Types are removed when it is published.",
    ...text,
    maxLength: sourceBytes,
  },
} as const;

/** JSON Schema of a workflow's definition; `schemas/workflow.json` is this, for editors. */
export const workflowSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://guanxi.dev/schemas/workflow.json",
  title: "Workflow",
  description: "A script that runs when something happens to a record: PUT /api/meta/workflows/{name}.",
  type: "object",
  required: ["name", "object", "on", "script"],
  additionalProperties: false,
  properties: workflowMembers,
} as const;
