import type { FieldTypeName } from "./types.ts";

const texts: readonly FieldTypeName[] = ["text", "long_text", "email", "phone", "url", "picklist", "currency_code"];
const decimals: readonly FieldTypeName[] = ["number", "percent", "currency"];
const numbers: readonly FieldTypeName[] = [...decimals, "integer", "rating", "duration"];
/** What text, and a json value that is one, can be read as. */
const readable: readonly FieldTypeName[] = [
  ...texts,
  ...numbers,
  ...(["rich_text", "multi_picklist", "checkbox", "date", "datetime", "time", "uuid", "reference"] as const),
];

/** What any type can become that is not held to its own. */
const anything: ReadonlySet<FieldTypeName> = new Set(["text", "long_text", "json"]);
/** Which other types a type's values can become besides. */
const conversions: Partial<Record<FieldTypeName, readonly FieldTypeName[]>> = {
  ...Object.fromEntries([...texts, "autonumber"].map((type) => [type, readable])),
  json: [...readable, "address", "geo"],
  ...Object.fromEntries(numbers.map((type) => [type, numbers])),
  checkbox: ["integer"],
  date: ["datetime"],
  datetime: ["date"],
  uuid: ["reference"],
  reference: ["uuid", "reference", "references"],
  multi_picklist: ["picklist"],
};

/** A roll-up's values are not its own. */
const apart: ReadonlySet<FieldTypeName> = new Set(["rollup"]);
/** A file that no field names is deleted, so these stay among themselves; a list of records may turn out to be one of files. */
const files: ReadonlySet<FieldTypeName> = new Set(["file", "files"]);

/** An encrypted text is a text to whoever has the key. */
const opened = (type: FieldTypeName): FieldTypeName => (type === "encrypted_text" ? "text" : type);

/** Whether values of one type can become values of another; single rows may still stand in the way. */
export const isConvertible = (from: FieldTypeName, to: FieldTypeName): boolean =>
  from === to || areConvertible(opened(from), opened(to));

const areConvertible = (from: FieldTypeName, to: FieldTypeName): boolean =>
  from === to ||
  (files.has(to) && (files.has(from) || (from === "references" && to === "files"))) ||
  (!files.has(from) &&
    !files.has(to) &&
    !apart.has(from) &&
    !apart.has(to) &&
    (anything.has(to) || (conversions[from]?.includes(to) ?? false)));
