import { Fault, type FieldType, ofString, text } from "./contract.ts";

let codes: ReadonlySet<string> | undefined;

/** ISO 4217, as far as the library of languages and currencies that Node.js has knows it; read at first use, which takes some ms. */
const isCode = (text: string): boolean => (codes ??= new Set(Intl.supportedValuesOf("currency"))).has(text);

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
      return isCode(code) ? code : new Fault("format", { format: "currency-code" });
    }),
  }),
};
