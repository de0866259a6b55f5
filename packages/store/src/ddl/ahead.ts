import {
  type Field,
  type Index,
  type MetaChange,
  type ObjectType,
  type SeveralField,
  type Snapshot,
  type StoredField,
  tableById,
  tableNamed,
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

/** What is to be made ahead, and what that leaves to the transaction. */
export interface Ahead {
  /** In the order in which they are made. */
  readonly steps: readonly AheadStep[];
  /** The statements of these changes instead of their usual ones: what was made takes its place. */
  readonly adopt: ReadonlyMap<MetaChange, readonly DdlStep[]>;
  /** Changes that hold writers for long even so: values of another type, what is built on these, roll-ups computed. */
  readonly heavy: ReadonlySet<MetaChange>;
}

export interface Sides {
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** Ids of objects whose tables are large. */
  readonly large: ReadonlySet<number>;
}

/** Pure text; `changes` as `diffSnapshots` gives them. */
export function compileAhead(schema: string, changes: readonly MetaChange[], sides: Sides): Ahead {
  const { before, large } = sides;
  const steps: AheadStep[] = [];
  const adopt = new Map<MetaChange, readonly DdlStep[]>();
  const heavy = new Set<MetaChange>();
  for (const change of changes) {
    if (change.kind === "compute_rollup" && [change.group.parent, change.group.child].some(({ id }) => large.has(id)))
      heavy.add(change);
    const was = tableById(before, change.object.id);
    if (was === undefined || !large.has(was.id)) continue;
    const table = new LargeTable(schema, was, change.object, { changes, sides });
    const made = table.ahead(change);
    steps.push(...made.steps.map((step) => ({ ...step, change })));
    if (made.adopt) adopt.set(change, made.adopt);
    else if (made.heavy) heavy.add(change);
  }
  return { steps: steps.toSorted((a, b) => turnOf(a) - turnOf(b)), adopt, heavy };
}

/** Columns before what stands on them, and last what refuses writes from then on. */
const turnOf = ({ long, inTheWay }: AheadStep): number => (long === undefined ? 0 : inTheWay === undefined ? 1 : 2);

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

class LargeTable {
  readonly #schema: string;
  readonly #was: ObjectType;
  readonly #object: ObjectType;
  readonly #sides: Sides;
  /** Those of this object. */
  readonly #changes: readonly MetaChange[];

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
    this.#changes = changes.filter((change) => change.object.id === object.id);
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
    if (!this.#comesAhead(field)) return { steps: this.#fillable(field) };
    const [usual] = addColumn(this.#schema, this.#object, field, after) as [DdlStep];
    const column = names.column(field.id);
    const target = this.#targetOf(field);
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
    const column = this.#columnBefore(field);
    if (!field.column.notNull || column === undefined) return nothing;
    const usual = setRequired(this.#schema, this.#object, field);
    const before = setRequired(this.#schema, this.#was, withColumn(field, column));
    if (this.#columnOf(field) === undefined)
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
    const [target, column] = [this.#targetOf(field), this.#columnOf(field)];
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
    const columns = branches.flatMap((branch) => this.#columnOf(branch) ?? []);
    if (!field.required) return nothing;
    if (columns.length < branches.length) return notAhead;
    const usual = changeBranches(this.#schema, this.#object, field, from);
    const there = branches.flatMap((branch) => this.#columnBefore(branch) ?? []);
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
    const target = this.#targetOf(field);
    if (field.target !== undefined && target === undefined) return notAhead;
    const place = { table: this.#was.table, column: from.column.name };
    const context = conversionContext(this.#schema, target, this.#sides.after);
    const inTheWay = unconvertible(this.#schema, place, { from, field }, context);
    const effect = `turn ${this.#object.table}.${field.name} from ${from.type} into ${field.type}`;
    return inTheWay === undefined ? notAhead : { steps: [{ effect, inTheWay }], heavy: true };
  }

  #unique(id: number, keys: readonly string[]): Made {
    const fields = keys.map((name) => this.#object.fields.get(name));
    const columns = fields.flatMap((field) => (field?.column && this.#columnOf(field)) ?? []);
    if (columns.length < fields.length) return notAhead;
    const usual = createUnique(this.#schema, this.#object, { id, fields: keys }, true);
    const { inTheWay: _, ...made } = createUnique(this.#schema, this.#was, { id, fields: columns }, true);
    return this.#takeOver(usual, names.unique(id), { ...made, ...this.#clashes(fields, columns) });
  }

  /** A column that comes ahead has its default everywhere, or nothing, which never clashes. */
  #clashes(fields: readonly (Field | undefined)[], columns: readonly string[]): Pick<AheadStep, "inTheWay"> {
    const comes = fields.map((field) => field?.column && this.#columnBefore(field) === undefined);
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
    if (field?.formula === undefined) return field?.column && quotedOr(this.#columnOf(field));
    const sql = formulaIndexSql(this.#sides.after, this.#object, name);
    // What a formula is computed of stands in its text under the names of afterwards.
    const renamed = this.#was.table !== this.#object.table;
    return renamed || this.#newNames().some((column) => sql.includes(column)) ? undefined : `(${sql})`;
  }

  /** Columns that are not yet there, or not as they will be. */
  #newNames(): string[] {
    const kinds = new Set(["add_field", "rename_field", "change_type", "change_rollup"]);
    const fields = this.#changes.flatMap((one) => ("field" in one && kinds.has(one.kind) ? [one.field] : []));
    return fields.flatMap(({ column }) => (column ? [quote(column.name)] : []));
  }

  /** Whether something has to be built on a new column. */
  #comesAhead(field: StoredField): boolean {
    if (field.type === "rollup") return false;
    const named = this.#changes.flatMap((change) =>
      change.kind === "add_unique" ? change.key.fields : change.kind === "add_index" ? change.index.fields : [],
    );
    return field.target !== undefined || named.includes(field.name);
  }

  /** What the column of a field is called ahead of the change; undefined where it is another one then. */
  #columnOf(field: StoredField): string | undefined {
    const change = this.#changes.find(
      (one) =>
        (one.kind === "add_field" || one.kind === "change_type" || one.kind === "change_rollup") &&
        one.field.id === field.id,
    );
    if (change?.kind === "add_field") return this.#comesAhead(field) ? ahead(names.column(field.id)) : undefined;
    return change ? undefined : this.#columnBefore(field);
  }

  /** Where a reference becomes a branch of one to several objects its column has another id, too. */
  #columnBefore({ id }: StoredField): string | undefined {
    const renamed = this.#changes.find((one) => one.kind === "rename_field" && one.field.id === id);
    if (renamed?.kind === "rename_field") return renamed.from.column.name;
    return this.#was.columns.find((field) => field.id === id)?.column.name;
  }

  /** The table that a reference leads to, as it is called before; undefined where the change makes it. */
  #targetOf({ target }: StoredField): string | undefined {
    const { before, after } = this.#sides;
    const object = tableNamed(after, target ?? "");
    return object && tableById(before, object.id)?.table;
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
