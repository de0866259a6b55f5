import { render } from "@guanxi/base";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffSnapshots, type ObjectType } from "../src/index.ts";
import { brief, issuesOf, now, objectOf, snapshotOf, user } from "./build.ts";

type Values = Record<string, unknown>;
const me = { id: "0198a3f0-1111-7000-8000-000000000001", name: "Ann", region: "north" };
const context = { now, user: me };

/** `path code` of what refuses a new record. */
const refusesNew = (object: ObjectType, record: Values): string[] => brief(object.brokenRules(record, null, context));
const refuses = (object: ObjectType, old: Values, patch: Values): string[] =>
  brief(object.brokenRules({ ...old, ...patch }, { id: me.id, ...old }, context));
const faults = (properties: Values, more: Values = {}) => {
  const issues = issuesOf(() => objectOf(properties, more));
  return issues.map(({ path, code, position }) =>
    [path, code, ...(position === undefined ? [] : [position])].join(" "),
  );
};

describe("requiredWhen", () => {
  const object = objectOf({
    status: { enum: ["open", "sold"] },
    seller: { type: "string", requiredWhen: "status == 'sold' || changed(price) && price > 5" },
    price: { type: "integer" },
  });

  test("asks for the value while it holds, at every write", () => {
    expect(refusesNew(object, { status: "sold" })).toEqual(["/seller required"]);
    expect(refusesNew(object, { status: "sold", seller: "" })).toEqual([]);
    expect(refusesNew(object, { status: "open" })).toEqual([]);
    expect(refusesNew(object, {})).toEqual([]);
    expect(refuses(object, { status: "sold", seller: "x" }, { seller: null })).toEqual(["/seller required"]);
    expect(refuses(object, { status: "sold", seller: null }, { price: 1 })).toEqual(["/seller required"]);
    expect(refuses(object, { status: "open", price: 6 }, { price: 7 })).toEqual(["/seller required"]);
    expect(refuses(object, { status: "open", price: 6 }, { status: null })).toEqual([]);
  });

  test("says when, in the reader's language", () => {
    const [issue] = object.brokenRules({ status: "sold" }, null, context);
    const told = (locale: "en" | "zh-CN") => render(issue?.text ?? { en: "" }, locale, issue?.params);
    expect(told("en")).toBe("is required when status == 'sold' || changed(price) && price > 5");
    expect(told("zh-CN")).toBe("当 status == 'sold' || changed(price) && price > 5 时必填");
  });
});

describe("readonlyWhen", () => {
  const object = objectOf({
    status: { enum: ["open", "sold"] },
    price: { type: "integer", readonlyWhen: "status == 'sold'" },
    facts: { type: "object", readonlyWhen: "true" },
    region: { type: "string", readonlyWhen: "region != user.region" },
  });

  test("locks by the record as it was", () => {
    expect(refuses(object, { status: "sold", price: 1 }, { price: 2 })).toEqual(["/price read_only"]);
    expect(refuses(object, { status: "sold", price: 1 }, { price: 2, status: "open" })).toEqual(["/price read_only"]);
    expect(refuses(object, { status: "open", price: 1 }, { price: 2, status: "sold" })).toEqual([]);
    expect(refuses(object, { price: 1 }, { price: 2 })).toEqual([]);
  });

  test("leaves alone what stays, other fields and new records", () => {
    expect(refuses(object, { status: "sold", price: 1 }, { price: 1, status: "open" })).toEqual([]);
    expect(refusesNew(object, { status: "sold", price: 1, facts: { a: 1 }, region: "south" })).toEqual([]);
    expect(refuses(object, { facts: { a: [1] } }, { facts: { a: [1] } })).toEqual([]);
  });

  test("takes any type, null, and the actor", () => {
    expect(refuses(object, { facts: { a: [1] } }, { facts: { a: [2] } })).toEqual(["/facts read_only"]);
    expect(refuses(object, { facts: {} }, { facts: null })).toEqual(["/facts read_only"]);
    expect(refuses(object, { region: "north" }, { region: "south" })).toEqual([]);
    expect(refuses(object, { region: "south" }, { region: "north" })).toEqual(["/region read_only"]);
  });
});

