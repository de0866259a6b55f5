import { formulaResults } from "./field-types/formula.ts";
import {
  byLocale,
  chosen,
  count,
  expression,
  flag,
  keys,
  label,
  mostFields,
  mostRecordTypes,
  mostRules,
  mostValues,
  name,
  prose,
  recordType,
  rule,
  sharingModes,
  sharingParent,
  states,
  value,
  type Fragment,
} from "./keyword-values.ts";

/** The schema of a keyword's value. */
const works = (description: string, schema: Fragment, ...examples: unknown[]): Fragment => ({
  description,
  ...schema,
  ...(examples.length === 0 ? {} : { examples }),
});

/** What objects and fields share. */
const annotations: Record<string, Fragment> = {
  title: works("What people call it, in English.", label),
  titles: works("What people call it, per language.", byLocale(label), { "zh-CN": "房源", "zh-TW": "房源" }),
  description: works("What it is for.", prose),
  $comment: works("A note to whoever reads the definition.", prose),
  examples: works("Values as examples.", { type: "array" }),
  deprecated: works("Still works, but should no longer be used.", flag),
  was: works("Its name before; renames it and keeps its data.", name, "old_name"),
};

export const objectKeywords: Readonly<Record<string, Fragment>> = {
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
    "Who sees a record besides its owner and those above: nobody (private), everybody (read), everybody and may edit (write); or who sees and may edit the record that a reference names (parent).",
    { type: ["string", "object"], if: { type: "string" }, then: { enum: sharingModes }, else: sharingParent },
    "private",
    { parent: "account" },
  ),
  history: works("Whether the description of the API lists the history call. History is kept of every object.", flag),
  rules: works("Conditions under which a record is refused.", { type: "array", maxItems: mostRules, items: rule }),
  unique: works("Lists of fields whose values together occur once.", keys, [["address"]]),
  indexes: works("Lists of fields that are often filtered or sorted by together.", keys, [["status", "price"]]),
  states: works(
    'By picklist and value the values that may follow; "" stands for no value, as on a new record.',
    states,
    {
      status: { "": ["draft"], draft: ["listed"], listed: ["sold", "draft"], sold: [] },
    },
  ),
  recordTypes: works(
    "Kinds of records within the object, by name: picklist subsets, required fields and states of each.",
    {
      type: "object",
      minProperties: 1,
      maxProperties: mostRecordTypes,
      propertyNames: name,
      additionalProperties: recordType,
    },
    { residential: { title: "Residential", default: true, required: ["address"] }, land: { title: "Land" } },
  ),
  extends: works(
    "The object of the platform or a plugin that this adds to: then it says only what is other than there.",
    name,
    "lead",
  ),
  locked: works(
    "What an extension may make stricter, not looser: all of it (true), or these members and fields.",
    { anyOf: [flag, { type: "array", uniqueItems: true, items: { type: "string", minLength: 1, maxLength: 40 } }] },
    true,
    ["sharing", "rules", "amount"],
  ),
  multiCurrency: works("Every amount has a currency of its own, in the field `<amount>_currency`.", flag),
  currencyDate: works(
    "The date or datetime field at whose exchange rate amounts are added up; created_at when left out.",
    name,
    "closed_on",
  ),
};

/** Each is a column with an index and a foreign key, and a table that an expanded list joins; of these a request may join 24. */
const mostTargets = 12;

/** As in `Content-Type`, without parameters. */
const contentType = "^[a-z0-9.+-]+/([*]|[a-z0-9.+-]+)$";

const numberLimit = { type: "number" };

