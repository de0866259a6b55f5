import { basename } from "node:path";
import { isObject } from "@guanxi/base";

/** The tenant's own part of the metadata as the server tells it, and as a change set takes it. */
export interface Customisation {
  readonly version: number;
  readonly objects: readonly Named[];
  readonly workflows: readonly Named[];
  readonly mappings: readonly Named[];
  readonly roles: readonly Named[];
  readonly settings: Readonly<Record<string, unknown>>;
  /** By kind, what the platform brings and the tenant has not. */
  readonly delete: Readonly<Record<string, readonly string[]>>;
  /** By kind, those of the definitions that the platform brings in another form. */
  readonly brought: Readonly<Record<string, readonly string[]>>;
}

/** A definition; an extension that says no name has that of what it extends. */
export type Named = Readonly<Record<string, unknown>> & { readonly name?: string; readonly extends?: string };

/** A mapping that says no name has its file's: projects had mappings for `guanxi import` before a tenant had them. */
export const named = (kind: string, file: string, definition: Named): Named =>
  kind === "mappings" && definition.name === undefined ? { name: basename(file, ".json"), ...definition } : definition;

export const nameOf = ({ name, extends: extended }: Named): string => name ?? extended ?? "";

export const kinds = ["objects", "workflows", "mappings", "roles"] as const;
export type Kind = (typeof kinds)[number];

/** Folders with a definition a file, and files with the rest. */
export const folders = ["objects", "workflows", "mappings"] as const;
export const files = { roles: "roles.json", settings: "settings.json", delete: "delete.json" } as const;

/** The members of a workflow's definition in the order of `schemas/workflow.json`; the server does not keep that in which they came. */
const workflowMembers = "$schema name title titles description object on fields when order as active".split(" ");

const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

function workflowFiles(workflow: Named): [string, string][] {
  const { script, ...rest } = workflow;
  const known = workflowMembers.filter((member) => rest[member] !== undefined);
  const others = Object.keys(rest).filter((member) => !workflowMembers.includes(member));
  const definition = Object.fromEntries([...known, ...others].map((member) => [member, sorted(rest[member])]));
  const stem = `workflows/${workflow.name}`;
  return [
    [`${stem}.json`, jsonOf(definition)],
    [`${stem}.ts`, String(script)],
  ];
}

/** Members of an object by name; lists as they are. */
const sorted = (value: unknown): unknown =>
  isObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value;

/** The files of a project by their path: the same text for the same metadata. */
export function filesOf(found: Customisation): ReadonlyMap<string, string> {
  const { objects, workflows, mappings, roles, settings } = found;
  const gone = Object.keys(found.delete).length === 0 ? [] : [[files.delete, jsonOf(found.delete)] as const];
  return new Map([
    ...objects.map((object) => [`objects/${nameOf(object)}.json`, jsonOf(object)] as const),
    ...workflows.flatMap(workflowFiles),
    ...mappings.map((mapping) => [`mappings/${mapping.name}.json`, jsonOf(mapping)] as const),
    [files.roles, jsonOf(roles)],
    [files.settings, jsonOf(settings)],
    ...gone,
  ]);
}
