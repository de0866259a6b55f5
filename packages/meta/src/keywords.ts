/** JSON Schema of one keyword's value, with what an editor shows of it. */
type Fragment = Readonly<Record<string, unknown>>;

/** A keyword of definitions. One with `later` is known to the vocabulary but refused by name until code honours it. */
export interface Keyword {
  readonly schema: Fragment;
  readonly later?: true;
}

const name = { type: "string", pattern: "^[a-z][a-z0-9_]{0,39}$" };
const label = { type: "string", minLength: 1, maxLength: 200 };
const prose = { type: "string", maxLength: 10_000 };
const flag = { type: "boolean" };
const count = { type: "integer", minimum: 0 };
const expression = { type: "string", minLength: 1, maxLength: 10_000 };
const byLocale = (value: Fragment): Fragment => ({
  type: "object",
  properties: { en: value, "zh-CN": value, "zh-TW": value },
  additionalProperties: false,
});

/** PostgreSQL takes up to 32 columns in an index. */
const fieldNames = { type: "array", minItems: 1, maxItems: 32, uniqueItems: true, items: name };
/** Every index is paid for by every write. */
const keys = { type: "array", maxItems: 64, items: fieldNames };

const works = (description: string, schema: Fragment, ...examples: unknown[]): Keyword => ({
  schema: { description, ...schema, ...(examples.length === 0 ? {} : { examples }) },
});
const later = (description: string, schema: Fragment = {}): Keyword => ({
  schema: { description: `${description} Not supported yet: refused by name.`, ...schema },
  later: true,
});

/** What objects and fields share. */
const annotations: Record<string, Keyword> = {
  title: works("What people call it, in English.", label),
  titles: works("What people call it, per language.", byLocale(label), { "zh-CN": "房源", "zh-TW": "房源" }),
  description: works("What it is for.", prose),
  $comment: works("A note to whoever reads the definition.", prose),
  examples: works("Values as examples.", { type: "array" }),
  deprecated: works("Still works, but should no longer be used.", flag),
  was: works("Its name before; renames it and keeps its data.", name, "old_name"),
};

const value = {
  type: "object",
  required: ["value"],
  properties: {
    value: { type: "string", minLength: 1, maxLength: 255, description: "As stored and sent." },
    title: { ...label, description: "What people see, in English; the value itself when left out." },
    titles: byLocale(label),
    active: { ...flag, description: "false retires the value: records keep it, new ones are refused." },
  },
  description: "Further members are facts of the value, such as an opportunity stage's probability.",
};

const rule = {
  type: "object",
  required: ["name", "when", "message"],
  additionalProperties: false,
  properties: {
    name,
    when: { ...expression, description: "The record is refused when this CEL expression holds." },
    at: { ...name, description: "The field the message is shown at." },
    message: { ...prose, minLength: 1 },
    messages: byLocale({ ...prose, minLength: 1 }),
  },
};

/** Fields per object; PostgreSQL allows 1,600 columns, and a dropped one still counts until the table is rewritten. */
export const mostFields = 500;
/** Each is evaluated on every write. */
const mostRules = 200;

export const objectKeywords: Readonly<Record<string, Keyword>> = {
  $schema: works("The meta-schema, for editors.", { type: "string" }, "https://guanxi.dev/schemas/object.json"),
  $id: works("An address for the definition; nothing is loaded from it.", { type: "string" }),
  name: works("The object's name in the API and in expressions.", name, "property"),
  plural: works("Its name in paths, `/api/properties`; the name and an s when left out.", name, "properties"),
  ...annotations,
  type: works("Always object.", { const: "object" }),
  properties: works("The fields, by name.", { type: "object", maxProperties: mostFields }),
  required: works("Fields that every record has.", { type: "array", uniqueItems: true, items: { type: "string" } }),
  additionalProperties: works("Records never have fields that are not defined.", { const: false }),
  unevaluatedProperties: works("Records never have fields that are not defined.", { const: false }),
  nameField: works("The field that names a record to people.", name, "address"),
  sharing: works(
    "Who sees a record besides its owner and those above: nobody (private), everybody (read), everybody and may edit (write).",
    { enum: ["private", "read", "write"] },
  ),
  history: works("Whether the description of the API lists the history call. History is kept of every object.", flag),
  rules: works("Conditions under which a record is refused.", { type: "array", maxItems: mostRules, items: rule }),
  unique: works("Lists of fields whose values together occur once.", keys, [["address"]]),
  indexes: works("Lists of fields that are often filtered or sorted by together.", keys, [["status", "price"]]),
  states: later("Which values of a picklist may follow which.", { type: "object" }),
  recordTypes: later("Picklist subsets, required fields and process per type of record.", { type: "object" }),
  extends: later("The object that this definition adds to.", name),
  locked: later("What an extension may not change.", {}),
  multiCurrency: works("Every amount has a currency of its own, in the field `<amount>_currency`.", flag),
  currencyDate: works(
    "The date or datetime field at whose exchange rate amounts are added up; created_at when left out.",
    name,
    "closed_on",
  ),
};

