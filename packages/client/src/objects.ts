/** One object in the generated `Objects`. */
export interface ObjectTypes {
  /** The object's word in addresses. */
  readonly plural: string;
  /** A record as it is read, created and patched; `never` where the caller may not. */
  readonly read: object;
  readonly create: unknown;
  readonly patch: unknown;
  /** The object that each reference leads to. */
  readonly references: object;
  /** The objects of one of which each reference to several names a record. */
  readonly several?: object;
  /** The object whose records each list of records holds. */
  readonly lists?: object;
  /** The parts of fields that have some: `{ address: { city: string } }`. */
  readonly parts?: object;
  /** Fields that name one record by themselves. */
  readonly keys: string;
}

/** What `createClient<Objects>` takes; the declarations of `GET /api/types.d.ts` are such a type. */
export type Schema<O> = { readonly [N in keyof O]: ObjectTypes };

export type ObjectName<O> = keyof O & string;
export type ReadRecord<O extends Schema<O>, N extends ObjectName<O>> = O[N]["read"];
export type FieldName<O extends Schema<O>, N extends ObjectName<O>> = keyof O[N]["read"] & string;
export type ReferenceName<O extends Schema<O>, N extends ObjectName<O>> = keyof O[N]["references"] &
  FieldName<O, N> &
  string;
export type Target<O extends Schema<O>, N extends ObjectName<O>, R> = R extends keyof O[N]["references"]
  ? O[N]["references"][R] & ObjectName<O>
  : never;

type Lists<O extends Schema<O>, N extends ObjectName<O>> = O[N] extends { readonly lists: infer L }
  ? L
  : Record<never, never>;

/** By the names of the references to records of several objects: these objects. */
export type Several<O extends Schema<O>, N extends ObjectName<O>> = O[N] extends { readonly several: infer S }
  ? S
  : Record<never, never>;

/** References and lists of records: what `expand` shows whole. */
export type ExpandName<O extends Schema<O>, N extends ObjectName<O>> =
  | ReferenceName<O, N>
  | (keyof Several<O, N> & FieldName<O, N>)
  | (keyof Lists<O, N> & FieldName<O, N>);

/** By the names of the fields that have parts. */
export type Parts<O extends Schema<O>, N extends ObjectName<O>> = O[N] extends { readonly parts: infer P }
  ? P
  : Record<never, never>;

/** What an editor offers where a path is wrong: the record's fields, their parts, and the fields one reference away. */
type Suggestions<O extends Schema<O>, N extends ObjectName<O>> =
  | FieldName<O, N>
  | { [K in keyof Parts<O, N> & string]: `${K}.${keyof Parts<O, N>[K] & string}` }[keyof Parts<O, N> & string]
  | { [R in ReferenceName<O, N>]: `${R}.${FieldName<O, Target<O, N, R>>}` }[ReferenceName<O, N>]
  | {
      [S in keyof Several<O, N> & string]: {
        [T in Several<O, N>[S] & ObjectName<O>]: `${S}.${T}.${FieldName<O, T>}`;
      }[Several<O, N>[S] & ObjectName<O>];
    }[keyof Several<O, N> & string];

/** A path of references that ends at a field or a part of one, or at one of the words `Last`. */
type IsPath<O extends Schema<O>, N extends ObjectName<O>, P extends string, Last> = P extends `${infer H}.${infer R}`
  ? H extends ReferenceName<O, N>
    ? IsPath<O, Target<O, N, H>, R, Last>
    : [R, H] extends [`${infer T}.${infer Q}`, keyof Several<O, N>]
      ? T extends Several<O, N>[H & keyof Several<O, N>] & ObjectName<O>
        ? IsPath<O, T, Q, Last>
        : false
      : H extends keyof Parts<O, N>
        ? R extends keyof Parts<O, N>[H] | Last | Several<O, N>[H & keyof Several<O, N>]
          ? true
          : false
        : false
  : P extends FieldName<O, N> | Last
    ? true
    : false;

type Check<O extends Schema<O>, N extends ObjectName<O>, P extends string, Last> = P extends P
  ? IsPath<O, N, P, Last> extends true
    ? P
    : Suggestions<O, N>
  : never;

