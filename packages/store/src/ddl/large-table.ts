import {
  type Field,
  type Index,
  type MetaChange,
  type ObjectType,
  type SeveralField,
  type StoredField,
} from "@guanxi/meta";
import { formulaIndexSql, quote } from "@guanxi/query";
import {
  addColumn,
  alter,
  attachReference,
  changeBranches,
  conversionContext,
  finishColumn,
  foreignKeyOf,
  holdList,
  newColumn,
  setRequired,
  unconvertible,
} from "./columns.ts";
import { ColumnsBefore, type Sides } from "./columns-before.ts";
import { constant } from "./literals.ts";
import { ahead, names } from "./names.ts";
import { type DdlStep, qualified, rowsWhere, toldSql } from "./step.ts";
import {
  addForeignKey,
  clashes,
  createIndex,
  createUnique,
  dropForeignKey,
  plainIndex,
  referenceIndex,
} from "./tables.ts";

/*
 * What takes long on a large table is made ahead of the change's transaction, beside the writers and under names that begin like nothing
 * else; the transaction gives it its own name. So all of this is written in the names of before, and must not need what the change
 * itself brings.
 */

/** A part of what is made ahead. Without `instant` and `long` it is a look for the rows in the way. */
export interface AheadStep {
  readonly change: MetaChange;
  /** That of the statement which it spares the change, or whose rows it looks for. */
  readonly effect: string;
  /** A statement for a transaction of its own: writers wait for its locks, which it holds for an instant. */
  readonly instant?: string;
  /** A statement that goes through the table while others write; not for a transaction. */
  readonly long?: string;
  /** As in DdlStep; to be asked before anything is made. */
  readonly inTheWay?: string;
}

interface Made {
  readonly steps: readonly Omit<AheadStep, "change">[];
  /** Undefined where the change keeps its usual statements. */
  readonly adopt?: readonly DdlStep[];
  readonly heavy?: true;
}

const nothing: Made = { steps: [] };
/** It needs what the change itself brings. */
const notAhead: Made = { steps: [], heavy: true };

const concurrently = ({ sql }: DdlStep, name: string): string =>
  sql.replace(`INDEX ${quote(name)}`, `INDEX CONCURRENTLY ${quote(ahead(name))}`);

/** A table before a change, and what of the change can be made ahead. */
export class LargeTable {
  readonly #schema: string;
  readonly #was: ObjectType;
  readonly #object: ObjectType;
  readonly #sides: Sides;
  readonly #before: ColumnsBefore;

  constructor(
    schema: string,
    was: ObjectType,
    object: ObjectType,
    { changes, sides }: { readonly changes: readonly MetaChange[]; readonly sides: Sides },
  ) {
    this.#schema = schema;
    this.#was = was;
    this.#object = object;
    this.#sides = sides;
    this.#before = new ColumnsBefore(was, object, changes, sides);
  }

  ahead(change: MetaChange): Made {
    switch (change.kind) {
      case "add_field":
        return this.#addField(change.field);
      case "change_required":
        return this.#require(change.field);
      case "change_reference":
        return this.#refer(change.field);
      case "change_branches":
        return this.#branch(change.field, change.from);
      case "change_type":
        return this.#changeType(change.field, change.from);
      case "add_unique":
        return this.#unique(change.key.id, change.key.fields);
      case "add_index":
        return this.#index(change.index);
      default:
        return nothing;
    }
  }

