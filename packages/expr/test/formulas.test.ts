// A formula stands for its field everywhere: in memory, in SQL, in other formulas, before the change.
import {
  checkExpression,
  checkFormula,
  Decimal,
  evaluate,
  type ExprObject,
  type ExprScope,
  type Formula,
  toSql,
} from "@guanxi/expr";
import fc from "fast-check";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MAX_FORMULA_LEVELS, MAX_FORMULA_PARTS } from "../src/limits.ts";
import { checkOrSkip, disagreements, type Round, rounds } from "./agreement.ts";
import { connect } from "./database.ts";
import { fields, filterScope, object, person, property } from "./fields.ts";

const digits = [
  { precision: 15, scale: 2 },
  { precision: 6, scale: 6 },
  { precision: 38, scale: 0 },
  { precision: 38, scale: 30 },
];
const results = ["text", "bool", "int", "decimal", "date", "datetime", "time"];

/** The record of a round with its expressions as formulas, where they are ones; and expressions that use them. */
function withFormulas(round: Round): { scope: ExprScope; sources: string[] } {
  const formulas: Record<string, Formula> = {};
  const types = { ...fields };
  const sources: string[] = [];
  for (const [i, source] of round.sources.entries()) {
    const checked = /\b(old|user|changed|is_new)\b/.test(source)
      ? undefined
      : checkOrSkip(source, { record: property });
    if (!checked || !results.includes(checked.type.kind)) continue;
    const isNumber = checked.type.kind === "int" || checked.type.kind === "decimal";
    const [one, other] = [`one_${i}`, `other_${i}`];
    const kind = isNumber && i % 2 === 0 ? "decimal" : checked.type.kind;
    types[one] = types[other] = { ...checked.type, kind } as (typeof types)[string];
    const keeps = kind === "decimal" ? digits[i % digits.length] : undefined;
    formulas[one] = { source, digits: keeps };
    formulas[other] = { source: isNumber ? `${one} + 1` : `coalesce(${one}, ${one})`, digits: keeps };
    sources.push(one, other, `old.${other}`, `changed(${one})`, `has(${other})`, `${one} == old.${one}`);
    if (kind !== "bool") sources.push(`max(${one}, ${other})`, `${one} in [${other}]`);
  }
  return { scope: { record: object("property", types, formulas), old: true, user: person }, sources };
}

describe("a formula", () => {
  let sql: postgres.Sql;
  beforeAll(() => {
    sql = connect();
  });
  afterAll(() => sql.end());

  test("gives the same in memory and in PostgreSQL, rounded and bounded", { timeout: 60_000 }, async () => {
    let uses = 0;
    for (const round of fc.sample(rounds(10, 30), { numRuns: 12, seed: 20_261_122 })) {
      const { scope, sources } = withFormulas(round);
      uses += sources.length;
      expect(await disagreements(sql, { ...round, sources }, new Set(), scope)).toEqual([]);
    }
    expect(uses).toBeGreaterThan(800);
  });
});

const account = object(
  "account",
  {
    id: { kind: "ref", target: "account" },
    amount: { kind: "decimal" },
    owner: { kind: "ref", target: "user" },
    rank: { kind: "int" },
    boss: { kind: "text" },
  },
  { rank: { source: "size(owner.name) + 1" }, boss: { source: "owner.name + '!'" } },
);
const deal = (formulas: Record<string, string>, more: Record<string, Formula> = {}): ExprObject =>
  object(
    "deal",
    {
      qty: { kind: "int" },
      price: { kind: "decimal" },
      title: { kind: "text" },
      account: { kind: "ref", target: "account" },
      ...Object.fromEntries(
        Object.keys({ ...formulas, ...more }).map(
          (name) => [name, { kind: name.startsWith("t_") ? "text" : "int" }] as const,
        ),
      ),
    },
    { ...Object.fromEntries(Object.entries(formulas).map(([name, source]) => [name, { source }])), ...more },
  );
const objects = (name: string): ExprObject | undefined => ({ account, user: person })[name];
const fault = (work: () => unknown): string => {
  try {
    work();
  } catch (e) {
    return `${(e as { position: number }).position}: ${(e as Error).message}`;
  }
  return "";
};

