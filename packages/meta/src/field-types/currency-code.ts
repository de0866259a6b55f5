import { Fault, type FieldType, ofString, text } from "./contract.ts";

/** ISO 4217, as far as the platform's own library of languages and currencies knows it. */
const known: ReadonlySet<string> = new Set(Intl.supportedValuesOf("currency"));

/** The code of a currency, `CNY`. */
export const currencyCode: FieldType = {
  name: "currency_code",
  jsonTypes: ["string"],
  keywords: [],
  defaults: true,
  defaultWords: ["tenant"],
  indexable: true,
  namesRecords: true,
  shape: () => ({
    sqlType: "text",
    exprType: text,
    schema: { type: "string", format: "currency-code" },
    normalise: ofString((value) => {
      const code = value.trim().toUpperCase();
      return known.has(code) ? code : new Fault("format", { format: "currency-code" });
    }),
  }),
};
