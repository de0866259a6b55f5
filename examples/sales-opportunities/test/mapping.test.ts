import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { country, date, email, industry, MappingError, millions, nameKey, number, stage } from "../src/mapping.ts";

describe("dates", () => {
  test.each([
    ["3/1/2017", "2017-03-01"],
    ["10/20/2016", "2016-10-20"],
    ["2/29/2016", "2016-02-29"],
    ["", undefined],
  ])("%s → %s", (cell, iso) => expect(date(cell)).toBe(iso));

  test.each(["2/29/2017", "13/1/2017", "20/10/2016", "0/1/2017", "2017-03-01", "3/1/17", "3/1/2017 10:00", "x"])(
    "%s is refused, not guessed",
    (cell) => expect(() => date(cell)).toThrow(MappingError),
  );

  test("every day of the calendar comes through as itself", () => {
    fc.assert(
      fc.property(fc.date({ min: new Date("1900-01-01"), max: new Date("2100-12-31"), noInvalidDate: true }), (day) => {
        const cell = `${day.getUTCMonth() + 1}/${day.getUTCDate()}/${day.getUTCFullYear()}`;
        expect(date(cell)).toBe(day.toISOString().slice(0, 10));
      }),
    );
  });
});

describe("numbers", () => {
  test.each([
    ["1054", 1054],
    ["251.41", 251.41],
    ["0", 0],
    ["", undefined],
  ])("%s → %s", (cell, value) => expect(number(cell)).toBe(value));
  test.each(["1,054", "$5", "1e3", "abc", "NaN"])("%s is refused", (cell) =>
    expect(() => number(cell)).toThrow(MappingError),
  );
  test.each([
    ["1100.04", 1_100_040_000],
    ["11698.03", 11_698_030_000],
    ["0.1", 100_000],
  ])("%s million → %d", (cell, units) => expect(millions(cell)).toBe(units));
});

test("known typing errors are put right, everything else stays", () => {
  expect([industry("technolgy"), industry("technology"), industry("medical")]).toEqual([
    "technology",
    "technology",
    "medical",
  ]);
  expect([country("Philipines"), country("Philippines"), country("Kenya")]).toEqual([
    "Philippines",
    "Philippines",
    "Kenya",
  ]);
});

test("names that differ only in spaces and case are one", () => {
  expect(nameKey("GTXPro")).toBe(nameKey("GTX Pro"));
  expect(nameKey("GTX Pro")).not.toBe(nameKey("GTX Plus Pro"));
});

test("stages", () => {
  expect(["Prospecting", "Engaging", "Won", "Lost"].map(stage)).toEqual(["prospecting", "engaging", "won", "lost"]);
  expect(() => stage("won")).toThrow(MappingError);
});

test.each([
  ["Mei-Mei Johns", "mei-mei.johns@sales-opportunities.example"],
  ["Joaquín Velarde", "joaquin.velarde@sales-opportunities.example"],
  ["周予安", "u5468u4e88u5b89@sales-opportunities.example"],
])("e-mail of %s", (name, address) => expect(email(name)).toBe(address));