describe("states", () => {
  const values = [{ value: "draft" }, { value: "listed" }, { value: "old", active: false }, { value: "sold" }];
  const status = { fieldType: "picklist", values };
  const strict = objectOf(
    { status },
    { states: { status: { "": ["draft"], draft: ["listed", "old"], listed: ["sold", "draft", ""], old: ["draft"] } } },
  );
  const open = objectOf({ status }, { states: { status: { draft: ["listed"] } } });

  test.each([
    [null, "draft", []],
    [null, "listed", ["/status state"]],
    [null, null, []],
    ["draft", "listed", []],
    ["draft", "draft", []],
    ["draft", "sold", ["/status state"]],
    ["draft", null, ["/status state"]],
    ["listed", null, []],
    ["old", "draft", []],
    ["sold", "draft", ["/status state"]],
    ["sold", "sold", []],
    ["gone", "draft", ["/status state"]],
  ])("%s to %s", (from, to, issues) => {
    expect(refuses(strict, { status: from }, { status: to })).toEqual(issues);
    if (from === null) expect(refusesNew(strict, { status: to })).toEqual(issues);
  });

  test("without a word on new records they begin with any", () => {
    expect(refusesNew(open, { status: "sold" })).toEqual([]);
    expect(refuses(open, { status: null }, { status: "sold" })).toEqual([]);
    expect(refuses(open, { status: "sold" }, { status: "draft" })).toEqual(["/status state"]);
  });

  const told = (from: string | null, to: string | null): string => {
    const [issue] = strict.brokenRules({ status: to }, { id: me.id, status: from }, context);
    return JSON.stringify([issue?.params, issue?.text?.["zh-TW"]]);
  };
  test("name where from, where to and what is possible", () => {
    expect(told("draft", "sold")).toBe(JSON.stringify([{ from: "draft", to: "sold", values: "listed" }, null]));
    expect(told("listed", "old")).toBe(
      JSON.stringify([{ from: "listed", to: "old", values: "sold, draft, null" }, null]),
    );
    expect(told("draft", null)).toBe(JSON.stringify([{ from: "draft", to: "null", values: "listed" }, null]));
    expect(told("sold", "draft")).toContain("{from} 之後不能再變更");
    expect(told(null, "sold")).toContain("初始值可選");
  });

  test("take values that are called like what JavaScript's objects have", () => {
    const odd = objectOf(
      { s: { enum: ["constructor", "__proto__"] } },
      { states: { s: { constructor: ["__proto__"] } } },
    );
    expect(refuses(odd, { s: "constructor" }, { s: "__proto__" })).toEqual([]);
    expect(refuses(odd, { s: "__proto__" }, { s: "constructor" })).toEqual(["/s state"]);
  });

  test("of a thousand values compile and decide", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `value number ${i}`);
    const next = Object.fromEntries(many.map((v, i) => [v, [many[(i + 1) % 1000] ?? ""]]));
    const ring = objectOf({ s: { enum: many } }, { states: { s: next } });
    expect(refuses(ring, { s: many[998] }, { s: many[999] })).toEqual([]);
    expect(refuses(ring, { s: many[999] }, { s: many[998] })).toEqual(["/s state"]);
  });
});

