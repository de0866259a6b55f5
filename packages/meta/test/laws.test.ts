import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { autonumberParts, canonicalInstant, canonicalTime, dateIn, isDate, unstorable } from "../src/index.ts";
import { compareDecimals, decimalToText, digitCounts, exactDecimal, isMultipleOf } from "../src/decimal.ts";
import { LinearRegExp, PatternError } from "../src/pattern.ts";

const exact = (value: number | string) => {
  const read = exactDecimal(value);
  if (read === undefined) throw new Error(`${value} is not read as a decimal`);
  return read;
};

describe("exact decimals", () => {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });

  test("write back the number they were read from", () => {
    fc.assert(
      fc.property(number, (n) => {
        expect(Number(decimalToText(exact(n)))).toBe(n === 0 ? 0 : n);
      }),
    );
  });

  test("compare as their numbers do", () => {
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(compareDecimals(exact(a), exact(b))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test("know multiples of decimals, where doubles do not", () => {
    const step = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(fc.integer(), step, fc.integer({ min: 0, max: 6 }), (k, digits, scale) => {
        const of = `${digits}e-${scale}`;
        expect(isMultipleOf(exact(`${BigInt(k) * BigInt(digits)}e-${scale}`), exact(of))).toBe(true);
        expect(isMultipleOf(exact(`${BigInt(k) * BigInt(digits) * 10n + 1n}e-${scale + 1}`), exact(of))).toBe(false);
      }),
    );
    expect(0.3 % 0.1).not.toBe(0);
    expect(isMultipleOf(exact(0.3), exact(0.1))).toBe(true);
  });

  test.each([
    ["0", 0, 0, 0],
    ["0.00", 0, 0, 0],
    ["1200", 4, 0, 2],
    ["-12.340", 2, 2, 4],
    ["0.001", 0, 3, 1],
    ["1e3", 4, 0, 1],
  ])("count the digits of %s", (text, whole, scale, significant) => {
    expect(digitCounts(exact(text))).toEqual({ whole, scale, significant });
  });

  test.each(["", ".5", "1.", "NaN", "Infinity", "1_000", " 1"])("do not read %j", (text) =>
    expect(exactDecimal(text)).toBeUndefined(),
  );
});

describe("patterns", () => {
  const atom = fc.constantFrom(
    ...[
      "a",
      "b",
      ".",
      "\\d",
      "\\D",
      "\\w",
      "\\W",
      "\\s",
      "\\S",
      "[ab]",
      "[^a]",
      "[\\s\\d]",
      "[^\\s]",
      "[\\S]",
      "[a-c\\-]",
      "[[]",
      "[^]",
    ],
    ...[
      "\\.",
      "\\/",
      "\\u0061",
      "\\u{1F600}",
      "\\uD83D\\uDE00",
      "\\x62",
      "\\cA",
      "\\t",
      "\\v",
      "\\0",
      "\\p{L}",
      "\\P{Lu}",
      "\\p{Script=Han}",
    ],
    ...["\\p{Uppercase_Letter}", "\\b", "^", "$", "中", "😀", "(?:a|b)", "(a)", "(b|c)", "[\\b]", "-", "\\^"],
  );
  const quantifier = fc.constantFrom("", "", "", "*", "+", "?", "{2}", "{1,2}", "*?");
  const piece = fc.tuple(atom, quantifier).map(([a, q]) => (/^(\^|\$|\\b|\\B)$/i.test(a) ? a : a + q));
  const pattern = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(""));
  const subject = fc.array(
    fc.constantFrom(
      "a",
      "b",
      "c",
      "A",
      "é",
      "1",
      "_",
      "-",
      " ",
      "\n",
      "\r",
      "\u2028",
      "\u00a0",
      "\ufeff",
      "\u0001",
      "\b",
      "\t",
      "\v",
      "\0",
      "中",
      "😀",
      ".",
      "/",
      "[",
      "^",
    ),
    { maxLength: 6 },
  );

  // Without \B, which V8 finds inside a surrogate pair.
  test("say the same in linear time as in ECMA-262", () => {
    fc.assert(
      fc.property(pattern, fc.array(subject, { minLength: 1, maxLength: 8 }), (source, subjects) => {
        const [ours, standard] = [new LinearRegExp(source), new RegExp(source, "u")];
        for (const text of subjects.map((s) => s.join(""))) {
          expect([source, text, ours.test(text)]).toEqual([source, text, standard.test(text)]);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?<!a)",
    "(a)\\1",
    "(?<n>a)\\k<n>",
    "(?i:a)",
    "a{2,1}",
    "[b-a]",
    "\\a",
    "\\p{Nonsense}",
    "*",
    "a{1,100000}",
  ])("%s is refused", (source) => {
    expect(() => new LinearRegExp(source)).toThrow(PatternError);
  });
});

describe("dates and times", () => {
  const day = fc.date({
    min: new Date("0001-01-02T00:00:00Z"),
    max: new Date("9999-12-30T00:00:00Z"),
    noInvalidDate: true,
  });
  const offset = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
  const two = (n: number): string => String(n).padStart(2, "0");

  test("an instant is the same at every offset, and its own canonical form", () => {
    fc.assert(
      fc.property(day, offset, (at, minutes) => {
        const local = new Date(at.getTime() + minutes * 60_000).toISOString().slice(0, -1);
        const sign = minutes < 0 ? "-" : "+";
        const written = `${local}${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
        const canonical = canonicalInstant(written) ?? "";
        expect(new Date(canonical).getTime()).toBe(at.getTime());
        expect(canonicalInstant(canonical)).toBe(canonical);
      }),
    );
  });

  test("a date is one when the calendar has it", () => {
    const part = fc.integer({ min: 0, max: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9999 }), part, part, (y, m, d) => {
        const text = `${String(y).padStart(4, "0")}-${two(m)}-${two(d)}`;
        const parsed = new Date(`${text}T00:00:00Z`);
        const real = !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text);
        expect([text, isDate(text)]).toEqual([text, real]);
      }),
    );
  });

  test("today is the tenant's", () => {
    const at = new Date("2026-03-29T22:30:00Z");
    expect(dateIn("Asia/Shanghai", at)).toBe("2026-03-30");
    expect(dateIn("America/New_York", at)).toBe("2026-03-29");
    expect(dateIn("Europe/Paris", at)).toBe("2026-03-30");
  });

  test("a time of day keeps microseconds and no needless zeros", () => {
    expect(["09:30", "09:30:00.100000", "09:30:00.000"].map(canonicalTime)).toEqual([
      "09:30:00",
      "09:30:00.1",
      "09:30:00",
    ]);
  });
});

test("a pattern of an autonumber is read into its parts", () => {
  expect(autonumberParts("P-{YYYY}/{MM}-{00000}号")).toEqual([
    { kind: "text", text: "P-" },
    { kind: "date", format: "YYYY" },
    { kind: "text", text: "/" },
    { kind: "date", format: "MM" },
    { kind: "text", text: "-" },
    { kind: "counter", digits: 5 },
    { kind: "text", text: "号" },
  ]);
});

test("whatever survives JSON and UTF-8 can be stored, and nothing else", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4, stringUnit: "binary" }), (value) => {
      const text = JSON.stringify(value);
      expect(unstorable(value) === undefined).toBe(!/\\u0000|\\ud[89a-f]/i.test(text));
    }),
  );
});
