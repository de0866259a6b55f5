import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sampleFiles } from "../generate.ts";
import { rowsOf } from "../src/source.ts";

const folder = join(import.meta.dirname, "..", "sample");

describe("the sample", () => {
  const files = sampleFiles();

  test("is what the generator makes", () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
  });

  test("has the dirt that the mappings are there for", () => {
    const pipeline = files["sales_pipeline.csv"] ?? "";
    expect(pipeline).toMatch(/,NovaPro,/);
    expect(pipeline).not.toMatch(/,Nova Pro,/);
    expect(pipeline).toMatch(/,,(Engaging|Prospecting),/);
    expect(files["accounts.csv"]).toMatch(/technolgy/);
    expect(files["accounts.csv"]).toMatch(/Philipines/);
  });

  test("names each deal once, and a parent below its subsidiary", () => {
    const deals = rowsOf(files["sales_pipeline.csv"] ?? "");
    expect(deals).toHaveLength(300);
    expect(new Set(deals.map((deal) => deal["opportunity_id"])).size).toBe(300);
    expect(new Set(deals.map((deal) => deal["deal_stage"]))).toEqual(
      new Set(["Won", "Lost", "Engaging", "Prospecting"]),
    );
    const accounts = rowsOf(files["accounts.csv"] ?? "");
    const order = accounts.map((account) => account["account"]);
    const forward = accounts.filter((a) => order.indexOf(a["subsidiary_of"]) > order.indexOf(a["account"]));
    expect(forward.length).toBeGreaterThan(0);
  });
});
