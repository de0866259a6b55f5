import type { FieldTypeName } from "./types.ts";

const texts: readonly FieldTypeName[] = ["text", "long_text", "email", "phone", "url", "picklist", "currency_code"];
const decimals: readonly FieldTypeName[] = ["number", "percent", "currency"];
/** What text, and a json value that is one, can be read as. */
const readable: readonly FieldTypeName[] = [
  ...texts,
  ...decimals,
  ...(["multi_picklist", "checkbox", "integer", "date", "datetime", "time", "uuid", "reference"] as const),
];

/** Which other types a type's values can become; any type but encrypted_text can become text and json besides. */
const conversions: Partial<Record<FieldTypeName, readonly FieldTypeName[]>> = {
  ...Object.fromEntries([...texts, "autonumber", "json"].map((type) => [type, readable])),
  ...Object.fromEntries(decimals.map((type) => [type, [...decimals, "integer"]])),
  integer: decimals,
  checkbox: ["integer"],
  date: ["datetime"],
  datetime: ["date"],
  uuid: ["reference"],
  reference: ["uuid", "reference"],
  multi_picklist: ["picklist"],
};

/** Whether values of one type can become values of another; single rows may still stand in the way. */
export const isConvertible = (from: FieldTypeName, to: FieldTypeName): boolean =>
  from === to ||
  // Of an encrypted text the database knows no more than its mask.
  (from !== "encrypted_text" &&
    (to === "text" || to === "long_text" || to === "json" || (conversions[from]?.includes(to) ?? false)));
