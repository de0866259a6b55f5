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

/** References and lists of records: what `expand` shows whole. */
export type ExpandName<O extends Schema<O>, N extends ObjectName<O>> =
  | ReferenceName<O, N>
  | (keyof Lists<O, N> & FieldName<O, N>);

/** By the names of the fields that have parts. */
export type Parts<O extends Schema<O>, N extends ObjectName<O>> = O[N] extends { readonly parts: infer P }
  ? P
  : Record<never, never>;

/** What an editor offers where a path is wrong: the record's fields, their parts, and the fields one reference away. */
type Suggestions<O extends Schema<O>, N extends ObjectName<O>> =
  | FieldName<O, N>
  | { [K in keyof Parts<O, N> & string]: `${K}.${keyof Parts<O, N>[K] & string}` }[keyof Parts<O, N> & string]
  | { [R in ReferenceName<O, N>]: `${R}.${FieldName<O, Target<O, N, R>>}` }[ReferenceName<O, N>];

/** A path of references that ends at a field or a part of one, or at one of the words `Last`. */
type IsPath<O extends Schema<O>, N extends ObjectName<O>, P extends string, Last> = P extends `${infer H}.${infer R}`
  ? H extends ReferenceName<O, N>
    ? IsPath<O, Target<O, N, H>, R, Last>
    : H extends keyof Parts<O, N>
      ? R extends keyof Parts<O, N>[H] | Last
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
    ? Parts<O, N>[H][R & keyof Parts<O, N>[H]] | null
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
  : K extends keyof Parts<O, N>
    ? PartsShape<Parts<O, N>[K], Tail<P, K>, V> | null
    : Shape<O, Target<O, N, K>, Tail<P, K>> | null;

type PartsShape<A, P extends string, V> = "*" extends P ? V : { [R in P & keyof A]: A[R] | null };

type Wanted<K, P extends string> = "*" extends P ? K : K & Head<P>;

type Shape<O extends Schema<O>, N extends ObjectName<O>, P extends string> = {
  [K in keyof O[N]["read"] as Wanted<K, P>]: Member<O, N, K & string, P, O[N]["read"][K]>;
};

type WithExpanded<O extends Schema<O>, N extends ObjectName<O>, T, E> = [E] extends [never]
  ? T
  : { [K in keyof T as Exclude<K, E>]: T[K] } & { [K in E & string]: Expanded<O, N, K> | null };

type Expanded<O extends Schema<O>, N extends ObjectName<O>, K extends string> = K extends keyof Lists<O, N>
  ? ReadRecord<O, Lists<O, N>[K] & ObjectName<O>>[]
  : ReadRecord<O, Target<O, N, K>>;

type Flat<T> = { [K in keyof T]: T[K] };

/** A record with what was selected (everything, when nothing was) and expanded. The id is always there. */
export type Answer<O extends Schema<O>, N extends ObjectName<O>, P extends string, E extends string> = [P | E] extends [
  never,
]
  ? ReadRecord<O, N>
  : Flat<WithExpanded<O, N, [P] extends [never] ? ReadRecord<O, N> : Shape<O, N, P | "id">, E>>;
