import { isObject } from "@guanxi/base";
import type { JsonSchema } from "@guanxi/meta";

/** The type of a value that may be anything: programs have to look at it first, scripts may use it as they know it is. */
export type Anything = "unknown" | "any";

/** Keywords whose value is carried over as it is. */
const plain = ["type", "format", "required"] as const;

/** Without any of them a value may be anything. */
const decisive = ["type", "const", "enum", "anyOf", "oneOf", "allOf", "properties"];

const isSchema = (value: unknown): value is JsonSchema => isObject(value);
const isScalar = (value: unknown): boolean => value === null || typeof value !== "object";

/**
 * What of a value's schema makes a TypeScript type; anything else is left out. A tenant's own schema goes through here, so
 * only known keywords pass: the generator would follow a `$ref`, even one inside an example, and copy a `tsType`.
 */
export function typeSchema(schema: JsonSchema, anything: Anything): JsonSchema {
  if (schema["type"] === "string" && schema["format"] === "decimal") return { tsType: "`${number}`" };
  const { description, const: constant, enum: values, prefixItems } = schema;
  const result: Record<string, unknown> = {};
  for (const keyword of plain) if (schema[keyword] !== undefined) result[keyword] = schema[keyword];
  if (typeof description === "string") result["description"] = description;
  if (constant !== undefined && isScalar(constant)) result["const"] = constant;
  if (Array.isArray(values) && values.every(isScalar)) result["enum"] = values;
  if (isSchema(schema["items"]) && prefixItems === undefined) result["items"] = typeSchema(schema["items"], anything);
  for (const keyword of ["anyOf", "oneOf", "allOf"] as const) {
    const parts = schema[keyword];
    if (Array.isArray(parts)) result[keyword] = parts.filter(isSchema).map((part) => typeSchema(part, anything));
  }
  Object.assign(result, members(schema, anything));
  return decisive.some((keyword) => keyword in result) ? result : { ...result, tsType: anything };
}

/** A decimal that may be empty has its null in a list of types. */
const nullableDecimal = (schema: JsonSchema): boolean =>
  schema["format"] === "decimal" && Array.isArray(schema["type"]) && schema["type"].includes("null");

function members(schema: JsonSchema, anything: Anything): Record<string, unknown> {
  const { properties, additionalProperties, patternProperties } = schema;
  if (!isSchema(properties)) return schema["type"] === "object" ? { additionalProperties: true } : {};
  const open = patternProperties !== undefined || additionalProperties !== false;
  const typed = Object.entries(properties).map(([name, value]) => [
    name,
    isSchema(value) ? typeSchema(value, anything) : {},
  ]);
  return { properties: Object.fromEntries(typed), additionalProperties: open };
}

/** The type of a field, with its title and description as comment. */
export function fieldType(schema: JsonSchema, title: string, anything: Anything): JsonSchema {
  const { description } = schema;
  const about = typeof description === "string" ? `${title}\n\n${description}` : title;
  const type = nullableDecimal(schema) ? { tsType: "`${number}` | null" } : typeSchema(schema, anything);
  return { ...type, description: about, ...(schema["deprecated"] === true ? { deprecated: true } : {}) };
}
