import { GuanxiError, keepsItsDigits } from "@guanxi/base";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson } from "../src/json/parse.ts";
import { nestingOf, scanJson } from "../src/json/scan.ts";

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const refusal = (text: string, nesting = 100): GuanxiError => {
  try {
    parseJson(text, nesting);
  } catch (e) {
    if (e instanceof GuanxiError) return e;
    throw e;
  }
  throw new Error(`accepted: ${text}`);
};

describe("the scanner", () => {
  /** Text near the border: JSON with one piece cut out, doubled or replaced. */
  const nearJson = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.nat(3),
      fc.constantFrom(
        "",
        '"',
        "\\",
        "\\u12",
        "\\ud800",
        ",",
        "}",
        "]",
        "{",
        ":",
        "0",
        "-",
        ".",
        "e",
        "\u0001",
        "\u00a0",
        "\n",
        "tru",
        "null",
      ),
    )
    .map(([json, at, cut, piece]) => {
      const i = at % (json.length + 1);
      return json.slice(0, i) + piece + json.slice(i + cut);
    });

  test("accepts what JSON.parse accepts, and nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(nearJson, fc.json(), fc.string()), (text) => (scanJson(text) === -1) === isJson(text)),
      { numRuns: 1_000 },
    );
  });

  test("everything before the fault could have been the start of JSON", () => {
    fc.assert(
      fc.property(nearJson, (text) => {
        const position = scanJson(text);
        // Cut short there, it is not the scanner's fault any more: the new one is at the very end, or there is none.
        if (position >= 0) expect([-1, position]).toContain(scanJson(text.slice(0, position)));
      }),
      { numRuns: 1_000 },
    );
  });

  test("gives every number and key with its pointer", () => {
    const found: [string, string][] = [];
    const note = (what: string, path: string): number => found.push([what, path]);
    expect(scanJson('{"a": [1, {"b/c~": -2.50e3}], "d": 0}', { number: note, key: note })).toBe(-1);
    expect(found).toEqual([
      ["a", "/a"],
      ["1", "/a/0"],
      ["b/c~", "/a/1/b~1c~0"],
      ["-2.50e3", "/a/1/b~1c~0"],
      ["d", "/d"],
      ["0", "/d"],
    ]);
  });

  test("measures nesting, brackets in strings aside", () => {
    const depth = (v: unknown): number =>
      typeof v === "object" && v !== null ? 1 + Math.max(0, ...Object.values(v).map(depth)) : 0;
    fc.assert(fc.property(fc.jsonValue(), (v) => nestingOf(JSON.stringify(v)) === depth(v)));
    expect(nestingOf('["[[[\\"[[[", "\\\\", []]')).toBe(2);
  });
});

describe("numbers", () => {
  test("every double is accepted as JavaScript writes it", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (d) => keepsItsDigits(JSON.stringify(d))),
    );
  });

  test("15 significant digits are always kept", () => {
    const digits = fc.tuple(fc.bigInt(0n, 999_999_999_999_999n), fc.integer({ min: -20, max: 20 }));
    fc.assert(fc.property(digits, ([n, exponent]) => keepsItsDigits(`${n}e${exponent}`)));
  });

  test("an integer is kept exactly when the double is it", () => {
    const whole = fc.bigInt(-(10n ** 20n), 10n ** 20n);
    // Past 2^53 a double's shortest digits may name it and still not be its exact value; those count as kept.
    fc.assert(fc.property(whole, (n) => keepsItsDigits(String(n)) === (BigInt(String(Number(n))) === n)));
  });

  test.each(["1e999", "-1e999", "1e-999", "9007199254740993", "0.12345678901234567", "123456789.1234567890123"])(
    "%s is refused",
    (n) => {
      const error = refusal(`{"a":[{"price":${n}}]}`);
      expect([error.code, error.issues.map((i) => [i.path, i.code])]).toEqual([
        "VALIDATION",
        [["/a/0/price", "precision"]],
      ]);
    },
  );

  test.each([
    "0",
    "-0",
    "0.10",
    "1E2",
    "100000000000000000000",
    "1.7976931348623157e308",
    "123456789.12",
    "0.30000000000000004",
  ])("%s is accepted", (n) => {
    expect(parseJson(`[${n}]`, 9)).toEqual([Number(n)]);
  });

  test("no number that loses digits gets past the quick look", () => {
    const part = (max: number): fc.Arbitrary<string> =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((d) => d.join(""));
    const token = fc.tuple(
      fc.constantFrom("", "-"),
      part(20).map((d) => d.replace(/^0+(?=\d)/, "")),
      fc.option(part(20)),
      fc.option(fc.integer({ min: -400, max: 400 })),
    );
    fc.assert(
      fc.property(token, ([sign, whole, fraction, exponent]) => {
        const source = `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${exponent === null ? "" : `e${exponent}`}`;
        if (keepsItsDigits(source)) expect(parseJson(`[${source}]`, 9)).toEqual([Number(source)]);
        else expect(refusal(`[${source}]`).issues).toMatchObject([{ path: "/0", code: "precision" }]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("long digits in text are nobody's number", () => {
    expect(parseJson('{"card":"4111111111111111.000001e999"}', 9)).toEqual({ card: "4111111111111111.000001e999" });
  });
});

describe("places of faults", () => {
  test.each([
    ['{"a":', 5, 1, 6],
    ["", 0, 1, 1],
    ['{"a": 1,\n "b": nul}', 15, 2, 7],
    ['{"a": 1,}', 8, 1, 9],
    ["[1 2]", 3, 1, 4],
    ["01", 1, 1, 2],
    ['["\u0007"]', 2, 1, 3],
    ['{"a":1} x', 8, 1, 9],
    ["{'a':1}", 1, 1, 2],
    ["NaN", 0, 1, 1],
  ])("%j", (text, position, line, column) => {
    const error = refusal(text);
    expect(error.code).toBe("MALFORMED");
    expect(error.issues).toEqual([{ path: "", code: "syntax", position, line, column }]);
  });
});

test("nesting has a limit, whatever it is made of", () => {
  expect(parseJson("[[[]]]", 3)).toEqual([[[]]]);
  expect(refusal("[[[[]]]]", 3).code).toBe("MALFORMED");
  expect(refusal('{"a":'.repeat(200_000) + "1" + "}".repeat(200_000)).code).toBe("MALFORMED");
});

test.each([
  '{"__proto__":{"admin":true}}',
  '{"\\u005f_proto__":1}',
  '{"a":[{"__pr\\u006fto__":1}]}',
  '{"\\u005F\\u005F\\u0070roto__":1}',
])("a prototype is not smuggled in: %s", (text) => {
  const error = refusal(text);
  expect([error.code, error.issues[0]?.code]).toEqual(["VALIDATION", "unknown"]);
  expect(({} as { admin?: boolean }).admin).toBeUndefined();
});

test("its name as a value is only text", () => expect(parseJson('["__proto__"]', 9)).toEqual(["__proto__"]));
