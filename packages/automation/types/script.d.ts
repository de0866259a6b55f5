/* oxlint-disable typescript/no-explicit-any -- what cannot be known before a script runs may be anything */
// What scripts see. Where it is used, a module "guanxi" stands above this text with the declarations of a tenant's objects, in a
// scope of its own because tenants choose their names; the members of `Records` come from the host calls.

declare namespace Guanxi {
  type Objects = import("guanxi").Objects;
  type ObjectName = keyof Objects & string;
  type Read<N extends ObjectName> = Objects[N]["read"];
  type FieldName<N extends ObjectName> = keyof Read<N> & string;
  /** What a record stores: events and before-scripts have no formulas, which `crm.records(…).get` answers. */
  type Stored<N extends ObjectName> = Objects[N] extends { formulas: infer F } ? Omit<Read<N>, F & string> : Read<N>;
  /** What a change tells of a record: runs begin without values that are in the record alone, which `crm.records(…).get` answers. */
  type Told<N extends ObjectName, R = Stored<N>> = Objects[N] extends { untold: infer F } ? Omit<R, F & string> : R;
  type ReferenceName<N extends ObjectName> = keyof Objects[N]["references"] & FieldName<N>;
  type Target<N extends ObjectName, R> = R extends keyof Objects[N]["references"]
    ? Objects[N]["references"][R] & ObjectName
    : never;
  /** By the names of the fields that have parts, and of those that are lists of records. */
  type Parts<N extends ObjectName> = Objects[N] extends { readonly parts: infer P } ? P : {};
  type Lists<N extends ObjectName> = Objects[N] extends { readonly lists: infer L } ? L : {};
  /** By the names of the references to records of several objects: these objects. */
  type Several<N extends ObjectName> = Objects[N] extends { readonly several: infer S } ? S : {};

  /** Whether a text is put together while the script runs; such a one is not looked into. */
  type IsOpen<T extends string> = [T] extends [never] ? false : {} extends Record<T, 1> ? true : false;

  /** `T` if it is one of `Known` or cannot be known yet, else what it could be. */
  type OneOf<T extends string, Known extends string> = IsOpen<T> extends true ? T : T extends Known ? T : Known;

  type Trim<T extends string> = T extends ` ${infer U}` | `${infer U} ` | `\n${infer U}` | `${infer U}\n` ? Trim<U> : T;

  /** `"a, b,c"` → `"a" | "b" | "c"` */
  type Words<T extends string, Found = never> = T extends `${infer A},${infer B}`
    ? Words<B, Found | Trim<A>>
    : Found | Trim<T>;

  /** A path of references that ends at a field, at a part of one or at `Last`. */
  type IsPath<N extends ObjectName, P extends string, Last> = P extends `${infer H}.${infer R}`
    ? H extends ReferenceName<N>
      ? IsPath<Target<N, H>, R, Last>
      : [R, H] extends [`${infer T}.${infer Q}`, keyof Several<N>]
        ? T extends Several<N>[H & keyof Several<N>] & ObjectName
          ? IsPath<T, Q, Last>
          : false
        : H extends keyof Parts<N>
          ? R extends keyof Parts<N>[H] | Last | Several<N>[H & keyof Several<N>]
            ? true
            : false
          : false
    : P extends FieldName<N> | Last
      ? true
      : false;

  type WrongPath<N extends ObjectName, P extends string, Last = never> = P extends P
    ? IsPath<N, P, Last> extends true
      ? never
      : P
    : never;

  /** `T` if none of its words is wrong, else a text that says which. */
  type Unless<Wrong extends string, T extends string> = [Wrong] extends [never] ? T : `there is no field ${Wrong}`;

  type SelectText<N extends ObjectName, T extends string> =
    IsOpen<T> extends true ? T : Unless<WrongPath<N, Words<T>, "*">, T>;

  type WithoutMinus<T extends string> = T extends `-${infer U}` ? U : T;
  type OrderText<N extends ObjectName, T extends string> =
    IsOpen<T> extends true ? T : Unless<WrongPath<N, WithoutMinus<Words<T>>>, T>;

  type ExpandText<N extends ObjectName, T extends string> =
    IsOpen<T> extends true ? T : Unless<Exclude<Words<T>, ReferenceName<N> | keyof Lists<N> | keyof Several<N>>, T>;