  /** A column that something has to be built on comes ahead as well. */
  #addField(field: StoredField): Made {
    const { after } = this.#sides;
    if (!this.#before.comesAhead(field)) return { steps: this.#fillable(field) };
    const [usual] = addColumn(this.#schema, this.#object, field, after) as [DdlStep];
    const column = names.column(field.id);
    const target = this.#before.targetOf(field);
    const refers = field.foreignKey && target !== undefined;
    // A constraint that comes with an empty column holds from the beginning: nothing is looked at.
    const foreignKey = ` CONSTRAINT ${quote(ahead(names.foreignKey(field.id)))} REFERENCES ${qualified(this.#schema, target ?? "")} (id)`;
    const add = {
      effect: usual.effect,
      instant: `${this.#alterBefore()} ADD COLUMN ${newColumn(field, ahead(column), after)}${refers ? foreignKey : ""}`,
    };
    const sql = `${this.#alter()} RENAME COLUMN ${quote(ahead(column))} TO ${quote(field.column.name)}`;
    const indexed = this.#referenceIndex(field);
    const [, key] = attachReference(this.#schema, this.#object.table, field);
    return {
      steps: [...this.#fillable(field), add, ...indexed.steps],
      adopt: [
        { ...usual, sql },
        ...finishColumn(this.#schema, this.#object, field),
        ...(indexed.adopt ?? []),
        ...(key === undefined ? [] : [refers ? this.#renamed(key, names.foreignKey(field.id)) : key]),
      ],
    };
  }

  /** A field that must be filled and has no default stands against every record. */
  #fillable(field: StoredField): Made["steps"] {
    if (!field.column.notNull || field.default !== undefined || field.type === "rollup") return [];
    const { effect } = setRequired(this.#schema, this.#object, field);
    return [{ effect, inTheWay: rowsWhere(this.#tableBefore(), "NULL::text", "true") }];
  }

  #referenceIndex(field: StoredField): Made {
    if (field.target === undefined) return nothing;
    const usual = referenceIndex(this.#schema, this.#object.table, field);
    const made = referenceIndex(this.#schema, this.#was.table, withColumn(field, ahead(names.column(field.id))));
    return this.#takeOver(usual, names.referenceIndex(field.id), made);
  }

  #require(field: StoredField): Made {
    const column = this.#before.columnBefore(field);
    if (!field.column.notNull || column === undefined) return nothing;
    const usual = setRequired(this.#schema, this.#object, field);
    const before = setRequired(this.#schema, this.#was, withColumn(field, column));
    if (this.#before.columnOf(field) === undefined)
      return { steps: [{ effect: usual.effect, ...inTheWayOf(before) }], heavy: true };
    const check = quote(ahead(names.filled(field.id)));
    // PostgreSQL believes the check and does not look itself.
    const sql = `${usual.sql}; ${this.#alter()} DROP CONSTRAINT ${check}`;
    return {
      steps: [
        {
          effect: usual.effect,
          instant: `${this.#alterBefore()} ADD CONSTRAINT ${check} CHECK (${quote(column)} IS NOT NULL) NOT VALID`,
          long: `${this.#alterBefore()} VALIDATE CONSTRAINT ${check}`,
          ...inTheWayOf(before),
        },
      ],
      adopt: [{ sql, effect: usual.effect, scans: true }],
    };
  }

  #refer(field: StoredField): Made {
    const [target, column] = [this.#before.targetOf(field), this.#before.columnOf(field)];
    if (column === undefined) return notAhead;
    if (!field.foreignKey || target === undefined) return this.#lookAtReferences(field, column, target);
    const name = names.foreignKey(field.id);
    const { table } = this.#object;
    const before = foreignKeyOf(this.#was.table, withColumn(field, column), target);
    const made = addForeignKey(this.#schema, { ...before, name: ahead(name) });
    const usual = addForeignKey(this.#schema, foreignKeyOf(table, field, field.target ?? ""));
    return {
      steps: [
        {
          effect: usual.effect,
          instant: `${made.sql} NOT VALID`,
          long: `${this.#alterBefore()} VALIDATE CONSTRAINT ${quote(ahead(name))}`,
          ...inTheWayOf(made),
        },
      ],
      adopt: [dropForeignKey(this.#schema, table, field), this.#renamed(usual, name)],
    };
  }

  /** That one of its branches is filled; those that come have nothing yet. */
  #branch(field: SeveralField, from: SeveralField | undefined): Made {
    const branches = field.branches.flatMap(({ name }) => this.#object.columns.find((one) => one.name === name) ?? []);
    const columns = branches.flatMap((branch) => this.#before.columnOf(branch) ?? []);
    if (!field.required) return nothing;
    if (columns.length < branches.length) return notAhead;
    const usual = changeBranches(this.#schema, this.#object, field, from);
    const there = branches.flatMap((branch) => this.#before.columnBefore(branch) ?? []);
    const none = there.length === 0 ? "true" : `num_nonnulls(${there.map((c) => `t.${quote(c)}`).join(", ")}) = 0`;
    const name = names.branches(field.id);
    return {
      steps: [
        {
          effect: usual.at(-1)?.effect ?? "",
          instant: `${this.#alterBefore()} ADD CONSTRAINT ${quote(ahead(name))} CHECK (num_nonnulls(${columns.map(quote).join(", ")}) = 1) NOT VALID`,
          long: `${this.#alterBefore()} VALIDATE CONSTRAINT ${quote(ahead(name))}`,
          inTheWay: rowsWhere(this.#tableBefore(), "NULL::text", none),
        },
      ],
      adopt: usual.map((step, i) => (i === usual.length - 1 ? this.#renamed(step, name) : step)),
    };
  }

  /** Lists have no foreign key, and a target that the change makes has no records: there are only rows to look for. */
  #lookAtReferences(field: StoredField, name: string, target: string | undefined): Made {
    const { table } = this.#was;
    const { effect } = holdList(this.#schema, this.#object.table, field, field.target ?? "");
    const told = toldSql([field], `t.${quote(name)}::text`);
    const any = rowsWhere(this.#tableBefore(), told, `t.${quote(name)} IS NOT NULL`);
    const before = withColumn(field, name);
    const look = target === undefined ? { inTheWay: any } : inTheWayOf(holdList(this.#schema, table, before, target));
    return { steps: [{ effect, ...look }], heavy: true };
  }

  #changeType(field: StoredField, from: StoredField): Made {
    // The database cannot look into what is encrypted.
    if (from.type === "encrypted_text") return notAhead;
    const target = this.#before.targetOf(field);
    if (field.target !== undefined && target === undefined) return notAhead;
    const place = { table: this.#was.table, column: from.column.name };
    const context = conversionContext(this.#schema, target, this.#sides.after);
    const inTheWay = unconvertible(this.#schema, place, { from, field }, context);
    const effect = `turn ${this.#object.table}.${field.name} from ${from.type} into ${field.type}`;
    return inTheWay === undefined ? notAhead : { steps: [{ effect, inTheWay }], heavy: true };
  }

  #unique(id: number, keys: readonly string[]): Made {
    const fields = keys.map((name) => this.#object.fields.get(name));
    const columns = fields.flatMap((field) => (field?.column && this.#before.columnOf(field)) ?? []);
    if (columns.length < fields.length) return notAhead;
    const usual = createUnique(this.#schema, this.#object, { id, fields: keys }, true);
    const { inTheWay: _, ...made } = createUnique(this.#schema, this.#was, { id, fields: columns }, true);
    return this.#takeOver(usual, names.unique(id), { ...made, ...this.#clashes(fields, columns) });
  }

  /** A column that comes ahead has its default everywhere, or nothing, which never clashes. */
  #clashes(fields: readonly (Field | undefined)[], columns: readonly string[]): Pick<AheadStep, "inTheWay"> {
    const comes = fields.map((field) => field?.column && this.#before.columnBefore(field) === undefined);
    if (fields.some((field, i) => comes[i] && field?.default === undefined)) return {};
    const { settings } = this.#sides.after;
    const told = fields.flatMap((field) => (field?.column ? [field] : []));
    const inTheWay = clashes(this.#schema, this.#was.table, told, (row) =>
      fields.map((field, i) =>
        comes[i] && field?.column ? constant(field, field.default, settings) : `${row}.${quote(columns[i] ?? "")}`,
      ),
    );
    return { inTheWay };
  }

  #index(index: Index): Made {
    const entries = index.fields.map((name) => this.#entryOf(name));
    if (!entries.every((entry) => entry !== undefined)) return notAhead;
    const usual = createIndex(this.#schema, this.#object, index, this.#sides.after);
    const name = names.index(index.id);
    return this.#takeOver(
      usual,
      name,
      plainIndex(this.#schema, this.#was.table, name, index.fields, entries.join(", ")),
    );
  }

  #entryOf(name: string): string | undefined {
    const field = this.#object.fields.get(name);
    if (field?.formula === undefined) return field?.column && quotedOr(this.#before.columnOf(field));
    const sql = formulaIndexSql(this.#sides.after, this.#object, name);
    // What a formula is computed of stands in its text under the names of afterwards.
    const renamed = this.#was.table !== this.#object.table;
    return renamed || this.#before.newNames().some((column) => sql.includes(column)) ? undefined : `(${sql})`;
  }

  /** An index that is built ahead, and in the transaction gets its name. */
  #takeOver(usual: DdlStep, name: string, made: DdlStep): Made {
    const sql = `ALTER INDEX ${qualified(this.#schema, ahead(name))} RENAME TO ${quote(name)}`;
    return {
      steps: [{ effect: usual.effect, long: concurrently(made, name), ...inTheWayOf(made) }],
      adopt: [{ sql, effect: usual.effect, scans: true }],
    };
  }

  #renamed({ effect }: DdlStep, name: string): DdlStep {
    return {
      sql: `${this.#alter()} RENAME CONSTRAINT ${quote(ahead(name))} TO ${quote(name)}`,
      effect,
      scans: true,
    };
  }

  #alter(): string {
    return alter(this.#schema, this.#object.table);
  }

  #alterBefore(): string {
    return alter(this.#schema, this.#was.table);
  }

  #tableBefore(): string {
    return qualified(this.#schema, this.#was.table);
  }
}

const withColumn = (field: StoredField, name: string): StoredField => ({
  ...field,
  column: { ...field.column, name },
});

const quotedOr = (column: string | undefined): string | undefined => column && quote(column);

const inTheWayOf = ({ inTheWay }: DdlStep): Pick<AheadStep, "inTheWay"> => (inTheWay === undefined ? {} : { inTheWay });
