import { describe, expect, test } from "vitest";
import {
  compileSnapshot,
  diffSnapshots,
  type ObjectDefinition,
  parseDefinition,
  retarget,
  rollsUpItself,
  rollupsOver,
  type Snapshot,
} from "../src/index.ts";
import { brief, ids, issuesOf, settings, snapshotOf, store, user } from "./build.ts";

const property = (properties: Record<string, unknown>) => ({ name: "property", plural: "properties", properties });
const viewing = {
  name: "viewing",
  properties: {
    property: { fieldType: "reference", target: "property" },
    note: { type: "string" },
    outcome: { enum: ["done", "cancelled"] },
    minutes: { type: "integer" },
    offer: { fieldType: "currency" },
    exact: { fieldType: "number", precision: 20, scale: 3 },
    seen_on: { type: "string", format: "date" },
    seen_at: { type: "string", format: "date-time" },
    starts: { type: "string", format: "time" },
  },
};
const rollup = (more: Record<string, unknown>) => ({ fieldType: "rollup", of: "viewing.property", ...more });
const count = rollup({ op: "count" });

describe("what a roll-up holds", () => {
  const field = (definition: unknown) =>
    snapshotOf(user, property({ f: definition }), viewing)
      .objects.get("property")
      ?.fields.get("f");

  test.each([
    ["count", undefined, "bigint", "int", { type: "integer" }, true],
    ["sum", "minutes", "numeric", "decimal", { type: "integer" }, true],
    ["sum", "offer", "numeric(1000,2)", "decimal", { type: "number" }, true],
    ["sum", "exact", "numeric(1000,3)", "decimal", { type: "string", format: "decimal" }, true],
    ["avg", "minutes", "numeric", "decimal", { type: "number" }, false],
    ["avg", "exact", "numeric", "decimal", { type: "string", format: "decimal" }, false],
    ["min", "offer", "numeric(15,2)", "decimal", { type: "number" }, false],
    ["max", "minutes", "bigint", "int", { type: "integer" }, false],
    ["max", "seen_on", "date", "date", { type: "string", format: "date" }, false],
    ["min", "seen_at", "timestamptz", "datetime", { type: "string", format: "date-time" }, false],
    ["min", "starts", "time", "time", { type: "string", format: "local-time" }, false],
    ["max", "created_at", "timestamptz", "datetime", { type: "string", format: "date-time" }, false],
    ["max", "version", "bigint", "int", { type: "integer" }, false],
  ])("%s of %s: %s", (op, name, sqlType, kind, schema, filled) => {
    const found = field(rollup({ op, ...(name === undefined ? {} : { field: name }) }));
    expect(found).toMatchObject({ column: { sqlType, notNull: filled }, exprType: { kind }, required: filled });
    expect(found?.schema).toEqual(schema);
    expect(found?.column?.initial).toBe(filled ? "0" : undefined);
    expect(found?.readOnly).toBe(true);
    expect(found !== undefined && "hidden" in found).toBe(op === "avg");
  });

  test("nothing beyond its field's type: no limit of single values holds for a sum", () => {
    const limited = { ...viewing, properties: { ...viewing.properties, minutes: { type: "integer", maximum: 60 } } };
    const snapshot = snapshotOf(user, property({ f: rollup({ op: "sum", field: "minutes" }) }), limited);
    expect(snapshot.objects.get("property")?.fields.get("f")?.schema).toEqual({ type: "integer" });
  });

  test("roll-ups of roll-ups", () => {
    const town = {
      name: "town",
      properties: { offers: { fieldType: "rollup", of: "property.town", op: "sum", field: "offers" } },
    };
    const house = property({
      town: { fieldType: "reference", target: "town" },
      offers: rollup({ op: "sum", field: "offer" }),
    });
    const snapshot = snapshotOf(user, town, house, viewing);
    expect(snapshot.objects.get("town")?.fields.get("offers")?.column?.sqlType).toBe("numeric(1000,2)");
    expect(rollsUpItself(snapshot)(object(snapshot, "viewing"))).toBe(false);
  });

  test("a count may be called as the way to what it counts; another field may not", () => {
    expect(issuesOf(() => snapshotOf(user, property({ viewings: count }), viewing))).toEqual([]);
    const other = rollup({ op: "count", of: "visit.house" });
    const visit = {
      name: "visit",
      properties: { house: { fieldType: "reference", target: "property", relation: "visits" } },
    };
    expect(brief(issuesOf(() => snapshotOf(user, property({ viewings: other }), viewing, visit)))).toEqual([
      "/properties/property/relation definition",
    ]);
  });
});

