// Formulas as definitions come and go, and what they come to for any object and record.
import { randomBytes } from "node:crypto";
import { Decimal, evaluate, type Value } from "@guanxi/expr";
import { type FieldTypeName, formulaOf } from "@guanxi/meta";
import { type Api, createTestApp, q, type TestApp } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, pathsOf, problem } from "./support.ts";

let app: TestApp;
let admin: Api;
beforeAll(async () => {
  app = await createTestApp();
  admin = app.as("admin");
});
afterAll(() => app.close());

const formula = (returns: string, source: string, more: Record<string, unknown> = {}) => ({
  fieldType: "formula",
  returns,
  formula: source,
  ...more,
});
const maker = {
  name: "maker",
  plural: "makers",
  properties: { name: { type: "string", maxLength: 100 }, margin: { fieldType: "percent" } },
};
const stock = {
  name: "article",
  plural: "articles",
  properties: {
    code: { type: "string" },
    price: { fieldType: "currency" },
    gross: { fieldType: "currency" },
    maker: { fieldType: "reference", target: "maker" },
  },
};
const put = (name: string, definition: unknown, query = "") =>
  admin.put(`/api/meta/objects/${name}${query}`, definition);
const withFields = (more: Record<string, unknown>) => ({ ...stock, properties: { ...stock.properties, ...more } });
/** Each row as PostgreSQL keeps it: another when it was written anew. */
const rows = () =>
  app.store.sql(`SELECT ctid::text, xmin::text, to_jsonb(t)::text AS row FROM t_demo.article t ORDER BY id`);
const indexes = async () =>
  (
    await app.store.sql<{ definition: string }>(
      `SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = 't_demo.article'::regclass AND indexprs IS NOT NULL`,
    )
  ).map((row) => row.definition);

describe("a formula comes, changes and goes", () => {
  test("without a row being touched, and its index with it", async () => {
    await define(app, maker);
    await define(app, stock);
    const made = ids(
      await admin.post("/api/articles", [
        { code: "a", price: 100, gross: 1 },
        { code: "b", price: 200 },
      ]),
    );
    const before = await rows();
    const fees = async () =>
      (body(await admin.get("/api/articles?order=code&select=fee"), 200).data as { fee: number }[]).map((a) => a.fee);

    body(await put("article", withFields({ fee: formula("currency", "price * 0.03", { index: true }) })), 200);
    expect(await fees()).toEqual([3, 6]);
    const [first, ...more] = await indexes();
    expect([first, more]).toEqual([expect.stringContaining("0.03"), []]);
    body(
      await put(
        "article",
        withFields({
          base: formula("currency", "price * 2"),
          fee: formula("currency", "base * 0.04", { index: true }),
        }),
      ),
      200,
    );
    expect(await fees()).toEqual([8, 16]);
    expect(await indexes()).toEqual([expect.stringMatching(/\* '?2'?[^]*0\.04/)]);
    body(
      await put(
        "article",
        withFields({
          base: formula("currency", "price * 3"),
          fee: formula("currency", "base * 0.04", { index: true }),
        }),
      ),
      200,
    );
    expect(await fees()).toEqual([12, 24]);
    expect(await indexes()).toEqual([expect.stringMatching(/\* '?3'?[^]*0\.04/)]);
    body(await put("article", withFields({ fee: formula("currency", "price * maker.margin / 100") })), 200);
    expect([await fees(), await indexes()]).toEqual([[null, null], []]);
    body(await put("article", stock), 200);
    problem(await admin.get("/api/articles?select=fee"), 400, "QUERY");
    expect(await rows()).toEqual(before);
    expect(made).toHaveLength(2);
  });

  test("in the place of a field whose values are lost only by those who say so, and back", async () => {
    const computed = withFields({ gross: formula("currency", "price * 1.19", { index: true }) });
    problem(await put("article", computed), 409, "DATA_LOSS", ["/properties/gross"]);
    body(await put("article", computed, "?allow=drop:article.gross"), 200);
    const { data } = body(await admin.get("/api/articles?order=code&select=gross"), 200);
    expect(data.map((a: { gross: number }) => a.gross)).toEqual([119, 238]);
    body(await put("article", withFields({ gross: { fieldType: "currency", index: true } })), 200);
    expect(body(await admin.get("/api/articles?filter=gross == null"), 200).data).toHaveLength(2);
    expect(await indexes()).toEqual([]);
    body(await put("article", stock), 200);
  });

  test("with its columns, under other names and of other types", async () => {
    body(await put("article", withFields({ fee: formula("currency", "price * 0.03", { index: true }) })), 200);
    const { price: _, ...others } = stock.properties;
    const cost = { was: "price", fieldType: "integer" };
    const renamed = {
      ...stock,
      properties: { ...others, cost, fee: formula("currency", "cost * 0.03", { index: true }) },
    };
    problem(
      await put("article", {
        ...renamed,
        properties: { ...renamed.properties, fee: formula("currency", "price * 0.03") },
      }),
      422,
      "DEFINITION",
      ["/properties/fee/formula"],
    );
    body(await put("article", renamed), 200);
    expect(await indexes()).toEqual([expect.stringContaining("cost")]);
    expect(ids(await admin.get(`/api/articles${q({ filter: "fee == 6" })}`))).toHaveLength(1);
    body(
      await put("article", {
        ...stock,
        properties: { ...stock.properties, price: { was: "cost", fieldType: "currency" } },
      }),
      200,
    );
  });

  test("not without what it uses, wherever that is", async () => {
    const own = formula("number", "margin * 2");
    body(await put("maker", { ...maker, properties: { ...maker.properties, twice: own } }), 200);
    body(
      await put(
        "article",
        withFields({ cost: formula("currency", "price - maker.twice"), made_by: formula("text", "maker.name") }),
      ),
      200,
    );
    for (const [properties, status, told] of [
      [{ ...maker.properties }, 409, /maker\.twice, which this would delete, is used by: formula of article\.cost/],
      [
        { title: { ...maker.properties.name, was: "name" }, margin: maker.properties.margin, twice: own },
        409,
        /maker\.name, which this would rename.*formula of article\.made_by/,
      ],
      [
        { ...maker.properties, twice: formula("text", "name") },
        422,
        /the formula article\.cost would break: - does not take decimal, text/,
      ],
    ] as const) {
      const refused = await put("maker", { ...maker, properties });
      problem(refused, status, status === 409 ? "CONFLICT" : "DEFINITION");
      expect(refused.text).toMatch(told);
    }
    const cycle = await put("maker", {
      ...maker,
      properties: {
        ...maker.properties,
        best: { fieldType: "reference", target: "article" },
        twice: formula("number", "best.cost"),
      },
    });
    expect([cycle.status, pathsOf(cycle)]).toEqual([
      422,
      ["/article/properties/cost/formula", "/properties/twice/formula"],
    ]);
    expect(cycle.text).toContain("maker.twice → article.cost → maker.twice");
    expect(body(await admin.get("/api/articles?select=cost,made_by"), 200).data).toHaveLength(2);
    body(await put("article", stock), 200);
  });

  test("with no index that a row is too long for", async () => {
    const long = randomBytes(3_000).toString("hex");
    body(await admin.post("/api/articles", { code: long }), 201);
    const short = { code: { type: "string", maxLength: 300 }, shout: formula("text", "upper(code)", { index: true }) };
    const refused = await put("article", withFields(short));
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain("index article by shout");
    expect(await indexes()).toEqual([]);
  });
});

