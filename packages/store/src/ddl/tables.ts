import {
  type Column,
  fieldPath,
  type Index,
  listsRecords,
  type ObjectType,
  type SeveralField,
  type Snapshot,
  type StoredField,
  type UniqueKey,
} from "@guanxi/meta";
import { formulaIndexSql, literal, quote } from "@guanxi/query";
import { names } from "./names.ts";
import { type DdlStep, qualified, rowsWhere, toldSql } from "./step.ts";

const columnList = (fields: readonly string[]): string => fields.map(quote).join(", ");

/** Every column of a field, those that nobody sees behind its own. */
export const columnsOf = ({ column, hidden }: StoredField): readonly Column[] =>
  hidden ? [column, hidden.sum, hidden.count] : [column];

export const columnDefinition = ({ name, sqlType, notNull, initial }: Column): string =>
  `${quote(name)} ${sqlType}${notNull ? " NOT NULL" : ""}${initial === undefined ? "" : ` DEFAULT ${literal(initial)}`}`;

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

/** The table of a new object with its sequences and indexes; foreign keys come when all tables are there. */
export function createTable(schema: string, object: ObjectType, after: Snapshot): DdlStep[] {
  const { table } = object;
  const columns = object.columns.flatMap(columnsOf).map(columnDefinition);
  const primaryKey = `CONSTRAINT ${quote(names.primaryKey(object.id))} PRIMARY KEY (id)`;
  const checks = [...object.fields.values()].flatMap((field) => (field.branches ? [branchesConstraint(field)] : []));
  const sql = `CREATE TABLE ${qualified(schema, table)} (${[...columns, primaryKey, ...checks].join(", ")})`;
  const own = object.columns.filter((f) => !f.system);
  // Formulas have no column, and are fields for whoever defines them.
  const fields = [...object.fields.values()].filter((f) => !f.system).length;
  return [
    { sql, effect: `create ${object.name} with ${counted(fields, "field")}` },
    ...own.filter((f) => f.type === "autonumber").map((f) => createSequence(schema, table, f)),
    plainIndex(schema, table, names.ownerIndex(object.id), ["owner"]),
    plainIndex(schema, table, names.updatedIndex(object.id), ["updated_at"]),
    ...own.filter((f) => f.target !== undefined).map((f) => referenceIndex(schema, table, f)),
    ...object.uniques.map((key) => createUnique(schema, object, key, false)),
    ...object.indexes.map((index) => createIndex(schema, object, index, after)),
  ];
}

/** Of the branches of a reference to several objects one is filled, or none where it may be empty. */
export const branchesConstraint = ({ id, branches, required }: SeveralField): string =>
  `CONSTRAINT ${quote(names.branches(id))} CHECK (num_nonnulls(${columnList(branches.map((b) => b.name))}) ${required ? "=" : "<="} 1)`;

export const createSequence = (schema: string, table: string, field: StoredField): DdlStep => ({
  sql: `CREATE SEQUENCE ${qualified(schema, names.sequence(field.id))} OWNED BY ${qualified(schema, table)}.${quote(field.column.name)}`,
  effect: `start the numbers of ${table}.${field.name}`,
});

export function plainIndex(
  schema: string,
  table: string,
  name: string,
  columns: readonly string[],
  entries = columnList(columns),
  method: "btree" | "gin" = "btree",
): DdlStep {
  const using = method === "btree" ? "" : `USING ${method} `;
  const sql = `CREATE INDEX ${quote(name)} ON ${qualified(schema, table)} ${using}(${entries})`;
  return { sql, effect: `index ${table} by ${columns.join(", ")}`, scans: true };
}

/** Finds who refers to a record; also among the ids of a list. */
export const referenceIndex = (schema: string, table: string, field: StoredField): DdlStep =>
  plainIndex(
    schema,
    table,
    names.referenceIndex(field.id),
    [fieldPath(field)],
    quote(field.column.name),
    listsRecords(field.type) ? "gin" : "btree",
  );

export function createIndex(schema: string, object: ObjectType, { id, fields }: Index, after: Snapshot): DdlStep {
  const entry = (name: string): string =>
    object.fields.get(name)?.formula ? `(${formulaIndexSql(after, object, name)})` : quote(name);
  return plainIndex(schema, object.table, names.index(id), fields, fields.map(entry).join(", "));
}

/** Deleted records do not hold their values, and empty fields never clash. */
export function createUnique(
  schema: string,
  { table, columns }: Pick<ObjectType, "table" | "columns">,
  { id, fields }: UniqueKey,
  /** Whether rows may be there already. */
  filled: boolean,
): DdlStep {
  const effect = `keep ${fields.join(", ")} unique in ${table}`;
  const sql = `CREATE UNIQUE INDEX ${quote(names.unique(id))} ON ${qualified(schema, table)} (${columnList(fields)}) WHERE deleted_at IS NULL`;
  if (!filled) return { sql, effect };
  const told = columns.filter(({ name }) => fields.includes(name));
  const inTheWay = clashes(schema, table, told, (row) => fields.map((f) => `${row}.${quote(f)}`));
  return { sql, effect, inTheWay, scans: true };
}

/** The query for live rows that share a key of these `fields`, whose values `of` writes for a row. */
export function clashes(
  schema: string,
  table: string,
  fields: readonly StoredField[],
  of: (row: string) => readonly string[],
): string {
  const from = qualified(schema, table);
  const [own, others] = [of("t"), of("o")];
  const value = toldSql(fields, `concat_ws(', ', ${own.map((v) => `${v}::text`).join(", ")})`);
  const same = own.map((v, i) => `${others[i]} = ${v}`).join(" AND ");
  const clash = `t.deleted_at IS NULL AND EXISTS (SELECT FROM ${from} o WHERE o.id <> t.id AND o.deleted_at IS NULL AND ${same})`;
  return rowsWhere(from, value, clash);
}

export const dropIndex = (schema: string, name: string, effect: string): DdlStep => ({
  sql: `DROP INDEX ${qualified(schema, name)}`,
  effect,
});

export interface ForeignKey {
  readonly name: string;
  readonly table: string;
  readonly column: string;
  /** What people call it. */
  readonly path: string;
  readonly target: string;
  /** Whether rows may be there already. */
  readonly filled: boolean;
  /** SQL of its value in a row `t` as it is told. */
  readonly told?: string;
}

/** What happens to a referrer is decided by the statement that deletes, so the database only ever refuses. */
export function addForeignKey(
  schema: string,
  { name, table, column, path, target, filled, told }: ForeignKey,
): DdlStep {
  const from = qualified(schema, table);
  const to = qualified(schema, target);
  const sql = `ALTER TABLE ${from} ADD CONSTRAINT ${quote(name)} FOREIGN KEY (${quote(column)}) REFERENCES ${to} (id)`;
  const effect = `hold ${table}.${path} to records of ${target}`;
  if (!filled) return { sql, effect };
  const orphan = `t.${quote(column)} IS NOT NULL AND NOT EXISTS (SELECT FROM ${to} r WHERE r.id = t.${quote(column)})`;
  const value = told ?? `t.${quote(column)}::text`;
  return { sql, effect, inTheWay: rowsWhere(from, value, orphan), scans: true };
}

export const dropForeignKey = (schema: string, table: string, field: StoredField): DdlStep => ({
  // Dropping the target's table has dropped it already.
  sql: `ALTER TABLE ${qualified(schema, table)} DROP CONSTRAINT IF EXISTS ${quote(names.foreignKey(field.id))}`,
  effect: `release ${table}.${fieldPath(field)} from records of ${field.target}`,
});