const numberLimit = { type: "number" };

export const fieldKeywords: Readonly<Record<string, Keyword>> = {
  ...annotations,
  fieldType: works("The kind of field; may be left out where JSON Schema already says it.", { type: "string" }),
  type: works("JSON Schema's type of the value.", {
    type: ["string", "array"],
    items: { type: "string" },
    uniqueItems: true,
    minItems: 1,
  }),
  format: works("JSON Schema's format of a text.", { type: "string" }, "date", "email"),
  default: works("The value of a new record that brings none; also `today` for a date and `now` for a datetime.", {}),
  unique: works("No two records have the same value.", flag),
  externalId: works("The record's key in another system: unique, and upserts find it.", flag),
  index: works("Often filtered or sorted by.", flag),
  enum: works("The values of a picklist.", { type: "array", minItems: 1, maxItems: 1000, uniqueItems: true }, [
    "draft",
    "listed",
    "sold",
  ]),
  values: works(
    "The values of a picklist with their titles.",
    { type: "array", minItems: 1, maxItems: 1000, items: value },
    [{ value: "won", title: "Won", titles: { "zh-CN": "赢单" }, probability: 100 }],
  ),
  const: works("The only value.", {}),
  minLength: works("Characters at least.", count),
  maxLength: works("Characters at most.", count),
  pattern: works(
    "A regular expression; of an autonumber the pattern of the number, with {YYYY} {YY} {MM} {DD} and a counter {00000}.",
    { type: "string", minLength: 1, maxLength: 1000 },
    "^[A-Z]{2}\\d{4}$",
    "P-{YYYY}-{00000}",
  ),
  minimum: works("The smallest number.", numberLimit),
  maximum: works("The largest number.", numberLimit),
  exclusiveMinimum: works("Every number is above it.", numberLimit),
  exclusiveMaximum: works("Every number is below it.", numberLimit),
  multipleOf: works("Every number is a multiple of it.", { type: "number", exclusiveMinimum: 0 }),
  precision: works(
    "Digits in all; over 15 the field is a text in JSON.",
    { type: "integer", minimum: 1, maximum: 38 },
    20,
  ),
  scale: works("Digits after the point.", { type: "integer", minimum: 0, maximum: 30 }, 4),
  items: works(
    "What a list holds: of a multi_picklist its enum or values.",
    { type: ["object", "boolean"] },
    { enum: ["garden", "pool"] },
  ),
  minItems: works("Entries at least.", count),
  maxItems: works("Entries at most.", count),
  uniqueItems: works("No entry twice.", flag),
  mask: works(
    "How many characters at the beginning and the end of an encrypted text are shown; none when left out.",
    {
      type: "object",
      additionalProperties: false,
      properties: {
        first: { type: "integer", minimum: 0, maximum: 8 },
        last: { type: "integer", minimum: 0, maximum: 8 },
      },
    },
    { last: 4 },
  ),
  target: works("The object a reference points to.", name, "contact"),
  onDelete: works(
    "When the target is deleted: refuse (restrict), empty the field (setNull), or delete this record too (cascade).",
    {
      enum: ["restrict", "setNull", "cascade"],
    },
  ),
  relation: works("The name of the way back; the plural when left out.", name, "opportunities"),
  ...Object.fromEntries(
    [
      ...["maxContains", "minContains", "maxProperties", "minProperties", "required", "dependentRequired"],
      ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "prefixItems", "contains"],
      ...["properties", "patternProperties", "additionalProperties", "propertyNames"],
      ...["contentEncoding", "contentMediaType", "contentSchema"],
    ].map((keyword) => [keyword, works("As in JSON Schema, for the value of a json field.", {})]),
  ),
  unevaluatedItems: later("As in JSON Schema."),
  unevaluatedProperties: later("As in JSON Schema."),
  readOnly: later("Only the system sets it."),
  writeOnly: later("Never shown."),
  defaultFormula: later("A default that is computed."),
  requiredWhen: later("When the field must have a value."),
  readonlyWhen: later("When the field may not be changed."),
  sensitive: later("Personal or secret data."),
  history: later("Whether changes of this field are kept."),
  locked: later("What an extension may not change."),
  dependsOn: later("Which values may be chosen, by another field's value."),
  formula: later("The expression of a formula field."),
  returns: later("The field type of a formula."),
  of: later("What a rollup counts or sums."),
  op: later("How a rollup sums up."),
  filter: later("Which records a rollup takes."),
};

/** Keywords every field may have, whatever its type. */
export const commonFieldKeywords: ReadonlySet<string> = new Set([...Object.keys(annotations), "fieldType", "type"]);

/** JSON Schema's keywords that an object's definition cannot honour. */
export const unhonouredObjectKeywords: ReadonlySet<string> = new Set([
  ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "minProperties"],
  ...["maxProperties", "patternProperties", "propertyNames", "enum", "const", "default", "readOnly", "writeOnly"],
  ...["$ref", "$dynamicRef", "$defs", "$anchor", "$dynamicAnchor", "$vocabulary", "definitions"],
]);