describe("dependsOn", () => {
  const object = objectOf({
    country: { enum: ["CN", "TW", "FR"] },
    city: {
      enum: ["beijing", "taipei", "other", "nowhere"],
      dependsOn: { field: "country", values: { CN: ["beijing", "other"], TW: ["taipei", "other"] } },
    },
    garden: { type: "boolean" },
    plants: {
      type: "array",
      items: { enum: ["rose", "tree", "cactus"] },
      dependsOn: { field: "garden", values: { true: ["rose", "tree", "cactus"], false: ["cactus"] } },
    },
    name: { type: "string" },
  });

  test.each([
    [{ country: "CN", city: "beijing" }, []],
    [{ country: "TW", city: "other" }, []],
    [{ country: "TW", city: "beijing" }, ["/city depends"]],
    [{ country: "FR", city: "other" }, ["/city depends"]],
    [{ country: "CN", city: "nowhere" }, ["/city depends"]],
    [{ city: "beijing" }, ["/city depends"]],
    [{ country: "FR" }, []],
    [{ garden: true, plants: ["rose", "cactus"] }, []],
    [{ garden: false, plants: ["cactus"] }, []],
    [{ garden: false, plants: ["rose", "cactus"] }, ["/plants depends"]],
    [{ plants: ["cactus"] }, ["/plants depends"]],
    [{ plants: [] }, []],
  ])("a new record %j", (record, issues) => {
    expect(refusesNew(object, record)).toEqual(issues);
    expect(refuses(object, {}, record)).toEqual(issues);
  });

  test("is asked when either changes, and at the field that depends", () => {
    expect(refuses(object, { country: "CN", city: "beijing" }, { country: "TW" })).toEqual(["/city depends"]);
    expect(refuses(object, { country: "CN", city: "beijing" }, { country: null })).toEqual(["/city depends"]);
    expect(refuses(object, { country: "CN", city: "beijing" }, { country: "TW", city: "taipei" })).toEqual([]);
    expect(refuses(object, { country: "TW", city: "beijing" }, { name: "stays as it is" })).toEqual([]);
  });

  test("says what goes with what", () => {
    const params = (record: Values) => object.brokenRules(record, null, context).map((i) => [i.params, i.text?.en]);
    expect(params({ country: "TW", city: "beijing" })).toEqual([
      [{ field: "country", by: "TW", values: "taipei, other" }, undefined],
    ]);
    expect(params({ city: "other" })).toEqual([
      [{ field: "country", by: "null", values: "" }, "must be empty while {field} is {by}"],
    ]);
  });
});

