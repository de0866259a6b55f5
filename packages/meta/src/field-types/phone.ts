import { createRequire } from "node:module";
import type { CountryCode } from "libphonenumber-js/min";
import { Fault, type FieldType, ofString, text } from "./contract.ts";

/** Longer than any number that people write, with room for spaces and brackets. */
const longest = 64;

const require = createRequire(import.meta.url);
let library: typeof import("libphonenumber-js/min") | undefined;

/** The numbering plans of the world take 70 ms to load, so they wait for the first phone number. */
const phoneNumbers = (): typeof import("libphonenumber-js/min") =>
  (library ??= require("libphonenumber-js/min") as typeof import("libphonenumber-js/min"));

export const phone: FieldType = {
  name: "phone",
  jsonTypes: ["string"],
  keywords: [],
  defaults: true,
  indexable: true,
  namesRecords: true,
  shape: () => ({
    sqlType: "text",
    exprType: text,
    schema: { type: "string", maxLength: longest, format: "phone" },
    normalise: ofString((value, { country }) => canonicalPhone(value, country)),
  }),
};

/**
 * E.164. Only the length is held against the country's plan: its ranges change faster than any library. An
 * extension has no place in E.164 and is refused rather than lost.
 */
function canonicalPhone(value: string, country: string | undefined): string | Fault {
  const refused = new Fault("format", { format: "phone" });
  if (value.length > longest) return refused;
  const { parsePhoneNumberFromString } = phoneNumbers();
  const options = { extract: false, ...(country === undefined ? {} : { defaultCountry: country as CountryCode }) };
  const parsed = parsePhoneNumberFromString(value.trim(), options);
  if (parsed === undefined || parsed.ext !== undefined || !parsed.isPossible()) return refused;
  return parsed.number;
}
