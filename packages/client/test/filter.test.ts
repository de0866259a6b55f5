import fc from "fast-check";
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cel, type Client, createClient, decimal, type Fields, where } from "../src/index.ts";
import { type DemoObjects, specimenDefinition } from "./demo.ts";

let app: TestApp;
let client: Client<DemoObjects>;

beforeAll(async () => {
  app = await createTestApp();
  expect((await app.as("admin").put("/api/meta/objects/specimen", specimenDefinition)).status).toBe(201);
  const fetch = (request: Request): Response | Promise<Response> => app.app.fetch(request);
  client = createClient<DemoObjects>({ url: "http://guanxi.test", key: app.keys["admin"] ?? "", fetch });
});
afterAll(() => app?.close());

type SpecimenFields = Fields<DemoObjects, "specimen">;
const text = (build: (f: SpecimenFields) => ReturnType<typeof cel>): string =>
  String(where<DemoObjects, "specimen">(build));

describe("what is written", () => {
  test.each([
    [(f) => f.size.gt(1), "size > 1"],
    [(f) => f.size.lte(-0.5), "size <= -0.5"],
    [(f) => f.size.eq(-0), "size == 0"],
    [(f) => f.size.ne(1e21), "size != 1e+21"],
    [(f) => f.size.gte(9007199254740993n), "size >= 9007199254740993"],
    [(f) => f.exact.lt(decimal("12345678901234567.89")), "exact < 12345678901234567.89"],
    [(f) => f.note.eq(null), "note == null"],
    [(f) => f.note.eq('a"b\\c\n'), 'note == "a\\"b\\\\c\\n"'],
    [(f) => f.note.contains("'"), 'note.contains("\'")'],
    [(f) => f.note.oneOf(["a", '"]']), '(note) in ["a", "\\"]"]'],
    [(f) => f.note.oneOf([]), "(note) in []"],
    [(f) => f.tags.contains("a"), 'tags.contains("a")'],
    [(f) => f.done.eq(true).not(), "!(done == true)"],
    [(f) => f.at.gt(new Date(0)), 'at > "1970-01-01T00:00:00.000Z"'],
    [(f) => f.like.like.eq.eq(3), "like.like.eq == 3"],
    [(f) => f.like.eq("x"), 'like == "x"'],
    [(f) => f.size.gt(1).and(f.size.lt(2), f.size.ne(3)), "(size > 1) && (size < 2) && (size != 3)"],
    [(f) => f.size.gt(1).and(f.size.lt(2)).and(f.size.ne(3)), "(size > 1) && (size < 2) && (size != 3)"],
    [(f) => f.size.gt(1).and(f.size.lt(2)).or(f.eq.eq(3)), "((size > 1) && (size < 2)) || (eq == 3)"],
    [(f) => f.size.gt(1).and(), "size > 1"],
    [
      () => cel`size > ${1} && note in ${["a"]} && ${cel`done || ${false}`}`,
      'size > 1 && note in ["a"] && (done || false)',
    ],
  ] satisfies [(f: SpecimenFields) => ReturnType<typeof cel>, string][])("%s", (build, expected) => {
    expect(text(build)).toBe(expected);
  });

  test("what no field can hold, and what is no field or condition, is refused before it is sent", () => {
    // oxlint-disable-next-line typescript/no-explicit-any -- as a program without types would use it
    const untyped = (build: (f: any) => any) => () => text(build);
    for (const wrong of [
      untyped((f) => f.size.gt(Number.NaN)),
      untyped((f) => f.size.gt(Infinity)),
      untyped((f) => f.note.eq("a\0b")),
      untyped((f) => f.note.eq("\ud800")),
      untyped((f) => f.note.eq({ toString: () => '" || true' })),
      untyped((f) => f.note.eq(["a"])),
      untyped((f) => f.note.eq(undefined)),
      untyped((f) => f['note == "" || true || note'].eq("x")),
      untyped((f) => f.note.eval("x")),
      untyped((f) => f.note.toString("x")),
      untyped((f) => f.eq("x")),
      untyped((f) => f.at.gt(new Date("never"))),
      () => decimal("1 || true"),
      () => decimal("1e5"),
    ])
      expect(wrong).toThrow();
  });

  test("the prototype of Decimal is no way around the check", () => {
    const forged = Object.assign(Object.create(Object.getPrototypeOf(decimal("1"))), { text: "1 || true" });
    expect(() => text((f) => f.exact.eq(forged))).toThrow(TypeError);
  });
});

