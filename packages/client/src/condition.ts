/** What a filter's values can be. Times are written as RFC 3339 text or given as `Date`. */
export type FilterValue = string | number | bigint | boolean | null | Date | Decimal;

/** A number with every digit that was written, for fields that have more than a JavaScript number keeps. */
export class Decimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const plainDecimal = /^-?\d+(?:\.\d+)?$/;

/** `decimal("12345678901234567.89")`; throws TypeError when it is no plain decimal number. */
export function decimal(text: string): Decimal {
  if (!plainDecimal.test(text)) throw new TypeError(`"${text}" is no decimal number`);
  return new Decimal(text);
}

/** No stored text has them, and no request may. */
const unsendable = /\0|\p{Surrogate}/u;

function textLiteral(text: string): string {
  if (unsendable.test(text)) throw new TypeError("a text has no NUL characters and no lone surrogates");
  // JSON's escapes are all CEL's, and it leaves no quote, backslash or line break as it is.
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]/g, escaped);
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

function numberLiteral(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`${value} is no number that a field can have`);
  return String(value);
}

/** A value as CEL writes it. Throws TypeError for what no field can hold. */
export function literal(value: FilterValue): string {
  if (typeof value === "string") return textLiteral(value);
  if (typeof value === "number") return numberLiteral(value);
  if (value instanceof Date) return textLiteral(value.toISOString());
  if (value instanceof Decimal) return decimal(value.text).text;
  if (value === null || typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw new TypeError("a filter's value is a text, number, boolean, null, Date or decimal");
}

type Sign = "&&" | "||";

/** A condition on records: CEL that nothing but `literal` and known names went into. */
export class Condition {
  readonly #parts: readonly string[];
  readonly #sign: Sign | undefined;

  private constructor(parts: readonly string[], sign?: Sign) {
    this.#parts = parts;
    this.#sign = sign;
  }

  /** CEL that the program wrote itself; `cel` is the way to put values into it. */
  static of(source: string): Condition {
    return new Condition([source]);
  }

  and(...others: readonly Condition[]): Condition {
    return Condition.#join("&&", [this, ...others]);
  }

  or(...others: readonly Condition[]): Condition {
    return Condition.#join("||", [this, ...others]);
  }

  not(): Condition {
    return new Condition([`!(${this})`]);
  }

  toString(): string {
    return this.#parts.join(` ${this.#sign} `);
  }

  /** Chains of one sign stay flat, however long; the server limits how deep brackets nest. */
  static #join(sign: Sign, conditions: readonly Condition[]): Condition {
    if (conditions.length === 1) return conditions[0] as Condition;
    const parts = conditions.flatMap((c) => (c.#sign === sign ? c.#parts : [`(${c})`]));
    return new Condition(parts, sign);
  }
}

type CelValue = FilterValue | Condition | readonly FilterValue[];

function written(value: CelValue): string {
  if (value instanceof Condition) return `(${value})`;
  return Array.isArray(value) ? `[${value.map(literal).join(", ")}]` : literal(value as FilterValue);
}

/** `` cel`amount > ${least} && month(created_at) == ${5}` ``: CEL with values, which are quoted. */
export function cel(source: TemplateStringsArray, ...values: readonly CelValue[]): Condition {
  return Condition.of(source.reduce((text, part, i) => text + written(values[i - 1] as CelValue) + part));
}
