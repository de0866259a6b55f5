import { fieldPath, type MetaChange, type ObjectType, type Snapshot, tableNamed } from "@guanxi/meta";
import { quote } from "@guanxi/query";
import type { Ahead } from "./ddl/ahead.ts";
import {
  addColumn,
  changeBranches,
  changeReference,
  changeRollup,
  changeType,
  dropColumn,
  setRequired,
} from "./ddl/columns.ts";
import { names } from "./ddl/names.ts";
import { computeRollup } from "./ddl/rollups.ts";
import { orderRenames, type Rename } from "./ddl/rename.ts";
import { type DdlStep, qualified } from "./ddl/step.ts";
import { addForeignKey, createIndex, createTable, createUnique, dropIndex } from "./ddl/tables.ts";

export { type Ahead, type AheadStep, compileAhead } from "./ddl/ahead.ts";
export { losesValues } from "./ddl/convert.ts";
export { parseConstraintName } from "./ddl/names.ts";
export type { Crypt, DdlStep } from "./ddl/step.ts";

/** A statement, and the change that it is part of. */
export interface ChangeStep extends DdlStep {
  readonly change: MetaChange;
  /** It takes over what was made ahead, or holds writers for long: not for trying out. */
  readonly untried?: true;
}

type Change<K extends MetaChange["kind"]> = Extract<MetaChange, { kind: K }>;

const ofKind = <K extends MetaChange["kind"]>(changes: readonly MetaChange[], kind: K): readonly Change<K>[] =>
  changes.filter((change): change is Change<K> => change.kind === kind);

/**
 * The statements that bring a tenant's schema from one snapshot to the next: `changes` as `diffSnapshots` gives them.
 * To be run in this order in one transaction, once what is `ahead` of it has been made. Pure text.
 */
export function compileDdl(
  schema: string,
  changes: readonly MetaChange[],
  after: Snapshot,
  { adopt, heavy }: Pick<Ahead, "adopt" | "heavy"> = nothingAhead,
): ChangeStep[] {
  const steps: ChangeStep[] = [];
  let renamed = false;
  let columnsRenamed = false;
  for (const change of changes) {
    // Renames depend on one another, so the first stands for all of them.
    if (change.kind === "rename_object") {
      if (!renamed) steps.push(...renameTables(schema, ofKind(changes, "rename_object")));
      renamed = true;
    } else if (change.kind === "rename_field") {
      if (!columnsRenamed) steps.push(...renameColumns(schema, ofKind(changes, "rename_field")));
      columnsRenamed = true;
    } else {
      const own = adopt.get(change);
      const untried = own !== undefined || heavy.has(change);
      const all = partOf(change, own ?? changeSteps(schema, change, after));
      steps.push(...(untried ? all.map((step) => ({ ...step, untried })) : all));
    }
  }
  const created = ofKind(changes, "create_object");
  return [...steps, ...created.flatMap((change) => partOf(change, foreignKeys(schema, change.object, after)))];
}

const nothingAhead: Pick<Ahead, "adopt" | "heavy"> = { adopt: new Map(), heavy: new Set() };

const partOf = (change: MetaChange, steps: readonly DdlStep[]): ChangeStep[] =>
  steps.map((step) => ({ ...step, change }));

type Other = Exclude<MetaChange, { kind: "rename_object" | "rename_field" }>;

function changeSteps(schema: string, change: Other, after: Snapshot): DdlStep[] {
  const { object } = change;
  switch (change.kind) {
    case "create_object":
      return createTable(schema, object, after);
    case "drop_object":
      return [dropTable(schema, object)];
    case "add_field":
      return addColumn(schema, object, change.field, after);
    case "drop_field":
      return [dropColumn(schema, object, change.field)];
    case "change_type":
      return changeType(schema, object, change.field, change.from, after);
    case "change_branches":
      return changeBranches(schema, object, change.field, change.from);
    case "change_required":
      return [setRequired(schema, object, change.field)];
    case "change_reference":
      return changeReference(schema, object, change.field);
    case "change_rollup":
      return [changeRollup(schema, object, change.field, change.from)];
    case "compute_rollup":
      return computeRollup(after, change.group);
    case "add_unique":
      return [createUnique(schema, object, change.key, true)];
    case "drop_unique":
      return [
        dropIndex(schema, names.unique(change.key.id), `let ${change.key.fields.join(", ")} repeat in ${object.table}`),
      ];
    case "add_index":
      return [createIndex(schema, object, change.index, after)];
    case "drop_index":
      return [
        dropIndex(
          schema,
          names.index(change.index.id),
          `drop the index of ${object.table} by ${change.index.fields.join(", ")}`,
        ),
      ];
  }
}

