import type { FieldTypeName } from "../src/index.ts";

/** What the contract suite tries on a field type. A type without samples does not compile. */
export interface Samples {
  /** The shortest definition that says this type by name. */
  readonly definition: Record<string, unknown>;
  /** The objects that it leads to, where it is kept as a column for each. */
  readonly several?: readonly string[];
  /** JSON Schemas that mean it without its name. */
  readonly inferred?: readonly Record<string, unknown>[];
  /** Other fields that the definition speaks of. */
  readonly beside?: Readonly<Record<string, unknown>>;
  readonly sqlType: string;
  /** In expressions; what goes with `sqlType` when left out. */
  readonly exprKind?: string;
  /** What is sent, and the canonical form where it differs. */
  readonly valid: readonly (readonly [sent: unknown, canonical?: unknown])[];
  /** What is sent, with `path code` of each issue, the path from the value on. */
  readonly invalid: readonly (readonly [sent: unknown, ...issues: string[]])[];
  /** Definitions with limits, a value each, and the issues. */
  readonly limits?: readonly (readonly [definition: Record<string, unknown>, sent: unknown, ...issues: string[]])[];
}

const id = "0198a3f0-1111-7000-8000-000000000001";
const other = "0198a3f0-1111-7000-8000-000000000002";
const loneSurrogate = "\ud800";

