import {
  type Column,
  fieldPath,
  listsRecords,
  type ObjectType,
  type SeveralField,
  type Snapshot,
  type StoredField,
} from "@guanxi/meta";
import { literal, quote } from "@guanxi/query";
import { conversion } from "./convert.ts";
import { constant } from "./literals.ts";
import { names } from "./names.ts";
import { type Crypt, type DdlStep, qualified, rowsWhere, toldSql } from "./step.ts";
import {
  addForeignKey,
  branchesConstraint,
  columnDefinition,
  columnsOf,
  createSequence,
  dropForeignKey,
  dropIndex,
  type ForeignKey,
  referenceIndex,
} from "./tables.ts";

export const alter = (schema: string, table: string): string => `ALTER TABLE ${qualified(schema, table)}`;

export function setRequired(schema: string, { table }: Pick<ObjectType, "table">, field: StoredField): DdlStep {
  const column = quote(field.column.name);
  if (!field.column.notNull) {
    const sql = `${alter(schema, table)} ALTER COLUMN ${column} DROP NOT NULL`;
    return { sql, effect: `let ${table}.${field.name} be empty` };
  }
  return {
    sql: `${alter(schema, table)} ALTER COLUMN ${column} SET NOT NULL`,
    effect: `require ${table}.${field.name}`,
    inTheWay: rowsWhere(qualified(schema, table), "NULL::text", `t.${column} IS NULL`),
    scans: true,
  };
}

/** A new column of a table that may have rows: they take the default at once, without being rewritten. */
export function addColumn(schema: string, object: ObjectType, field: StoredField, after: Snapshot): DdlStep[] {
  const { table } = object;
  if (field.type === "rollup") {
    const added = columnsOf(field).map((column) => `ADD COLUMN ${columnDefinition(column)}`);
    return [{ sql: `${alter(schema, table)} ${added.join(", ")}`, effect: `add ${table}.${field.name}` }];
  }
  const filled = field.default !== undefined;
  const add: DdlStep = {
    sql: `${alter(schema, table)} ADD COLUMN ${newColumn(field, field.column.name, after)}`,
    effect: `add ${table}.${fieldPath(field)}${filled ? ", filled with its default" : ""}`,
    ...(filled ? { scans: true } : {}),
  };
  return [add, ...finishColumn(schema, object, field), ...attachReference(schema, table, field)];
}

/** What is there takes the default without being rewritten or looked at. */
export function newColumn(field: StoredField, name: string, after: Snapshot): string {
  const { sqlType, notNull } = field.column;
  if (field.default === undefined) return `${quote(name)} ${sqlType}`;
  return `${quote(name)} ${sqlType}${notNull ? " NOT NULL" : ""} DEFAULT ${constant(field, field.default, after.settings)}`;
}

/** What follows once a new column is there, apart from references. */
export function finishColumn(schema: string, object: ObjectType, field: StoredField): DdlStep[] {
  const { table } = object;
  const unset: DdlStep = {
    sql: `${alter(schema, table)} ALTER COLUMN ${quote(field.column.name)} DROP DEFAULT`,
    effect: `leave the default of ${table}.${field.name} to new records`,
  };
  return [
    ...(field.default === undefined ? [] : [unset]),
    ...(field.type === "autonumber" ? [createSequence(schema, table, field)] : []),
    ...(field.column.notNull && field.default === undefined ? [setRequired(schema, object, field)] : []),
  ];
}

/** The foreign key of a reference whose table may have rows. */
export function foreignKeyOf(table: string, field: StoredField, target: string): ForeignKey {
  const column = field.column.name;
  const told = toldSql([field], `t.${quote(column)}::text`);
  return { name: names.foreignKey(field.id), table, column, path: fieldPath(field), target, filled: true, told };
}

/** What a reference's column needs besides itself, where the table may have rows. */
export function attachReference(schema: string, table: string, field: StoredField): DdlStep[] {
  if (field.target === undefined) return [];
  if (listsRecords(field.type)) return [referenceIndex(schema, table, field)];
  return [referenceIndex(schema, table, field), addForeignKey(schema, foreignKeyOf(table, field, field.target))];
}

const dropped = (columns: readonly Column[]): string =>
  columns.map((column) => `DROP COLUMN ${quote(column.name)}`).join(", ");

/** Values of another type for a roll-up, which are computed afterwards. Its column stays, since indexes may stand on it. */
export function changeRollup(schema: string, { table }: ObjectType, field: StoredField, from: StoredField): DdlStep {
  const { name, sqlType, notNull, initial } = field.column;
  const column = `ALTER COLUMN ${quote(name)}`;
  const value = initial === undefined ? "NULL" : literal(initial);
  const actions = [
    ...(from.hidden ? [dropped([from.hidden.sum, from.hidden.count])] : []),
    ...(from.column.initial === undefined ? [] : [`${column} DROP DEFAULT`]),
    ...(from.column.notNull ? [`${column} DROP NOT NULL`] : []),
    `${column} TYPE ${sqlType} USING ${value}::${sqlType}`,
    ...(initial === undefined ? [] : [`${column} SET DEFAULT ${value}`]),
    ...(notNull ? [`${column} SET NOT NULL`] : []),
    ...(field.hidden ? [field.hidden.sum, field.hidden.count].map((c) => `ADD COLUMN ${columnDefinition(c)}`) : []),
  ];
  return { sql: `${alter(schema, table)} ${actions.join(", ")}`, effect: `make ${table}.${field.name} ${sqlType}` };
}

export function dropColumn(schema: string, { table, name }: ObjectType, field: StoredField): DdlStep {
  return {
    sql: `${alter(schema, table)} ${dropped(columnsOf(field))}`,
    effect: `delete ${name}.${fieldPath(field)} and its values`,
    scans: true,
  };
}

