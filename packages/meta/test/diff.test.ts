import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileSnapshot, diffSnapshots, type MetaChange, parseDefinition, type Snapshot } from "../src/index.ts";
import { brief, file, ids, issuesOf, settings, store, user } from "./build.ts";
import { anyDefinition } from "./generate.ts";

/** `kind object.part`, by the later names. */
const told = (changes: readonly MetaChange[]): string[] =>
  changes.map((c) => {
    const part =
      "field" in c
        ? `.${c.field.name}`
        : "key" in c
          ? `(${c.key.fields.join()})`
          : "index" in c
            ? `(${c.index.fields.join()})`
            : "";
    return `${c.kind} ${c.object.name}${part}`;
  });

const text = { type: "string" };

/** The changes from one set of definitions to another. */
function changes(from: readonly unknown[], to: readonly unknown[]): MetaChange[] {
  const nextId = ids();
  const before = store(from, nextId);
  const snapshot = compileSnapshot(settings, 1, before);
  return diffSnapshots(snapshot, compileSnapshot(settings, 2, store(to, nextId, before), snapshot));
}

const thing = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  name: "thing",
  properties,
  ...more,
});

describe("the steps between two snapshots", () => {
  test("of a new tenant are its objects, whatever refers to what", () => {
    const [a, b] = [
      { name: "left", properties: { other: { fieldType: "reference", target: "right" } } },
      { name: "right", properties: { other: { fieldType: "reference", target: "left" } } },
    ];
    const snapshot = compileSnapshot(settings, 1, store([a, b], ids()));
    expect(told(diffSnapshots(undefined, snapshot))).toEqual(["create_object left", "create_object right"]);
  });

  test("come in an order that DDL can run", () => {
    const before = [
      user,
      { name: "stale", properties: { x: text } },
      thing(
        {
          a: text,
          b: { type: "string", unique: true },
          c: { type: "integer" },
          d: text,
          r: { fieldType: "reference", target: "stale" },
        },
        { indexes: [["a", "c"]] },
      ),
    ];
    const after = [
      user,
      { name: "fresh", properties: { x: text } },
      {
        name: "item",
        was: "thing",
        required: ["d"],
        unique: [["d"]],
        properties: {
          z: { ...text, was: "a" },
          b: text,
          c: { type: "number" },
          d: text,
          r: { fieldType: "reference", target: "fresh" },
          e: text,
        },
        indexes: [["z", "owner"]],
      },
    ];
    expect(told(changes(before, after))).toEqual([
      ...[
        "drop_object stale",
        "rename_object item",
        "drop_index item(a,c)",
        "drop_unique item(b)",
        "rename_field item.z",
      ],
      ...[
        "change_type item.c",
        "create_object fresh",
        "add_field item.e",
        "change_required item.d",
        "change_reference item.r",
      ],
      ...["add_unique item(d)", "add_index item(z,owner)"],
    ]);
  });

  test("do not mention what only people see", () => {
    const before = thing({ a: text, s: { enum: ["x"] } });
    const after = thing(
      { a: { ...text, title: "A", maxLength: 5, default: "q" }, s: { enum: ["x", "y"] } },
      { title: "T", sharing: "read", rules: [{ name: "r", when: "a == 'x'", message: "No" }] },
    );
    expect(changes([before], [after])).toEqual([]);
  });

  test("of a type that changes only its digits is one", () => {
    expect(
      told(changes([thing({ a: { fieldType: "currency" } })], [thing({ a: { fieldType: "currency", scale: 4 } })])),
    ).toEqual(["change_type thing.a"]);
  });

  test.each([
    ["checkbox", "date"],
    ["date", "currency"],
    ["text", "autonumber"],
    ["multi_picklist", "integer"],
    ["reference", "checkbox"],
    ["datetime", "time"],
    ["text", "address"],
    ["address", "geo"],
    ["duration", "time"],
    ["checkbox", "rating"],
    ["file", "text"],
    ["file", "reference"],
    ["uuid", "file"],
    ["files", "references"],
    ["text", "files"],
  ])("are refused from %s to %s", (from, to) => {
    const definition: Record<string, unknown> = {
      autonumber: { fieldType: "autonumber", pattern: "{000}" },
      multi_picklist: { fieldType: "multi_picklist", items: { enum: ["a"] } },
      reference: { fieldType: "reference", target: "user" },
      references: { fieldType: "references", target: "user" },
    };
    const field = (type: string) => definition[type] ?? { fieldType: type };
    const issues = issuesOf(() =>
      changes([user, file, thing({ a: field(from) })], [user, file, thing({ a: field(to) })]),
    );
    expect(brief(issues)).toEqual(["/properties/a/fieldType definition"]);
    expect(issues[0]?.params).toEqual({ object: "thing" });
  });
});

describe("of any definitions", () => {
  const compiled = (definition: unknown, nextId: () => number, previous?: Snapshot): Snapshot =>
    compileSnapshot(
      settings,
      (previous?.version ?? 0) + 1,
      store(
        [user, file, definition],
        nextId,
        [...(previous?.byId.values() ?? [])].map((o) => o.stored),
      ),
      previous,
    );

  test("reading what was read changes nothing, and storing again gives the same ids", () => {
    fc.assert(
      fc.property(anyDefinition, (definition) => {
        const read = parseDefinition(definition);
        expect(parseDefinition(JSON.parse(JSON.stringify(read)))).toEqual(read);
        const nextId = ids();
        const first = store([definition], nextId);
        expect(store([definition], nextId, first)).toEqual(first);
      }),
      { numRuns: 60 },
    );
  });

  test("the same definitions have no steps between them", () => {
    fc.assert(
      fc.property(anyDefinition, (definition) => {
        const nextId = ids();
        const before = compiled(definition, nextId);
        expect(diffSnapshots(before, compiled(definition, nextId, before))).toEqual([]);
        // Also when nothing was taken over.
        expect(
          diffSnapshots(
            before,
            compileSnapshot(
              settings,
              2,
              [...before.byId.values()].map((o) => o.stored),
            ),
          ),
        ).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("between two, every field of the later is there after the steps, and no other", () => {
    fc.assert(
      fc.property(anyDefinition, anyDefinition, (one, other) => {
        const nextId = ids();
        const before = compiled(one, nextId);
        const after = compiled(other, nextId, before);
        let steps: MetaChange[];
        try {
          steps = diffSnapshots(before, after);
        } catch {
          return;
        }
        const fields = new Set((before.objects.get("thing")?.columns ?? []).map((f) => f.id));
        for (const step of steps) {
          if (step.kind === "add_field") fields.add(step.field.id);
          if (step.kind === "drop_field") fields.delete(step.field.id);
        }
        expect(fields).toEqual(new Set((after.objects.get("thing")?.columns ?? []).map((f) => f.id)));
      }),
      { numRuns: 60 },
    );
  });
});
