import { Fault, type FieldType, ofString, pick, text } from "./contract.ts";

/** What browsers and mail programs still follow. */
const longest = 2048;
const schemes = new Set(["http:", "https:", "mailto:", "tel:"]);

/** An address that people may click on. Other schemes, `javascript:` before all, would run in their browser. */
export const url: FieldType = {
  name: "url",
  jsonTypes: ["string"],
  formats: ["uri", "iri"],
  keywords: ["minLength", "maxLength", "pattern", "format"],
  defaults: true,
  indexable: true,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "text",
    exprType: text,
    schema: {
      type: "string",
      maxLength: longest,
      ...pick(definition, ["minLength", "maxLength", "pattern"]),
      format: "uri",
    },
    normalise: ofString((value) => addressOf(value) ?? new Fault("format", { format: "url" })),
  }),
};

/** As written, without spaces around it: parsing only checks. Undefined for what is no such address. */
export function addressOf(value: string): string | undefined {
  const trimmed = value.trim();
  const parsed = URL.parse(trimmed);
  // The parser drops tabs and line ends inside an address; ours must not hold any.
  const isAddress = parsed !== null && schemes.has(parsed.protocol) && !/[\t\n\r]/.test(trimmed);
  return isAddress ? trimmed : undefined;
}
