// An object with a field of every type and with names and texts that generators stumble over.
import { fieldTypes } from "../../packages/meta/src/index.ts";

const values = [
  "a b",
  "a-b",
  "A",
  "a",
  "null",
  "true",
  "1",
  "",
  "汉字",
  "😀",
  '"',
  "\\",
  "$ref",
  "#/x",
  "{id}",
  "</script>",
];
const about = {
  title: 'A "title" */ `${1}` <b>',
  titles: { "zh-CN": "标题 */", "zh-TW": "標題" },
  description: "*/ \n# [x](y) {z}",
};

const byType = {
  text: { type: "string", minLength: 1, maxLength: 80, pattern: "^[^/*`$\\\\]+\\/?$", unique: true },
  long_text: { fieldType: "long_text" },
  rich_text: { fieldType: "rich_text", maxLength: 5000 },
  email: { type: "string", format: "email" },
  phone: { fieldType: "phone" },
  url: { type: "string", format: "uri" },
  uuid: { type: "string", format: "uuid" },
  picklist: { enum: values.filter((value) => value !== "") },
  multi_picklist: { type: "array", items: { enum: values.filter((value) => value !== "") }, maxItems: 3 },
  checkbox: { type: "boolean", default: false },
  integer: { type: "integer", minimum: -5, maximum: 5 },
  number: { fieldType: "number", precision: 30, scale: 10 },
  percent: { fieldType: "percent" },
  currency: { fieldType: "currency", exclusiveMinimum: 0 },
  rating: { fieldType: "rating", maximum: 10 },
  date: { type: "string", format: "date" },
  datetime: { type: "string", format: "date-time" },
  time: { fieldType: "time" },
  duration: { fieldType: "duration", minimum: 0 },
  address: { fieldType: "address" },
  geo: { fieldType: "geo" },
  json: { type: "object" },
  autonumber: { fieldType: "autonumber", pattern: "W-{YYYY}-{0000}" },
  reference: { fieldType: "reference", target: "user" },
  currency_code: { fieldType: "currency_code" },
  encrypted_text: { fieldType: "encrypted_text", mask: { last: 2 } },
  formula: { fieldType: "formula", returns: "number", formula: "a_rating * 1.5" },
  rollup: { fieldType: "rollup", of: "widget.above", op: "count" },
  references: { fieldType: "references", target: "user", maxItems: 20, relation: "wide_lists" },
  file: { fieldType: "file", maxSize: 1_000, accept: ["application/pdf", "image/*"] },
  files: { fieldType: "files", maxItems: 5, accept: ["image/*"] },
};

/** Forms of a type whose values are others. */
const forms = {
  reference_to_several: { fieldType: "reference", target: ["user", "position"], relation: "wide_several" },
};

/** Defaults, two of which are words and no values. */
const presets = {
  date: { default: "today" },
  datetime: { default: "now" },
  integer: { default: 1 },
  number: { default: "0.5" },
  picklist: { default: "</script>" },
};

const missing = Object.keys(fieldTypes).filter((type) => byType[type] === undefined);
if (missing.length > 0) throw new Error(`the wide object has no field of type ${missing.join(", ")}`);

/** Words of TypeScript, of JavaScript's objects and of JSON Schema. */
const nasty = [
  "class",
  "constructor",
  "proto",
  "to_string",
  "type",
  "properties",
  "ref",
  "data",
  "next",
  "string",
  "path",
];

const all = { ...byType, ...forms };
const typed = Object.entries(all).flatMap(([type, definition]) => [
  [`a_${type}`, { ...definition, ...about }],
  [
    `must_${type}`,
    { ...definition, ...about, ...(definition.target === undefined ? {} : { relation: `wide_ones_of_${type}` }) },
  ],
  ...(presets[type] === undefined ? [] : [[`by_default_${type}`, { ...definition, ...presets[type] }]]),
]);
const required = Object.keys(all)
  .filter((type) => !["autonumber", "checkbox", "formula", "rollup"].includes(type))
  .map((type) => `must_${type}`);

/** As wide as a real one gets: two of every type, nasty names, and a hundred plain fields. */
export const wideObject = {
  name: "widget",
  plural: "interfaces",
  ...about,
  type: "object",
  required,
  properties: {
    ...Object.fromEntries(typed),
    above: { fieldType: "reference", target: "widget", relation: "those_below" },
    ...Object.fromEntries(nasty.map((name) => [name, { type: "string", ...about }])),
    ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, { type: i % 2 ? "string" : "integer" }])),
    unread: { type: "string", writeOnly: true, ...about },
    personal: { type: "number", sensitive: true },
    passing: { type: "integer", history: false },
    examples: { type: "string", examples: ["a", "*/"], deprecated: true, $comment: "a comment" },
  },
};
