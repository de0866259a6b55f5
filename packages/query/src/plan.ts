import type { CheckedExpression } from "@guanxi/expr";
import type { Field, ObjectType, Relation, SeveralField, StoredField } from "@guanxi/meta";

/**
 * Which rows of an object an actor reaches: all, none, those whose owner is the actor or stands below them in the org
 * chart, these and those that are `held` by records that the actor reaches, or those whose `parent` the actor reaches.
 * `access` fills it in; a plan without it does not compile.
 */
export type Predicate = { readonly kind: "all" | "none" | "owned" } | HeldPredicate | ParentPredicate;

/** Rows without a parent are reached as owned ones are. */
export interface ParentPredicate {
  readonly kind: "parent";
  /** References to the parent, of which at most one is filled. */
  readonly parents: readonly {
    readonly field: StoredField;
    readonly object: ObjectType;
    /** Of the parent's rows. */
    readonly predicate: Predicate;
  }[];
}

interface HeldPredicate {
  readonly kind: "held";
  readonly own: Predicate;
  readonly by: readonly Holder[];
}

/** Records that hold rows by naming them in `field`. */
export interface Holder {
  readonly object: ObjectType;
  readonly field: string;
  readonly predicate: Predicate;
}

/** Tells predicates of one object apart whose SQL differs. */
export function shapeOf(predicate: Predicate | undefined): string {
  if (predicate?.kind === "held")
    return `held(${[predicate.own, ...predicate.by.map((h) => h.predicate)].map(shapeOf).join()})`;
  if (predicate?.kind === "parent") return `parent(${predicate.parents.map((p) => shapeOf(p.predicate)).join()})`;
  return String(predicate?.kind);
}

/** What a write needs to know of the actor's reach; `access` grants it. */
export interface WriteGrant {
  /** Rows they see. */
  readonly read: Predicate;
  /** Rows they may change. */
  readonly write: Predicate;
  /** By reference field: the rows it may name. */
  readonly references: ReadonlyMap<string, Predicate>;
  /** By object: the rows that formulas of the answer may find. */
  readonly walks: ReadonlyMap<string, Predicate>;
}

/** A table in a plan: the root (`t0`) or what a reference leads to, left-joined. */
export interface Source {
  readonly alias: string;
  readonly object: ObjectType;
  readonly via?: { readonly source: string; readonly field: StoredField };
  readonly deleted: "live" | "only" | "any";
  /** The records under a relation of another source: it is not joined, but asked by subqueries. */
  readonly related?: { readonly source: string; readonly relation: Relation };
  /** The related source in whose subqueries it is joined; absent where the statement itself joins it. */
  readonly within?: string;
  readonly predicate?: Predicate;
}

/** A field of a table in a plan. */
export interface FieldPlace {
  readonly source: string;
  readonly field: Field;
}

/** What stands behind a field. */
export interface Found {
  readonly kind: "object";
  readonly name: string;
  readonly source: string;
  /** The field that is null where there is no such object. */
  readonly present: string;
  readonly outputs: readonly Output[];
}

/** A member of the answer's objects. */
export type Output =
  | ({ readonly kind: "field"; readonly name: string } & FieldPlace)
  | Found
  /** The record that a reference to several objects leads to, among those of each; its member `object` tells which it is of. */
  | { readonly kind: "one"; readonly name: string; readonly field: SeveralField; readonly among: readonly Found[] }
  /** The records of a list; `of` is the alias of the source that stands for them. */
  | ({
      readonly kind: "list";
      readonly name: string;
      readonly of: string;
      readonly outputs: readonly Output[];
    } & FieldPlace);

export interface OrderTerm extends FieldPlace {
  readonly descending: boolean;
}

/** Where a page starts: the sort values of the row before it, as PostgreSQL prints them. */
export type Cursor = readonly (string | null)[];

/** The relations that a caller names. */
export interface NamedRelations {
  /** Whose records are under them. */
  readonly objects: readonly ObjectType[];
  /** What is told to who must not know of some of these: the same as if there were none of their relations. */
  readonly refusal: (hidden: readonly ObjectType[]) => Error;
}

interface FromPlan {
  readonly object: ObjectType;
  /** The root first, then joins in an order in which each finds what it hangs on. */
  readonly sources: readonly Source[];
  readonly filter: CheckedExpression | undefined;
  /** Those of the filter; undefined where there are none. */
  readonly relations: NamedRelations | undefined;
}

export interface ListPlan extends FromPlan {
  readonly kind: "list";
  readonly outputs: readonly Output[];
  readonly order: readonly OrderTerm[];
  readonly limit: number;
  readonly cursor: Cursor | undefined;
  readonly count: boolean;
}

export interface GetPlan extends FromPlan {
  readonly kind: "get";
  readonly outputs: readonly Output[];
  /** A field that is unique; its value comes with the asker. */
  readonly by: StoredField;
}

export type Period = "day" | "week" | "month" | "quarter" | "year";
export type Aggregate = "count" | "count_distinct" | "sum" | "avg" | "min" | "max";

export interface GroupTerm extends FieldPlace {
  readonly name: string;
  readonly period: Period | undefined;
}

/** What says in which currency an amount is, and the day of its rate. */
export interface Conversion {
  readonly code: FieldPlace;
  readonly date: FieldPlace;
}

export interface Metric {
  readonly name: string;
  readonly aggregate: Aggregate;
  readonly source: string;
  /** Undefined for `count()`. */
  readonly field: Field | undefined;
  /** Of an amount in any currency, which is turned into the tenant's at the rate of a day. */
  readonly conversion?: Conversion;
}

export interface AggregatePlan extends FromPlan {
  readonly kind: "aggregate";
  readonly groups: readonly GroupTerm[];
  readonly metrics: readonly Metric[];
  /** Over the names of groups and metrics. */
  readonly having: CheckedExpression | undefined;
  readonly order: readonly { readonly name: string; readonly descending: boolean }[];
  readonly limit: number | undefined;
}

export type ReadPlan = ListPlan | GetPlan | AggregatePlan;

declare const authorized: unique symbol;
/** A plan whose every source has its predicate; only `access.authorize` makes one. */
export type Authorized<P> = P & { readonly [authorized]: true };