export const fieldKeywords: Readonly<Record<string, Fragment>> = {
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
  defaultFormula: works(
    "An expression that gives the value of a new record that brings none; of own fields, user, now and today.",
    expression,
    "round(price * 0.03, 2)",
  ),
  readOnly: works("Only the system sets it: by default or defaultFormula, when the record is made.", flag),
  requiredWhen: works("An expression; while it holds the field must have a value.", expression, "status == 'sold'"),
  readonlyWhen: works(
    "An expression; when it holds of the record as it was, the field may not be changed.",
    expression,
    "status == 'sold'",
  ),
  dependsOn: works(
    "Which values may be chosen, by the value of another picklist or a checkbox; beside a value that is not listed, none.",
    {
      type: "object",
      required: ["field", "values"],
      additionalProperties: false,
      properties: {
        field: name,
        values: { type: "object", minProperties: 1, maxProperties: mostValues, additionalProperties: chosen },
      },
    },
    { field: "country", values: { CN: ["beijing", "shanghai"], TW: ["taipei"] } },
  ),
  unique: works("No two records have the same value.", flag),
  externalId: works("The record's key in another system: unique, and upserts find it.", flag),
  index: works("Often filtered or sorted by. Of a formula: over own fields, and not of now or today.", flag),
  enum: works("The values of a picklist.", { type: "array", minItems: 1, maxItems: mostValues, uniqueItems: true }, [
    "draft",
    "listed",
    "sold",
  ]),
  values: works(
    "The values of a picklist with their titles.",
    { type: "array", minItems: 1, maxItems: mostValues, items: value },
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
  target: works(
    'The object a reference points to; a list of objects where its values tell which: { "object": "account", "id": … }.',
    {
      type: ["string", "array"],
      pattern: name.pattern,
      minItems: 1,
      maxItems: mostTargets,
      uniqueItems: true,
      items: name,
    },
    "contact",
    ["account", "contact"],
  ),
  onDelete: works(
    "When the target is deleted: refuse (restrict), empty the field (setNull), or delete this record too (cascade).",
    {
      enum: ["restrict", "setNull", "cascade"],
    },
  ),
  relation: works("The name of the way back; the plural when left out.", name, "opportunities"),
  of: works(
    "Which records a rollup looks at: their object and, behind the point, the reference that names this one.",
    { type: "string", pattern: "^[a-z][a-z0-9_]{0,39}\\.[a-z][a-z0-9_]{0,39}$" },
    "viewing.property",
  ),
  op: works("What a rollup makes of them.", { enum: ["count", "sum", "min", "max", "avg"] }),
  field: works("Which of their fields it takes the sum, the least, the greatest or the mean of.", name, "amount"),
  filter: works(
    "Which of them it takes, as a CEL expression over their own fields.",
    expression,
    "outcome != 'cancelled'",
  ),
  maxSize: works("Bytes that a file may have; of files each.", { type: "integer", minimum: 1 }, 5_000_000),
  accept: works(
    "Content types that a file may have; a star after the slash is any.",
    { type: "array", minItems: 1, maxItems: 50, uniqueItems: true, items: { type: "string", pattern: contentType } },
    ["application/pdf", "image/*"],
  ),
  ...Object.fromEntries(
    [
      ...["maxContains", "minContains", "maxProperties", "minProperties", "required", "dependentRequired"],
      ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "prefixItems", "contains"],
      ...["properties", "patternProperties", "additionalProperties", "propertyNames"],
      ...["contentEncoding", "contentMediaType", "contentSchema", "unevaluatedItems", "unevaluatedProperties"],
    ].map((keyword) => [keyword, works("As in JSON Schema, for the value of a json field.", {})]),
  ),
  writeOnly: works("Callers write it, and nobody reads it.", flag),
  sensitive: works("Personal or secret data: that it changed is kept and told, its values are not.", flag),
  history: works("Whether the history has its changes; if not, values are kept in the record alone.", flag),
  locked: works("Whether an extension may make it stricter only, not looser, and not remove it.", flag),
  formula: works("The expression of a formula field.", expression, "price * 0.03"),
  returns: works("The field type of a formula's values.", { enum: formulaResults }, "currency"),
};

/** Keywords of fields whose values come from callers. */
export const writtenFieldKeywords: ReadonlySet<string> = new Set([
  ...["requiredWhen", "readonlyWhen", "defaultFormula", "readOnly", "history"],
]);

/** Keywords every field may have, whatever its type. */
export const commonFieldKeywords: ReadonlySet<string> = new Set([
  ...Object.keys(annotations),
  ...["fieldType", "type", "locked", "sensitive"],
]);

/** JSON Schema's keywords that an object's definition cannot honour. */
export const unhonouredObjectKeywords: ReadonlySet<string> = new Set([
  ...["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "minProperties"],
  ...["maxProperties", "patternProperties", "propertyNames", "enum", "const", "default", "readOnly", "writeOnly"],
  ...["$ref", "$dynamicRef", "$defs", "$anchor", "$dynamicAnchor", "$vocabulary", "definitions"],
]);