describe("record types", () => {
  const definition = {
    status: { enum: ["draft", "listed", "sold"], default: "draft" },
    features: { type: "array", items: { enum: ["pool", "road"] } },
    address: { type: "string" },
  };
  const more = {
    states: { status: { draft: ["listed"], listed: ["sold"], sold: [] } },
    recordTypes: {
      land: { titles: { "zh-CN": "土地" }, picklists: { features: ["road"], status: ["draft", "sold"] } },
      home: { title: "Home", default: true, required: ["address"] },
      farm: { states: { status: { sold: ["draft"] } }, required: ["address"] },
      tent: { active: false },
    },
    indexes: [["record_type", "status"]],
    rules: [{ name: "r", when: "record_type == 'tent'", at: "record_type", message: "No" }],
  };
  const object = objectOf(definition, more);

  test("are a picklist that the system has", () => {
    expect(object.fields.get("record_type")).toMatchObject({
      id: -9,
      type: "picklist",
      system: true,
      required: true,
      readOnly: false,
      default: "home",
      column: { sqlType: "text", notNull: true },
      schema: { type: "string", enum: ["land", "home", "farm"] },
      title: { en: "Record type", "zh-CN": "记录类型", "zh-TW": "記錄類型" },
      values: [
        { value: "land", title: { en: "Land", "zh-CN": "土地" }, active: true },
        { value: "home", title: { en: "Home" } },
        { value: "farm", title: { en: "Farm" } },
        { value: "tent", active: false },
      ],
    });
    expect(objectOf(definition).fields.has("record_type")).toBe(false);
    expect(
      objectOf({}, { recordTypes: { a: { active: false }, b: {}, c: {} } }).fields.get("record_type")?.default,
    ).toBe("b");
  });

  test("are the default of a new record, and one of the active ones", () => {
    expect(object.prepareCreate({}, { now }).value).toMatchObject({ record_type: "home", status: "draft" });
    expect(object.prepareCreate({ record_type: "land" }, { now }).value).toMatchObject({ record_type: "land" });
    const wrong = (value: Values) => brief(object.prepareCreate(value, { now }).issues);
    expect([{ record_type: "tent" }, { record_type: null }, { record_type: "x" }].map(wrong)).toEqual([
      ["/record_type enum"],
      ["/record_type required"],
      ["/record_type enum"],
    ]);
    expect(brief(object.preparePatch({ record_type: null }).issues)).toEqual(["/record_type required"]);
  });

  test("ask for fields and values of their own", () => {
    expect(refusesNew(object, { record_type: "home" })).toEqual(["/address required"]);
    expect(refusesNew(object, { record_type: "land" })).toEqual([]);
    expect(refusesNew(object, { record_type: "land", status: "listed", features: ["pool", "road"] })).toEqual([
      "/features enum",
      "/status enum",
    ]);
    expect(refusesNew(object, { record_type: "home", address: "a", status: "listed", features: ["pool"] })).toEqual([]);
    const [issue] = object.brokenRules({ record_type: "land", features: ["pool"] }, null, context);
    expect(issue?.params).toEqual({ values: "road" });
    expect(refuses(object, { record_type: "home", status: "listed" }, { record_type: "land" })).toEqual([
      "/status enum",
    ]);
    expect(refuses(object, { record_type: "land", status: "listed" }, { address: "b" })).toEqual([]);
    expect(refuses(object, { record_type: "farm", address: "b" }, { address: null })).toEqual(["/address required"]);
  });

  test("may have states in place of the object's", () => {
    const old = { record_type: "farm", address: "a", status: "sold" };
    expect(refuses(object, old, { status: "draft" })).toEqual([]);
    expect(refuses(object, { ...old, record_type: "home" }, { status: "draft" })).toEqual(["/status state"]);
    expect(refuses(object, { ...old, status: "draft" }, { status: "listed" })).toEqual(["/status state"]);
    expect(refuses(object, { ...old, record_type: "home" }, { record_type: "farm", status: "draft" })).toEqual([]);
  });

  test("come and go as a column", () => {
    const thing = (extra: Values) => snapshotOf(user, { name: "thing", properties: definition, ...extra });
    const { recordTypes } = more;
    const kinds = (before: Values, after: Values) =>
      diffSnapshots(thing(before), thing(after)).map((c) => `${c.kind} ${"field" in c ? c.field.name : ""}`);
    expect(kinds({}, { recordTypes })).toEqual(["add_field record_type"]);
    expect(kinds({ recordTypes }, {})).toEqual(["drop_field record_type"]);
    expect(kinds({ recordTypes }, { recordTypes: { land: {} } })).toEqual([]);
  });
});

