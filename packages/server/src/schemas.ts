import { workflowSchema } from "@guanxi/automation";
import { mappingSchema } from "@guanxi/bulk";
import { roleSchema, settingsSchema } from "@guanxi/kernel";
import { objectMetaSchema } from "@guanxi/meta";

type Schema = Readonly<Record<string, unknown>>;

const published = (file: string): string => `https://guanxi.dev/schemas/${file}`;

const head = (file: string, title: string, description: string): Schema => ({
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: published(file),
  title,
  description,
});

const names = { type: "array", items: { type: "string" }, uniqueItems: true };

/** What a project's files are checked by, made of what definitions are checked by. */
const schemas: Readonly<Record<string, Schema>> = {
  "object.json": objectMetaSchema(),
  "workflow.json": workflowSchema,
  "mapping.json": mappingSchema,
  "roles.json": {
    ...head("roles.json", "Roles", "The roles of a tenant, by name: roles.json of a project."),
    type: "array",
    items: roleSchema,
  },
  "settings.json": {
    ...head("settings.json", "Settings", "Settings of a tenant: settings.json of a project. Others stay as they are."),
    ...settingsSchema,
  },
  "delete.json": {
    ...head(
      "delete.json",
      "Deletions",
      "Names of what the platform brings and the tenant shall not have: delete.json of a project.",
    ),
    type: "object",
    properties: { objects: names, workflows: names, mappings: names, roles: names },
    additionalProperties: false,
  },
};

/** Where the files are that a schema is for, from the folder of a project. */
const places: Readonly<Record<string, string>> = {
  "object.json": "objects/*.json",
  "workflow.json": "workflows/*.json",
  "mapping.json": "mappings/*.json",
  "roles.json": "roles.json",
  "settings.json": "settings.json",
  "delete.json": "delete.json",
};

/** A catalogue in the form of schemastore.org. Names of folders like `objects` are everybody's, so it knows projects in a folder `guanxi` alone. */
const catalog = {
  $schema: "https://json.schemastore.org/schema-catalog.json",
  version: 1,
  schemas: Object.entries(schemas).map(([file, { title, description }]) => ({
    name: `Guanxi: ${String(title)}`,
    description,
    fileMatch: [`**/guanxi/${places[file]}`],
    url: published(file),
  })),
};

/** The files of the folder `schemas`, by name. */
export const schemaFiles: Readonly<Record<string, Schema>> = { ...schemas, "catalog.json": catalog };