  type PathValue<N extends ObjectName, P extends string> = P extends `${infer H}.${infer R}`
    ? H extends keyof Parts<N>
      ? R extends keyof Parts<N>[H]
        ? Parts<N>[H][R] | null
        : R extends `${infer T}.${infer Q}`
          ? PathValue<T & ObjectName, Q> | null
          : string | null
      : PathValue<Target<N, H>, R> | null
    : P extends FieldName<N>
      ? Read<N>[P]
      : never;

  type Head<P extends string> = P extends `${infer H}.${string}` ? H : P;
  type Tail<P extends string, H extends string> = P extends `${H}.${infer R}` ? R : never;

  type Selected<N extends ObjectName, P extends string> = {
    [K in FieldName<N> as "*" extends P ? K : K & Head<P>]: [Tail<P, K>] extends [never]
      ? Read<N>[K]
      : K extends keyof Several<N>
        ? SelectedSeveral<Parts<N>[K & keyof Parts<N>], Tail<P, K>, Read<N>[K]> | null
        : K extends keyof Parts<N>
          ? SelectedParts<Parts<N>[K], Tail<P, K>, Read<N>[K]> | null
          : Selected<Target<N, K>, Tail<P, K>> | null;
  };

  type SelectedParts<A, P extends string, Whole> = "*" extends P ? Whole : { [R in P & keyof A]: A[R] | null };

  /** What tells a record of one of several objects, and what was selected of each of these. */
  type SelectedSeveral<A, P extends string, Whole> = "*" extends P
    ? Whole
    : {
        [R in Head<P>]: R extends keyof A
          ? A[R]
          : [Tail<P, R>] extends [never]
            ? string | null
            : Selected<R & ObjectName, Tail<P, R>> | null;
      };

  /** A record of any of these objects; `object` tells which. */
  type AnyOf<T extends ObjectName> = T extends T ? { object: T } & Read<T> : never;

  type WithExpanded<N extends ObjectName, T, E> = [E] extends [never]
    ? T
    : { [K in keyof T as Exclude<K, E>]: T[K] } & { [K in E & string]: Expanded<N, K> | null };

  type Expanded<N extends ObjectName, K extends string> = K extends keyof Lists<N>
    ? Read<Lists<N>[K] & ObjectName>[]
    : K extends keyof Several<N>
      ? AnyOf<Several<N>[K] & ObjectName>
      : Read<Target<N, K>>;

  /** A record with what was selected (everything, when nothing was) and expanded. */
  type Found<N extends ObjectName, S extends string, E extends string> = [S | E] extends [never]
    ? Read<N>
    : true extends IsOpen<S> | IsOpen<E>
      ? any
      : WithExpanded<N, [S] extends [never] ? Read<N> : Selected<N, Words<S> | "id">, Words<E>>;

  type Period = "day" | "week" | "month" | "quarter" | "year";
  type Measure = "count" | "count_distinct" | "sum" | "avg" | "min" | "max";

  type WrongGroup<N extends ObjectName, T extends string> = T extends `${infer F}(${infer P})`
    ? F extends Period
      ? WrongPath<N, P>
      : T
    : WrongPath<N, T>;
  type GroupText<N extends ObjectName, T extends string> =
    IsOpen<T> extends true ? T : Unless<WrongGroup<N, Words<T>>, T>;

  type WrongMetric<N extends ObjectName, T extends string> = T extends "count()"
    ? never
    : T extends `${infer F}(${infer P})`
      ? F extends Measure
        ? WrongPath<N, P>
        : T
      : T;
  type MetricText<N extends ObjectName, T extends string> =
    IsOpen<T> extends true ? T : Unless<WrongMetric<N, Words<T>>, T>;

  type Underscored<T extends string> = T extends `${infer A}.${infer B}` ? `${A}_${Underscored<B>}` : T;

  /** `month(created_at)` → `month_created_at`, `owner.name` → `owner_name`, `count()` → `count` */
  type ColumnName<T extends string> = T extends `${infer F}(${infer P})`
    ? P extends ""
      ? F
      : `${F}_${Underscored<P>}`
    : Underscored<T>;

  type GroupValue<N extends ObjectName, T extends string> = T extends `${string}(${string})`
    ? string | null
    : PathValue<N, T> | null;
  type MetricValue<N extends ObjectName, T extends string> = T extends `count${string}`
    ? number
    : T extends `${infer F}(${infer P})`
      ? F extends "min" | "max"
        ? PathValue<N, P> | null
        : number | (PathValue<N, P> & string) | null
      : never;

