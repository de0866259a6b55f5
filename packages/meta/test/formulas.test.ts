import { describe, expect, test } from "vitest";
import {
  compileSnapshot,
  diffSnapshots,
  formulaOf,
  loadSnapshot,
  type Snapshot,
  type StoredObject,
} from "../src/index.ts";
import { mostFormulaWalks } from "../src/check-formulas.ts";
import { brief, ids, issuesOf, now, settings, snapshotOf, store, user } from "./build.ts";

const formula = (source: string, returns = "number", more: Record<string, unknown> = {}) => ({
  fieldType: "formula",
  returns,
  formula: source,
  ...more,
});
const account = {
  name: "account",
  properties: {
    name: { type: "string", maxLength: 100 },
    size: { type: "integer" },
    rank: formula("size * 2", "integer"),
    boss: { fieldType: "reference", target: "user" },
  },
};
const deal = {
  name: "deal",
  properties: {
    account: { fieldType: "reference", target: "account" },
    price: { fieldType: "currency" },
    fee: formula("price * 0.03", "currency", { index: true }),
    rank: formula("account.rank + 1", "integer"),
    boss: formula("account.boss.name", "text"),
  },
};
const objectOf = (snapshot: Snapshot, name: string) => {
  const object = snapshot.objects.get(name);
  if (!object) throw new Error(`no object ${name}`);
  return object;
};

/** From the first definitions to the second, as saving them would. */
function change(before: readonly unknown[], after: readonly unknown[]): [Snapshot, Snapshot] {
  const nextId = ids();
  const first = store(before, nextId);
  const old = loadSnapshot(
    settings,
    1,
    first.map((object) => JSON.stringify(object)),
  );
  return [old, compileSnapshot(settings, 2, store(after, nextId, first), old)];
}

describe("a formula field", () => {
  test("is a field of its result's type, which nobody writes and no column holds", () => {
    const object = objectOf(snapshotOf(user, account, deal), "deal");
    expect(object.fields.get("fee")).toMatchObject({
      type: "formula",
      readOnly: true,
      required: false,
      unique: false,
      exprType: { kind: "decimal" },
      schema: { type: "number" },
      formula: {
        source: "price * 0.03",
        returns: "currency",
        sqlType: "numeric(15,2)",
        digits: { precision: 15, scale: 2 },
      },
    });
    expect(object.columns.map((f) => f.name).slice(8)).toEqual(["account", "price"]);
    expect(object.formulas.map((f) => f.name)).toEqual(["fee", "rank", "boss"]);
    expect(brief(object.prepareCreate({ fee: 1 }, { now }).issues)).toEqual(["/fee read_only"]);
    expect(brief(object.preparePatch({ fee: null }).issues)).toEqual(["/fee read_only"]);
    expect(object.prepareCreate({ price: 1 }, { now }).value).toEqual({ price: 1 });
  });

  test.each([
    ["number", {}, "numeric(15,4)", { precision: 15, scale: 4 }, "number"],
    ["percent", {}, "numeric(15,4)", { precision: 15, scale: 4 }, "number"],
    ["currency", { scale: 0 }, "numeric(15,0)", { precision: 15, scale: 0 }, "number"],
    ["number", { precision: 20, scale: 6 }, "numeric(20,6)", { precision: 20, scale: 6 }, "string"],
    ["integer", {}, "bigint", undefined, "integer"],
    ["datetime", {}, "timestamptz", undefined, "string"],
  ])("%s with %j keeps %s", (returns, more, sqlType, digits, type) => {
    const source = returns === "datetime" ? "created_at" : "1";
    const object = objectOf(
      snapshotOf(user, { name: "thing", properties: { f: formula(source, returns, more) } }),
      "thing",
    );
    expect(object.fields.get("f")?.formula).toEqual({ source, returns, sqlType, digits });
    expect(object.fields.get("f")?.schema["type"]).toBe(type);
  });

  test("is checked with what the snapshot's other objects are, once", () => {
    const nextId = ids();
    const first = store([user, account, deal], nextId);
    const before = compileSnapshot(settings, 1, first);
    const object = objectOf(before, "deal");
    expect(formulaOf(before, object, "rank")).toBe(formulaOf(before, object, "rank"));
    const larger = { ...account, properties: { ...account.properties, rank: formula("size * 3", "integer") } };
    const after = compileSnapshot(settings, 2, store([user, larger, deal], nextId, first), before);
    expect(objectOf(after, "deal")).toBe(object);
    const factor = (snapshot: Snapshot) => JSON.stringify(formulaOf(snapshot, objectOf(snapshot, "deal"), "rank").root);
    expect(factor(before)).toContain('"value":"2"');
    expect(factor(after)).toContain('"value":"3"');
  });

  test("of own fields serves rules, also in memory and before the change", () => {
    const rules = [
      { name: "low", when: "fee < 1", message: "Too low" },
      { name: "moved", when: "changed(fee)", message: "No" },
    ];
    const object = objectOf(snapshotOf(user, account, { ...deal, rules }), "deal");
    const broken = (record: Record<string, unknown>, old: Record<string, unknown> | null) =>
      object.brokenRules(record, old, { now, user: {} }).map((i) => i.params?.["rule"]);
    expect(broken({ price: 10 }, { price: 10.01 })).toEqual(["low"]);
    expect(broken({ price: 100 }, { price: 10 })).toEqual(["moved"]);
    expect(broken({ price: 100 }, null)).toEqual(["moved"]);
  });
});

