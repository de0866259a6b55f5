import { isDeepStrictEqual } from "node:util";
import { isConvertible } from "./convertible.ts";
import { indexedAs } from "./formulas.ts";
import { coreOf } from "./object-type.ts";
import { definitionError, pointer, Report } from "./report.ts";
import { rollupChanges } from "./rollup-changes.ts";
import { tableById, tableNamed, tablesOf } from "./tables.ts";
import type { Field, Index, MetaChange, ObjectType, Snapshot, StoredField } from "./types.ts";

/**
 * The steps from one snapshot to the next, in an order in which DDL can run: what goes away first, so that its name is
 * free; then renames, new types, new objects and fields, and last what relates or constrains them. Foreign keys of new
 * objects wait until all their tables are there. Throws GuanxiError DEFINITION where a type cannot become the other.
 */
export function diffSnapshots(before: Snapshot | undefined, after: Snapshot): MetaChange[] {
  const changes: MetaChange[] = [];
  for (const old of before ? tablesOf(before) : []) {
    if (!tableById(after, old.id)) changes.push({ kind: "drop_object", object: old });
  }
  const issues = tablesOf(after).flatMap((object) => {
    const report = new Report(object.name);
    const from = before && tableById(before, object.id);
    if (from === undefined) changes.push({ kind: "create_object", object });
    else if (!isSame(from, object, { before, after }))
      changes.push(...objectChanges(from, object, { before, after }, report));
    return report.issues;
  });
  if (issues.length > 0) throw definitionError(issues);
  if (before) changes.push(...rollupChanges(before, after));
  return changes.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

const order: readonly MetaChange["kind"][] = [
  ...(["drop_object", "rename_object", "drop_index", "drop_unique", "drop_field", "rename_field"] as const),
  ...(["change_type", "create_object", "add_field", "change_branches", "change_required", "change_reference"] as const),
  ...(["change_rollup", "compute_rollup", "add_unique", "add_index"] as const),
];

interface Sides {
  readonly before: Snapshot | undefined;
  readonly after: Snapshot;
}

/** An object that is as it was is not looked into, which would compile it: its references may lead elsewhere, no more. */
function isSame(from: ObjectType, object: ObjectType, sides: Sides): boolean {
  const core = coreOf(object);
  return from === object || (coreOf(from) === core && core.references.every((r) => sameTarget(r, r, sides)));
}

function objectChanges(from: ObjectType, object: ObjectType, sides: Sides, report: Report): MetaChange[] {
  const changes: MetaChange[] = from.table === object.table ? [] : [{ kind: "rename_object", object, from }];
  const was = byId(from.columns);
  const now = byId(object.columns);
  changes.push(...severalChanges(from, object, report));
  for (const [old, field] of movedColumns(from, object, sides)) {
    was.delete(old.id);
    now.delete(field.id);
    changes.push({ kind: "rename_field", object, field, from: old });
    if (old.column.notNull !== field.column.notNull) changes.push({ kind: "change_required", object, field });
  }
  for (const [id, field] of was) if (!now.has(id)) changes.push({ kind: "drop_field", object, field });
  for (const [id, field] of now) {
    const old = was.get(id);
    changes.push(
      ...(old === undefined
        ? [{ kind: "add_field", object, field } as const]
        : fieldChanges(object, field, old, sides, report)),
    );
  }
  const [keys, indexes] = [compareById(from.uniques, object.uniques), indexChanges(from, object, sides)];
  changes.push(...keys.gone.map((key) => ({ kind: "drop_unique", object, key }) as const));
  changes.push(...keys.come.map((key) => ({ kind: "add_unique", object, key }) as const));
  changes.push(...indexes.gone.map((index) => ({ kind: "drop_index", object, index }) as const));
  changes.push(...indexes.come.map((index) => ({ kind: "add_index", object, index }) as const));
  return changes;
}

/** References that become one of several to each object, or one that is left of these: the column stays, under another id and name. */
function movedColumns(from: ObjectType, object: ObjectType, sides: Sides): [StoredField, StoredField][] {
  if (!from.hasSeveral && !object.hasSeveral) return [];
  const before = byId(from.fields.values());
  return [...object.fields.values()].flatMap((field): [StoredField, StoredField][] => {
    const old = before.get(field.id);
    if (!old || !old.branches === !field.branches) return [];
    return branchesIn(field).flatMap((is): [StoredField, StoredField][] => {
      const was = branchesIn(old).find((one) => sameTarget(is, one, sides));
      return was ? [[was, is]] : [];
    });
  });
}

/** The references that a field is kept as; none for what is no reference. */
const branchesIn = (field: Field | undefined): readonly StoredField[] =>
  field?.branches ?? (field?.column && field.type === "reference" && field.target !== undefined ? [field] : []);

/** What references to records of several objects need beside their columns. */
function severalChanges(from: ObjectType, object: ObjectType, report: Report): MetaChange[] {
  if (!from.hasSeveral && !object.hasSeveral) return [];
  const before = byId(from.fields.values());
  return [...object.fields.values()].flatMap((field): MetaChange[] => {
    const old = before.get(field.id);
    const turns = old && !old.formula && !field.formula && !old.branches !== !field.branches;
    if (turns && (branchesIn(old).length === 0 || branchesIn(field).length === 0)) sayInconvertible(field, old, report);
    if (!field.branches) return [];
    const same = old?.branches && old.required === field.required && sameIds(old.branches, field.branches);
    return same ? [] : [{ kind: "change_branches", object, field, from: old?.branches ? old : undefined }];
  });
}

const sameIds = (was: readonly StoredField[], now: readonly StoredField[]): boolean =>
  was.length === now.length && was.every(({ id }) => now.some((field) => field.id === id));

const byId = <T extends { readonly id: number }>(things: Iterable<T>): Map<number, T> =>
  new Map([...things].map((t) => [t.id, t]));

function compareById<T extends { readonly id: number }>(
  was: readonly T[],
  now: readonly T[],
): { gone: T[]; come: T[] } {
  const [before, after] = [byId(was), byId(now)];
  return { gone: was.filter((t) => !after.has(t.id)), come: now.filter((t) => !before.has(t.id)) };
}

/** An index on a formula is another where what it computes is. */
function indexChanges(
  from: ObjectType,
  object: ObjectType,
  { before, after }: Sides,
): { gone: Index[]; come: Index[] } {
  const { gone, come } = compareById(from.indexes, object.indexes);
  const was = byId(from.indexes);
  for (const index of object.indexes) {
    const old = was.get(index.id);
    if (!old || !before || indexedAs(before, from, old.fields) === indexedAs(after, object, index.fields)) continue;
    gone.push(old);
    come.push(index);
  }
  return { gone, come };
}

function fieldChanges(
  object: ObjectType,
  field: StoredField,
  from: StoredField,
  sides: Sides,
  report: Report,
): MetaChange[] {
  const changes: MetaChange[] = [];
  if (from.name !== field.name) changes.push({ kind: "rename_field", object, field, from });
  if (from.type === "rollup" && field.type === "rollup") {
    if (!isDeepStrictEqual(placeOf(from), placeOf(field))) changes.push({ kind: "change_rollup", object, field, from });
    return changes;
  }
  if (from.type !== field.type || from.column.sqlType !== field.column.sqlType) {
    if (!isConvertible(from.type, field.type)) sayInconvertible(field, from, report);
    changes.push({ kind: "change_type", object, field, from });
  } else if (field.target !== undefined && !field.system && !sameTarget(field, from, sides)) {
    changes.push({ kind: "change_reference", object, field, from });
  }
  if (from.column.notNull !== field.column.notNull) changes.push({ kind: "change_required", object, field });
  return changes;
}

/** The columns of a roll-up, apart from what it is called. */
const placeOf = ({ column, hidden }: StoredField): unknown => ({ ...column, name: "", hidden });

/** Targets are the same object by id, whatever it is called. */
const sameTarget = (field: { target?: string }, from: { target?: string }, { before, after }: Sides): boolean =>
  (before && tableNamed(before, from.target ?? ""))?.id === tableNamed(after, field.target ?? "")?.id;

const sayInconvertible = (field: Field, from: Field, report: Report): void =>
  report.say(
    pointer("properties", field.name, "fieldType"),
    `${from.type} values cannot become ${field.type}; add another field instead`,
    `${from.type} 的值不能转换为 ${field.type}，请另加字段`,
    `${from.type} 的值不能轉換為 ${field.type}，請另加欄位`,
  );
