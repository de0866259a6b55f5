import { fieldTypes } from "./field-types/index.ts";
import { fieldKeywords, objectKeywords } from "./keywords.ts";

/** What an editor should ask for once it knows the field type. */
const needs = Object.values(fieldTypes)
  .filter((type) => type.needs !== undefined)
  .map((type) => ({
    if: { properties: { fieldType: { const: type.name } }, required: ["fieldType"] },
    then: { required: type.needs },
  }));

const annotation = { "^x-": { description: "A note of your own; kept and not looked at." } };

/**
 * The meta-schema of object definitions, for editors: `schemas/object.json` is this, written out. It is more lenient
 * than the server, which also knows what depends on several keywords and on other objects.
 */
export function objectMetaSchema(): Record<string, unknown> {
  const properties = {
    description: "The fields, by name.",
    type: "object",
    maxProperties: objectKeywords["properties"]?.["maxProperties"],
    propertyNames: { pattern: "^[a-z][a-z0-9_]{0,39}$" },
    additionalProperties: { $ref: "#/$defs/field" },
  };
  const fieldType = { ...fieldKeywords["fieldType"], enum: Object.keys(fieldTypes) };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://guanxi.dev/schemas/object.json",
    title: "Object definition",
    description: "An object of the CRM as a JSON Schema with a small vocabulary of its own.",
    type: "object",
    if: { required: ["extends"] },
    then: { $ref: "#/$defs/extension" },
    else: { $ref: "#/$defs/object" },
    $defs: {
      object: {
        title: "Object",
        required: ["name"],
        properties: { ...objectKeywords, properties },
        patternProperties: annotation,
        additionalProperties: false,
      },
      extension: {
        title: "Extension",
        description:
          'What is other than in an object that a plugin brings. null takes a member away; a list adds; {"without": [], "with": []} also takes away; {"only": …} stands in place of all.',
        properties: Object.fromEntries(
          Object.entries(objectKeywords).map(([keyword, schema]) => [
            keyword,
            keyword === "extends" ? schema : { description: schema["description"] },
          ]),
        ),
        patternProperties: annotation,
        additionalProperties: false,
      },
      field: {
        title: "Field",
        type: "object",
        properties: { ...fieldKeywords, fieldType },
        patternProperties: annotation,
        additionalProperties: false,
        allOf: needs,
      },
    },
  };
}