describe("is refused when it is saved", () => {
  const thing =
    (properties: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    () =>
      snapshotOf(user, account, {
        name: "thing",
        properties: { account: { fieldType: "reference", target: "account" }, n: { type: "integer" }, ...properties },
        ...more,
      });

  test.each<[string, () => unknown, ...string[]]>([
    ["an unknown field", thing({ f: formula("nope") }), "/properties/f/formula expression"],
    ["another type", thing({ f: formula("n", "text") }), "/properties/f/formula expression"],
    ["itself", thing({ f: formula("f + 1") }), "/properties/f/formula expression"],
    [
      "an index on a walk",
      thing({ f: formula("account.size", "integer", { index: true }) }),
      "/properties/f/index definition",
    ],
    [
      "an index on another's formula",
      thing({ f: formula("account.rank", "integer", { index: true }) }),
      "/properties/f/index definition",
    ],
    [
      "an index on today",
      thing({ d: formula("today", "date"), f: formula("d", "date", { index: true }) }),
      "/properties/f/index definition",
    ],
    [
      "an index on texts without end",
      thing({ t: { type: "string" }, f: formula("t", "text", { index: true }) }),
      "/properties/f/index definition",
    ],
    [
      "an index on texts that are too long together",
      thing({ t: { type: "string", maxLength: 321 }, f: formula("t + t", "text", { index: true }) }),
      "/properties/f/index definition",
    ],
    [
      "a rule that walks by it",
      thing({ f: formula("account.rank") }, { rules: [{ name: "r", when: "f > 1", message: "No" }] }),
      "/rules/0/when expression",
    ],
  ])("%s", (_what, work, ...issues) => expect(brief(issuesOf(work))).toEqual(issues));

  test("and not where a text that is indexed stays short", () => {
    const t = { type: "string", maxLength: 318 };
    const stage = { enum: ["new", "won"] };
    expect(issuesOf(thing({ mine: formula("account.id == owner", "checkbox", { index: true }) }))).toEqual([]);
    expect(
      issuesOf(thing({ t, stage, f: formula("upper(t) + '-' + (n > 1 ? t : stage)", "text", { index: true }) })),
    ).toEqual([]);
  });

  test("that follows too many references with the object's others", () => {
    const references = Object.fromEntries(
      Array.from({ length: mostFormulaWalks }, (_, i) => [
        `r${i}`,
        { fieldType: "reference", target: "account", relation: `things${i}` },
      ]),
    );
    const formulas = Object.fromEntries(
      Object.keys(references).map((r) => [`f_${r}`, formula(`${r}.size`, "integer")]),
    );
    expect(issuesOf(thing({ ...references, ...formulas }))).toEqual([]);
    expect(brief(issuesOf(thing({ ...references, ...formulas, more: formula("account.size") })))).toEqual([
      "/properties/more/formula definition",
    ]);
  });
});

describe("a change elsewhere", () => {
  const without = (field: string) => {
    const { [field]: _, ...properties } = account.properties as Record<string, unknown>;
    return { ...account, properties };
  };

  test.each([
    [
      "removes a field that a formula walks to",
      without("boss"),
      'the formula deal.boss would break: there is no field "boss"',
    ],
    [
      "makes another type of it",
      { ...account, properties: { ...account.properties, rank: formula("name", "text") } },
      "the formula deal.rank would break: + does not take text, int",
    ],
    [
      "breaks a formula that another uses",
      { ...account, properties: { ...account.properties, rank: formula("size * 2", "date") } },
      "the formula deal.rank would break: the formula rank cannot be used here",
    ],
  ])("that %s is refused, naming object and field", (_what, changed, message) => {
    const issues = issuesOf(() => change([user, account, deal], [user, changed, deal]));
    const told = issues.find((i) => i.params?.["object"] === "deal");
    expect(told?.path).toMatch(/^\/properties\/(boss|rank)\/formula$/);
    expect(told?.text?.en).toContain(message);
    expect(told?.text?.["zh-CN"]).toContain("公式 deal.");
  });

  test("looks at what it may reach, and loading at nothing", () => {
    const nextId = ids();
    const good = store([user, account, deal], nextId);
    // As a hand has left it.
    const broken = good.map(
      (o) => JSON.parse(JSON.stringify(o).replace("account.rank + 1", "account.nope")) as StoredObject,
    );
    const loaded = loadSnapshot(
      settings,
      1,
      broken.map((o) => JSON.stringify(o)),
    );
    const save = (...objects: readonly StoredObject[]) =>
      brief(issuesOf(() => compileSnapshot(settings, 2, objects, loaded)));
    const [users, accounts, deals] = broken as [StoredObject, StoredObject, StoredObject];
    const renamed = (o: StoredObject): StoredObject => ({ ...o, definition: { ...o.definition, title: "Other" } });
    expect(save(...broken, ...store([{ name: "note", properties: {} }], nextId))).toEqual([]);
    expect(save(users, renamed(accounts), deals)).toEqual(["/properties/rank/formula expression"]);
    expect(save(renamed(users), accounts, deals)).toEqual(["/properties/rank/formula expression"]);
    const object = objectOf(loaded, "deal");
    expect(brief(issuesOf(() => formulaOf(loaded, object, "rank")))).toEqual(["/properties/rank/formula expression"]);
    expect(formulaOf(loaded, object, "fee").paths).toEqual([["price"]]);
  });
});

describe("the steps of a change", () => {
  const kinds = (before: unknown, after: unknown): string[] => {
    const [old, next] = change([user, account, before], [user, account, after]);
    return diffSnapshots(old, next).map((c) =>
      "field" in c ? `${c.kind} ${c.field.name}` : "index" in c ? `${c.kind} (${c.index.fields.join()})` : c.kind,
    );
  };
  const withFields = (more: Record<string, unknown>) => ({ ...deal, properties: { ...deal.properties, ...more } });
  const { fee: _fee, ...others } = deal.properties;

  test.each<[string, unknown, unknown, string[]]>([
    ["nothing for a new formula", deal, withFields({ net: formula("price - fee", "currency") }), []],
    ["nothing for another formula", deal, withFields({ rank: formula("account.rank + 2", "integer") }), []],
    ["its index for one that goes", deal, { ...deal, properties: others }, ["drop_index (fee)"]],
    [
      "its index for one that computes another thing",
      deal,
      withFields({ fee: formula("price * 0.04", "currency", { index: true }) }),
      ["drop_index (fee)", "add_index (fee)"],
    ],
    [
      "its index where it is rounded in another way",
      deal,
      withFields({ fee: { ...deal.properties.fee, scale: 4 } }),
      ["drop_index (fee)", "add_index (fee)"],
    ],
    [
      "nothing where it is only called otherwise",
      deal,
      withFields({ fee: { ...deal.properties.fee, title: "Fee" } }),
      [],
    ],
    [
      "its index where what it uses has another type",
      deal,
      withFields({ price: { type: "integer" } }),
      ["drop_index (fee)", "change_type price", "add_index (fee)"],
    ],
    [
      "column and index where a field is computed from now on",
      withFields({ fee: { fieldType: "currency", index: true } }),
      deal,
      ["drop_index (fee)", "drop_field fee", "add_index (fee)"],
    ],
    [
      "column and index where a formula is stored from now on",
      deal,
      withFields({ fee: { fieldType: "currency", index: true } }),
      ["drop_index (fee)", "add_field fee", "add_index (fee)"],
    ],
  ])("are %s", (_what, before, after, steps) => expect(kinds(before, after)).toEqual(steps));

  test("are the index where a formula that it uses computes another thing", () => {
    const [one, two] = ["price * 2", "price * 3"].map((source) =>
      withFields({ base: formula(source, "currency"), fee: formula("base / 100", "currency", { index: true }) }),
    );
    expect(kinds(one, two)).toEqual(["drop_index (fee)", "add_index (fee)"]);
  });
});
