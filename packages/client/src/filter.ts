import { Condition, cel, type Decimal, type FilterValue, literal } from "./condition.ts";
import type { FieldName, ObjectName, Parts, ReferenceName, Schema, Several, Target } from "./objects.ts";

interface Equality<V> {
  /** `eq(null)` asks whether the field is empty; otherwise an empty field equals nothing and differs from nothing. */
  eq(value: V | null): Condition;
  ne(value: V | null): Condition;
}

interface Choice<V> extends Equality<V> {
  oneOf(values: readonly V[]): Condition;
}

interface Ordered<V> extends Choice<V> {
  gt(value: V): Condition;
  gte(value: V): Condition;
  lt(value: V): Condition;
  lte(value: V): Condition;
}

interface Text extends Ordered<string | Date> {
  contains(part: string): Condition;
  startsWith(part: string): Condition;
  endsWith(part: string): Condition;
  /** A regular expression of RE2. */
  matches(pattern: string): Condition;
}

interface Listed<V> extends Equality<never> {
  contains(value: V): Condition;
}

/** The conditions that a field of type `V` can stand in. */
type FieldOf<V> = unknown extends V
  ? Equality<never>
  : [V] extends [boolean]
    ? Equality<V>
    : [V] extends [number]
      ? Ordered<number | bigint>
      : [V] extends [string]
        ? TextField<V>
        : V extends readonly (infer I)[]
          ? Listed<I>
          : Equality<never>;

type TextField<V> = string extends V ? Text : `${number}` extends V ? Ordered<Decimal | number | bigint> : Choice<V>;

/** The fields of an object's records; a reference is compared by id and leads on to the fields of its target, a value with parts to these. */
export type Fields<O extends Schema<O>, N extends ObjectName<O>> = {
  readonly [K in FieldName<O, N>]-?: K extends ReferenceName<O, N>
    ? Choice<string> & Fields<O, Target<O, N, K>>
    : K extends keyof Several<O, N>
      ? OfSeveral<O, Several<O, N>[K] & ObjectName<O>>
      : K extends keyof Parts<O, N>
        ? Equality<never> & { readonly [R in keyof Parts<O, N>[K]]: FieldOf<Parts<O, N>[K][R]> }
        : FieldOf<NonNullable<O[N]["read"][K]>>;
};

/** A reference to records of several objects: compared by id, told by the object's name, and leading on to the fields of each. */
type OfSeveral<O extends Schema<O>, T extends ObjectName<O>> = Choice<string> & {
  readonly object: Choice<T>;
  readonly id: Choice<string>;
} & { readonly [R in T]: Choice<string> & Fields<O, R> };

/** CEL as text, a condition, or what makes one of the fields. */
export type Filter<O extends Schema<O>, N extends ObjectName<O>> =
  | string
  | Condition
  | ((fields: Fields<O, N>) => Condition);

const infix = (sign: string) => (field: string, value: unknown) => `${field} ${sign} ${literal(value as FilterValue)}`;
const method = (name: string) => (field: string, value: unknown) =>
  `${field}.${name}(${literal(value as FilterValue)})`;

const operators: ReadonlyMap<string, (field: string, value: unknown) => string> = new Map([
  ["eq", infix("==")],
  ["ne", infix("!=")],
  ["gt", infix(">")],
  ["gte", infix(">=")],
  ["lt", infix("<")],
  ["lte", infix("<=")],
  ["oneOf", (field, values) => String(cel`${Condition.of(field)} in ${values as readonly FilterValue[]}`)],
  ...["contains", "startsWith", "endsWith", "matches"].map((name) => [name, method(name)] as const),
]);

const fieldName = /^[a-z][a-z0-9_]{0,39}$/;

/** Properties lengthen the path; a call is the operator that the path's last part names, so no field's name is in its way. */
function fieldAt(path: readonly string[]): unknown {
  return new Proxy(() => undefined, {
    get: (_target, name) => (typeof name === "string" ? fieldAt([...path, name]) : undefined),
    apply: (_target, _this, [value]: unknown[]) => {
      const operator = operators.get(path.at(-1) ?? "");
      const field = path.slice(0, -1);
      if (!operator) throw new TypeError(`there is no condition "${path.at(-1)}"`);
      if (field.length === 0 || !field.every((part) => fieldName.test(part)))
        throw new TypeError(`"${field.join(".")}" is no field`);
      return Condition.of(operator(field.join("."), value));
    },
  });
}

/** Builds a condition: `where<Objects, "lead">((f) => f.amount.gt(1000).and(f.status.eq("new")))`. */
export function where<O extends Schema<O>, N extends ObjectName<O>>(
  build: (fields: Fields<O, N>) => Condition,
): Condition {
  return build(fieldAt([]) as Fields<O, N>);
}

export const filterText = <O extends Schema<O>, N extends ObjectName<O>>(filter: Filter<O, N>): string =>
  String(typeof filter === "function" ? where(filter) : filter);
