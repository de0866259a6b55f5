import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CheckedExpression, ExpressionError, type ExprScope, type Kind, checkExpression } from "@guanxi/expr";
import { MAX_DEPTH, MAX_LENGTH } from "../src/limits.ts";
import { filterScope, ownScope, property } from "./fields.ts";

function refusal(source: string, scope: ExprScope = ownScope, expected?: Kind): ExpressionError {
  try {
    checkExpression(source, scope, expected);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${source} was not refused`);
}

const accepted = (source: string, scope: ExprScope = ownScope, expected?: Kind): CheckedExpression =>
  checkExpression(source, scope, expected);

describe("what is refused, where and why", () => {
  test.each<[source: string, position: number, reason: RegExp]>([
    ["price >> 3", 7, /">" is not expected/],
    ["price > ", 8, /ends too early/],
    ["", 0, /ends too early/],
    ["price = 3", 6, /"=" is not expected/],
    ["(price > 3", 10, /ends too early/],
    ["price > 3 )", 10, /"\)" is not expected/],
    ["价格 > 3", 0, /"价" is not expected/],
    ["😀", 0, /"😀" is not expected/],
    ["name == 'x", 8, /closing quote/],
    ["name == 'a\nb'", 10, /several lines/],
    ["name == '\\q'", 9, /escape sequence/],
    ["name == '\\x00'", 8, /NUL/],
    ["name == '\ud800'", 8, /surrogate/],
    ["price > 1e+ + 2", 11, /number is not valid/],
    ["price > 5u", 8, /suffix/],
    ["price > 1e-9999", 8, /more than 2000 digits/],
    ["while > 1", 0, /"while" is a reserved word/],
    ["tags[0] == 'x'", 0, /x\[…\] is not supported/],
    ["{'a': 1}", 0, /\{…\} is not supported/],
    ["name == b'x'", 8, /b'…' is not supported/],

    ["colour == 'red'", 0, /there is no field "colour"$/],
    ["prise > 3", 0, /there is no field "prise" — did you mean "price"\?/],
    ["active && closed_date != null", 10, /"closed_date".*"close_date"/],
    ["old.colour == 'red'", 4, /there is no field "colour"/],
    ["user.nam == 'x'", 5, /"nam".*"name"/],
    ["account.title == 'x'", 8, /only own fields/],
    ["about.title == 'x'", 6, /no "title" here, only object, id, account, user$/],
    ["about.account.title == 'x'", 14, /only own fields/],
    ["about.object.x == 'x'", 13, /"object" is text, not a reference/],
    ["about.object == 'acount'", 16, /no "acount" here, only account, user$/],
    ["'lead' != old.about.object", 0, /no "lead" here, only account, user$/],
    ["about.object in ['user', 'lead']", 25, /no "lead" here/],
    ["about > about", 6, /> does not take reference to account or user/],
    ["name.length == 3", 5, /"name" is text, not a reference/],
    ["old == name", 0, /"old" needs a field/],
    ["round > 3", 0, /"round" is a function/],
    ["nonsense(3)", 0, /there is no function "nonsense"/],
    ["name.startWith('x')", 5, /"startWith".*"startsWith"/],
    ["created_at.year() == 2026", 11, /write year\(…\) as a function/],
    ["visits.exists(v, v.amount > 3)", 7, /related records are not supported here/],
    ["tags.all(t, t == 'x')", 5, /related records are not supported here/],
    ["tags.map(t, t)", 5, /map\(…\) is not supported$/],

    ["name > 3", 5, /> does not take text, int/],
    ["name + 3", 5, /\+ does not take text, int/],
    ["active > vip", 7, /> does not take bool, bool/],
    ["owner < agent", 6, /< does not take reference to user/],
    ["extra == 'x'", 6, /== does not take json, text/],
    ["extra.a == 1", 6, /"extra" is json, not a reference/],
    ["home == 'x'", 5, /== does not take value of city, zip, lat, text/],
    ["home == old.home", 5, /== does not take value of/],
    ["coalesce(home, null) == null", 0, /coalesce does not take/],
    ["home.town == 'x'", 5, /no field "town"/],
    ["home.citi == 'x'", 5, /"citi" — did you mean "city"/],
    ["home.city.x == 'x'", 10, /"city" is text, not a reference/],
    ["home.lat == 'x'", 9, /== does not take decimal, text/],
    ["home.constructor == 'x'", 5, /no field "constructor"/],
    ["qty && active", 4, /&& does not take int, bool/],
    ["!qty", 0, /! does not take int/],
    ["qty ? 1 : 2", 4, /\?: does not take int, int, int/],
    ["active ? 1 : 'x'", 7, /\?: does not take bool, int, text/],
    ["owner == name", 6, /== does not take reference to user, text/],
    ["close_date == name", 11, /== does not take date, text/],
    ["close_date > '2026-02-30'", 13, /"2026-02-30" is not a valid date/],
    ["close_date > '2026-01-01T00:00:00Z'", 13, /not a valid date/],
    ["created_at > '2026-01-01 00:00'", 13, /not a valid datetime/],
    ["opens > '24:01'", 8, /not a valid time/],
    ["sla > 'soon'", 6, /not a valid duration/],
    ["owner == 'me'", 9, /"me" is not a valid id/],
    ["date(name) == close_date", 0, /date does not take text/],
    ["name in city", 5, /in does not take text, text/],
    ["qty in ['a']", 4, /in does not take int, list of text/],
    ["name in ['a', 1]", 8, /a list holds values of one type, not text, int/],
    ["size(qty) > 1", 0, /size does not take int/],
    ["round(price, 1, 2)", 0, /round takes 1 \/ 2 arguments, not 3/],
    ["round(price, qty)", 13, /whole number from -15 to 20/],
    ["round(price, 21)", 13, /whole number from -15 to 20/],
    ["has(name + 'x')", 4, /has\(\) takes the name of a field/],
    ["has(name, city)", 0, /has takes 1 arguments, not 2/],
    ["changed(old.name)", 8, /changed\(\) takes the name of a field/],
    ["changed(old.home.city)", 8, /changed\(\) takes the name of a field/],
    ["changed(qty, stock)", 0, /changed takes 1 arguments/],
    ["is_new(qty)", 0, /is_new takes 0 arguments/],

    ["name.matches(city)", 13, /must be written out/],
    ["name.matches('(')", 13, /pattern is not valid/],
    ["name.matches('(?i)a')", 13, /do not support flags/],
    ["name.matches('\\\\bword')", 13, /do not support \\b/],
    ["name.matches('\\\\p{Han}')", 13, /do not support \\p/],
    ["name.matches('[[:alpha:]]')", 13, /do not support \[:name:\]/],
    ["name.matches('a{300}')", 13, /more than 255 repetitions/],
    ["name.matches('((a{20}){20}){20}')", 13, /pattern/],
  ])("%s", (source, position, reason) => {
    const error = refusal(source);
    expect({ position: error.position, reason: error.message }).toEqual({
      position,
      reason: expect.stringMatching(reason),
    });
    expect(Object.keys(error.text)).toEqual(["en", "zh-CN", "zh-TW"]);
  });

  test("names the scope lacks", () => {
    const alone: ExprScope = { record: property };
    expect(refusal("old.name == name", alone)).toMatchObject({ position: 0, message: '"old" is not known here' });
    expect(refusal("1 == 1 && is_new()", alone)).toMatchObject({ position: 10 });
    expect(refusal("changed(name)", alone)).toMatchObject({ position: 0 });
    expect(refusal("owner == user", alone)).toMatchObject({ position: 9, message: '"user" is not known here' });
  });

  test("walks and child tests", () => {
    expect(refusal("account.owner.nickname == 'x'", filterScope)).toMatchObject({ position: 14 });
    expect(refusal("owner.team.name == 'x'", filterScope)).toMatchObject({ position: 11 });
    expect(refusal("visitors.exists(v, v.amount > 3)", filterScope).message).toMatch(/no relation "visitors"/);
    expect(refusal("visits.exists(v, v.amont > 3)", filterScope)).toMatchObject({
      position: 19,
      message: expect.stringMatching(/"amont".*"amount"/),
    });
    expect(refusal("visits.exists(v, v.amount)", filterScope).message).toMatch(/must give bool/);
    expect(refusal("visits.exists(name, true)", filterScope).message).toMatch(/already means something else/);
    expect(refusal("visits.exists(v, visits.exists(v, true))", filterScope).message).toMatch(
      /already means something else/,
    );
  });

  test("a result of another type than is needed", () => {
    expect(refusal("qty + 1", ownScope, "bool").message).toBe("the expression must give bool, but gives int");
    expect(refusal("'soon'", ownScope, "date").message).toBe('"soon" is not a valid date');
    expect(refusal("price", ownScope, "int").message).toBe("the expression must give int, but gives decimal");
  });
});

describe("limits", () => {
  const wrap = (open: string, close: string, count: number): string =>
    open.repeat(count) + "active" + close.repeat(count);
  test.each([
    ["brackets", wrap("(", ")", 4_000)],
    ["negations", wrap("!", "", 9_000)],
    ["minus", `qty == ${"-".repeat(9_000)}1`],
    ["lists", wrap("[", "]", 4_000)],
    ["calls", wrap("coalesce(", ")", 500)],
    ["conditions", wrap("active ? active : ", "", 500)],
    ["sums", `qty > 1${"+1".repeat(3_000)}`],
    ["members", `name${".a".repeat(4_000)}`],
    ["methods", `name${".lower()".repeat(1_000)} == 'x'`],
  ])("%s may not nest without end", (_what, source) => {
    expect(refusal(source).message).toMatch(new RegExp(`nests deeper than ${MAX_DEPTH} levels`));
  });
  test("length", () => {
    expect(refusal(" ".repeat(MAX_LENGTH + 1))).toMatchObject({ position: MAX_LENGTH });
  });
  test("chains of conditions are as long as they like", () => {
    expect(accepted(`active${"&&vip".repeat(1_900)}`).root).toMatchObject({ args: { length: 1_901 } });
  });
  test("text cannot grow without end", () => {
    expect(
      refusal(
        `(${Array(12)
          .fill(`(${Array(10).fill("name").join("+")})`)
          .join("+")}) == ''`,
      ).message,
    ).toMatch(/joined more than 100/);
  });
  test("nor numbers", () => {
    expect(refusal(Array(25).fill("price").join("*")).message).toMatch(/more than 2000 digits/);
  });
});

describe("what is understood", () => {
  test.each<[source: string, type: string]>([
    ["qty + 1", "int"],
    ["qty / 2", "decimal"],
    ["qty * 1.5", "decimal"],
    ["9007199254740991", "int"],
    ["9007199254740992", "decimal"],
    ["0x10 + qty", "int"],
    ["'a' + name", "text"],
    ["close_date - today()", "int"],
    ["created_at - closed_at", "duration"],
    ["close_date + '2d'", "date"],
    ["created_at + duration('2h')", "datetime"],
    ["active ? null : close_date", "date"],
    ["coalesce(close_date, created_at)", "datetime"],
    ["['a', null]", "list"],
    ["owner == user", "bool"],
    ["now > created_at && today == close_date", "bool"],
    ["name.size() + size(tags)", "int"],
    ["null", "null"],
  ])("%s is %s", (source, type) => expect(accepted(source).type.kind).toBe(type));

  test("the wanted type decides a literal", () => {
    expect(accepted("'2026-01-31'", ownScope, "date").type).toEqual({ kind: "date" });
    expect(accepted("5", ownScope, "decimal").type).toEqual({ kind: "decimal" });
    expect(accepted("null", ownScope, "bool").type).toEqual({ kind: "bool" });
  });

  test("what it uses", () => {
    const rule = accepted("changed(price) && old.qty > qty && owner == user && qty < 3");
    expect(rule.paths.toSorted()).toEqual([["owner"], ["price"], ["qty"]]);
    expect(rule.usesUser).toBe(true);
    const filter = accepted("account.owner.name == 'x' && created_at > now()", filterScope);
    expect(filter.paths).toEqual([["account", "owner", "name"], ["created_at"]]);
    expect(filter.usesUser).toBe(false);
  });

  test("any text either checks or is an ExpressionError", () => {
    const words = fc.constantFrom(
      "price",
      "name",
      "tags",
      "old",
      "user",
      ".",
      "(",
      ")",
      "[",
      "]",
      ",",
      "'",
      '"',
      "r'",
      "+",
      "-",
      "*",
      "/",
      "%",
      "==",
      "<",
      "in",
      "&&",
      "||",
      "!",
      "?",
      ":",
      "null",
      "1",
      "0x",
      "1.5e",
      "size",
      "has",
      "changed",
      "exists",
      "map",
      "\\",
      "'a'",
      "{",
      "}",
      " ",
      "//",
      "\n",
      "__proto__",
      "constructor",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(words, { maxLength: 12 }).map((all) => all.join(" ")),
          fc.string({ unit: "binary" }),
        ),
        (source) => {
          try {
            checkExpression(source, ownScope);
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionError);
            expect((error as ExpressionError).position).toBeLessThanOrEqual(source.length);
          }
        },
      ),
      { numRuns: 1_500, seed: 7 },
    );
  });
});
