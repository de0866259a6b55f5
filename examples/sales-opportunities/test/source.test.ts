import { describe, expect, test } from "vitest";
import { levels } from "../src/hierarchy.ts";
import { readSource, SourceError, type SourceFiles } from "../src/source.ts";

const files = (changes: Partial<SourceFiles> = {}): SourceFiles => ({
  "accounts.csv":
    "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n" +
    "Child Co,technolgy,1999,1.5,10,Philipines,Parent Co\nParent Co,retail,1990,20,500,Kenya,\n",
  "products.csv": "product,series,sales_price\nGTX Pro,GTX,4821\nMG Special,MG,55\n",
  "sales_teams.csv": "sales_agent,manager,regional_office\nAda Poe,Max Roe,East\n",
  "sales_pipeline.csv":
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n" +
    "A1,Ada Poe,GTXPro,Child Co,Won,10/20/2016,3/1/2017,4514\n" +
    "A2,Ada Poe,MG Special,,Prospecting,,,\n" +
    "A3,Ada Poe,GTX Pro,Parent Co,Lost,10/21/2016,11/1/2016,0\n",
  ...changes,
});

const pipeline = (...rows: string[]): Partial<SourceFiles> => ({
  "sales_pipeline.csv": [
    "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value",
    ...rows,
  ].join("\n"),
});

describe("what is dirty comes out clean", () => {
  const source = readSource(files());

  test("products as in the catalogue", () =>
    expect(source.opportunities.map((o) => o.product)).toEqual(["GTX Pro", "MG Special", "GTX Pro"]));

  test("a parent may stand after its subsidiary", () =>
    expect(source.accounts[0]).toEqual({
      name: "Child Co",
      industry: "technology",
      country: "Philippines",
      foundedYear: 1999,
      annualRevenue: 1_500_000,
      employees: 10,
      parent: "Parent Co",
    }));

  test("what is missing is missing, not empty text and not zero", () =>
    expect(source.opportunities[1]).toEqual({
      id: "A2",
      agent: "Ada Poe",
      product: "MG Special",
      account: undefined,
      stage: "prospecting",
      startDate: undefined,
      closeDate: undefined,
      amount: undefined,
    }));

  test("a value of zero stays a value", () => expect(source.opportunities[2]?.amount).toBe(0));

  test("a byte order mark and CRLF do no harm", () => {
    const windows = Object.fromEntries(
      Object.entries(files()).map(([name, text]) => [name, `\uFEFF${text.replaceAll("\n", "\r\n")}`]),
    );
    expect(readSource(windows as unknown as SourceFiles)).toEqual(source);
  });
});

describe("what cannot be mapped is refused with its place", () => {
  const faults = (changes: Partial<SourceFiles>): readonly string[] => {
    try {
      readSource(files(changes));
      return [];
    } catch (e) {
      if (e instanceof SourceError) return e.faults;
      throw e;
    }
  };

  test.each([
    [
      "an unknown product",
      "A1,Ada Poe,GTX Max,Child Co,Won,1/1/2017,2/1/2017,5",
      'sales_pipeline.csv:2: "product" names "GTX Max", which is nowhere listed',
    ],
    [
      "an unknown account",
      "A1,Ada Poe,GTXPro,Nobody,Won,1/1/2017,2/1/2017,5",
      'sales_pipeline.csv:2: "account" names "Nobody", which is nowhere listed',
    ],
    [
      "an unknown agent",
      "A1,Eve,GTXPro,Child Co,Won,1/1/2017,2/1/2017,5",
      'sales_pipeline.csv:2: "sales_agent" names "Eve", which is nowhere listed',
    ],
    [
      "an unknown stage",
      "A1,Ada Poe,GTXPro,Child Co,Closed,1/1/2017,2/1/2017,5",
      'sales_pipeline.csv:2: "Closed" is no deal stage; they are Prospecting, Engaging, Won, Lost',
    ],
    [
      "a day that is none",
      "A1,Ada Poe,GTXPro,Child Co,Won,1/1/2017,2/30/2017,5",
      'sales_pipeline.csv:2: "2/30/2017" is no date as M/D/YYYY',
    ],
    ["no id", ",Ada Poe,GTXPro,Child Co,Won,1/1/2017,2/1/2017,5", 'sales_pipeline.csv:2: "opportunity_id" is empty'],
  ])("%s", (_, row, fault) => expect(faults(pipeline(row))).toEqual([fault]));

  test("all faults at once", () =>
    expect(
      faults(pipeline("A1,Ada Poe,GTXPro,Nobody,Won,1/1/2017,2/1/2017,x", "A2,Ada Poe,Nothing,,Won,,,1")).map((f) =>
        f.slice(0, 21),
      ),
    ).toEqual(["sales_pipeline.csv:2:", "sales_pipeline.csv:2:", "sales_pipeline.csv:3:"]));

  test("a missing column", () =>
    expect(faults({ "products.csv": "product,series\nGTX Pro,GTX\nMG Special,MG\n" })).toContain(
      'products.csv:2: has no column "sales_price"',
    ));
});

describe("levels of accounts", () => {
  const accounts = (...pairs: [string, string?][]) =>
    pairs.map(([name, parent]) => ({
      name,
      parent,
      industry: "retail",
      country: "Kenya",
      foundedYear: undefined,
      annualRevenue: undefined,
      employees: undefined,
    }));
  const names = (...pairs: [string, string?][]) => levels(accounts(...pairs)).map((level) => level.map((a) => a.name));

  test("parents come first, wherever they stand", () =>
    expect(names(["c", "b"], ["b", "a"], ["x"], ["a"])).toEqual([["x", "a"], ["b"], ["c"]]));

  test("nothing to load", () => expect(names()).toEqual([]));

  test("a circle is refused, not loaded in part", () =>
    expect(() => names(["x"], ["a", "b"], ["b", "a"])).toThrow(
      'accounts.csv: "a", "b" are subsidiaries of each other',
    ));
});