describe("defaultFormula", () => {
  const object = objectOf(
    {
      label: { type: "string", maxLength: 12, defaultFormula: "upper(name) + ' ' + user.region" },
      fee: { fieldType: "currency", defaultFormula: "price * rate" },
      rate: { type: "number", default: 0.03 },
      price: { fieldType: "currency" },
      total: { fieldType: "number", precision: 30, scale: 4, defaultFormula: "price + fee" },
      name: { type: "string", defaultFormula: "'thing'" },
      due: { fieldType: "date", defaultFormula: "add_days(today, 7)" },
      agent: { fieldType: "reference", target: "user", defaultFormula: "owner" },
      seen: { fieldType: "datetime", defaultFormula: "now" },
      tags: { type: "array", items: { enum: ["a", "b"] }, defaultFormula: "['b', 'a']" },
      third: { type: "number", defaultFormula: "price / 3" },
      count: { type: "integer", defaultFormula: "round(price)" },
    },
    { required: ["count"] },
  );
  const made = (value: Values) => object.prepareCreate(value, context);

  test("is computed in the order of what it uses, in canonical form", () => {
    const { value, issues } = made({ price: 100, name: "x" });
    expect(issues).toEqual([{ path: "/third", code: "precision", params: { precision: 15, scale: 15 } }]);
    expect(value).toMatchObject({
      label: "X north",
      fee: 3,
      total: "103.0000",
      due: "2026-02-08",
      agent: me.id,
      seen: "2026-01-31T16:30:00.25Z",
      tags: ["a", "b"],
      count: 100,
    });
  });

  test("gives way to what is sent, null too, and to nothing", () => {
    expect(made({ price: 30, fee: 1, due: null, third: 1 })).toMatchObject({
      value: { fee: 1, total: "31.0000", due: null, label: "THING north" },
      issues: [],
    });
    const none = made({});
    expect(brief(none.issues)).toEqual(["/count required"]);
    expect(Object.keys(none.value)).not.toContain("fee");
    expect(object.preparePatch({ price: 5 }).value).toEqual({ price: 5 });
  });

  test("that the field would not take is told as if it had been sent", () => {
    expect(brief(made({ price: 33.33, third: 1 }).issues)).toEqual(["/fee precision"]);
    expect(brief(made({ name: "a name that is long", count: 1 }).issues)).toEqual(["/label maxLength"]);
  });

  test("is left alone where what it uses is wrong", () => {
    expect(brief(made({ price: "many", name: 1 }).issues)).toEqual(["/name type", "/price type"]);
  });

  test("of amounts is in their currency, and in none where they differ", () => {
    const deal = objectOf(
      {
        price: { fieldType: "currency", readonlyWhen: "closed" },
        extra: { fieldType: "currency" },
        fee: { fieldType: "currency", defaultFormula: "price * 0.5" },
        total: { fieldType: "currency", defaultFormula: "price + extra + fee", readOnly: true },
        ratio: { type: "number", defaultFormula: "price / 4" },
        closed: { type: "boolean" },
      },
      { multiCurrency: true },
    );
    const dollars = deal.prepareCreate({ price: 8, price_currency: "USD", extra: 1, extra_currency: "USD" }, context);
    expect(dollars).toMatchObject({
      value: { fee: 4, fee_currency: "USD", total: 13, total_currency: "USD", ratio: 2 },
      issues: [],
    });
    const mixed = deal.prepareCreate({ price: 8, price_currency: "USD", extra: 1 }, context).value;
    expect(mixed).toMatchObject({ fee: 4, extra_currency: "CNY" });
    expect(mixed).not.toHaveProperty("total");
    expect(deal.prepareCreate({ price: 8, fee_currency: "EUR" }, context).value).not.toHaveProperty("fee");
    expect(brief(deal.preparePatch({ total_currency: "EUR" }).issues)).toEqual(["/total_currency read_only"]);
    const old = { closed: true, price: 8, price_currency: "USD" };
    expect(refuses(deal, old, { price_currency: "EUR" })).toEqual(["/price read_only"]);
    expect(refuses(deal, old, { fee_currency: "EUR" })).toEqual([]);
  });

  test("with readOnly is computed once, and never written", () => {
    const once = objectOf({
      code: { type: "string", readOnly: true, defaultFormula: "name + '!'" },
      kind: { type: "string", readOnly: true, default: "k" },
      name: { type: "string" },
    });
    expect(once.prepareCreate({ name: "a" }, context)).toEqual({
      value: { name: "a", code: "a!", kind: "k" },
      issues: [],
    });
    expect(brief(once.prepareCreate({ code: "x", kind: "y" }, context).issues)).toEqual([
      "/code read_only",
      "/kind read_only",
    ]);
    expect(brief(once.preparePatch({ code: "x" }).issues)).toEqual(["/code read_only"]);
  });

  test("fills a field that is called like what JavaScript's objects have", () => {
    const odd = objectOf({ constructor: { type: "string", defaultFormula: "'a'" } });
    expect(odd.prepareCreate({}, context).value).toEqual({ constructor: "a" });
  });
});