/** `name`, `address.city`, `owner.name`, `account.owner.email`: itself where it leads to a field, else what could stand there. */
export type FieldPath<O extends Schema<O>, N extends ObjectName<O>, P extends string> = Check<O, N, P, never>;

/** As `FieldPath`, and `*` or `account.*` for every field. */
export type SelectPath<O extends Schema<O>, N extends ObjectName<O>, P extends string> = Check<O, N, P, "*">;

/** As `FieldPath`, with `-` before it for descending order. */
export type OrderPath<O extends Schema<O>, N extends ObjectName<O>, P extends string> = P extends P
  ? P extends `-${infer F}`
    ? `-${FieldPath<O, N, F>}`
    : FieldPath<O, N, P>
  : never;

/** The type of the field at the end of a path; null also where the way to it is not there or not to be seen. */
export type PathValue<
  O extends Schema<O>,
  N extends ObjectName<O>,
  P extends string,
> = P extends `${infer H}.${infer R}`
  ? H extends keyof Parts<O, N>
    ? R extends keyof Parts<O, N>[H]
      ? Parts<O, N>[H][R] | null
      : R extends `${infer T}.${infer Q}`
        ? PathValue<O, T & ObjectName<O>, Q> | null
        : string | null
    : PathValue<O, Target<O, N, H>, R> | null
  : P extends keyof O[N]["read"]
    ? O[N]["read"][P]
    : never;

type Head<P extends string> = P extends `${infer H}.${string}` ? H : P;
type Tail<P extends string, H extends string> = P extends `${H}.${infer R}` ? R : never;

type Member<O extends Schema<O>, N extends ObjectName<O>, K extends string, P extends string, V> = [
  Tail<P, K>,
] extends [never]
  ? V
  : K extends keyof Several<O, N>
    ? SeveralShape<O, Parts<O, N>[K & keyof Parts<O, N>], Tail<P, K>, V> | null
    : K extends keyof Parts<O, N>
      ? PartsShape<Parts<O, N>[K], Tail<P, K>, V> | null
      : Shape<O, Target<O, N, K>, Tail<P, K>> | null;

type PartsShape<A, P extends string, V> = "*" extends P ? V : { [R in P & keyof A]: A[R] | null };

/** What tells a record of one of several objects, and what was asked for of each of these. */
type SeveralShape<O extends Schema<O>, A, P extends string, V> = "*" extends P
  ? V
  : {
      [R in Head<P>]: R extends keyof A
        ? A[R]
        : [Tail<P, R>] extends [never]
          ? string | null
          : Shape<O, R & ObjectName<O>, Tail<P, R>> | null;
    };

type Wanted<K, P extends string> = "*" extends P ? K : K & Head<P>;

type Shape<O extends Schema<O>, N extends ObjectName<O>, P extends string> = {
  [K in keyof O[N]["read"] as Wanted<K, P>]: Member<O, N, K & string, P, O[N]["read"][K]>;
};

type WithExpanded<O extends Schema<O>, N extends ObjectName<O>, T, E> = [E] extends [never]
  ? T
  : { [K in keyof T as Exclude<K, E>]: T[K] } & { [K in E & string]: Expanded<O, N, K> | null };

type Expanded<O extends Schema<O>, N extends ObjectName<O>, K extends string> = K extends keyof Lists<O, N>
  ? ReadRecord<O, Lists<O, N>[K] & ObjectName<O>>[]
  : K extends keyof Several<O, N>
    ? OneOf<O, Several<O, N>[K] & ObjectName<O>>
    : ReadRecord<O, Target<O, N, K>>;

/** A record of any of these objects; `object` tells which. */
type OneOf<O extends Schema<O>, T extends ObjectName<O>> = T extends T ? Flat<{ object: T } & ReadRecord<O, T>> : never;

type Flat<T> = { [K in keyof T]: T[K] };

/** A record with what was selected (everything, when nothing was) and expanded. The id is always there. */
export type Answer<O extends Schema<O>, N extends ObjectName<O>, P extends string, E extends string> = [P | E] extends [
  never,
]
  ? ReadRecord<O, N>
  : Flat<WithExpanded<O, N, [P] extends [never] ? ReadRecord<O, N> : Shape<O, N, P | "id">, E>>;