const returns = {
  decimal: ["number", "currency", "percent"],
  int: ["integer"],
  text: ["text", "long_text"],
  bool: ["checkbox"],
  date: ["date"],
  datetime: ["datetime"],
  time: ["time"],
} as const satisfies Record<string, readonly FieldTypeName[]>;
type Kind = keyof typeof returns;

/** Expressions over the fields of a sample; `?` stands for one of the same kind, which may be another formula. */
const sources: Readonly<Record<Kind, readonly string[]>> = {
  decimal: [
    "price * 0.03",
    "rate / 3",
    "? + qty",
    "price * ?",
    "-?",
    "round(rate, 1) % 0.7",
    "open ? price : ?",
    "coalesce(?, 0.5)",
    "min(price, rate, ?)",
  ],
  int: [
    "qty * 2",
    "? + size(word)",
    "floor(rate)",
    "year(day) - quarter(day)",
    "days_between(day, at)",
    "qty % 3",
    "? * ?",
  ],
  text: ["word + '-' + word", "upper(?)", "open ? word : 'no'", "trim(?) + '!'", "coalesce(?, '%_\\\\')"],
  bool: [
    "price > rate",
    "!open",
    "? && qty > 0",
    "word.contains('a') || ?",
    "word in ['ab', 'b%']",
    "word.matches('^a+b')",
    "at < day",
  ],
  date: ["add_days(day, qty)", "add_months(?, 1)", "date(at)", "open ? day : ?", "max(day, date(at))"],
  datetime: ["at + duration('36h')", "add_days(?, 1)", "day", "add_months(at, -1)"],
  time: ["clock", "open ? clock : time('09:30')", "coalesce(?, time('23:59:59'))"],
};
const fieldsOf: Readonly<Record<Kind, string>> = {
  decimal: "price",
  int: "qty",
  text: "word",
  bool: "open",
  date: "day",
  datetime: "at",
  time: "clock",
};
const sampleFields = {
  run: { type: "integer" },
  n: { type: "integer" },
  price: { fieldType: "currency" },
  rate: { fieldType: "number" },
  qty: { type: "integer" },
  word: { type: "string", maxLength: 10 },
  open: { type: "boolean" },
  day: { fieldType: "date" },
  at: { fieldType: "datetime" },
  clock: { fieldType: "time" },
};

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 });
const sample = fc.record({
  price: maybe(fc.integer({ min: -5_000, max: 99_999 }).map((n) => n / 100)),
  rate: maybe(fc.constantFrom(0, 0.5, -2.25, 1 / 8, 99_999_999_999)),
  qty: maybe(fc.constantFrom(0, 1, -7, 2 ** 52, 30)),
  word: maybe(fc.constantFrom("", "ab", "a'b", "b%", " x ")),
  open: maybe(fc.boolean()),
  day: maybe(fc.constantFrom("2026-01-31", "2024-02-29", "9999-12-31", "0001-01-01")),
  at: maybe(fc.constantFrom("2026-03-29T01:30:00Z", "1999-12-31T23:59:59.123Z")),
  clock: maybe(fc.constantFrom("00:00:00", "12:30:15")),
});
const picks = fc.array(
  fc.record({
    kind: fc.constantFrom(...(Object.keys(sources) as Kind[])),
    pick: fc.nat(),
    type: fc.nat(),
    scale: fc.nat({ max: 3 }),
    over: fc.boolean(),
  }),
  { minLength: 6, maxLength: 6 },
);
type Picks = typeof picks extends fc.Arbitrary<infer T> ? T : never;

