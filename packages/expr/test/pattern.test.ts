import fc from "fast-check";
import { RE2JS } from "re2js";
import { describe, expect, test } from "vitest";
import { ExpressionError } from "@guanxi/expr";
import { compilePattern, parsePattern, toPostgres } from "../src/pattern.ts";
import { patterns, texts } from "./generate.ts";

describe("patterns", () => {
  test("mean what RE2 says they mean", () => {
    let compared = 0;
    fc.assert(
      fc.property(patterns, fc.array(texts, { minLength: 5, maxLength: 5 }), (source, subjects) => {
        const own = readable(source);
        if (!own) return;
        const re2 = RE2JS.compile(source);
        for (const subject of subjects)
          expect(own(subject), `${source} on ${subject}`).toBe(re2.matcher(subject).find());
        compared++;
      }),
      { numRuns: 1_500, seed: 11 },
    );
    expect(compared).toBeGreaterThan(1_000);
  });

  test.each([
    ["^a.c$", "(?:\\Aa[^\\u000a]c\\Z)"],
    ["[a-c王]+|\\d{2,}", "(?:(?:(?:[a-c\\u738b]){1,})|(?:(?:[0-9]){2,}))"],
    ["😀*?", "(?:(?:\\U0001f600){0,})"],
  ])("%s in PostgreSQL", (source, expected) => expect(toPostgres(parsePattern(source, 0))).toBe(expected));
});

function readable(source: string): ((text: string) => boolean) | undefined {
  try {
    return compilePattern(parsePattern(source, 0));
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}
