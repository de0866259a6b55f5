import { expect, test } from "vitest";
import { compileSnapshot } from "../src/index.ts";
import { ids, issuesOf, settings, store, user } from "./build.ts";

/** So many levels of so many objects, each shared by a record of any of the level above, and a leaf below them all. */
function layers(levels: number, width: number): unknown[] {
  const names = (level: number): string[] => Array.from({ length: width }, (_, i) => `o${level}_${i}`);
  const shared = (name: string, level: number) => ({
    ...{ name, plural: `${name}_all`, sharing: { parent: "up" } },
    properties: { up: { fieldType: "reference", target: names(level), relation: `of_${name}` } },
  });
  const top = names(levels).map((name) => ({ name, plural: `${name}_all`, properties: {} }));
  const between = Array.from({ length: levels - 1 }, (_, i) => names(i + 1).map((name) => shared(name, i + 2)));
  return [user, ...top, ...between.flat(), shared("leaf", 1)];
}

const issues = (definitions: readonly unknown[]) =>
  issuesOf(() => compileSnapshot(settings, 1, store(definitions, ids())));

test("who sees a record is asked of 32 objects at most, in all ways together", () => {
  for (const [levels, width] of [
    [1, 12],
    [2, 5],
    [4, 1],
  ] as const)
    expect(issues(layers(levels, width)), `${levels} × ${width}`).toEqual([]);
  for (const [levels, width, looks] of [
    [2, 6, 42],
    [4, 12, 22_620],
  ] as const) {
    const [leaf] = issues(layers(levels, width)).filter(({ text }) => text?.en.includes(` ${looks} `));
    expect(leaf, `${levels} × ${width}`).toMatchObject({ path: "/sharing/parent" });
    expect(Object.keys(leaf?.text ?? {})).toEqual(["en", "zh-CN", "zh-TW"]);
  }
  expect(issues(layers(5, 2)).map(({ text }) => text?.en)).toEqual([
    expect.stringContaining("over more than 4 parents: leaf → o1_0 → o2_0 → o3_0 → o4_0 → o5_0"),
  ]);
});
