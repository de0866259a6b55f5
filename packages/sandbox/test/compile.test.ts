import { afterAll, describe, expect, test } from "vitest";
import { sourceBytes } from "../src/index.ts";
import { errorOf, job, open, resultOf } from "./support.ts";

const { sandbox } = open({ maxChildren: 1 });
afterAll(() => sandbox.close());

describe("compile", () => {
  test("strips types and keeps every line and column", async () => {
    const source = [
      "interface Lead { amount: number }",
      "type Args = { lead: Lead };",
      "export default async ({ lead }: Args): Promise<number> => {",
      "  const double = (n: number): number => n * 2;",
      "  if (lead.amount > 5) throw new Error('too much' as string);",
      "  return double(lead!.amount);",
      "};",
    ].join("\n");
    const compiled = await sandbox.compile(source);
    if (!compiled.ok) throw new Error(compiled.message);
    const lengths = (text: string): number[] => text.split("\n").map((line) => line.length);
    expect(lengths(compiled.code)).toEqual(lengths(source));
    expect(resultOf(await sandbox.run(job(compiled.code, { input: '{"lead":{"amount":4}}' })))).toBe(8);
    const error = errorOf(await sandbox.run(job(compiled.code, { input: '{"lead":{"amount":6}}' })));
    expect(error).toMatchObject({ message: "too much", line: 5, column: 30 });
  });

  test.each([
    ["an expression", "const x = 1;\nexport default () => x;", { start: 13, word: 20 }],
    [
      "what stands behind a comment and a text",
      "/* export default */ const s = 'export default';export/**/default(s);",
      { start: 48, word: 58 },
    ],
    [
      "a declared function",
      "export default async function main(a) { return a; }\nmain();",
      { start: 0, word: 7, declared: { name: "main", end: 51 } },
    ],
    [
      "one without a name",
      "export default function (a: number) { return a; }",
      { start: 0, word: 7, declared: { end: 49 } },
    ],
    ["a class", "export default class A {}", { start: 0, word: 7 }],
    [
      "what stands behind types of many bytes",
      "type A = '中文😀';\nexport default (a: '中') => 1;",
      { start: 17, word: 24 },
    ],
    ["one of a list of exports", "const main = () => 1;\nexport { main as default };", undefined],
  ])("tells where the default export is: %s", async (_, source, main) => {
    const compiled = await sandbox.compile(source);
    expect(compiled).toMatchObject({ ok: true });
    expect("main" in compiled ? compiled.main : undefined).toEqual(main);
  });

  test.each([
    ["a type that is missing", "export default () => {\n  let y: = 3;\n}", /Unexpected token/, 2, 10],
    ["syntax that is not erasable", "enum Color { red }\nexport default () => 1;", /enum is not supported/, 1, 1],
    [
      "a name declared twice",
      "export default () => {\n  const a = 1;\n  const a = 2;\n}",
      /'a' has already been declared/,
      3,
      9,
    ],
    ["two default exports", "export default 1;\nexport default 2;", /one default export/, 2, 8],
    ["no default export", "export const a = 1;", /must have a default export/, 1, 1],
    [
      "an import",
      "// import x from 'lib/pricing'\nimport { x }\n  from 'lib/pricing';\nexport default () => x;",
      /cannot import "lib\/pricing"/,
      3,
      8,
    ],
    ["a re-export", "export { x } from 'lib/pricing';\nexport default 1;", /cannot import "lib\/pricing"/, 1, 19],
    [
      "a dynamic import",
      "export default async () => {\n  const s = 'import (x)';\n  return import('fs');\n}",
      /cannot import anything/,
      3,
      10,
    ],
    ["await outside a function", "await null;\nexport default () => 1;", /only inside functions/, undefined, undefined],
    ["a return outside a function", "return 1;\nexport default () => 1;", /[Rr]eturn/, 1, 1],
  ])("refuses %s and says where", async (_name, source, message, line, column) => {
    const compiled = await sandbox.compile(source);
    if (compiled.ok) throw new Error("it should have been refused");
    expect(compiled.message).toMatch(message);
    expect([compiled.line, compiled.column]).toEqual([line, column]);
  });

  test.each([
    ["the word import in a text", "export default () => 'import (x) and import y from \"z\"';"],
    ["a method named import", "export default ({ crm }) => crm.import(1);"],
    ["an object with a method named import", "export default () => ({ import(x) { return x; } });"],
    ["an empty line first", "\n\nexport default function run() {}"],
    ["a type import", "import type { Lead } from 'crm';\nexport default (lead: Lead) => lead;"],
  ])("accepts %s", async (_name, source) => {
    expect(await sandbox.compile(source)).toMatchObject({ ok: true });
  });

  test("runs nothing", async () => {
    const started = performance.now();
    const compiled = await sandbox.compile("for (;;);\nexport default () => { throw new Error(); };");
    expect(compiled.ok).toBe(true);
    expect(performance.now() - started).toBeLessThan(15_000);
  });

  test("refuses what is too large, and survives what is too deep", async () => {
    const large = await sandbox.compile(`export default () => "${"x".repeat(sourceBytes)}";`);
    expect(large).toMatchObject({ ok: false, message: expect.stringContaining(String(sourceBytes)) });
    const deep = await sandbox.compile(`export default () => ${"(".repeat(50_000)}1${")".repeat(50_000)};`);
    expect(deep.ok).toBe(false);
    expect((await sandbox.compile("export default () => 1;")).ok).toBe(true);
  });

  test("works on several scripts at once", async () => {
    const sources = Array.from({ length: 10 }, (_, i) =>
      i % 2 === 0 ? `export default () => ${i};` : `export default () => {`,
    );
    const all = await Promise.all(sources.map((source) => sandbox.compile(source)));
    expect(all.map((compiled) => compiled.ok)).toEqual(sources.map((_, i) => i % 2 === 0));
  });
});