const object = (snapshot: Snapshot, name: string) => {
  const found = snapshot.objects.get(name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
};

describe("a roll-up that cannot be is refused, by its name", () => {
  test.each([
    ["an object that is not there", { of: "visit.property" }, "of", 'there is no object "visit"'],
    ["a field that is no reference", { of: "viewing.note" }, "of", '"viewing.note" is not a reference to property'],
    ["a reference to another", { of: "viewing.owner" }, "of", '"viewing.owner" is not a reference to property'],
    ["a field that is not there", { op: "sum", field: "fee" }, "field", 'there is no field "viewing.fee"'],
    ["a sum of texts", { op: "sum", field: "note" }, "field", "sum takes fields of int, decimal, duration"],
    ["a sum of days", { op: "sum", field: "seen_on" }, "field", "sum takes fields of int, decimal, duration"],
    ["the mean of days", { op: "avg", field: "seen_on" }, "field", "avg takes fields of int, decimal"],
    ["the least of a picklist", { op: "min", field: "outcome" }, "field", "min takes fields of"],
    ["the greatest of references", { op: "max", field: "property" }, "field", "max takes fields of"],
    ["an unknown field in the filter", { filter: "outcom == 'x'" }, "filter", 'no field "outcom"'],
    ["a filter that is no condition", { filter: "minutes" }, "filter", ""],
    ["a filter that walks", { filter: "property.id == property.id" }, "filter", ""],
    ["a filter that asks who", { filter: "owner == user" }, "filter", ""],
    ["a filter that asks before", { filter: "old.minutes > 1" }, "filter", ""],
    ["a filter that asks when", { filter: "seen_on < today()" }, "filter", "cannot ask what time it is"],
    [
      "a filter that asks when, inside",
      { filter: "coalesce(seen_at, now) > now" },
      "filter",
      "cannot ask what time it is",
    ],
  ])("%s", (_what, more, keyword, words) => {
    const issues = issuesOf(() => snapshotOf(user, property({ f: { ...count, ...more } }), viewing));
    expect(brief(issues)).toEqual([`/properties/f/${keyword} definition`]);
    expect(issues[0]?.params).toEqual({ object: "property", rollup: "property.f" });
    expect(issues[0]?.text?.en).toContain("roll-up property.f: ");
    expect(issues[0]?.text?.en).toContain(words);
  });

  test("amounts in several currencies, but not their number", () => {
    const many = { ...viewing, multiCurrency: true };
    const issues = issuesOf(() =>
      snapshotOf(user, property({ f: rollup({ op: "sum", field: "offer" }), n: count }), many),
    );
    expect(brief(issues)).toEqual(["/properties/f/field definition"]);
    expect(issues[0]?.text?.en).toContain("in several currencies");
    const dollars = { ...count, filter: "offer_currency == 'USD' && offer > 5" };
    expect(issuesOf(() => snapshotOf(user, property({ n: dollars }), many))).toEqual([]);
  });

  test("formulas of the other record are asked in filters, where they follow nothing, and not added up", () => {
    const formula = (text: string) => ({ fieldType: "formula", returns: "number", formula: text });
    const computed = {
      ...viewing,
      properties: {
        ...viewing.properties,
        hours: formula("minutes / 60"),
        asked: formula("days_between(seen_on, today())"),
        far: { fieldType: "formula", returns: "text", formula: "property.address" },
      },
    };
    const with_ = (more: object) =>
      issuesOf(() => snapshotOf(user, property({ address: { type: "string" }, f: { ...count, ...more } }), computed));
    expect(with_({ filter: "hours > 1.5" })).toEqual([]);
    expect(brief(with_({ filter: "asked > 1" }))).toEqual(["/properties/f/filter definition"]);
    expect(brief(with_({ filter: "far == 'x'" }))).toEqual(["/properties/f/filter definition"]);
    expect(with_({ op: "sum", field: "hours" })[0]?.text?.en).toContain("is a formula");
  });

  test("one that comes back to itself, with the way round", () => {
    const tree = {
      name: "part",
      properties: {
        whole: { fieldType: "reference", target: "part" },
        pieces: { fieldType: "rollup", of: "part.whole", op: "count" },
        all: { fieldType: "rollup", of: "part.whole", op: "sum", field: "all" },
      },
    };
    const issues = issuesOf(() => snapshotOf(user, tree));
    expect(brief(issues)).toEqual(["/properties/all/of definition"]);
    expect(issues[0]?.text?.en).toContain("depends on itself: part.all → part.all");
    const ring = (name: string, other: string) => ({
      name,
      properties: {
        [other]: { fieldType: "reference", target: other },
        f: { fieldType: "rollup", of: `${other}.${name}`, op: "count", filter: "f > 0" },
      },
    });
    expect(
      issuesOf(() => snapshotOf(user, ring("left", "right"), ring("right", "left"))).map((i) => i.text?.en),
    ).toEqual([
      expect.stringContaining("left.f → right.f → left.f"),
      expect.stringContaining("right.f → left.f → right.f"),
    ]);
  });
});

describe("changes of what a roll-up looks at", () => {
  const rolled = property({
    n: rollup({ op: "count", filter: "outcome != 'cancelled' && size(note) > 0 || note == 'outcome'" }),
    s: rollup({ op: "sum", field: "minutes" }),
  });
  const nextId = ids();
  const first = store([user, rolled, viewing], nextId);
  const before = compileSnapshot(settings, 1, first);
  const kept = [...before.byId.values()].map((o) => o.stored);
  const change = (...definitions: readonly unknown[]): Snapshot => {
    const changed = store(definitions, nextId, kept);
    const others = kept.filter((o) => !changed.some((c) => c.id === o.id));
    const renamed = changed.find((c) => c.definition.was !== undefined);
    const list = [...others, ...changed].map((o) =>
      retarget(o, (target) => (target === renamed?.definition.was ? renamed.name : target)),
    );
    return compileSnapshot(settings, 2, list, before);
  };
  const steps = (after: Snapshot) =>
    diffSnapshots(before, after).map((step) =>
      step.kind === "compute_rollup"
        ? `compute ${step.group.rollups.map((r) => r.field.name).join()}`
        : `${step.kind} ${"field" in step ? step.field.name : step.object.name}`,
    );
  const definitionOf = (snapshot: Snapshot): ObjectDefinition => object(snapshot, "property").stored.definition;

  test("a renamed object, reference or field is followed, and nothing is computed", () => {
    const { property: reference, minutes, outcome, ...others } = viewing.properties;
    const after = change({
      name: "visit",
      was: "viewing",
      properties: {
        ...others,
        house: { ...reference, was: "property" },
        length: { ...minutes, was: "minutes" },
        result: { ...outcome, was: "outcome" },
      },
    });
    expect(definitionOf(after).properties).toMatchObject({
      n: { of: "visit.house", filter: "result != 'cancelled' && size(note) > 0 || note == 'outcome'" },
      s: { of: "visit.house", field: "length" },
    });
    expect(steps(after)).toEqual([
      "rename_object visit",
      "rename_field house",
      "rename_field length",
      "rename_field result",
    ]);
  });

  test("two fields that change places keep their roles", () => {
    const { minutes, note, ...others } = viewing.properties;
    const swapped = {
      ...viewing,
      properties: { ...others, note: { ...minutes, was: "minutes" }, minutes: { ...note, was: "note" } },
    };
    expect(definitionOf(change(swapped)).properties).toMatchObject({
      n: { filter: "outcome != 'cancelled' && size(minutes) > 0 || minutes == 'outcome'" },
      s: { field: "note" },
    });
  });

  test("a field, reference or object that goes is refused, naming the roll-up", () => {
    const { outcome: _, ...rest } = viewing.properties;
    const issues = issuesOf(() => change({ ...viewing, properties: rest }));
    expect(brief(issues)).toEqual(["/properties/n/filter definition"]);
    expect(issues[0]?.text?.en).toContain("roll-up property.n");
    expect(
      brief(
        issuesOf(() =>
          compileSnapshot(
            settings,
            2,
            kept.filter((o) => o.name !== "viewing"),
            before,
          ),
        ),
      ),
    ).toEqual(["/properties/n/of definition", "/properties/s/of definition"]);
  });

  test.each([
    ["the same again", {}, []],
    ["a title", { n: { ...(rolled.properties["n"] as object), title: "Seen" } }, []],
    ["a filter", { n: { ...count, filter: "minutes > 5" } }, ["compute n"]],
    ["another op", { s: rollup({ op: "avg", field: "minutes" }) }, ["change_rollup s", "compute s"]],
    ["another field", { s: rollup({ op: "sum", field: "offer" }) }, ["change_rollup s", "compute s"]],
    ["a new one", { m: rollup({ op: "max", field: "offer" }) }, ["add_field m", "compute m"]],
    ["another name", { s: undefined, t: { ...(rolled.properties["s"] as object), was: "s" } }, ["rename_field t"]],
  ])("%s", (_what, more, expected) => {
    const properties = Object.fromEntries(
      Object.entries({ ...rolled.properties, ...more }).filter(([, value]) => value !== undefined),
    );
    expect(steps(change({ ...rolled, properties }))).toEqual(expected);
  });

  test("another type of what is looked at, and another time zone where the filter asks for it", () => {
    const wider = { ...viewing, properties: { ...viewing.properties, minutes: { type: "number" } } };
    expect(steps(change(wider))).toEqual(["change_type minutes", "compute s"]);
    const zoned = change({
      ...rolled,
      properties: { ...rolled.properties, n: { ...count, filter: "day(seen_at) == 1" } },
    });
    const stored = [...zoned.byId.values()].map((o) => o.stored);
    const moved = compileSnapshot({ ...settings, timeZone: "Europe/Paris" }, 3, stored, zoned);
    expect(
      diffSnapshots(zoned, moved).map((step) => step.kind === "compute_rollup" && step.group.rollups[0]?.field.name),
    ).toEqual(["n"]);
  });

  test("those that look at a changed one come after it", () => {
    const street = (filter: string) => [
      user,
      {
        name: "street",
        properties: { busy: { fieldType: "rollup", of: "property.street", op: "count", filter: "n > 3" } },
      },
      property({ street: { fieldType: "reference", target: "street" }, n: { ...count, filter } }),
      viewing,
    ];
    const next = ids();
    const was = compileSnapshot(settings, 1, store(street("minutes > 1"), next));
    const is = compileSnapshot(
      settings,
      2,
      store(
        street("minutes > 2"),
        next,
        [...was.byId.values()].map((o) => o.stored),
      ),
      was,
    );
    expect(diffSnapshots(was, is).map((s) => s.kind === "compute_rollup" && s.group.rollups[0]?.field.name)).toEqual([
      "n",
      "busy",
    ]);
  });

  test("an ordinary field and a roll-up never become each other", () => {
    const plain = { ...rolled, properties: { ...rolled.properties, s: { type: "integer" } } };
    expect(brief(issuesOf(() => diffSnapshots(before, change(plain))))).toEqual(["/properties/s/fieldType definition"]);
  });
});

test("a snapshot without roll-ups has none over any object", () => {
  const snapshot = snapshotOf(user, property({}), viewing);
  for (const each of snapshot.objects.values()) expect(rollupsOver(snapshot, each)).toEqual([]);
  expect(parseDefinition({ name: "a", properties: { f: { ...count, index: true } } }).properties["f"]).toMatchObject({
    index: true,
  });
});
