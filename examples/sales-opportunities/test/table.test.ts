import { expect, test } from "vitest";
import { displayWidth, table } from "../src/table.ts";

test.each([
  ["abc", 3],
  ["客户", 4],
  ["Nova 客户", 9],
  ["é", 1],
  ["e\u0301", 1],
  ["𠮷", 2],
  ["（）", 4],
  ["한글", 4],
  ["–", 1],
])("%s takes %d columns", (text, width) => expect(displayWidth(text)).toBe(width));

test("columns line up whatever is in them", () => {
  expect(
    table(
      ["Name", "Won", "Value"],
      [
        ["云岫仪表", 3, 1234567.5],
        ["Lumenreach", 12, "–"],
      ],
    ),
  ).toEqual([
    "Name        Won        Value",
    "──────────  ───  ───────────",
    "云岫仪表      3  1,234,567.5",
    "Lumenreach   12            –",
  ]);
});

test("a table without rows is its headings", () => expect(table(["A", "B"], [])).toEqual(["A  B", "─  ─"]));
