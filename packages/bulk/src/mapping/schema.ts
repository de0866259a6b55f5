const formats = {
  type: ["string", "array"],
  minLength: 1,
  maxLength: 60,
  items: { type: "string", minLength: 1, maxLength: 60 },
  minItems: 1,
  maxItems: 10,
};
const decimal = { description: "The sign between whole and fraction.", enum: [".", ","] };
const thousands = {
  description: "The sign that groups digits; it is left out.",
  enum: [",", ".", " ", "'", "’", "\u00a0", "\u202f", "_"],
};
const trim = {
  description: "Remove white space around texts. Default: true for CSV, false for NDJSON.",
  type: "boolean",
};
const nulls = {
  description: 'Texts that stand for no value. Default: [""] for CSV, none for NDJSON.',
  type: "array",
  items: { type: "string", maxLength: 100 },
  maxItems: 100,
};
const timeZone = { description: "IANA name; default is the tenant's.", type: "string", examples: ["Asia/Shanghai"] };

/** How a column becomes one field. */
const target = {
  required: ["field"],
  additionalProperties: false,
  properties: {
    field: {
      description: "A field; owner.email: a reference found by a field of its target; address.city: a part of a field.",
      type: "string",
    },
    lookup: {
      description: "The field of the reference's target that the column holds; of a list, each entry.",
      type: "string",
    },
    values: {
      description: "What stands in the file → the value; others stay as they are. Of a list, each entry.",
      type: "object",
      maxProperties: 10000,
    },
    format: {
      description:
        "YYYY YY M MM MMM D DD H HH h hh m mm s ss A, other characters as they stand; several are tried in order.",
      examples: ["M/D/YYYY", "YYYY年M月D日 HH:mm"],
      ...formats,
    },
    timeZone,
    decimal,
    thousands,
    times: {
      description: "What a number in the file is multiplied by: 1000000 where it counts millions.",
      enum: [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000],
    },
    unit: {
      description: "What the numbers of a duration count.",
      enum: ["seconds", "minutes", "hours", "days"],
      default: "seconds",
    },
    separator: {
      description: "Between the values of a multi-picklist or the entries of a list.",
      type: "string",
      minLength: 1,
      maxLength: 5,
      default: ";",
    },
    trim,
    nulls,
  },
} as const;

/** JSON Schema of a mapping; `schemas/mapping.json` is this, for editors. */
export const mappingSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "https://guanxi.dev/schemas/mapping.json",
  title: "Mapping",
  description:
    "How the columns of a file become the fields of an object: PUT /api/meta/mappings/{name}, or ?mapping= of an import.",
  type: "object",
  additionalProperties: false,
  properties: {
    $schema: { type: "string" },
    name: {
      description: "As in the address, or as the file is called.",
      type: "string",
      pattern: "^[a-z][a-z0-9_]*$",
      maxLength: 60,
    },
    title: { type: "string", maxLength: 200 },
    description: { type: "string", maxLength: 2000 },
    object: { description: "The object that the rows become records of. A stored mapping needs it.", type: "string" },
    mode: {
      description: "create: each row is a new record. upsert: a row whose key a record has changes that record.",
      enum: ["create", "upsert"],
    },
    key: { description: "For upsert: a unique field, or id.", type: "string" },
    encoding: { description: "Of the file, unless its Content-Type names a charset.", enum: ["utf-8", "gb18030"] },
    delimiter: { description: "Between the columns of a CSV file.", enum: [",", ";", "\t", "|"], default: "," },
    columns: {
      description: "Column → field, or how it becomes one.",
      type: "object",
      maxProperties: 1000,
      additionalProperties: { $ref: "#/$defs/column" },
      examples: [
        { "Deal ID": "external_id", Agent: "owner.email", Closed: { field: "closed_on", format: "M/D/YYYY" } },
      ],
    },
    constants: {
      description: "Field, or part of one → value of every row.",
      type: "object",
      maxProperties: 1000,
      examples: [{ "address.country": "CN" }],
    },
    unmapped: {
      description:
        "Columns that `columns` does not name: refuse the file, ignore them, or match those named like a field and refuse others.",
      enum: ["refuse", "ignore", "match"],
      default: "refuse",
    },
    empty: {
      description: "What an empty cell does to a record that is there already: keep the value, or clear it.",
      enum: ["keep", "clear"],
      default: "keep",
    },
    dateFormat: {
      description: "Of dates, unless their column says otherwise. Several are tried in order.",
      ...formats,
    },
    datetimeFormat: { description: "Of dates with time, likewise.", ...formats },
    timeZone,
    decimal,
    thousands,
    trim,
    nulls,
  },
  $defs: {
    column: {
      description:
        "A field; owner.email: a reference found by a field of its target; address.city: a part of a field; an array of them where the column becomes several. null: the column is left out.",
      type: ["string", "null", "object", "array"],
      ...target,
      items: { type: ["string", "object"], ...target },
      minItems: 1,
      maxItems: 20,
    },
  },
} as const;
