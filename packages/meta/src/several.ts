import type { Branch } from "@guanxi/expr";
import type { FieldDefinition, FieldFacts, ObjectType, RecordValue, SeveralField, StoredField } from "./types.ts";

/** The objects that a definition names in a list; undefined where it names one, or none. */
export const severalTargets = ({ target }: FieldDefinition): readonly string[] | undefined =>
  typeof target === "object" ? target : undefined;

/** Made of an id that stays through renames; no name in a definition begins with an underscore. */
const branchColumn = (id: number): string => `_to${id}`;

/**
 * A reference to records of several objects, kept as a reference to each of which at most one is filled. `ids` are
 * those of the branches, by the object that each leads to.
 */
export function compileSeveral(facts: FieldFacts, ids: Readonly<Record<string, number>>): SeveralField {
  const branches = Object.entries(ids).map(([target, id]): StoredField => {
    const name = branchColumn(id);
    return {
      ...{ id, name, target, branchOf: facts.name, type: "reference", title: facts.title },
      ...{ system: false, required: false, readOnly: facts.readOnly, unique: false, foreignKey: true },
      ...(facts.onDelete === undefined ? {} : { onDelete: facts.onDelete }),
      exprType: { kind: "ref", target },
      column: { name, sqlType: "uuid", notNull: false },
      schema: { type: "string", format: "uuid" },
      definition: facts.definition,
    };
  });
  return { ...facts, exprType: { kind: "ref", target: "", branches: branchesOf(ids) }, foreignKey: false, branches };
}

export const branchesOf = (ids: Readonly<Record<string, number>>): readonly Branch[] =>
  Object.entries(ids).map(([target, id]) => ({ target, field: branchColumn(id) }));

/** A field by its name, or a branch of one by its column's. */
export const fieldOrBranch = (
  object: Pick<ObjectType, "fields" | "columns">,
  name: string,
): ReturnType<ObjectType["fields"]["get"]> =>
  object.fields.get(name) ?? (name.startsWith("_") ? object.columns.find((f) => f.name === name) : undefined);

/** `about.account`: what people call a branch; the name of any other field. */
export const fieldPath = ({ name, branchOf, target }: FieldFacts): string =>
  branchOf === undefined ? name : `${branchOf}.${target}`;

/** What of the columns is one value to people: each branch's whole field, once, and all others. */
export const shownFields = (object: ObjectType, columns = object.columns): readonly (StoredField | SeveralField)[] =>
  columns.some((f) => f.branchOf !== undefined)
    ? [...new Set(columns.map((f) => (f.branchOf === undefined ? f : (object.fields.get(f.branchOf) as SeveralField))))]
    : columns;

/** A row as its columns are, with the values of references to records of several objects besides. */
export function withPairs(object: ObjectType, row: RecordValue): RecordValue {
  const pairs = [...object.fields.values()].flatMap(({ name, branches }) => {
    const named = branches?.find((branch) => (row[branch.name] ?? null) !== null);
    return branches ? [[name, named ? { object: named.target, id: row[named.name] } : null] as const] : [];
  });
  return { ...row, ...Object.fromEntries(pairs) };
}

/** Values by the names of their columns: of a reference to records of several objects, one for each branch. */
export function byColumn<V extends RecordValue>(object: ObjectType, values: V): V | RecordValue {
  if (!object.hasSeveral) return values;
  const entries = Object.entries(values).flatMap(([name, value]) => {
    const branches = object.fields.get(name)?.branches;
    if (!branches) return [[name, value] as const];
    const { object: target, id } = (value ?? {}) as { readonly object?: unknown; readonly id?: unknown };
    return branches.map((branch) => [branch.name, branch.target === target ? id : null] as const);
  });
  return Object.fromEntries(entries);
}