export function changeReference(schema: string, { table }: ObjectType, field: StoredField): DdlStep[] {
  if (field.target === undefined) return [];
  if (listsRecords(field.type)) return [holdList(schema, table, field, field.target)];
  return [dropForeignKey(schema, table, field), addForeignKey(schema, foreignKeyOf(table, field, field.target))];
}

/**
 * Holds a reference to several objects to one of its branches, which have changed. That one at most is filled is so already; that none is
 * empty must be looked for.
 */
export function changeBranches(
  schema: string,
  { table }: ObjectType,
  field: SeveralField,
  from: SeveralField | undefined,
): DdlStep[] {
  const name = quote(names.branches(field.id));
  const release: DdlStep = {
    // Dropping one of its columns has dropped it already.
    sql: `${alter(schema, table)} DROP CONSTRAINT IF EXISTS ${name}`,
    effect: `let ${table}.${field.name} lead to ${from?.branches.map((b) => b.target).join(", ")} no more alone`,
  };
  const add = `${alter(schema, table)} ADD ${branchesConstraint(field)}`;
  const targets = field.branches.map((b) => b.target).join(", ");
  const none = `num_nonnulls(${field.branches.map((b) => `t.${quote(b.name)}`).join(", ")}) = 0`;
  const hold: DdlStep = field.required
    ? {
        sql: add,
        effect: `require ${table}.${field.name}`,
        inTheWay: rowsWhere(qualified(schema, table), "NULL::text", none),
        scans: true,
      }
    : { sql: `${add} NOT VALID`, effect: `hold ${table}.${field.name} to one record of ${targets}` };
  return [...(from ? [release] : []), hold];
}

/** PostgreSQL has no foreign keys of lists: what is in them is looked at here, and by every write. */
export function holdList(schema: string, table: string, field: StoredField, target: string): DdlStep {
  const { name, column } = field;
  const list = `t.${quote(column.name)}`;
  const strays = `NOT ${list} <@ ARRAY(SELECT r.id FROM ${qualified(schema, target)} r)`;
  return {
    sql: "SELECT",
    effect: `hold ${table}.${name} to records of ${target}`,
    inTheWay: rowsWhere(qualified(schema, table), toldSql([field], `array_to_string(${list}, ', ')`), strays),
  };
}

/** Converts the values of a column; rows that cannot be converted are in the way. */
export function changeType(
  schema: string,
  object: ObjectType,
  field: StoredField,
  from: StoredField,
  after: Snapshot,
): DdlStep[] {
  const { table } = object;
  const detach: DdlStep[] = from.foreignKey
    ? [
        dropForeignKey(schema, table, { ...field, target: from.target ?? "" }),
        dropIndex(schema, names.referenceIndex(field.id), `drop the index of ${table}.${field.name}`),
      ]
    : [];
  if (from.type === "autonumber") {
    const sql = `DROP SEQUENCE ${qualified(schema, names.sequence(field.id))}`;
    detach.push({ sql, effect: `end the numbers of ${table}.${field.name}` });
  }
  if (listsRecords(from.type))
    detach.push(dropIndex(schema, names.referenceIndex(field.id), `drop the index of ${table}.${field.name}`));
  const context = conversionContext(schema, field.target, after);
  const column = quote(field.column.name);
  const { using } = conversion(from, field, column, context);
  const inTheWay = unconvertible(schema, { table, column: field.column.name }, { from, field }, context);
  const change: DdlStep = {
    sql: `${alter(schema, table)} ALTER COLUMN ${column} TYPE ${field.column.sqlType} USING ${using}`,
    effect: `turn ${table}.${field.name} from ${from.type} into ${field.type}`,
    scans: true,
    ...(inTheWay === undefined ? {} : { inTheWay }),
  };
  const crypt = (to: Crypt["to"]): Pick<DdlStep, "crypt"> => ({
    crypt: { to, object, field, names: namesOf(field, from) },
  });
  if (from.type === "encrypted_text") detach.push({ ...decrypted(schema, table, field), ...crypt("open") });
  const sealed = field.type === "encrypted_text" ? { ...change, ...crypt("sealed") } : change;
  return [...detach, sealed, ...attachReference(schema, table, field)];
}

const namesOf = ({ name, definition: { was } }: StoredField, from: StoredField): string[] => [
  ...new Set([name, from.name, ...(was === undefined ? [] : [was])]),
];

/** Nobody may write what is not encrypted yet, or not any more. */
const decrypted = (schema: string, table: string, field: StoredField): DdlStep => ({
  sql: `LOCK TABLE ${qualified(schema, table)} IN ACCESS EXCLUSIVE MODE`,
  effect: `decrypt ${table}.${field.name}`,
  scans: true,
});

type ConversionContext = Parameters<typeof conversion>[3];

export const conversionContext = (schema: string, target: string | undefined, after: Snapshot): ConversionContext => ({
  timeZone: after.settings.timeZone,
  target: target === undefined ? undefined : qualified(schema, target),
});

/** The query for rows whose value cannot become one of the new type; undefined where every one can. */
export function unconvertible(
  schema: string,
  { table, column }: { readonly table: string; readonly column: string },
  { from, field }: { readonly from: StoredField; readonly field: StoredField },
  context: ConversionContext,
): string | undefined {
  const value = `t.${quote(column)}`;
  const { blocked } = conversion(from, field, value, context);
  const told = toldSql([from, field], `${value}::text`);
  return blocked === undefined ? undefined : rowsWhere(qualified(schema, table), told, blocked);
}
