/** JSON Schema of one keyword's value, with what an editor shows of it. */
export type Fragment = Readonly<Record<string, unknown>>;

export const name = { type: "string", pattern: "^[a-z][a-z0-9_]{0,39}$" };
export const label = { type: "string", minLength: 1, maxLength: 200 };
export const prose = { type: "string", maxLength: 10_000 };
export const flag = { type: "boolean" };
export const count = { type: "integer", minimum: 0 };
export const expression = { type: "string", minLength: 1, maxLength: 10_000 };
/** Values of a picklist. */
export const mostValues = 1000;
export const byLocale = (value: Fragment): Fragment => ({
  type: "object",
  properties: { en: value, "zh-CN": value, "zh-TW": value },
  additionalProperties: false,
});

/** PostgreSQL takes up to 32 columns in an index. */
const fieldNames = { type: "array", minItems: 1, maxItems: 32, uniqueItems: true, items: name };
/** Every index is paid for by every write. */
export const keys = { type: "array", maxItems: 64, items: fieldNames };

export const value = {
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

export const rule = {
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

export const sharingModes = ["private", "read", "write"];
export const sharingParent = {
  type: "object",
  required: ["parent"],
  additionalProperties: false,
  properties: { parent: { ...name, description: "The reference field whose record decides." } },
};

const followers = {
  type: "object",
  maxProperties: mostValues + 1,
  additionalProperties: { type: "array", maxItems: mostValues + 1, uniqueItems: true, items: { type: "string" } },
};

/** By picklist and value the values that may follow. */
export const states = { type: "object", minProperties: 1, propertyNames: name, additionalProperties: followers };

export const chosen = {
  type: "array",
  maxItems: mostValues,
  uniqueItems: true,
  items: { type: "string", minLength: 1 },
};

/** As many as people can choose from; each adds to what is evaluated on every write. */
export const mostRecordTypes = 50;

export const recordType = {
  type: "object",
  additionalProperties: false,
  patternProperties: { "^x-": {} },
  properties: {
    title: { ...label, description: "What people see, in English; the name when left out." },
    titles: byLocale(label),
    description: prose,
    default: { ...flag, description: "What a new record is that does not say; else it is the first type." },
    active: { ...flag, description: "false retires the type: records keep it, new ones are refused." },
    required: { type: "array", uniqueItems: true, items: name, description: "Fields that its records must have." },
    picklists: {
      type: "object",
      propertyNames: name,
      additionalProperties: chosen,
      description: "By picklist the values that its records may have.",
    },
    states: { ...states, description: "As `states` of the object, in its place for the same picklist." },
  },
};

/** Fields per object; PostgreSQL allows 1,600 columns, and a dropped one still counts until the table is rewritten. */
export const mostFields = 500;
/** Targets of an object's references to several objects, all together: each is a column and an index, which every write keeps. */
export const mostBranches = 100;
/** Each is evaluated on every write, as is what the other keywords that refuse records come to: they count together. */
export const mostRules = 200;
