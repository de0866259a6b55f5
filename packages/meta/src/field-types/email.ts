import { Fault, type FieldType, ofString, pick, text } from "./contract.ts";

/** RFC 5321 allows 254 octets for a forward path. */
const longest = 254;

/** Unquoted local part and a domain of labels, both also in other scripts (RFC 6531). */
const address =
  /^[^\s@"(),:;<>[\]\\.]+(?:\.[^\s@"(),:;<>[\]\\.]+)*@[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}-]*[\p{L}\p{N}\p{M}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}\p{M}-]*[\p{L}\p{N}\p{M}])?)*$/u;

export const email: FieldType = {
  name: "email",
  jsonTypes: ["string"],
  formats: ["email", "idn-email"],
  keywords: ["minLength", "maxLength", "pattern", "format"],
  defaults: true,
  indexable: true,
  namesRecords: true,
  shape: (definition) => ({
    sqlType: "text",
    exprType: text,
    schema: {
      type: "string",
      maxLength: longest,
      ...pick(definition, ["minLength", "maxLength", "pattern"]),
      format: "email",
    },
    normalise: ofString(canonicalEmail),
  }),
};

/** Without spaces around it and with the domain in lower case; the local part belongs to the receiver. */
function canonicalEmail(value: string): string | Fault {
  const trimmed = value.trim();
  const at = trimmed.lastIndexOf("@");
  // The length is checked first so that the pattern never runs over megabytes.
  if (trimmed.length > 4 * longest || !address.test(trimmed)) return new Fault("format", { format: "email" });
  return trimmed.slice(0, at) + trimmed.slice(at).toLowerCase();
}
