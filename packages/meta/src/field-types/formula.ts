import type { Report } from "../report.ts";
import type { FieldDefinition, FieldFormula, FieldTypeName } from "../types.ts";
import { checkbox } from "./checkbox.ts";
import type { FieldShape, FieldType } from "./contract.ts";
import { date } from "./date.ts";
import { datetime } from "./datetime.ts";
import { duration } from "./duration.ts";
import { integer } from "./integer.ts";
import { longText } from "./long-text.ts";
import { decimalShape, digitsOf } from "./number.ts";
import { textType } from "./text.ts";
import { time } from "./time.ts";

/** Money has cents; ten thousandths are exact enough for rates, and leave a number eleven digits before the point. */
const scales: Partial<Record<FieldTypeName, number>> = { currency: 2, number: 4, percent: 4 };
const plain: readonly FieldType[] = [textType, longText, checkbox, integer, date, datetime, time, duration];
const plainShapes = new Map<string, FieldShape>(plain.map((type) => [type.name, type.shape({})]));

/** Field types whose values a formula can give. */
export const formulaResults: readonly string[] = [...plainShapes.keys(), ...Object.keys(scales)];

const returnsOf = (definition: FieldDefinition): FieldTypeName => definition["returns"] as FieldTypeName;

/** Digits of a decimal result; undefined for other results. */
function resultDigits(definition: FieldDefinition): { precision: number; scale: number } | undefined {
  const preset = scales[returnsOf(definition)];
  if (preset === undefined) return undefined;
  const { precision, scale = preset } = digitsOf(definition, preset);
  return { precision, scale };
}

/** How a formula field is computed. */
export function formulaOf(definition: FieldDefinition): FieldFormula {
  const source = definition["formula"] as string;
  const { sqlType } = formula.shape(definition);
  return { source, sqlType, returns: returnsOf(definition), digits: resultDigits(definition) };
}

function check(definition: FieldDefinition, path: string, report: Report): void {
  const digits = resultDigits(definition);
  for (const keyword of ["precision", "scale"]) {
    if (digits || definition[keyword] === undefined) continue;
    report.say(
      `${path}/${keyword}`,
      `means nothing on a formula that gives ${returnsOf(definition)}`,
      `对结果为 ${returnsOf(definition)} 的公式无意义`,
      `對結果為 ${returnsOf(definition)} 的公式無意義`,
    );
  }
  if (!digits || digits.scale <= digits.precision) return;
  report.say(
    `${path}/scale`,
    `is ${digits.scale}, which cannot be more than the precision`,
    `为 ${digits.scale}，不能大于 precision`,
    `為 ${digits.scale}，不能大於 precision`,
  );
}

/** Never stored: an expression over the record and what it refers to, written into every statement that asks for the field. */
export const formula: FieldType = {
  name: "formula",
  jsonTypes: [],
  keywords: ["formula", "returns", "precision", "scale", "index"],
  needs: ["formula", "returns"],
  defaults: false,
  indexable: false,
  namesRecords: false,
  readOnly: true,
  check,
  shape: (definition) =>
    plainShapes.get(returnsOf(definition)) ?? decimalShape(definition, scales[returnsOf(definition)]),
};
