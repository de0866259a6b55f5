import { decimalToText, digitCounts, exactDecimal } from "../decimal.ts";
import type { FieldDefinition } from "../types.ts";
import { bounds, boundFault, checkBounds } from "./bounds.ts";
import { Fault, type FieldShape, type FieldType, type Normalise, ofString, pick } from "./contract.ts";

/** Decimal digits that every JSON reader keeps in a number (IEEE 754 double). A field with more is text in JSON. */
export const jsonDigits = 15;

/** Where no scale fixes the point, how far from it a digit may stand; keeps 1e300 from becoming 300 digits. */
const reach = 30;

const limits = [...bounds, "enum", "const"];
const plainDecimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** How many digits a decimal field keeps. Without `scale` the point may stand anywhere among them. */
export interface Digits {
  readonly precision: number;
  readonly scale: number | undefined;
}

export const digitsOf = (definition: FieldDefinition, scale?: number): Digits => ({
  precision: (definition["precision"] as number | undefined) ?? jsonDigits,
  scale: (definition["scale"] as number | undefined) ?? scale,
});

/** Digits beyond what the field keeps are refused, never rounded. */
function digitFault(value: number | string, { precision, scale }: Digits): Fault | undefined {
  const exact = exactDecimal(value);
  if (exact === undefined) return undefined;
  const counts = digitCounts(exact);
  const fits =
    scale === undefined
      ? counts.significant <= precision && counts.whole <= reach && counts.scale <= reach
      : counts.scale <= scale && counts.whole <= precision - scale;
  return fits ? undefined : new Fault("precision", { precision, scale: scale ?? Math.min(precision, reach) });
}

export const normaliseNumber =
  (digits: Digits): Normalise =>
  (value) => {
    if (typeof value !== "number") return value;
    return digitFault(value, digits) ?? (value === 0 ? 0 : value);
  };

/** The text PostgreSQL would answer with: the field's scale filled up, or no needless zeros. */
const normaliseText = (digits: Digits, definition: FieldDefinition): Normalise =>
  ofString((value) => {
    if (value.length > 2 * (digits.precision + reach) || !plainDecimal.test(value))
      return new Fault("format", { format: "decimal" });
    const exact = exactDecimal(value);
    if (exact === undefined) return new Fault("format", { format: "decimal" });
    return digitFault(value, digits) ?? boundFault(value, definition) ?? decimalToText(exact, digits.scale);
  });

/** `scale` is the type's own where the definition says none. */
export function decimalShape(definition: FieldDefinition, scale?: number): FieldShape {
  const digits = digitsOf(definition, scale);
  const asText = digits.precision > jsonDigits;
  return {
    sqlType: digits.scale === undefined ? "numeric" : `numeric(${digits.precision},${digits.scale})`,
    exprType: { kind: "decimal" },
    schema: asText ? { type: "string", format: "decimal" } : { type: "number", ...pick(definition, limits) },
    normalise: asText ? normaliseText(digits, definition) : normaliseNumber(digits),
  };
}

const checkDecimal: NonNullable<FieldType["check"]> = (definition, path, report) => {
  checkBounds(definition, path, report);
  const { precision, scale } = digitsOf(definition);
  if (scale !== undefined && scale > precision) {
    report.say(`${path}/scale`, "cannot be more than the precision", "不能大于 precision", "不能大於 precision");
  }
  if (definition.type === "string" && precision <= jsonDigits) {
    report.say(
      `${path}/type`,
      "is text only with a precision over 15",
      "precision 超过 15 时才为文本",
      "precision 超過 15 時才為文字",
    );
  }
  if (precision > jsonDigits && (definition.enum !== undefined || definition["const"] !== undefined)) {
    const keyword = definition.enum === undefined ? "const" : "enum";
    report.say(
      `${path}/${keyword}`,
      "cannot stand beside a precision over 15",
      "precision 超过 15 时不能使用",
      "precision 超過 15 時不能使用",
    );
  }
};

/** A decimal of up to 15 digits; `precision` and `scale` fix how many and where. */
export const number: FieldType = {
  name: "number",
  jsonTypes: ["number", "string"],
  keywords: [...limits, "precision", "scale"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  check: checkDecimal,
  shape: (definition) => decimalShape(definition),
};
