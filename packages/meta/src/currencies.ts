import { fieldTypeOf } from "./infer.ts";
import { humanise } from "./names.ts";
import { pointer, type Report } from "./report.ts";
import type { FieldDefinition, ObjectDefinition } from "./types.ts";

/** The field with the currency of an amount. */
export const codeField = (amount: string): string => `${amount}_currency`;

const isAmount = (definition: FieldDefinition): boolean => fieldTypeOf(definition) === "currency";

function codeDefinition(
  amount: string,
  { title = humanise(amount), titles, readOnly }: FieldDefinition,
): FieldDefinition {
  const simplified = titles?.["zh-CN"] ?? title;
  const traditional = titles?.["zh-TW"] ?? title;
  return {
    fieldType: "currency_code",
    default: "tenant",
    ...(readOnly === undefined ? {} : { readOnly }),
    title: `${title} (currency)`,
    titles: { "zh-CN": `${simplified}（币种）`, "zh-TW": `${traditional}（幣別）` },
  };
}

interface Property {
  readonly name: string;
  readonly definition: FieldDefinition;
  /** Of an amount in an object with several currencies: the field that says in which it is. */
  readonly currencyField?: string;
  readonly required: boolean;
}

/** The fields of a definition in order; behind each amount that may be in any currency the one that says in which. */
export function propertiesOf({ properties, required, multiCurrency }: ObjectDefinition): readonly Property[] {
  return Object.entries(properties).flatMap(([name, definition]): Property[] => {
    const written = { name, definition, required: required?.includes(name) ?? false };
    if (multiCurrency !== true || !isAmount(definition)) return [written];
    const currencyField = codeField(name);
    return [
      { ...written, currencyField },
      { name: currencyField, definition: codeDefinition(name, definition), required: true },
    ];
  });
}

/** Names that a definition takes from those that come along, and a date that is none. */
export function checkCurrencies(definition: ObjectDefinition, report: Report): void {
  const { properties, multiCurrency, currencyDate } = definition;
  for (const { currencyField } of propertiesOf(definition)) {
    if (currencyField === undefined || !Object.hasOwn(properties, currencyField)) continue;
    report.say(
      pointer("properties", currencyField),
      "is the name of an amount's currency, which multiCurrency brings; rename this field",
      "与 multiCurrency 自动生成的币种字段重名，请重命名此字段",
      "與 multiCurrency 自動產生的幣別欄位重名，請重新命名此欄位",
    );
  }
  if (currencyDate === undefined || currencyDate === "created_at" || currencyDate === "updated_at") return;
  const type = fieldTypeOf(properties[currencyDate] ?? {});
  if (!Object.hasOwn(properties, currencyDate)) report.add("/currencyDate", "unknown", { field: currencyDate });
  else if (type !== "date" && type !== "datetime") {
    report.say(
      "/currencyDate",
      "must be a date or datetime field",
      "必须是日期或日期时间字段",
      "必須是日期或日期時間欄位",
    );
  } else if (multiCurrency !== true) {
    report.say(
      "/currencyDate",
      "means nothing without multiCurrency",
      "没有 multiCurrency 时无意义",
      "沒有 multiCurrency 時無意義",
    );
  }
}
