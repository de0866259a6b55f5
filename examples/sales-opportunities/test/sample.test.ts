import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sampleFiles } from "../generate.ts";
import { readSource, type SourceFiles } from "../src/source.ts";

const folder = join(import.meta.dirname, "..", "sample");

describe("the sample", () => {
  const files = sampleFiles();

  test("is what the generator makes", () => {
    expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
    for (const [name, text] of Object.entries(files)) expect(readFileSync(join(folder, name), "utf8"), name).toBe(text);
  });

  test("has the dirt that the mapping is there for", () => {
    const pipeline = files["sales_pipeline.csv"] ?? "";
    expect(pipeline).toMatch(/,NovaPro,/);
    expect(pipeline).not.toMatch(/,Nova Pro,/);
    expect(pipeline).toMatch(/,,(Engaging|Prospecting),/);
    expect(files["accounts.csv"]).toMatch(/technolgy/);
    expect(files["accounts.csv"]).toMatch(/Philipines/);
  });

  test("can be mapped in full", () => {
    const source = readSource(files as unknown as SourceFiles);
    expect(source.opportunities).toHaveLength(300);
    expect(new Set(source.opportunities.map((o) => o.id)).size).toBe(300);
    expect(new Set(source.opportunities.map((o) => o.stage))).toEqual(
      new Set(["won", "lost", "engaging", "prospecting"]),
    );
    const order = source.accounts.map((a) => a.name);
    const forward = source.accounts.filter((a) => a.parent && order.indexOf(a.parent) > order.indexOf(a.name));
    expect(forward.length).toBeGreaterThan(0);
  });
});