  /** A row of an aggregate: groups, then metrics. */
  type Totals<N extends ObjectName, G extends string, M extends string> = true extends IsOpen<G> | IsOpen<M>
    ? any
    : { [T in Words<G> as ColumnName<T>]: GroupValue<N, T> } & {
        [T in [M] extends [never] ? "count()" : Words<M> as ColumnName<T>]: MetricValue<N, T>;
      };

  /** What a before-script may ask of records, and what other scripts may besides. */
  interface RecordsRead<N extends ObjectName> {
    /* reads */
  }
  interface Records<N extends ObjectName> extends RecordsRead<N> {
    /* effects */
  }

  interface CrmOfBefore<N extends ObjectName> {
    /** The records of an object. */
    records<R extends string>(object: OneOf<R, ObjectName>): RecordsRead<IsOpen<R> extends true ? any : R & ObjectName>;
    /** A date from today in the tenant's time zone: `crm.date("+1d")`; units `d w m y`, without an offset today. */
    date(offset?: string): string;
    /** The time, as text. */
    now(): string;
    /** An error to throw in a before-script: the write is refused with this message, at this field. */
    refuse<F extends string>(message: string, field?: OneOf<F, FieldName<N>>): Error;
    /** A line in the run's log. */
    log(...parts: unknown[]): void;
  }

  interface Crm<N extends ObjectName> extends Omit<CrmOfBefore<N>, "records"> {
    /** The records of an object. */
    records<R extends string>(object: OneOf<R, ObjectName>): Records<IsOpen<R> extends true ? any : R & ObjectName>;
    /** Waits: `90s`, `1h30m`, `3d`, units `ms s m h d w`, or milliseconds as a number. */
    sleep(time: string | number): Promise<null>;
    /** Waits until a time; a number is in milliseconds since 1970. */
    until(time: Date | string | number): Promise<null>;
  }

  type Trigger = "created" | "updated" | "deleted" | "manual" | "before_create" | "before_update" | "before_delete";

  type Writable<N extends ObjectName> = keyof Objects[N]["patch"] & FieldName<N>;
  type Nullable<T> = { [K in keyof T]: null extends T[K] ? K : never }[keyof T];

  /** What the caller gave and defaults: required fields may still be missing. */
  type Proposed<N extends ObjectName> = { readonly id: string } & {
    [K in Writable<N>]?: Objects[N]["patch"][K] | null;
  };

  /** The record as the change would leave it; a field that is removed is emptied. */
  type Changed<N extends ObjectName> = {
    readonly [K in Exclude<keyof Stored<N> & FieldName<N>, Writable<N>>]: Read<N>[K];
  } & {
    [K in Exclude<Writable<N>, Nullable<Read<N>>>]: Read<N>[K];
  } & { [K in Writable<N> & Nullable<Read<N>>]?: Read<N>[K] };

  interface RecordAt<N extends ObjectName> {
    created: Told<N>;
    updated: Told<N>;
    deleted: Told<N>;
    manual: Told<N, Read<N>>;
    before_create: Proposed<N>;
    before_update: Changed<N>;
    before_delete: Stored<N>;
  }

  /** Who made the change; somebody who has left has only an id. */
  interface Actor {
    readonly id: string;
    readonly name?: string;
    readonly email?: string | null;
  }

  interface Input<N extends ObjectName, T extends Trigger> {
    /** The record as the change left it; before a deletion as it was. A before-script may change it. */
    readonly record: RecordAt<N>[T];
    /** The record before the update; of other changes null. */
    readonly old: T extends "updated" ? Told<N> : T extends "before_update" ? Stored<N> : null;
    readonly actor: Actor;
    readonly crm: T extends `before_${string}` ? CrmOfBefore<N> : Crm<N>;
  }

  interface Console {
    debug(...parts: unknown[]): void;
    log(...parts: unknown[]): void;
    info(...parts: unknown[]): void;
    warn(...parts: unknown[]): void;
    error(...parts: unknown[]): void;
  }
}

/** A workflow's script: `const main: Workflow<"lead", "created"> = async ({ record, crm }) => { … }`. */
type Workflow<N extends Guanxi.ObjectName, T extends Guanxi.Trigger> = (input: Guanxi.Input<N, T>) => unknown;

/** Lines in the run's log. */
declare const console: Guanxi.Console;