/** Formulas over the fields and over each other, each with an index. */
function formulasOf(chosen: Picks): Record<string, Record<string, unknown> & { kind: Kind }> {
  const made: Record<string, Record<string, unknown> & { kind: Kind }> = {};
  for (const [i, { kind, pick, type, scale, over }] of chosen.entries()) {
    const before = Object.entries(made).findLast(([, f]) => f.kind === kind)?.[0];
    const inner = over && before !== undefined ? before : fieldsOf[kind];
    const source = sources[kind][pick % sources[kind].length]?.replaceAll("?", (sign, at: number, all: string) =>
      all.slice(at + 1).startsWith(" ") && /^ \S+ : /.test(all.slice(at + 1)) ? sign : inner,
    );
    const named = returns[kind][type % returns[kind].length] as string;
    made[`f${i}`] = {
      ...formula(named, source ?? "", { index: named !== "long_text" }),
      ...(kind === "decimal" ? { scale } : {}),
      kind,
    };
  }
  return made;
}

/** As the API shows it. */
function shownAs(value: Value, kind: Kind): unknown {
  if (value instanceof Decimal) return value.toNumber() + 0;
  return kind === "datetime" && typeof value === "string" ? Date.parse(value) : value;
}
const read = (value: unknown, kind: Kind): unknown =>
  kind === "datetime" && typeof value === "string" ? Date.parse(value) : value;

const literals: Partial<Record<Kind, (value: unknown) => string>> = {
  text: (v) => JSON.stringify(v),
  date: (v) => `date('${String(v)}')`,
  datetime: (v) => `datetime('${String(v)}')`,
  time: (v) => `time('${String(v)}')`,
};
const literal = (value: unknown, kind: Kind): string => (value === null ? "null" : (literals[kind] ?? String)(value));

type Shown = Record<string, unknown> & { n: number };

describe("any formula of any record", () => {
  test("is shown as it is found, sorted and evaluated in memory, and has an index", { timeout: 60_000 }, async () => {
    let run = 0;
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(picks, fc.array(sample, { minLength: 5, maxLength: 8 }), async (chosen, records) => {
        run++;
        const formulas = formulasOf(chosen);
        const fields = Object.fromEntries(
          Object.entries(formulas).map(([name, { kind: _, ...field }]) => [name, field]),
        );
        await define(app, { name: "sample", properties: { ...sampleFields, ...fields } });
        const made = body(
          await admin.post(
            "/api/samples",
            records.map((r, n) => ({ ...r, run, n })),
          ),
          200,
        ).data as Shown[];
        const list = async (parameters: Record<string, string>) =>
          body(
            await admin.get(
              `/api/samples${q({ limit: 500, ...parameters, filter: `run == ${run}${parameters["filter"] ?? ""}` })}`,
            ),
            200,
          ).data as Shown[];
        const shown = await list({ order: "n" });
        expect(shown).toEqual(made);
        const snapshot = await app.kernel.tenants.snapshot("demo");
        const object = snapshot.objects.get("sample");
        if (!object) throw new Error("no sample");
        for (const [name, { kind }] of Object.entries(formulas)) {
          const env = { now: new Date(), ...snapshot.settings };
          const memory = shown.map((record) =>
            shownAs(evaluate(formulaOf(snapshot, object, name), { ...env, record }), kind),
          );
          expect(
            shown.map((r) => read(r[name], kind)),
            JSON.stringify(fields),
          ).toEqual(memory);
          for (const value of new Set(shown.map((r) => r[name]))) {
            const found = await list({ order: "n", filter: ` && ${name} == ${literal(value, kind)}` });
            expect(
              found.map((r) => r.n),
              `${name} == ${literal(value, kind)} of ${JSON.stringify(fields)}`,
            ).toEqual(shown.filter((r) => r[name] === value).map((r) => r.n));
            compared++;
          }
          const inOrder = shown.toSorted((a, b) => order(read(a[name], kind), read(b[name], kind)) || a.n - b.n);
          expect((await list({ order: `${name},n` })).map((r) => r.n)).toEqual(inOrder.map((r) => r.n));
        }
      }),
      { numRuns: 7 },
    );
    expect(compared).toBeGreaterThan(60);
  });
});

/** Nulls last; texts of ASCII alone. */
function order(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}
