import { fileObject } from "./field-types/file.ts";
import { isFieldType } from "./field-types/index.ts";
import type { FieldDefinition, FieldTypeName } from "./types.ts";

/** Text that allows more characters than this is a long_text. */
const longestLine = 1000;

const formatTypes: Record<string, FieldTypeName> = {
  date: "date",
  "date-time": "datetime",
  time: "time",
  email: "email",
  "idn-email": "email",
  uri: "url",
  uuid: "uuid",
};

/** What `type` says besides null; a list of several stays undecided. */
export function jsonTypeOf(definition: FieldDefinition): string | readonly string[] | undefined {
  const types = [definition.type ?? []].flat().filter((t) => t !== "null");
  return types.length > 1 ? types : types[0];
}

const allTexts = (values: unknown): boolean =>
  Array.isArray(values) && values.some((v) => v !== null) && values.every((v) => typeof v === "string" || v === null);

const listsValues = (definition: FieldDefinition): boolean =>
  allTexts(definition.enum) || definition["values"] !== undefined;

/** Keywords that leave the items of a list a plain set of texts. */
const itemKeywords = new Set(["type", "enum", "values", "title", "titles", "description"]);

function isMultiPicklist(items: unknown): boolean {
  if (typeof items !== "object" || items === null) return false;
  const definition = items as FieldDefinition;
  return (
    (definition.type === undefined || definition.type === "string") &&
    listsValues(definition) &&
    Object.keys(definition).every((k) => itemKeywords.has(k))
  );
}

function textType(definition: FieldDefinition): FieldTypeName {
  const byFormat = definition.format === undefined ? undefined : formatTypes[definition.format];
  if (byFormat !== undefined) return byFormat;
  const { maxLength } = definition as { maxLength?: unknown };
  return typeof maxLength === "number" && maxLength > longestLine ? "long_text" : "text";
}

/** The field type a definition names, or the one that its JSON Schema means; undefined for a name that is none. */
export function fieldTypeOf(definition: FieldDefinition): FieldTypeName | undefined {
  const { fieldType } = definition;
  if (fieldType !== undefined) return isFieldType(fieldType) ? fieldType : undefined;
  const type = jsonTypeOf(definition);
  if ((type === undefined || type === "string") && listsValues(definition)) return "picklist";
  if (type === "string") return textType(definition);
  if (type === "integer" || type === "number") return type;
  if (type === "boolean") return "checkbox";
  if (type === "array" && isMultiPicklist(definition["items"])) return "multi_picklist";
  return "json";
}

/** Field types whose values are records of another table, which the database holds them to. */
export const isReference = (type: FieldTypeName | undefined): boolean => type === "reference" || type === "file";

/** Field types whose values are lists of ids, which every write holds to records that are there. */
export const listsRecords = (type: FieldTypeName | undefined): boolean => type === "references" || type === "files";

/** Field types whose values are files. */
export const holdsFiles = (type: FieldTypeName | undefined): boolean => type === "file" || type === "files";

/** The one object that a field's values are records of. */
export function targetOf(definition: FieldDefinition): string | undefined {
  if (holdsFiles(fieldTypeOf(definition))) return fileObject;
  return typeof definition.target === "string" ? definition.target : undefined;
}
