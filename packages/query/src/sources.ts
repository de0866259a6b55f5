import { text } from "@guanxi/base";
import { type CheckedExpression, relatedStep } from "@guanxi/expr";
import {
  type Field,
  fieldOrBranch,
  formulaOf,
  listsRecords,
  type ObjectType,
  partField,
  relationOf,
  type Snapshot,
} from "@guanxi/meta";
import { queryError } from "./errors.ts";
import type { FieldPlace, Source } from "./plan.ts";

/** Every reference that is followed is a join, and every relation a subquery; PostgreSQL plans a hundred of them for seconds. */
const maxWalks = 24;

type FieldOutput = FieldPlace & { kind: "field"; name: string };

/** A field that callers may name. */
export function shownField(object: ObjectType, name: string): Field | undefined {
  const field = fieldOrBranch(object, name);
  return field?.unread === true ? undefined : field;
}

/** Collects the tables that a plan walks to; the same walk gives the same join. */
export class Sources {
  readonly #snapshot: Snapshot;
  readonly #list: Source[];
  readonly #byWalk = new Map<string, Source>();

  constructor(snapshot: Snapshot, object: ObjectType, deleted: Source["deleted"]) {
    this.#snapshot = snapshot;
    const root: Source = { alias: "t0", object, deleted };
    this.#list = [root];
    this.#byWalk.set("", root);
  }

  get list(): readonly Source[] {
    return this.#list;
  }

  /** The table behind a walk over reference fields; undefined when one of them is none. */
  walk(path: readonly string[]): Source | undefined {
    return path.some((step) => step.endsWith("[]")) ? undefined : this.#follow(path);
  }

  /** Adds what an expression leads to from the source at the end of `walk`. */
  follow({ walks }: Pick<CheckedExpression, "walks">, walk: readonly string[] = []): void {
    for (const more of walks) this.#follow([...walk, ...more]);
  }

  /** The walk that ends in the branch of a reference to several objects, where it is written `about.account`. */
  #branch(path: readonly string[]): readonly string[] | undefined {
    const [target, name = "", ...before] = path.toReversed();
    const holder = before.toReversed();
    const branches = path.length > 1 ? this.#follow(holder)?.object.fields.get(name)?.branches : undefined;
    const branch = branches?.find((one) => one.target === target);
    return branch && [...holder, branch.name];
  }

  /** The table of the records in one of the record's lists; undefined when the field is none. */
  listOf(name: string): Source | undefined {
    const type = this.#list[0]?.object.fields.get(name)?.type;
    return listsRecords(type) ? this.#follow([relatedStep(name)]) : undefined;
  }

  /** A walk as an expression has it, which may lead over relations. */
  #follow(path: readonly string[]): Source | undefined {
    const key = path.join(".");
    const known = this.#byWalk.get(key);
    if (known) return known;
    const branch = this.#branch(path);
    if (branch) return this.#follow(branch);
    const from = this.#follow(path.slice(0, -1));
    const step = path.at(-1) ?? "";
    if (!from) return undefined;
    return step.endsWith("[]") ? this.#related(key, from, step.slice(0, -2)) : this.#joined(key, from, step);
  }

  #joined(key: string, from: Source, name: string): Source | undefined {
    const field = fieldOrBranch(from.object, name);
    const object = field?.target === undefined ? undefined : this.#snapshot.objects.get(field.target);
    if (!field?.column || !object || listsRecords(field.type)) return undefined;
    const within = from.related ? from.alias : from.within;
    const via = { source: from.alias, field };
    return this.#add(key, { object, via, deleted: "live", ...(within !== undefined && { within }) });
  }

  #related(key: string, from: Source, name: string): Source | undefined {
    const relation = relationOf(from.object, name);
    const object = relation && this.#snapshot.objects.get(relation.object);
    return object && this.#add(key, { object, related: { source: from.alias, relation }, deleted: "live" });
  }

  #add(key: string, facts: Omit<Source, "alias">): Source {
    if (this.#list.length > maxWalks) {
      throw queryError(
        "query",
        text(
          `at most ${maxWalks} references can be followed`,
          `最多可跟随 ${maxWalks} 个引用`,
          `最多可跟隨 ${maxWalks} 個參照`,
        ),
      );
    }
    const source: Source = { alias: `t${this.#list.length}`, ...facts };
    this.#list.push(source);
    this.#byWalk.set(key, source);
    return source;
  }

  /** The field, or the member of one, at the end of a path. A path that ends in `x.id` needs no join: it is the reference itself. */
  field(path: readonly string[]): FieldPlace | undefined {
    if (path.length > 1 && path.at(-1) === "id") {
      const reference = this.field(path.slice(0, -1));
      if (reference?.field.target !== undefined) return reference;
    }
    const [name = "", ...before] = path.toReversed();
    const walk = before.toReversed();
    const source = this.walk(walk);
    const field = source && shownField(source.object, name);
    if (source && field) return this.place(walk, source, field);
    const whole = walk.length > 0 ? this.field(walk) : undefined;
    const part = whole && partField(whole.field, name);
    return part && { source: whole.source, field: part };
  }

  /** The field of the source at the end of `walk`; what its formula follows is joined too. */
  place(walk: readonly string[], source: Source, field: Field): FieldPlace {
    this.follow(this.#followed(source, field), walk);
    return { source: source.alias, field };
  }

  /** Every field of the record, in the definition's order. `deleted_at` shows only where deleted records do. */
  every(walk: readonly string[], source: Source): FieldOutput[] {
    return [...source.object.fields.values()]
      .filter((f) => f.unread !== true && (f.name !== "deleted_at" || source.deleted !== "live"))
      .map((field) => ({ kind: "field", name: field.name, ...this.place(walk, source, field) }));
  }

  /** Every field of the records in a list that is found in them alone: of formulas, those that follow no reference. */
  listed(source: Source): FieldOutput[] {
    return [...source.object.fields.values()]
      .filter((f) => f.unread !== true && f.name !== "deleted_at" && this.#followed(source, f).walks.length === 0)
      .map((field) => ({ kind: "field", name: field.name, source: source.alias, field }));
  }

  #followed({ object }: Source, { name, formula }: Field): Pick<CheckedExpression, "walks"> {
    return formula ? formulaOf(this.#snapshot, object, name) : { walks: [] };
  }
}