export const samples: Readonly<Record<FieldTypeName, Samples>> = {
  text: {
    definition: { fieldType: "text" },
    inferred: [
      { type: "string" },
      { type: "string", maxLength: 1000 },
      { type: ["string", "null"] },
      { type: "string", format: "hostname" },
    ],
    sqlType: "text",
    valid: [[""], ["  kept as is "], ["中文 😀"], ["a\nb"]],
    invalid: [
      [1, " type"],
      [["a"], " type"],
      ["a\0b", " characters"],
      [loneSurrogate, " characters"],
    ],
    limits: [
      [{ maxLength: 2 }, "😀😀"],
      [{ maxLength: 2 }, "😀😀😀", " maxLength"],
      [{ minLength: 2 }, "😀", " minLength"],
      [{ minLength: 3, pattern: "^b" }, "a", " minLength", " pattern"],
      [{ pattern: "^[A-Z]{2}\\d{3}$" }, "AB123"],
      [{ pattern: "^\\S+$" }, "a\u00a0b", " pattern"],
      [{ pattern: "^\\p{Script=Han}+$" }, "中文"],
      [{ format: "ipv4" }, "256.1.1.1", " format"],
      [{ const: "x" }, "y", " const"],
    ],
  },
  long_text: {
    definition: { fieldType: "long_text" },
    inferred: [{ type: "string", maxLength: 1001 }],
    sqlType: "text",
    valid: [["x".repeat(5000)]],
    invalid: [
      [false, " type"],
      ["\0", " characters"],
    ],
    limits: [[{ maxLength: 3 }, "abcd", " maxLength"]],
  },
  rich_text: {
    definition: { fieldType: "rich_text" },
    sqlType: "text",
    valid: [
      ["<p>Dear <b>Ann</b>,<br />A &amp; B &lt; C</p>"],
      ["a < b & c", "a &lt; b &amp; c"],
      ["<P onclick='x()'>a<BR>b</P><script>x()</script>", "<p>a<br />b</p>"],
      ["<font color=red>red</font>", "red"],
      ['<a href=" https://a.example/?x=1&y ">a</a>', '<a href="https://a.example/?x=1&amp;y">a</a>'],
      ["<script>x</script>", ""],
    ],
    invalid: [
      [1, " type"],
      [["<p>"], " type"],
      ["a\0b", " characters"],
      ["x".repeat(500_001), " maxLength"],
    ],
    limits: [
      [{ maxLength: 8 }, "<b>a</b><i></i>", " maxLength"],
      [{ maxLength: 8 }, "<b>a</b>"],
      [{ minLength: 1 }, "<script>x</script>", " minLength"],
    ],
  },
  email: {
    definition: { fieldType: "email" },
    inferred: [{ type: "string", format: "email" }],
    sqlType: "text",
    valid: [["a@b.example"], [" Ann.Lee@Example.COM ", "Ann.Lee@example.com"], ["张三@例子.中国"], ["a@localhost"]],
    invalid: [
      ["a", " format"],
      ["a@", " format"],
      ["a@b@c.example", " format"],
      [".a@b.example", " format"],
      ["a..b@c.example", " format"],
      ["a b@c.example", " format"],
      ["a@-b.example", " format"],
      [`${"a".repeat(260)}@b.example`, " maxLength"],
      [7, " type"],
    ],
    limits: [
      [{ pattern: "@b\\.example$" }, "a@B.EXAMPLE"],
      [{ maxLength: 5 }, "a@bcd.example", " maxLength"],
    ],
  },
  phone: {
    definition: { fieldType: "phone" },
    sqlType: "text",
    valid: [
      ["+8613812345678"],
      ["138 1234 5678", "+8613812345678"],
      ["(010) 6552 9988", "+861065529988"],
      ["+1 (650) 253-0000", "+16502530000"],
    ],
    invalid: [
      ["abc", " format"],
      ["12", " format"],
      ["+1 650 253 0000 ext. 12", " format"],
      ["call 138 1234 5678", " format"],
      [13812345678, " type"],
    ],
  },
  currency_code: {
    definition: { fieldType: "currency_code" },
    sqlType: "text",
    valid: [["CNY"], [" usd", "USD"]],
    invalid: [
      ["", " format"],
      ["RBM", " format"],
      ["元", " format"],
      ["US$", " format"],
      ["CNYCNY", " format"],
      [156, " type"],
    ],
  },
  url: {
    definition: { fieldType: "url" },
    inferred: [{ type: "string", format: "uri" }],
    sqlType: "text",
    valid: [
      ["https://例子.中国/路径?q=1"],
      ["mailto:a@b.example"],
      ["tel:+861065529988"],
      [" http://a.example ", "http://a.example"],
    ],
    invalid: [
      ["javascript:alert(1)", " format"],
      ["//a.example", " format"],
      ["a", " format"],
      ["http://a.example/\nb", " format"],
      [1, " type"],
    ],
    limits: [[{ pattern: "^https:" }, "http://a.example", " pattern"]],
  },
  uuid: {
    definition: { fieldType: "uuid" },
    inferred: [{ type: "string", format: "uuid" }],
    sqlType: "uuid",
    valid: [[id], [id.toUpperCase(), id]],
    invalid: [
      ["x", " format"],
      [`{${id}}`, " format"],
      [1, " type"],
    ],
  },
  picklist: {
    definition: { fieldType: "picklist", values: [{ value: "won" }, { value: "lost", active: false }] },
    inferred: [
      { enum: ["a", "b"] },
      { type: "string", enum: ["a"] },
      { enum: ["a", null] },
      { values: [{ value: "a" }] },
    ],
    sqlType: "text",
    valid: [["won"]],
    invalid: [
      ["lost", " enum"],
      ["Won", " enum"],
      [["won"], " enum", " type"],
      [1, " enum", " type"],
    ],
  },
  multi_picklist: {
    definition: { fieldType: "multi_picklist", items: { enum: ["garden", "pool", "sea"] } },
    inferred: [
      { type: "array", items: { enum: ["a"] } },
      { type: "array", items: { type: "string", enum: ["a"] }, uniqueItems: true },
    ],
    sqlType: "text[]",
    valid: [
      [[]],
      [
        ["sea", "garden"],
        ["garden", "sea"],
      ],
    ],
    invalid: [
      ["garden", " type"],
      [["garden", "attic"], "/1 enum"],
      [["pool", "pool"], " uniqueItems"],
      [["pool", 1], "/1 enum", "/1 type"],
      [["a\0"], "/0 characters"],
    ],
    limits: [
      [{ minItems: 2 }, ["pool"], " minItems"],
      [{ maxItems: 1 }, ["pool", "sea"], " maxItems"],
    ],
  },
  checkbox: {
    definition: { fieldType: "checkbox" },
    inferred: [{ type: "boolean" }],
    sqlType: "boolean",
    valid: [[true], [false]],
    invalid: [
      ["true", " type"],
      [1, " type"],
    ],
    limits: [[{ const: true }, false, " const"]],
  },
  integer: {
    definition: { fieldType: "integer" },
    inferred: [{ type: "integer" }, { type: "integer", enum: [1, 2] }],
    sqlType: "bigint",
    valid: [[0], [-0, 0], [1.0], [2 ** 53 - 1], [-(2 ** 53 - 1)]],
    invalid: [
      [1.5, " type"],
      ["1", " type"],
      [2 ** 53, " maximum"],
      [-(2 ** 53), " minimum"],
      [1e300, " maximum"],
      [Infinity, " type"],
    ],
    limits: [
      [{ minimum: 3 }, 2, " minimum"],
      [{ exclusiveMaximum: 3 }, 3, " exclusiveMaximum"],
      [{ multipleOf: 3 }, 7, " multipleOf"],
      [{ enum: [1, 2] }, 3, " enum"],
    ],
  },
  number: {
    definition: { fieldType: "number" },
    inferred: [{ type: "number" }, { type: "number", minimum: 0 }],
    sqlType: "numeric",
    valid: [[0.1], [-0, 0], [123456789.012345], [1e-20], [1e29], [999999999999999]],
    invalid: [
      [0.1 + 0.2, " precision"],
      [1234567890123456, " precision"],
      [1e40, " precision"],
      [1e-40, " precision"],
      ["1", " type"],
      [Number.NaN, " type"],
    ],
    limits: [
      [{ scale: 2 }, 1.255, " precision"],
      [{ precision: 5, scale: 2 }, 999.99],
      [{ precision: 5, scale: 2 }, 1000, " precision"],
      [{ precision: 3 }, 0.001],
      [{ precision: 3 }, 1.001, " precision"],
      [{ multipleOf: 0.1 }, 0.3],
      [{ multipleOf: 0.01 }, 19.99],
      [{ multipleOf: 0.1 }, 0.35, " multipleOf"],
      [{ exclusiveMinimum: 0 }, 0, " exclusiveMinimum"],
      [{ maximum: 1 }, 1.5, " maximum"],
      [{ precision: 20, scale: 4 }, "1234567890123456.7891"],
      [{ precision: 20, scale: 4 }, 1, " type"],
      [{ precision: 20, scale: 4 }, "1e5", " format"],
      [{ precision: 20, scale: 4 }, "1.00001", " precision"],
      [{ precision: 20, scale: 4 }, "12345678901234567", " precision"],
      [{ precision: 20, scale: 4, maximum: 10 }, "10.0001", " maximum"],
      [{ precision: 20, scale: 4, multipleOf: 0.5 }, "10.2500", " multipleOf"],
    ],
  },
  percent: {
    definition: { fieldType: "percent" },
    sqlType: "numeric",
    valid: [[50], [0.5]],
    invalid: [["50%", " type"]],
    limits: [[{ maximum: 100 }, 100.5, " maximum"]],
  },
  currency: {
    definition: { fieldType: "currency" },
    sqlType: "numeric(15,2)",
    valid: [[0], [1234567890123.45], [19.9]],
    invalid: [
      [0.001, " precision"],
      [12345678901234, " precision"],
      ["1", " type"],
    ],
    limits: [
      [{ minimum: 0 }, -1.005, " minimum", " precision"],
      [{ scale: 0 }, 0.5, " precision"],
    ],
  },
  rating: {
    definition: { fieldType: "rating" },
    sqlType: "smallint",
    valid: [[1], [5], [3.0]],
    invalid: [
      [0, " minimum"],
      [6, " maximum"],
      [2.5, " type"],
      ["3", " type"],
      [Infinity, " type"],
    ],
    limits: [
      [{ minimum: 0 }, -0],
      [{ minimum: 0 }, -1, " minimum"],
      [{ maximum: 10 }, 10],
      [{ maximum: 3 }, 4, " maximum"],
    ],
  },
  date: {
    definition: { fieldType: "date" },
    inferred: [{ type: "string", format: "date" }],
    sqlType: "date",
    valid: [["2024-02-29"], ["0001-01-01"], ["9999-12-31"]],
    invalid: [
      ["2026-02-29", " format"],
      ["0000-01-01", " format"],
      ["2026-1-1", " format"],
      ["2026-01-01T00:00:00Z", " format"],
      [20260101, " type"],
    ],
  },
  datetime: {
    definition: { fieldType: "datetime" },
    inferred: [{ type: "string", format: "date-time" }],
    sqlType: "timestamptz",
    valid: [
      ["2026-01-31T01:30:00Z"],
      ["2026-01-31T09:30:00+08:00", "2026-01-31T01:30:00Z"],
      ["2026-01-31t01:30:00.120z", "2026-01-31T01:30:00.12Z"],
      ["2026-01-31T01:30:00.123456-00:00", "2026-01-31T01:30:00.123456Z"],
      ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"],
      ["0001-01-01T00:00:00Z"],
    ],
    invalid: [
      ["2026-01-31", " format"],
      ["2026-01-31T01:30:00", " format"],
      ["2026-02-30T01:30:00Z", " format"],
      ["2026-01-31T24:00:00Z", " format"],
      ["2026-01-31T12:00:60Z", " format"],
      ["2026-01-31T01:30:00.1234567Z", " format"],
      ["0001-01-01T00:00:00+08:00", " format"],
      ["9999-12-31T23:59:59-01:00", " format"],
      [1, " type"],
    ],
  },
  time: {
    definition: { fieldType: "time" },
    inferred: [{ type: "string", format: "time" }],
    sqlType: "time",
    valid: [["09:30:00"], ["09:30", "09:30:00"], ["23:59:59.500", "23:59:59.5"]],
    invalid: [
      ["24:00:00", " format"],
      ["9:30", " format"],
      ["09:30:00Z", " format"],
      [930, " type"],
    ],
  },
  encrypted_text: {
    definition: { fieldType: "encrypted_text" },
    sqlType: "text",
    exprKind: "json",
    valid: [["E12345678"], [""], ["多行\n文字 😀"]],
    invalid: [
      ["••••", " masked"],
      ["••••5678", " masked"],
      [7, " type"],
      ["x".repeat(1_001), " maxLength"],
      ["\0", " characters"],
    ],
    limits: [
      [{ minLength: 3 }, "ab", " minLength"],
      [{ pattern: "^[A-Z]\\d+$" }, "1A", " pattern"],
      [{ maxLength: 2_000 }, "x".repeat(1_001)],
    ],
  },
  duration: {
    definition: { fieldType: "duration" },
    sqlType: "interval",
    valid: [[0], [-0, 0], [5400], [-86400], [0.001], [315569520000], [-315569519999.999]],
    invalid: [
      [0.0001, " precision"],
      [315569520000.001, " maximum"],
      [-315569520001, " minimum"],
      [1e300, " maximum", " precision"],
      ["5400", " type"],
      ["1h30m", " type"],
      [Number.NaN, " type"],
    ],
    limits: [
      [{ minimum: 0 }, -1, " minimum"],
      [{ maximum: 3600 }, 3600],
      [{ maximum: 3600 }, 3600.5, " maximum"],
      [{ exclusiveMinimum: 0 }, 0, " exclusiveMinimum"],
      [{ multipleOf: 900 }, 1000, " multipleOf"],
      [{ multipleOf: 0.1 }, 0.3],
    ],
  },
  address: {
    definition: { fieldType: "address" },
    sqlType: "jsonb",
    exprKind: "parts",
    valid: [
      [
        {
          street: "天河路 385 号\n太古汇 2 座",
          district: "天河区",
          city: "广州市",
          state: "广东省",
          postal_code: "510620",
        },
      ],
      [
        { city: "Ghent", country: " be " },
        { city: "Ghent", country: "BE" },
      ],
      [{ city: null, country: null }],
      [{}],
    ],
    invalid: [
      ["Ghent", " type"],
      [["Ghent"], " type"],
      [{ country: "Belgium" }, "/country format"],
      [{ country: "ZZ" }, "/country format"],
      [{ country: 32 }, "/country type"],
      [{ city: 5, town: "Ghent" }, "/city type", "/town unknown"],
      [{ postal_code: "1".repeat(21), street: "x".repeat(501) }, "/postal_code maxLength", "/street maxLength"],
      [{ city: "a\0" }, "/city characters"],
    ],
  },
  geo: {
    definition: { fieldType: "geo" },
    sqlType: "jsonb",
    exprKind: "parts",
    valid: [
      [{ lat: 51.05434249999999, lng: 3.717424 }],
      [{ lat: -90, lng: 180 }],
      [
        { lat: -0, lng: -0 },
        { lat: 0, lng: 0 },
      ],
    ],
    invalid: [
      [{ lat: 90.000001, lng: -180.5 }, "/lat maximum", "/lng minimum"],
      [{ lat: 1 }, "/lng required"],
      [{ lat: null, lng: 1 }, "/lat type"],
      [{ lat: "1", lng: 1 }, "/lat type"],
      [{ lat: 1, lng: 1, alt: 1 }, "/alt unknown"],
      [[1, 2], " type"],
      ["1,2", " type"],
    ],
  },
  json: {
    definition: { fieldType: "json" },
    inferred: [
      { type: "object" },
      {},
      { type: "array" },
      { type: ["string", "integer"] },
      { type: "array", items: { type: "string" } },
    ],
    sqlType: "jsonb",
    valid: [[{ a: [1, null, "x"] }], ["text"], [0], [[]]],
    invalid: [
      [{ a: { "b/c": "\0" } }, "/a/b~1c characters"],
      [{ a: { [loneSurrogate]: 1 } }, "/a characters"],
      [{ a: [Infinity] }, "/a/0 type"],
      [JSON.parse("[".repeat(70) + "]".repeat(70)), `${"/0".repeat(64)} depth`],
    ],
    limits: [
      [
        { type: "object", properties: { a: { type: "integer" } }, required: ["a", "b"] },
        { a: "x" },
        "/a type",
        "/b required",
      ],
      [{ type: "object", additionalProperties: false }, { a: 1 }, "/a unknown"],
      [
        { type: "array", uniqueItems: true },
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        " uniqueItems",
      ],
      [{ type: "array", items: { type: "number", multipleOf: 0.1 } }, [0.3, 0.25], "/1 multipleOf"],
      [{ anyOf: [{ type: "string", minLength: 3 }, { type: "integer" }] }, "ab", " minLength"],
      [{ anyOf: [{ type: "string" }, { type: "integer" }] }, true, " type"],
      [{ oneOf: [{ type: "integer" }, { minimum: 2 }] }, 3, " schema"],
      [{ not: { type: "string" } }, "x", " schema"],
      [{ type: "object", dependentRequired: { a: ["b"] } }, { a: 1 }, "/b required"],
      [{ type: "object", propertyNames: { pattern: "^a" } }, { b: 1 }, "/b schema"],
      [{ if: { type: "string" }, then: { minLength: 2 } }, "x", " minLength"],
      [{ type: "array", prefixItems: [{ type: "string" }], items: false }, ["a", 1], " schema"],
      [{ type: "object", properties: { a: { enum: [] } } }, {}],
      [{ type: "object", properties: { a: { enum: [] } } }, { a: 1 }, "/a enum"],
      [{ allOf: [{ properties: { a: {} } }], unevaluatedProperties: false }, { a: 1, "b/c": 2 }, "/b~1c unknown"],
      [{ unevaluatedProperties: { properties: { n: { maximum: 5 } } } }, { a: { n: 5 }, b: { n: 6 } }, "/b/n maximum"],
      [{ type: "array", contains: { type: "string" }, unevaluatedItems: false }, ["a", 1, "b"], "/1 schema"],
      [
        { if: { required: ["a"], properties: { a: {} } }, unevaluatedProperties: { type: "string" } },
        { a: 1, b: 2 },
        "/b type",
      ],
    ],
  },
  autonumber: {
    definition: { fieldType: "autonumber", pattern: "P-{YYYY}-{00000}" },
    sqlType: "text",
    valid: [],
    invalid: [
      ["P-1", " read_only"],
      [null, " read_only"],
    ],
  },
  file: {
    definition: { fieldType: "file" },
    sqlType: "uuid",
    valid: [[id], [id.toUpperCase(), id]],
    invalid: [
      ["scan.pdf", " format"],
      [{ id }, " type"],
    ],
  },
  files: {
    definition: { fieldType: "files" },
    sqlType: "uuid[]",
    exprKind: "list",
    valid: [
      [[]],
      [[other, id]],
      [
        [other, id.toUpperCase(), other],
        [other, id],
      ],
    ],
    invalid: [
      [id, " type"],
      [[id, "scan.pdf"], "/1 format"],
      [[id, 5], "/1 type"],
      [[null], "/0 type"],
    ],
    limits: [
      [{ maxItems: 1 }, [id, id]],
      [{ maxItems: 1 }, [id, other], " maxItems"],
      [{ minItems: 1 }, [], " minItems"],
    ],
  },
  reference: {
    definition: { fieldType: "reference", target: "user" },
    sqlType: "uuid",
    valid: [[id], [id.toUpperCase(), id]],
    invalid: [
      ["me", " format"],
      [{ id }, " type"],
    ],
  },
  references: {
    definition: { fieldType: "references", target: "user" },
    sqlType: "uuid[]",
    exprKind: "list",
    valid: [
      [[]],
      [[id]],
      [
        [other, id.toUpperCase(), other],
        [id, other],
      ],
    ],
    invalid: [
      [id, " type"],
      [[id, "me"], "/1 format"],
      [[id, 5], "/1 type"],
      [[{ id }], "/0 type"],
      [[null], "/0 type"],
    ],
    limits: [
      [{ maxItems: 1 }, [id, id]],
      [{ maxItems: 1 }, [id, other], " maxItems"],
      [{ minItems: 1 }, [], " minItems"],
    ],
  },
  formula: {
    definition: { fieldType: "formula", returns: "currency", formula: "1.005" },
    sqlType: "numeric(15,2)",
    valid: [],
    invalid: [
      [1, " read_only"],
      [null, " read_only"],
    ],
  },
  rollup: {
    definition: { fieldType: "rollup", of: "thing.parent", op: "max", field: "created_at" },
    beside: { parent: { fieldType: "reference", target: "thing" } },
    sqlType: "timestamptz",
    valid: [],
    invalid: [
      ["2026-01-31T01:30:00Z", " read_only"],
      [null, " read_only"],
    ],
  },
};

/** Forms of a type whose values are others. */
export const forms: Readonly<Record<string, Samples>> = {
  reference: {
    definition: { fieldType: "reference", target: ["user", "thing"] },
    several: ["user", "thing"],
    sqlType: "uuid",
    valid: [
      [{ object: "user", id }],
      [
        { id: other.toUpperCase(), object: "thing" },
        { object: "thing", id: other },
      ],
    ],
    invalid: [
      [id, " type"],
      [[id], " type"],
      [{ object: "user" }, "/id required"],
      [{ id }, "/object required"],
      [{ object: "user", id: null }, "/id type"],
      [{ object: "user", id: "me" }, "/id format"],
      [{ object: "file", id }, "/object enum"],
      [{ object: null, id: "me" }, "/id format", "/object type", "/object enum"],
      [{ object: "user", id, user: id }, "/user unknown"],
    ],
  },
};
