import type { ExprType } from "@guanxi/expr";
import { compileField, type CompiledField } from "./compile-field.ts";
import { fieldTypes } from "./field-types/index.ts";
import { askedIndexes, textLimits, uniqueKeys } from "./keys.ts";
import { humanise } from "./names.ts";
import { preparer } from "./prepare.ts";
import { fieldKey } from "./store.ts";
import { systemFields } from "./system-fields.ts";
import { titleText } from "./titles.ts";
import type { Field, Index, ObjectDefinition, ObjectType, StoredObject, TenantSettings } from "./types.ts";

/** What an object is by itself: everything but its rules and the references that point to it. */
export type ObjectCore = Omit<ObjectType, "rules" | "incoming" | "brokenRules">;

export function compileObject(stored: StoredObject, settings: TenantSettings): ObjectCore {
  const { definition } = stored;
  const compiled = compileFields(stored);
  const fields = new Map([...compiled].map(([name, { field }]) => [name, field]));
  const prepare = preparer(compiled, settings);
  return {
    id: stored.id,
    name: definition.name,
    plural: definition.plural,
    title: titleText(definition.title ?? humanise(definition.name), definition.titles),
    nameField: definition.nameField ?? defaultNameField(fields),
    sharing: definition.sharing ?? "private",
    history: definition.history ?? false,
    source: stored.source,
    table: definition.name,
    fields,
    uniques: keysWithIds(uniqueKeys(definition), stored.fieldIds, stored.uniqueIds),
    indexes: keysWithIds(askedIndexes(definition), stored.fieldIds, stored.indexIds),
    stored,
    fieldType: (field: string): ExprType | undefined => fields.get(field)?.exprType,
    fieldNames: () => fields.keys(),
    prepareCreate: prepare.create,
    preparePatch: prepare.patch,
  };
}

function compileFields({ definition, fieldIds }: StoredObject): Map<string, CompiledField> {
  const limits = textLimits(definition);
  const leading = new Set(askedIndexes(definition).map(([first]) => first));
  const fields = new Map(systemFields(definition.name).map((system) => [system.field.name, system]));
  for (const [name, field] of Object.entries(definition.properties)) {
    const id = fieldIds[name];
    if (id === undefined) throw new Error(`the stored definition of ${definition.name} has no id for ${name}`);
    const place = { object: definition, id, indexed: leading.has(name), textLimit: limits.get(name) };
    fields.set(name, compileField(name, field, place));
  }
  return fields;
}

/** A field called `name`, else the first that can name a record. */
function defaultNameField(fields: ReadonlyMap<string, Field>): string {
  const able = [...fields.values()].filter((f) => !f.system && fieldTypes[f.type].namesRecords);
  return (able.find((f) => f.name === "name") ?? able[0])?.name ?? "id";
}

const keysWithIds = (
  lists: readonly (readonly string[])[],
  fieldIds: StoredObject["fieldIds"],
  ids: Readonly<Record<string, number>>,
): readonly Index[] =>
  lists.map((fields) => {
    const id = ids[fieldKey(fields, fieldIds)];
    if (id === undefined) throw new Error(`the stored definition has no id for the key ${fields.join()}`);
    return { id, fields };
  });

/** The references of a definition, with the relation that each one gives its target. */
export function references(
  definition: ObjectDefinition,
): readonly { field: string; target: string; relation: string; written: boolean }[] {
  return Object.entries(definition.properties)
    .filter(([, field]) => field.target !== undefined)
    .map(([field, { target = "", relation }]) => ({
      field,
      target,
      relation: relation ?? definition.plural,
      written: relation !== undefined,
    }));
}
