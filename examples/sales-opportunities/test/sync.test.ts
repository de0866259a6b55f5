import { describe, expect, test } from "vitest";
import { differences, oneOf } from "../src/sync.ts";

describe("differences", () => {
  test.each([
    ["nothing differs", { a: 1, b: "x" }, { id: "1", a: 1, b: "x", c: 9 }, {}],
    ["a changed value", { a: 2, b: "x" }, { a: 1, b: "x" }, { a: 2 }],
    ["null is emptiness, absent is too", { a: null }, {}, {}],
    ["null empties", { a: null }, { a: 1 }, { a: null }],
    ["zero is not emptiness", { a: 0 }, { a: null }, { a: 0 }],
  ])("%s", (_, wanted, record, changes) => expect(differences(wanted, record)).toEqual(changes));
});

test("a filter's texts are quoted", () => {
  expect(oneOf("external_id", ["A1", 'say "hi"', "back\\slash"])).toBe(
    String.raw`external_id in ["A1", "say \"hi\"", "back\\slash"]`,
  );
});
