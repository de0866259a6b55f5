import { isObject } from "@guanxi/base";
import type { Schema } from "./parameters.ts";

const single = ["items", "additionalProperties", "not"] as const;
const several = ["anyOf", "oneOf", "allOf", "prefixItems"] as const;

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => isObject(value);
const openAny = (value: unknown): unknown => (isNode(value) ? openNode(value) : value);

/**
 * The same schema, saying of objects of which it says nothing that they may have any property. JSON Schema means that without
 * words; generators of types take silence for an empty object.
 */
export const opened = (schema: Schema): Schema => openNode(schema as Node) as Schema;

function openNode(schema: Node): Node {
  const made: Record<string, unknown> = { ...schema };
  const { type, properties } = schema;
  if (isNode(properties))
    made["properties"] = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, openAny(value)]));
  for (const word of single) if (word in schema) made[word] = openAny(schema[word]);
  for (const word of several) if (Array.isArray(schema[word])) made[word] = schema[word].map(openAny);
  const object = type === "object" || (Array.isArray(type) && type.includes("object"));
  if (object && properties === undefined && schema["additionalProperties"] === undefined)
    made["additionalProperties"] = true;
  return made;
}