/** Texts made of what breaks quoting, and of everything else. */
const fragment = fc.oneof(
  fc.constantFrom('"', "'", "\\", '\\"', '"""', "\n", "\r\n", "\t", "\b", "\f", "\u0001", "\u007f", "\u0085", "\u2028"),
  fc.constantFrom(
    "\ufeff",
    "${1}",
    "\\u0041",
    "\\x41",
    "' || true || '",
    '" == "" || "',
    "//",
    "r'",
    "中文",
    "😀",
    "%00",
  ),
  fc.string({ unit: "binary" }),
);
const texts = fc
  .array(fragment, { maxLength: 6 })
  .map((parts) => parts.join(""))
  .filter((value) => value.isWellFormed() && !value.includes("\0") && value.trim() !== "");

describe("on the server", () => {
  test("every text is found by itself, exactly, and never by another", async () => {
    const { specimen } = client.objects;
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(texts, { minLength: 20, maxLength: 40 }), async (values) => {
        const stored = await specimen.createMany(values.map((note) => ({ note })));
        const ids = stored.map((s) => s.id);
        for (const [i, { note }] of stored.entries()) {
          expect(note).toBe(values[i]);
          const mine = specimen.where((f) => f.note.eq(note).and(cel`id in ${ids}`));
          const { data } = await specimen.list({ select: ["id"], filter: mine });
          expect(data.map((d) => d.id)).toEqual([ids[i]]);
        }
        const all = specimen.where((f) => f.note.oneOf(values).and(cel`id in ${ids}`));
        expect(await specimen.aggregate({ filter: all })).toEqual([{ count: values.length }]);
        const parts = specimen.where((f) => f.note.startsWith(values[0] ?? "").and(f.note.endsWith(values[0] ?? "")));
        expect((await specimen.list({ filter: parts })).data.map((d) => d.note)).toContain(values[0]);
      }),
      { numRuns: 4 },
    );
  });

  test("so is every number, time, choice and reference", async () => {
    const { specimen } = client.objects;
    const number = fc
      .tuple(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.integer({ min: -5, max: 5 }))
      .map(([digits, power]) => Number(`${digits}e${power}`));
    const exact = fc
      .tuple(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), fc.nat(99_999))
      .map(([whole, part]) => `${whole}.${String(part).padStart(5, "0")}` as `${number}`);
    const at = fc.date({ min: new Date("0001-01-02"), max: new Date("9999-12-30"), noInvalidDate: true });
    await fc.assert(
      fc.asyncProperty(number, exact, at, fc.boolean(), async (size, digits, time, done) => {
        const day = time.toISOString().slice(0, 10);
        const like = (await specimen.create({ eq: 7 })).id;
        const { id } = await specimen.create({
          size,
          exact: digits,
          at: time.toISOString(),
          day,
          done,
          like,
          tags: ["b"],
        });
        const filter = specimen.where((f) =>
          f.size
            .eq(size)
            .and(
              f.size.oneOf([size]),
              f.exact.eq(decimal(digits)),
              f.at.eq(time),
              f.day.eq(day),
              f.done.eq(done),
              f.done.ne(!done),
              f.like.eq(like),
              f.like.eq.eq(7),
              f.tags.contains("b"),
              f.tags.contains("a").not(),
              f.note.eq(null),
              cel`id == ${id}`,
            ),
        );
        expect((await specimen.list({ filter })).data.map((d) => d.id)).toEqual([id]);
        const none = specimen.where((f) =>
          cel`id == ${id}`.and(f.size.gt(size).or(f.at.lt(time), f.exact.ne(decimal(digits)))),
        );
        expect((await specimen.list({ filter: none })).data).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });

  test("a long chain does not nest, and nothing is in an empty list", async () => {
    const { specimen } = client.objects;
    const { id } = await specimen.create({ size: 3 });
    const long = specimen.where((f) => {
      let condition = f.size.gt(0);
      for (let i = 0; i < 300; i++) condition = condition.and(f.size.ne(-i));
      return condition.and(cel`id == ${id}`);
    });
    expect((await specimen.list({ filter: long })).data).toHaveLength(1);
    expect((await specimen.list({ filter: (f) => f.note.oneOf([]) })).data).toEqual([]);
  });
});