describe("what a formula leads to", () => {
  test("are the fields behind it, each walk once", () => {
    const record = deal({ a: "account.rank + qty", t_b: "account.boss" });
    const checked = checkExpression("a > 1 && t_b != ''", { record, object: objects }, "bool");
    expect(checked.paths.toSorted()).toEqual([["account", "owner", "name"], ["qty"]]);
    expect(checked.walks.toSorted()).toEqual([["account"], ["account", "owner"]]);
    expect(checkFormula(record, "a", { object: objects }).walks).toEqual(checked.walks);
    expect(checkExpression("qty > 1", { record }).formulaParts).toBe(0);
  });

  test("is written once, with its constants in the text and the caller's beside it", () => {
    const params: unknown[] = [];
    const text = toSql(
      checkExpression("a > 3 && account.rank == 2", { record: deal({ a: "qty * 2" }), object: objects }),
      {
        column: (path) => path.join("."),
        parameter: (value, type) => `$${params.push(value)}::${type}`,
        now: "now()",
        timeZone: "$tz",
        inFormulas: { parameter: (value, type) => `'${String(value)}'::${type}`, timeZone: "'UTC'" },
        present: (path) => `there(${path.join(".")})`,
      },
    );
    const integer = (sql: string) =>
      `NULLIF(NULLIF(GREATEST(LEAST(${sql}, 9007199254740992), -9007199254740992), 9007199254740992), -9007199254740992)::bigint`;
    const rank = integer("(char_length(account.owner.name)::numeric + '1'::numeric)::numeric");
    expect(text).toBe(
      `((${integer("(qty::numeric * '2'::numeric)::numeric")} > $1::bigint) AND ((CASE WHEN there(account) THEN ${rank} END) = $2::bigint))`,
    );
    expect(params).toEqual(["3", "2"]);
  });

  test("is null where there is no record, whatever the formula makes of nothing", () => {
    const record = deal({ a: "coalesce(qty, 7)" });
    const value = (source: string, old: Record<string, unknown> | null) =>
      evaluate(checkExpression(source, { record, old: true }), { record: {}, old, now: new Date(), timeZone: "UTC" });
    expect([
      value("a", null),
      value("old.a", {}),
      value("old.a", null),
      value("changed(a)", {}),
      value("changed(a)", null),
    ]).toEqual([7, 7, null, false, true]);
  });

  test("is null where it is more than the field can hold, else rounded", () => {
    const record = object(
      "r",
      { x: { kind: "decimal" }, n: { kind: "int" }, m: { kind: "decimal" }, i: { kind: "int" } },
      {
        m: { source: "x / 3", digits: { precision: 5, scale: 2 } },
        i: { source: "n * 2" },
      },
    );
    const value = (source: string, values: Record<string, unknown>) =>
      evaluate(checkExpression(source, { record }), { record: values, now: new Date(), timeZone: "UTC" });
    expect(value("m", { x: 1 })).toEqual(new Decimal("0.33"));
    expect(value("m", { x: 2999.98 })).toEqual(new Decimal("999.99"));
    expect(value("m", { x: -3000 })).toBeNull();
    // 999.995 would be 1000.00.
    expect(value("m", { x: "2999.985" })).toBeNull();
    expect([value("i", { n: 2 ** 52 - 1 }), value("i", { n: 2 ** 52 })]).toEqual([2 ** 53 - 2, null]);
  });
});

describe("decimals in units of their own", () => {
  const decimal = { kind: "decimal" } as const;
  const text = { kind: "text" } as const;
  const types = {
    ...{ price: decimal, cost: decimal, price_unit: text, cost_unit: text },
    ...{ margin: decimal, twice: decimal, share: decimal, dear: { kind: "bool" } as const },
  };
  const keeps = { precision: 15, scale: 2 };
  const record: ExprObject = {
    ...object("r", types, {
      margin: { source: "price - cost", digits: keeps },
      twice: { source: "price * 2 + price", digits: keeps },
      share: { source: "margin / 2 + twice", digits: keeps },
      dear: { source: "price > cost" },
    }),
    unit: (field) => (field === "price" || field === "cost" ? `${field}_unit` : undefined),
  };
  const value = (name: string, price_unit: string | null, cost_unit: string | null) =>
    evaluate(checkFormula(record, name), {
      ...{ record: { price: 3, cost: 1, price_unit, cost_unit }, now: new Date(), timeZone: "UTC" },
    });

  test("give null where a formula is of several, also over another formula", () => {
    expect([value("margin", "kg", "kg"), value("share", "kg", "kg")]).toEqual([new Decimal(2), new Decimal(10)]);
    for (const name of ["margin", "share"])
      expect([value(name, "kg", "g"), value(name, "kg", null)]).toEqual([null, null]);
    expect([value("twice", "kg", "g"), value("twice", null, "g")]).toEqual([new Decimal(9), new Decimal(9)]);
    expect(value("dear", "kg", "g")).toBe(true);
  });
});

