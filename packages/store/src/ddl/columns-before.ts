import { type MetaChange, type ObjectType, type Snapshot, type StoredField, tableById, tableNamed } from "@guanxi/meta";
import { quote } from "@guanxi/query";
import { ahead, names } from "./names.ts";

/** The snapshots that a change leads from and to. */
export interface Sides {
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** Ids of objects whose tables are large. */
  readonly large: ReadonlySet<number>;
}

/** What the fields of an object after a change are called in its table ahead of it. */
export class ColumnsBefore {
  readonly #was: ObjectType;
  /** Those of this object. */
  readonly #changes: readonly MetaChange[];
  readonly #sides: Sides;

  constructor(was: ObjectType, object: ObjectType, changes: readonly MetaChange[], sides: Sides) {
    this.#was = was;
    this.#changes = changes.filter((change) => change.object.id === object.id);
    this.#sides = sides;
  }

  /** Columns that are not yet there, or not as they will be. */
  newNames(): string[] {
    const kinds = new Set(["add_field", "rename_field", "change_type", "change_rollup"]);
    const fields = this.#changes.flatMap((one) => ("field" in one && kinds.has(one.kind) ? [one.field] : []));
    return fields.flatMap(({ column }) => (column ? [quote(column.name)] : []));
  }

  /** Whether something has to be built on a new column. */
  comesAhead(field: StoredField): boolean {
    if (field.type === "rollup") return false;
    const named = this.#changes.flatMap((change) =>
      change.kind === "add_unique" ? change.key.fields : change.kind === "add_index" ? change.index.fields : [],
    );
    return field.target !== undefined || named.includes(field.name);
  }

  /** What the column of a field is called ahead of the change; undefined where it is another one then. */
  columnOf(field: StoredField): string | undefined {
    const change = this.#changes.find(
      (one) =>
        (one.kind === "add_field" || one.kind === "change_type" || one.kind === "change_rollup") &&
        one.field.id === field.id,
    );
    if (change?.kind === "add_field") return this.comesAhead(field) ? ahead(names.column(field.id)) : undefined;
    return change ? undefined : this.columnBefore(field);
  }

  /** Where a reference becomes a branch of one to several objects its column has another id, too. */
  columnBefore({ id }: StoredField): string | undefined {
    const renamed = this.#changes.find((one) => one.kind === "rename_field" && one.field.id === id);
    if (renamed?.kind === "rename_field") return renamed.from.column.name;
    return this.#was.columns.find((field) => field.id === id)?.column.name;
  }

  /** The table that a reference leads to, as it is called before; undefined where the change makes it. */
  targetOf({ target }: StoredField): string | undefined {
    const { before, after } = this.#sides;
    const object = tableNamed(after, target ?? "");
    return object && tableById(before, object.id)?.table;
  }
}
