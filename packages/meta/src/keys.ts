import { fieldTypes } from "./field-types/index.ts";
import { fieldTypeOf, isReference } from "./infer.ts";
import type { FieldDefinition, ObjectDefinition } from "./types.ts";

type FieldLists = readonly (readonly string[])[];

const distinct = (lists: FieldLists): FieldLists => [
  ...new Map(lists.map((fields) => [fields.join(), fields])).values(),
];

export function isUnique(definition: FieldDefinition): boolean {
  const type = fieldTypeOf(definition);
  return (
    definition.unique === true ||
    definition.externalId === true ||
    (type !== undefined && fieldTypes[type].unique === true)
  );
}

/** The unique keys of a definition: those of single fields first, then those under `unique`; none twice. */
export function uniqueKeys(definition: ObjectDefinition): FieldLists {
  const single = Object.entries(definition.properties).filter(([, field]) => isUnique(field));
  return distinct([...single.map(([name]) => [name]), ...(definition.unique ?? [])]);
}

/** The indexes asked for, without those that a unique key or a reference has anyway. */
export function askedIndexes(definition: ObjectDefinition): FieldLists {
  const fields = Object.entries(definition.properties);
  const references = fields.filter(([, field]) => isReference(fieldTypeOf(field))).map(([name]) => name);
  const there = new Set([
    ...uniqueKeys(definition).map((key) => key.join()),
    ...references,
    "owner",
    "updated_at",
    "id",
  ]);
  const single = fields.filter(([, field]) => field.index === true).map(([name]) => [name]);
  return distinct([...single, ...(definition.indexes ?? [])]).filter((key) => !there.has(key.join()));
}

/** A B-tree entry of PostgreSQL holds 2,704 bytes; a character takes up to 4. */
const charactersPerEntry = 640;
const longTexts = new Set(["text", "url", "email"]);

/** How many characters the texts that stand in a unique key or an index may have, so that every entry fits. */
export function textLimits(definition: ObjectDefinition): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  const isLong = (name: string): boolean => {
    const field = definition.properties[name];
    return field !== undefined && longTexts.has(fieldTypeOf(field) ?? "");
  };
  for (const key of [...uniqueKeys(definition), ...askedIndexes(definition)]) {
    const texts = key.filter(isLong);
    for (const name of texts) {
      limits.set(name, Math.min(limits.get(name) ?? Infinity, Math.floor(charactersPerEntry / texts.length)));
    }
  }
  return limits;
}