describe("a formula is refused", () => {
  const check = (record: ExprObject, name: string) => fault(() => checkFormula(record, name, { object: objects }));

  test.each<[string, Record<string, string>, string]>([
    ["that uses itself", { a: "a + 1" }, "0: a formula cannot use itself: a → a"],
    ["over others", { a: "1 + b", b: "c", c: "a" }, "4: a formula cannot use itself: a → b → c → a"],
    ["that leads to a cycle", { a: "b", b: "c", c: "b" }, "0: a formula cannot use itself: b → c → b"],
    ["of another type", { a: "'x'" }, "0: the expression must give int, but gives text"],
    ["that asks who acts", { a: "user.level" }, '0: "user" is not known here'],
    ["that asks what was", { a: "old.qty" }, '0: "old" is not known here'],
    ["at the place in itself", { a: "qty + nope" }, '6: there is no field "nope"'],
    [
      "at the place of the other",
      { a: "qty + b", b: "1 + nope" },
      '6: the formula b cannot be used here: there is no field "nope"',
    ],
  ])("%s", (_what, formulas, expected) => expect(check(deal(formulas), "a")).toBe(expected));

  test("where two objects use each other's", () => {
    const b: ExprObject = object(
      "b",
      { y: { kind: "int" }, a: { kind: "ref", target: "a" } },
      { y: { source: "a.x" } },
    );
    const a: ExprObject = object(
      "a",
      { x: { kind: "int" }, b: { kind: "ref", target: "b" } },
      { x: { source: "b.y" } },
    );
    expect(fault(() => checkFormula(a, "x", { object: (name) => ({ a, b })[name] }))).toBe(
      "0: a formula cannot use itself: a.x → b.y → a.x",
    );
  });

  test("where it leads too far or comes to too much", () => {
    const chain = (length: number, source: (before: string) => string) =>
      deal(Object.fromEntries(Array.from({ length }, (_, i) => [`a${i}`, i === 0 ? "qty" : source(`a${i - 1}`)])));
    const sum = (name: string, times: number) => Array(times).fill(name).join(" + ");
    const last = MAX_FORMULA_LEVELS - 1;
    expect(
      check(
        chain(last + 1, (b) => b),
        `a${last}`,
      ),
    ).toBe("");
    expect(
      check(
        chain(last + 2, (b) => b),
        `a${last + 1}`,
      ),
    ).toMatch(/more than 8 levels/);
    const started = performance.now();
    expect(
      check(
        chain(last + 1, (b) => sum(b, 40)),
        `a${last}`,
      ),
    ).toMatch(/more than 2000 parts/);
    expect(performance.now() - started).toBeLessThan(1_000);
    const wide = deal({ a: sum("b", 20), b: sum("qty", 40) });
    expect(checkFormula(wide, "a").formulaParts).toBeGreaterThan(MAX_FORMULA_PARTS / 2);
    expect(fault(() => checkExpression("a > 1", { record: wide }))).toBe("");
    expect(fault(() => checkExpression("a + a > 1", { record: wide }))).toMatch(/more than 2000 parts/);
  });

  test("where only own fields may be used and it walks", () => {
    const record = deal({ a: "account.rank" });
    expect(fault(() => checkExpression("qty > a", { record }))).toMatch(
      /^6: the formula a cannot be used here: only own fields/,
    );
    expect(fault(() => checkExpression("old.a > 1", { record, old: true }))).toMatch(/only own fields/);
  });

  test("of the actor where it walks, as any walk from the actor", () => {
    const user = object(
      "user",
      { team: { kind: "ref", target: "team" }, level: { kind: "int" } },
      { level: { source: "team.level" } },
    );
    const scope = { ...filterScope, user, object: () => person };
    expect(fault(() => checkExpression("user.level > 1", scope))).toMatch(/only own fields/);
    expect(fault(() => checkExpression("user.team.level > 1", scope))).toMatch(/only own fields/);
  });
});