describe("a definition is refused", () => {
  const n = { type: "integer" };
  test.each<[what: string, properties: Values, ...faults: string[]]>([
    ["an unknown field", { a: { ...n, requiredWhen: "b == 1" } }, "/properties/a/requiredWhen expression 0"],
    ["what is no condition", { a: { ...n, readonlyWhen: "a" } }, "/properties/a/readonlyWhen expression 0"],
    [
      "old where there is only the old",
      { a: { ...n, readonlyWhen: "1 == 1 && old.a == 1" } },
      "/properties/a/readonlyWhen expression 10",
    ],
    ["changed() there", { a: { ...n, readonlyWhen: "changed(a)" } }, "/properties/a/readonlyWhen expression 0"],
    ["old of a new record", { a: { ...n, defaultFormula: "old.a" } }, "/properties/a/defaultFormula expression 0"],
    ["a text for a number", { a: { ...n, defaultFormula: "'1'" } }, "/properties/a/defaultFormula expression 0"],
    [
      "a decimal for an integer",
      { a: { ...n, defaultFormula: "b * 1.5" }, b: n },
      "/properties/a/defaultFormula expression 0",
    ],
    [
      "an id that is not yet known",
      { a: { type: "string", defaultFormula: "'x' + c" }, c: { fieldType: "autonumber", pattern: "{0}" } },
      "/properties/a/defaultFormula definition",
    ],
    [
      "a reference to something else",
      { a: { fieldType: "reference", target: "thing", defaultFormula: "user" } },
      "/properties/a/defaultFormula definition",
    ],
    [
      "an encrypted text that would be shown",
      { a: { type: "object", defaultFormula: "s" }, s: { fieldType: "encrypted_text" } },
      "/properties/a/defaultFormula definition",
    ],
    [
      "a write-only document that would be shown",
      { a: { type: "object", defaultFormula: "s" }, s: { type: "object", writeOnly: true } },
      "/properties/a/defaultFormula definition",
    ],
    [
      "a write-only text as text",
      { a: { type: "string", defaultFormula: "s + 'x'" }, s: { type: "string", writeOnly: true } },
      "/properties/a/defaultFormula expression 4",
    ],
    [
      "a computed secret",
      { s: { fieldType: "encrypted_text", defaultFormula: "a" }, a: { type: "object" } },
      "/properties/s/defaultFormula definition",
    ],
    [
      "an expression that breaks out",
      { a: { ...n, requiredWhen: "a == 1) || (true" } },
      "/properties/a/requiredWhen expression 6",
    ],
  ])("%s", (_what, properties, ...expected) => {
    expect(faults(properties)).toEqual(expected);
  });

  test("with defaults in a circle, naming it", () => {
    const circle = {
      a: { ...n, defaultFormula: "b + 1" },
      b: { ...n, defaultFormula: "c" },
      c: { ...n, defaultFormula: "b" },
    };
    const [issue, ...others] = issuesOf(() => objectOf(circle));
    expect(others).toEqual([]);
    expect([issue?.path, issue?.text?.en]).toEqual(["/properties/b/defaultFormula", "goes in a circle: b → c → b"]);
    expect(faults({ a: { ...n, defaultFormula: "coalesce(a, 1)" } })).toEqual([
      "/properties/a/defaultFormula definition",
    ]);
  });

  test("with more conditions than a write is held to, whichever keyword they come from", () => {
    const rules = Array.from({ length: 199 }, (_, i) => ({ name: `r${i}`, when: "a == 1", message: "No" }));
    const two = { a: { ...n, requiredWhen: "true", readonlyWhen: "true" } };
    expect(faults({ a: { ...n, requiredWhen: "true" } }, { rules })).toEqual([]);
    expect(faults(two, { rules })).toEqual([" definition"]);
  });
});

test("states refuse exactly the steps that are not listed", () => {
  const value = fc.constantFrom<string[]>("", "a", "b", "c");
  const states = fc.dictionary(value, fc.uniqueArray(value));
  fc.assert(
    fc.property(states, (followers) => {
      const object = objectOf({ s: { enum: ["a", "b", "c"] } }, { states: { s: { ...followers } } });
      const all = ["", "a", "b", "c"];
      for (const from of all)
        for (const to of all) {
          const listed = followers[from]?.includes(to) ?? from === "";
          const [old, next] = [{ s: from || null }, { s: to || null }];
          expect([from, to, refuses(object, old, next)]).toEqual([from, to, from === to || listed ? [] : ["/s state"]]);
        }
    }),
    { numRuns: 60 },
  );
});
