import { type Issue, keepsItsDigits } from "@guanxi/base";
import { type Field, pointer } from "@guanxi/meta";
import { type DateReader, dateText, instantText } from "./dates.ts";

/** How texts of one column are to be read. */
export interface Reading {
  readonly decimal: string;
  readonly thousands: string | undefined;
  /** Digits by which the decimal point goes to the right. */
  readonly shift: number;
  /** Seconds of a duration's unit; 1 for other numbers. */
  readonly factor: number;
  readonly separator: string;
  readonly timeZone: string;
  /** None: as the API writes dates. */
  readonly formats: readonly DateReader[];
}

/** A value, or what is wrong with the text. */
export type Converted = { readonly value: unknown } | { readonly issue: Issue };

const plain = /^[+-]?\d+(?:\.\d+)?$/;
/** Decimal digits that every JSON reader keeps in a number (IEEE 754 double). */
const jsonDigits = 15;

const words: ReadonlyMap<string, boolean> = new Map([
  ...["true", "t", "yes", "y", "1", "on", "是", "√"].map((w): [string, boolean] => [w, true]),
  ...["false", "f", "no", "n", "0", "off", "否", "×"].map((w): [string, boolean] => [w, false]),
]);

/** A text of a file as a value of the field. What the field's own checks can judge is left to them. */
export function convert(field: Field, text: string, reading: Reading): Converted {
  switch (field.type) {
    case "integer":
    case "number":
    case "percent":
    case "currency":
    case "rating":
    case "duration":
      return toNumber(field, text, reading);
    case "checkbox": {
      const value = words.get(text.toLowerCase());
      return value === undefined ? wrong(field, "boolean") : { value };
    }
    case "date":
    case "datetime":
      return toDate(field, text, reading);
    case "multi_picklist":
    case "references":
    case "files":
      return {
        value: text
          .split(reading.separator)
          .map((part) => part.trim())
          .filter((part) => part !== ""),
      };
    case "address":
    case "geo":
    case "json":
      return toJson(field, text);
    case "reference":
      return field.branches ? toJson(field, text) : { value: text };
    default:
      return { value: text };
  }
}

const wrong = (field: Field, type: string): Converted => ({
  issue: { path: pointer(field.name), code: "type", params: { type } },
});

function toNumber(field: Field, text: string, { decimal, thousands, shift, factor }: Reading): Converted {
  let digits = field.type === "percent" ? text.replace(/\s*%$/, "") : text;
  if (thousands !== undefined) digits = digits.replaceAll(thousands, "");
  if (decimal !== ".") digits = digits.includes(".") ? "" : digits.replace(decimal, ".");
  if (!plain.test(digits)) return wrong(field, field.schema["type"] === "integer" ? "integer" : "number");
  digits = shifted(digits, shift);
  if (field.schema["type"] === "string") return { value: digits.replace(/^\+/, "").replace(/^(-?)0+(?=\d)/, "$1") };
  const product = multiplied(digits, factor);
  if (!isKept(product))
    return {
      issue: { path: pointer(field.name), code: "precision", params: { precision: jsonDigits, scale: jsonDigits } },
    };
  return { value: Number(product) };
}

/** Shorter ones are kept in any case. */
const isKept = (digits: string): boolean => digits.length <= jsonDigits || keepsItsDigits(digits.replace(/^\+/, ""));

/** The number times a whole one, in text, where nothing is rounded. */
export function multiplied(digits: string, factor: number): string {
  if (factor === 1) return digits;
  const [whole = "", part = ""] = digits.replace(/^[+-]/, "").split(".");
  const product = String(BigInt(whole + part) * BigInt(factor)).padStart(part.length + 1, "0");
  const point = product.length - part.length;
  const rest = product.slice(point).replace(/0+$/, "");
  return `${digits.startsWith("-") ? "-" : ""}${product.slice(0, point)}${rest === "" ? "" : `.${rest}`}`;
}

/** Multiplied by a power of ten in text, where nothing is rounded. */
export function shifted(digits: string, shift: number): string {
  if (shift === 0) return digits;
  const [whole = "", part = ""] = digits.split(".");
  const filled = part.padEnd(shift, "0");
  const rest = filled.slice(shift);
  return `${whole}${filled.slice(0, shift)}${rest === "" ? "" : `.${rest}`}`;
}

function toDate(field: Field, text: string, { formats, timeZone }: Reading): Converted {
  if (formats.length === 0) return { value: text };
  for (const read of formats) {
    const local = read(text);
    if (local) return { value: field.type === "date" ? dateText(local) : instantText(local, timeZone) };
  }
  return { issue: { path: pointer(field.name), code: "format", params: { format: field.type } } };
}

function toJson(field: Field, text: string): Converted {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return wrong(field, "json");
  }
}
