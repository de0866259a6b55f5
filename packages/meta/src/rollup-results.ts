import { isDeepStrictEqual } from "node:util";
import { ExpressionError, renameFields } from "@guanxi/expr";
import { type FieldShape, pick } from "./field-types/contract.ts";
import { fieldTypes } from "./field-types/index.ts";
import { fieldTypeOf } from "./infer.ts";
import { systemFields } from "./system-fields.ts";
import type { FieldDefinition, ObjectDefinition, RollupOp, RollupResult, StoredObject } from "./types.ts";

type Value = Pick<FieldShape, "sqlType" | "exprType" | "schema">;
type Find = (name: string) => StoredObject | undefined;

export const isRollup = (definition: FieldDefinition | undefined): definition is FieldDefinition =>
  definition?.fieldType === "rollup";

/** `viewing.property` → the object and its reference. */
export function sourceOf(definition: FieldDefinition): readonly [child: string, reference: string] {
  const [child = "", reference = ""] = String(definition["of"]).split(".");
  return [child, reference];
}

/**
 * Definitions whose roll-ups fit the others: what they look at goes by its new name where that was renamed since
 * `previous`, and what their values are is known. Roll-ups that cannot be understood are left for the check to report.
 */
export function settleRollups(
  stored: readonly StoredObject[],
  previous: () => readonly StoredObject[],
): readonly StoredObject[] {
  const concerned = stored.some(
    (o) => o.results !== undefined || Object.values(o.definition.properties).some(isRollup),
  );
  if (!concerned) return stored;
  const before = previous();
  const followed = stored.map((object) => followRenames(object, stored, before));
  const byName = new Map(followed.map((object) => [object.name, object]));
  return followed.map((object) => withResults(object, (name) => byName.get(name)));
}

/** What was not written anew speaks of things by the names that they had; a document's own names mean what it says. */
function followRenames(
  object: StoredObject,
  stored: readonly StoredObject[],
  previous: readonly StoredObject[],
): StoredObject {
  const properties = Object.entries(object.definition.properties).map(([name, definition]) => {
    if (!isRollup(definition)) return [name, definition] as const;
    const before = previous.find((o) => o.id === object.id);
    const written = before && definitionById(before, object.fieldIds[name]);
    const unchanged = written && isDeepStrictEqual(looksAt(written), looksAt(definition));
    const was = unchanged ? previous.find((o) => o.name === sourceOf(definition)[0]) : undefined;
    const is = stored.find((o) => o.id === was?.id);
    return [name, was && is ? renamed(definition, was, is, is.id === object.id) : definition] as const;
  });
  const definition: ObjectDefinition = { ...object.definition, properties: Object.fromEntries(properties) };
  return isDeepStrictEqual(definition, object.definition) ? object : { ...object, definition };
}

const looksAt = (definition: FieldDefinition): Record<string, unknown> => pick(definition, ["of", "field", "filter"]);

const definitionById = ({ fieldIds, definition }: StoredObject, id: number | undefined): FieldDefinition | undefined =>
  definition.properties[Object.keys(fieldIds).find((name) => fieldIds[name] === id) ?? ""];

function renamed(definition: FieldDefinition, was: StoredObject, is: StoredObject, own: boolean): FieldDefinition {
  const now = new Map(Object.entries(is.fieldIds).map(([name, id]) => [id, name]));
  const names = new Map<string, string>();
  for (const [name, id] of Object.entries(was.fieldIds)) {
    const other = now.get(id);
    if (other !== undefined && other !== name && !(own && name in is.fieldIds)) names.set(name, other);
  }
  const nameOf = (name: string): string => names.get(name) ?? name;
  const { field, filter } = definition as { field?: string; filter?: string };
  return {
    ...definition,
    of: `${is.name}.${nameOf(sourceOf(definition)[1])}`,
    ...(field === undefined ? {} : { field: nameOf(field) }),
    ...(filter === undefined ? {} : { filter: filterWith(filter, names) }),
  };
}

function filterWith(filter: string, names: ReadonlyMap<string, string>): string {
  try {
    return renameFields(filter, names);
  } catch (e) {
    if (e instanceof ExpressionError) return filter;
    throw e;
  }
}

function withResults({ results: _, ...object }: StoredObject, find: Find): StoredObject {
  const results = Object.entries(object.definition.properties).flatMap(([name, definition]) => {
    const result = isRollup(definition) ? resultOf(definition, find, new Set()) : undefined;
    return result ? [[name, result] as const] : [];
  });
  return results.length === 0 ? object : { ...object, results: Object.fromEntries(results) };
}

/** `seen` are the roll-ups on the way here: one that comes back to itself has no result. */
function resultOf(
  definition: FieldDefinition,
  find: Find,
  seen: ReadonlySet<FieldDefinition>,
): RollupResult | undefined {
  if (seen.has(definition)) return undefined;
  const op = definition["op"] as RollupOp;
  if (op === "count") return { sqlType: "bigint", kind: "int", schema: { type: "integer" } };
  const child = find(sourceOf(definition)[0]);
  const value = child && valueOf(child, String(definition["field"]), find, new Set([...seen, definition]));
  return value && resultOver(op, value);
}

function valueOf(child: StoredObject, name: string, find: Find, seen: ReadonlySet<FieldDefinition>): Value | undefined {
  const { properties } = child.definition;
  const definition = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (definition === undefined) return systemValue(child.definition, name);
  if (isRollup(definition)) {
    const result = resultOf(definition, find, seen);
    return result && { ...result, exprType: { kind: result.kind } };
  }
  const type = fieldTypeOf(definition);
  return type && fieldTypes[type].shape(definition);
}

function systemValue(object: ObjectDefinition, name: string): Value | undefined {
  const field = systemFields(object).find((f) => f.name === name);
  return field && { sqlType: field.column.sqlType, exprType: field.exprType, schema: field.schema };
}

/** Digits before the point are as many as PostgreSQL lets a declared scale have, so that no sum is too long for its column. */
const widest = 1_000;

function resultOver(op: Exclude<RollupOp, "count">, { sqlType, exprType, schema }: Value): RollupResult | undefined {
  const { kind } = exprType;
  if (kind === "list" || kind === "ref" || kind === "parts") return undefined;
  const same = { sqlType, kind, schema: pick(schema, ["type", "format"]) };
  const isNumber = kind === "int" || kind === "decimal";
  if (op === "avg") {
    const shown = schema["type"] === "string" ? same.schema : { type: "number" };
    return isNumber ? { sqlType: "numeric", kind: "decimal", schema: shown } : undefined;
  }
  if (op !== "sum" || !isNumber) return same;
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(sqlType)?.[1];
  return {
    sqlType: scale === undefined ? "numeric" : `numeric(${widest},${scale})`,
    kind: "decimal",
    schema: same.schema,
  };
}
