import { describe, expect, test } from "vitest";
import { agentsOf, SourceError, totalsOf } from "../src/source.ts";

const teams = "sales_agent,manager,regional_office\nAda Poe,Max Roe,East\n周予安, Max Roe ,West\n";
const pipeline =
  "opportunity_id,deal_stage,close_value\nA1,Won,4514\nA2,Won,0.5\nA3,Lost,0\nA4,Prospecting,\nA5,Engaging,\n";

describe("salespeople", () => {
  const agents = [
    { name: "Ada Poe", manager: "Max Roe", office: "East" },
    { name: "周予安", manager: "Max Roe", office: "West" },
  ];
  test("have a manager and an office", () => expect(agentsOf(teams)).toEqual(agents));
  test("a byte order mark and CRLF do no harm", () =>
    expect(agentsOf(`\uFEFF${teams.replaceAll("\n", "\r\n")}`)).toEqual(agents));

  const faults = (text: string): readonly string[] => {
    try {
      agentsOf(text);
      return [];
    } catch (e) {
      if (e instanceof SourceError) return e.faults;
      throw e;
    }
  };
  test("what is missing is refused with its place, all of it at once", () => {
    expect(faults("sales_agent,manager,regional_office\nAda Poe,,East\n,Max Roe,\n")).toEqual([
      'sales_teams.csv:2: "manager" is empty',
      'sales_teams.csv:3: "sales_agent" is empty',
      'sales_teams.csv:3: "regional_office" is empty',
    ]);
    expect(faults("sales_agent,manager\nAda Poe,Max Roe\n")).toEqual(['sales_teams.csv:2: "regional_office" is empty']);
    expect(faults(teams)).toEqual([]);
  });
});

test("the pipeline's totals by stage", () => {
  expect(Object.fromEntries(totalsOf(pipeline))).toEqual({
    won: { count: 2, amount: 4514.5 },
    lost: { count: 1, amount: 0 },
    prospecting: { count: 1, amount: 0 },
    engaging: { count: 1, amount: 0 },
  });
});
