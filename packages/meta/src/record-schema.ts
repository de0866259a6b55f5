import type { Field, ObjectType } from "./types.ts";

/** Who sees the schema: a reader of records, or a writer of a new one or of a patch. */
export type RecordUse = "read" | "create" | "patch";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema (2020-12) of an object's records as the API takes and gives them. */
export function recordSchema(object: Pick<ObjectType, "title" | "fields" | "stored">, use: RecordUse): JsonSchema {
  const { description } = object.stored.definition;
  const fields = [...object.fields.values()].filter((field) =>
    use === "read" ? field.unread !== true : !field.readOnly,
  );
  const required = fields.filter((field) => needed(field, use)).map((field) => field.name);
  return {
    type: "object",
    title: object.title.en,
    ...(description === undefined ? {} : { description }),
    properties: Object.fromEntries(fields.map((field) => [field.name, fieldSchema(field, use)])),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

/** Every answer has every field, null or not, but for the mark of deleted ones; a new record brings what has no default. */
function needed(field: Field, use: RecordUse): boolean {
  if (use === "read") return field.name !== "deleted_at";
  const filled = field.default !== undefined || field.definition.defaultFormula !== undefined;
  return use === "create" && field.required && !filled;
}

const annotations = ["description", "deprecated", "examples", "$comment"];

/** The JSON Schema of one field, with null where it may be empty. */
export function fieldSchema(field: Field, use: RecordUse): JsonSchema {
  const about: Record<string, unknown> = { title: field.title.en };
  for (const keyword of annotations) {
    if (field.definition[keyword] !== undefined) about[keyword] = field.definition[keyword];
  }
  if (use === "create" && field.default !== undefined) about["default"] = field.default;
  if (use === "read" && field.readOnly) about["readOnly"] = true;
  if (field.unread === true) about["writeOnly"] = true;
  if (field.definition.sensitive === true) about["x-sensitive"] = true;
  const schema = use === "read" ? asRead(field) : field.schema;
  return { ...about, ...(field.required ? schema : nullable(schema)) };
}

/** A retired value stays on the records that have it. What one of several objects has is told apart by that object's name. */
function asRead(field: Field): JsonSchema {
  if (field.branches) {
    const oneOf = field.branches.map(({ target }) => namedRecord(field.schema, { type: "string", const: target }));
    return { oneOf };
  }
  const all = field.values?.map((v) => v.value);
  if (all === undefined) return field.shown ?? field.schema;
  if (field.type === "picklist") return { ...field.schema, enum: all };
  return { ...field.schema, items: { ...(field.schema["items"] as JsonSchema), enum: all } };
}

const namedRecord = (schema: JsonSchema, object: JsonSchema): JsonSchema => ({
  ...schema,
  properties: { ...(schema["properties"] as JsonSchema), object },
});

function nullable(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  const simple = typeof type === "string" && !["object", "array"].includes(type) && schema["const"] === undefined;
  if (simple) {
    const values = schema["enum"] as readonly unknown[] | undefined;
    return {
      ...schema,
      type: [type, "null"],
      ...(values === undefined ? {} : { enum: [...values.filter((v) => v !== null), null] }),
    };
  }
  return Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: "null" }] };
}