/** Takes the foreign keys of others along: their fields go, or get another target, in the same change. */
const dropTable = (schema: string, { table, name }: ObjectType): DdlStep => ({
  sql: `DROP TABLE ${qualified(schema, table)} CASCADE`,
  effect: `delete ${name} and its records`,
  scans: true,
});

function renameTables(schema: string, changes: readonly Change<"rename_object">[]): ChangeStep[] {
  const renames = changes.map((change): Renaming<"rename_object"> => {
    const { object, from } = change;
    return { id: object.id, from: from.table, to: object.table, change };
  });
  return orderRenames(renames).map(({ from, to, change }) => ({
    sql: `ALTER TABLE ${qualified(schema, from)} RENAME TO ${quote(to)}`,
    effect: `rename ${from} to ${to}`,
    change,
  }));
}

type Renaming<K extends MetaChange["kind"]> = Rename & { readonly change: Change<K> };
type Columns = Change<"rename_field">;

function renameColumns(schema: string, changes: readonly Change<"rename_field">[]): ChangeStep[] {
  const tables = Map.groupBy(changes, (change) => change.object.table);
  return [...tables].flatMap(([table, own]) => {
    const renames = own.map((change): Renaming<"rename_field"> => {
      const { field, from } = change;
      return { id: field.id, from: from.column.name, to: field.column.name, change };
    });
    const columns = orderRenames(renames).map(({ from, to, change }) => ({
      sql: `ALTER TABLE ${qualified(schema, table)} RENAME COLUMN ${quote(from)} TO ${quote(to)}`,
      effect: renaming(table, change, from, to),
      change,
    }));
    return [...columns, ...own.flatMap((change) => partOf(change, renameKeys(schema, change)))];
  });
}

/** Of names that a definition has; a branch has none, nor a column that waits. */
function renaming(table: string, { field, from: old }: Columns, from: string, to: string): string {
  if (field.id === old.id) return `rename ${table}.${from} to ${to}`;
  return `keep the values of ${table}.${fieldPath(old)} as ${fieldPath(field)}`;
}

/** What is named by the id of a reference that becomes a branch of one to several objects, or comes of one. */
function renameKeys(schema: string, { object, field, from }: Columns): DdlStep[] {
  if (field.id === from.id) return [];
  const table = `ALTER TABLE ${qualified(schema, object.table)}`;
  const path = `${object.table}.${fieldPath(field)}`;
  const [was, is] = [from, field].map(({ id }) => ({ key: names.foreignKey(id), index: names.referenceIndex(id) }));
  if (!was || !is) return [];
  const alone = {
    // Dropping the columns of the others has dropped it already.
    sql: `${table} DROP CONSTRAINT IF EXISTS ${quote(names.branches(field.id))}`,
    effect: `let ${path} stand alone`,
  };
  return [
    ...(field.branchOf === undefined ? [alone] : []),
    {
      sql: `${table} RENAME CONSTRAINT ${quote(was.key)} TO ${quote(is.key)}`,
      effect: `keep ${path} held to records of ${field.target}`,
    },
    {
      sql: `ALTER INDEX ${qualified(schema, was.index)} RENAME TO ${quote(is.index)}`,
      effect: `keep the index of ${path}`,
    },
  ];
}

/** The foreign keys of a new table: its references', and its owner's where there are users. */
function foreignKeys(schema: string, object: ObjectType, after: Snapshot): DdlStep[] {
  const { table } = object;
  return object.columns
    .filter((field) => field.foreignKey && tableNamed(after, field.target ?? "") !== undefined)
    .map((field) => {
      const name = field.system ? names.ownerForeignKey(object.id) : names.foreignKey(field.id);
      return addForeignKey(schema, {
        name,
        table,
        column: field.column.name,
        path: fieldPath(field),
        target: field.target ?? "",
        filled: false,
      });
    });
}
