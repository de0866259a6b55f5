// Every field type from the request to the column and back: stored, read, filtered, sorted, aggregated, cleared.
import { fieldTypes, type FieldTypeName } from "@guanxi/meta";
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, nobody, pathsOf, problem } from "./support.ts";

interface Specimen {
  readonly definition: Record<string, unknown>;
  /** What is sent, in the order of an ascending sort. */
  readonly sent: readonly unknown[];
  /** What comes back, where it differs. */
  readonly read?: readonly unknown[];
  /** A filter on `f` and the positions in `sent` that it finds; filters on text literals also read as the type. */
  readonly filters: readonly (readonly [filter: string, ...found: number[]])[];
  readonly wrong: unknown;
  readonly unsortable?: true;
  /** Nothing can be computed of it, and what is sent again is another value. */
  readonly secret?: true;
  /** Metrics of the whole, by name. */
  readonly metrics?: Readonly<Record<string, unknown>>;
}

const low = "0198a3f0-1111-7000-8000-00000000000a";
const high = "F198A3F0-1111-7000-8000-00000000000B";
const texts = {
  sent: ["B", "a", "汉字 😀"],
  filters: [
    ["f == 'a'", 1],
    ["f.contains('汉')", 2],
    ["f > 'B'", 1, 2],
  ],
} as const;

const specimens: Readonly<
  Record<
    Exclude<FieldTypeName, "autonumber" | "reference" | "references" | "formula" | "rollup" | "file" | "files">,
    Specimen
  >
> = {
  text: { definition: { type: "string" }, ...texts, wrong: 1, metrics: { "min(f)": "B", "max(f)": "汉字 😀" } },
  long_text: { definition: { fieldType: "long_text" }, ...texts, wrong: ["a"] },
  rich_text: {
    definition: { fieldType: "rich_text" },
    sent: ["<b onclick=x()>B</b>", "a & b", "<script>x()</script>汉字 😀"],
    read: ["<b>B</b>", "a &amp; b", "汉字 😀"],
    filters: [
      ["f == '<b>B</b>'", 0],
      ["f.contains('汉')", 2],
      ["f.contains('x()')", ...[]],
    ],
    wrong: 1,
    metrics: { "min(f)": "<b>B</b>", "count(f)": 3 },
  },
  email: {
    definition: { type: "string", format: "email" },
    sent: [" Ann.Lee@Example.COM ", "张三@例子.中国"],
    read: ["Ann.Lee@example.com", "张三@例子.中国"],
    filters: [["f.endsWith('example.com')", 0]],
    wrong: "a@",
  },
  phone: {
    definition: { fieldType: "phone" },
    sent: ["+1 (650) 253-0000", "138 1234 5678"],
    read: ["+16502530000", "+8613812345678"],
    filters: [["f == '+8613812345678'", 1]],
    wrong: "abc",
  },
  currency_code: {
    definition: { fieldType: "currency_code" },
    sent: ["cny ", "USD"],
    read: ["CNY", "USD"],
    filters: [["f == 'CNY'", 0]],
    wrong: "RBM",
  },
  url: {
    definition: { type: "string", format: "uri" },
    sent: ["https://例子.中国/路径?q=1", "mailto:a@b.example"],
    filters: [["f.startsWith('https')", 0]],
    wrong: "javascript:alert(1)",
  },
  uuid: {
    definition: { type: "string", format: "uuid" },
    sent: [low, high],
    read: [low, high.toLowerCase()],
    filters: [[`f == '${low}'`, 0]],
    wrong: "x",
  },
  picklist: {
    definition: { enum: ["zeta", "alpha", "mid"] },
    sent: ["zeta", "alpha", "mid"],
    filters: [["f in ['mid', 'zeta']", 0, 2]],
    wrong: "Zeta",
    metrics: { "count_distinct(f)": 3 },
  },
  multi_picklist: {
    definition: { type: "array", items: { enum: ["garden", "pool", "sea"] } },
    sent: [["sea", "garden"], [], ["pool"]],
    read: [["garden", "sea"], [], ["pool"]],
    filters: [
      ["'sea' in f", 0],
      ["size(f) == 0", 1],
    ],
    wrong: ["attic"],
    unsortable: true,
  },
  checkbox: {
    definition: { type: "boolean" },
    sent: [false, true],
    filters: [
      ["f", 1],
      ["!f", 0],
    ],
    wrong: "true",
    metrics: { "count(f)": 2 },
  },
  integer: {
    definition: { type: "integer" },
    sent: [-(2 ** 53 - 1), 0, 2 ** 53 - 1],
    filters: [
      ["f < 0", 0],
      ["f == 9007199254740991", 2],
    ],
    wrong: 1.5,
    metrics: { "sum(f)": 0, "min(f)": -(2 ** 53 - 1), "avg(f)": 0 },
  },
  number: {
    definition: { type: "number" },
    sent: [-0.1, 0.1, 123456789.012345],
    filters: [
      ["f == 0.1", 1],
      ["f >= 0.1", 1, 2],
    ],
    wrong: "1",
    metrics: { "sum(f)": 123456789.012345 },
  },
  percent: {
    definition: { fieldType: "percent" },
    sent: [0.5, 50],
    filters: [["f > 1", 1]],
    wrong: "50%",
    metrics: { "avg(f)": 25.25 },
  },
  currency: {
    definition: { fieldType: "currency" },
    sent: [0, 0.1, 1234567890123.45],
    filters: [["f == 0.1", 1]],
    wrong: 0.001,
    metrics: { "sum(f)": 1234567890123.55, "max(f)": 1234567890123.45 },
  },
  rating: {
    definition: { fieldType: "rating" },
    sent: [1, 2, 5],
    filters: [
      ["f >= 2", 1, 2],
      ["f in [5, 7]", 2],
      ["coalesce(f, 3) * 2 == 4", 1],
      ["max(f, 4) == 5", 2],
      ["[f, 5] == [2, 5]", 1],
      ["-f / 2 == -0.5", 0],
      ["f == 100000", ...[]],
    ],
    wrong: 6,
    metrics: { "sum(f)": 8, "min(f)": 1, "max(f)": 5, "avg(f)": 2.666667, "count_distinct(f)": 3 },
  },
  date: {
    definition: { type: "string", format: "date" },
    sent: ["0001-01-01", "2024-02-29", "9999-12-31"],
    filters: [
      ["f == '2024-02-29'", 1],
      ["year(f) == 9999", 2],
    ],
    wrong: "2026-02-29",
    metrics: { "min(f)": "0001-01-01" },
  },
  datetime: {
    definition: { type: "string", format: "date-time" },
    sent: ["2026-01-31T09:30:00+08:00", "2026-01-31T01:30:00.123456Z"],
    read: ["2026-01-31T01:30:00Z", "2026-01-31T01:30:00.123456Z"],
    filters: [["f == '2026-01-31T01:30:00Z'", 0]],
    wrong: "2026-01-31T01:30:00",
  },
  time: {
    definition: { fieldType: "time" },
    sent: ["09:30", "23:59:59.500"],
    read: ["09:30:00", "23:59:59.5"],
    filters: [["f > '10:00'", 1]],
    wrong: "24:00:00",
    metrics: { "max(f)": "23:59:59.5" },
  },
  encrypted_text: {
    definition: { fieldType: "encrypted_text", mask: { last: 2 } },
    sent: ["E12345678", "汉字汉字汉字"],
    read: ["••••78", "••••汉字"],
    filters: [["f != null", 0, 1]],
    wrong: "••••78",
    unsortable: true,
    secret: true,
    metrics: { "count()": 4 },
  },
  duration: {
    definition: { fieldType: "duration" },
    sent: [-315569520000, -1.5, 0, 5400, 90000.001, 315569520000],
    filters: [
      ["f == duration('1h30m')", 3],
      ["f > '1d'", 4, 5],
      ["f + duration('30m') == duration('2h')", 3],
      ["datetime('2026-01-31T00:00:00Z') + f == '2026-01-31T01:30:00Z'", 3],
      ["f in ['90m', '1w']", 3],
      ["-f > '1s' && -f < '2s'", 1],
    ],
    wrong: "1h30m",
    metrics: {
      "sum(f)": 95398.501,
      "avg(f)": 15899.750167,
      "min(f)": -315569520000,
      "max(f)": 315569520000,
      "count_distinct(f)": 6,
    },
  },
  address: {
    definition: { fieldType: "address" },
    sent: [
      { city: "Ghent", country: "be", state: null },
      { street: "天河路 385 号", district: "天河区", city: "广州市", country: "CN" },
      { postal_code: "9000" },
    ],
    read: [
      { city: "Ghent", country: "BE" },
      { street: "天河路 385 号", district: "天河区", city: "广州市", country: "CN" },
      { postal_code: "9000" },
    ],
    filters: [
      ["f.city == 'Ghent'", 0],
      ["f.country in ['CN', 'BE'] && f.city != 'Ghent'", 1],
      ["f.city == null && f != null", 2],
      ["has(f.street) && f.street.contains('385')", 1],
    ],
    wrong: { country: "Belgium" },
    unsortable: true,
    metrics: { "count(f.city)": 2, "count_distinct(f.country)": 2, "max(f.postal_code)": "9000" },
  },
  geo: {
    definition: { fieldType: "geo" },
    sent: [
      { lat: 51.05434249999999, lng: 3.717424 },
      { lat: -33.9, lng: 18.4 },
      { lat: 0.0000001, lng: -180 },
    ],
    filters: [
      ["f.lat > 30", 0],
      ["f.lat == 51.05434249999999", 0],
      ["f.lng - f.lat < -180", 2],
      ["round(f.lat, 1) == -33.9 && abs(f.lng) < 20", 1],
    ],
    wrong: { lat: 91, lng: 0 },
    unsortable: true,
    metrics: { "min(f.lat)": -33.9, "max(f.lng)": 18.4, "avg(f.lng)": -52.627525 },
  },
  json: {
    definition: { type: "object" },
    sent: [{ b: [1, null, "x"], a: { 中: true } }, {}],
    filters: [["f != null", 0, 1]],
    wrong: "text",
    unsortable: true,
    metrics: { "count()": 4 },
  },
};

/** Types whose cases need more than one object, and are told below; references, formulas, roll-ups and files have files of their own. */
const apart: readonly string[] = ["autonumber", "reference", "references", "formula", "rollup", "file", "files"];

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

/** Two spellings of one instant are the same value, to the microsecond. */
function same(value: unknown): unknown {
  const parts = typeof value === "string" ? /^(.*T[\d:]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(value) : null;
  return parts ? `${Date.parse(`${parts[1]}${parts[3]}`)}.${parts[2] ?? ""}` : value;
}

test("every field type has a specimen", () => {
  expect([...Object.keys(specimens), ...apart].sort()).toEqual(Object.keys(fieldTypes).sort());
});

describe.each(Object.entries(specimens))(
  "%s",
  (type, { definition, sent, read = sent, filters, wrong, unsortable, secret, metrics }) => {
    const name = `of_${type}`;
    const path = `/api/${name}s`;
    let stored: string[] = [];

    test("is stored and read back exactly, also as null and as nothing", async () => {
      const computed = secret ? {} : { defaultFormula: "f" };
      const copy = { ...definition, ...computed, requiredWhen: "n < 0", readonlyWhen: "n == 0" };
      await define(app, { name, type: "object", properties: { f: definition, n: { type: "integer" }, copy } });
      const rows = [...sent.map((f, n) => ({ f, n, ...(secret ? { copy: f } : {}) })), { f: null, n: 98 }, { n: 99 }];
      const { result, changes } = await withChanges(app, () => app.as("admin").post(path, rows));
      const given = body(result, 200).data as { id: string; f: unknown; copy: unknown }[];
      stored = given.map((r) => r.id);
      expect(given.map((r) => r.copy)).toEqual(given.map((r) => r.f));
      expect(given.map((r) => same(r.f))).toEqual([...read, null, null].map(same));
      expect(changes.map((c) => [c.op, same(c.data["f"])])).toEqual(given.map((r) => ["create", same(r.f)]));
      for (const [i, id] of stored.entries()) {
        expect(same(body(await app.as("admin").get(`${path}/${id}`), 200).f)).toEqual(same(given[i]?.f));
      }
    });

    test("is filtered", async () => {
      for (const [filter, ...found] of [...filters, ["f == null", sent.length, sent.length + 1] as const]) {
        const answer = await app.as("admin").get(path + q({ filter, order: "n" }));
        expect(ids(answer), filter).toEqual(found.map((i) => stored[i]));
      }
    });

    test("is sorted in both directions with nulls last, or refused", async () => {
      for (const order of ["f,n", "-f,n"]) {
        const answer = await app.as("admin").get(path + q({ order }));
        if (unsortable) {
          problem(answer, 400, "QUERY");
          continue;
        }
        const values = sent.map((_, i) => stored[i]);
        const nulls = stored.slice(sent.length);
        expect(ids(answer), order).toEqual([...(order === "f,n" ? values : values.toReversed()), ...nulls]);
      }
    });

    test("is aggregated", async () => {
      const wanted = Object.entries(metrics ?? { "count(f)": sent.length });
      const answer = await app.as("admin").get(`${path}/aggregate${q({ metrics: wanted.map(([m]) => m).join(",") })}`);
      expect(Object.values(body(answer, 200).data[0])).toEqual(wanted.map(([, v]) => v));
    });

    test("is locked, and asked for, by conditions", async () => {
      const [first, second] = stored.map((id) => `${path}/${id}`);
      const { changes } = await withChanges(app, async () => {
        problem(await app.as("admin").patch(first ?? "", { copy: null }), 422, "VALIDATION", ["/copy"]);
        problem(await app.as("admin").patch(second ?? "", { copy: null, n: -1 }), 422, "VALIDATION", ["/copy"]);
        expect((await app.as("admin").patch(first ?? "", { copy: sent[0] })).status).toBe(secret ? 422 : 200);
      });
      expect(changes).toEqual([]);
    });

    test("is refused when it is wrong, and cleared by null", async () => {
      const one = `${path}/${stored[0]}`;
      const refused = await withChanges(app, () => app.as("admin").patch(one, { f: wrong }));
      problem(refused.result, 422, "VALIDATION");
      expect(pathsOf(refused.result).every((p) => p.startsWith("/f"))).toBe(true);
      expect(refused.changes).toEqual([]);
      const cleared = await withChanges(app, () => app.as("admin").patch(one, { f: null }));
      expect(body(cleared.result, 200)).toMatchObject({ f: null, n: 0, version: 2 });
      expect(cleared.changes.map((c) => [c.op, same(c.old?.["f"]), c.data["f"]])).toEqual([
        ["update", same(read[0]), null],
      ]);
      expect(ids(await app.as("admin").get(path + q({ filter: "f == null", order: "n" })))[0]).toBe(stored[0]);
    });
  },
);

describe("decimals beyond what a double holds", () => {
  const big = "1234567890123456.7891";
  const path = "/api/of_bigs";

  test("are texts wherever they are shown", async () => {
    await define(app, {
      name: "of_big",
      type: "object",
      properties: { f: { fieldType: "number", precision: 20, scale: 4 }, n: { type: "integer" } },
    });
    const [one, two] = ids(
      await app.as("admin").post(path, [
        { f: big, n: 1 },
        { f: "0.1", n: 2 },
      ]),
    );
    expect(body(await app.as("admin").get(`${path}/${one}`), 200).f).toBe(big);
    expect(body(await app.as("admin").get(`${path}/${two}`), 200).f).toBe("0.1000");
    expect(ids(await app.as("admin").get(path + q({ filter: `f == ${big}` })))).toEqual([one]);
    expect(ids(await app.as("admin").get(path + q({ order: "-f" })))).toEqual([one, two]);
    const history = body(await app.as("admin").get(`${path}/${one}/history`), 200);
    expect(history.data[0].changes.f).toEqual({ from: null, to: big });
  });

  test("also in groups and totals, where they are still compared as numbers", async () => {
    const totals = await app.as("admin").get(`${path}/aggregate${q({ metrics: "sum(f),max(f),count(f)" })}`);
    expect(body(totals, 200).data).toEqual([{ sum_f: "1234567890123456.8891", max_f: big, count_f: 2 }]);
    const groups = await app.as("admin").get(`${path}/aggregate${q({ group: "f", having: "f > 1.5" })}`);
    expect(body(groups, 200).data).toEqual([{ f: big, count: 1 }]);
  });
});

describe("reference", () => {
  const path = "/api/of_references";
  let [target, other]: string[] = [];

  test("is stored, expanded, walked, filtered and sorted by what it leads to", async () => {
    await define(app, {
      name: "of_reference",
      type: "object",
      properties: { f: { fieldType: "reference", target: "account", onDelete: "setNull" }, n: { type: "integer" } },
    });
    [target, other] = ids(await app.as("admin").post("/api/accounts", [{ name: "乙公司" }, { name: "甲公司" }]));
    const rows = [{ f: target?.toUpperCase(), n: 0 }, { f: other, n: 1 }, { n: 2 }];
    const [a, b, none] = ids(await app.as("admin").post(path, rows));
    expect(body(await app.as("admin").get(`${path}/${a}`), 200).f).toBe(target);
    expect(body(await app.as("admin").get(`${path}/${a}${q({ expand: "f" })}`), 200).f).toMatchObject({
      id: target,
      name: "乙公司",
    });
    expect(body(await app.as("admin").get(`${path}/${none}${q({ expand: "f" })}`), 200).f).toBeNull();
    expect(body(await app.as("admin").get(path + q({ select: "f.name", order: "f.name" })), 200).data).toEqual([
      { id: a, f: { name: "乙公司" } },
      { id: b, f: { name: "甲公司" } },
      { id: none, f: null },
    ]);
    expect(ids(await app.as("admin").get(path + q({ filter: `f == '${other}'` })))).toEqual([b]);
    expect(ids(await app.as("admin").get(path + q({ filter: "f.name == '乙公司'" })))).toEqual([a]);
    expect(ids(await app.as("admin").get(path + q({ filter: "f == null" })))).toEqual([none]);
    const groups = await app.as("admin").get(`${path}/aggregate${q({ group: "f.name" })}`);
    expect(body(groups, 200).data).toEqual([
      { f_name: "乙公司", count: 1 },
      { f_name: "甲公司", count: 1 },
      { f_name: null, count: 1 },
    ]);
  });

  test("leads only to what is there", async () => {
    for (const f of [nobody, "me", { id: target }]) {
      const { result, changes } = await withChanges(app, () => app.as("admin").post(path, { f }));
      problem(result, 422, "VALIDATION", ["/f"]);
      expect(changes).toEqual([]);
    }
    body(await app.as("admin").delete(`/api/accounts/${target}`), 204);
    const left = body(await app.as("admin").get(path + q({ order: "n", limit: 1, expand: "f" })), 200).data[0];
    expect(left.f, "a deleted record is not shown").toBeNull();
    problem(await app.as("admin").post(path, { f: target }), 422, "VALIDATION", ["/f"]);
  });
});

describe("autonumber", () => {
  test("counts up, never twice, and cannot be written", async () => {
    await define(app, {
      name: "of_autonumber",
      type: "object",
      properties: { f: { fieldType: "autonumber", pattern: "P-{YYYY}-{000}" }, n: { type: "integer", minimum: 0 } },
    });
    const path = "/api/of_autonumbers";
    const rows = body(await app.as("admin").post(path, [{}, {}]), 200).data as { f: string }[];
    expect(rows.map((r) => r.f)).toEqual([
      expect.stringMatching(/^P-20\d\d-001$/),
      expect.stringMatching(/^P-20\d\d-002$/),
    ]);
    problem(await app.as("admin").post(path, { f: "P-1" }), 422, "VALIDATION", ["/f"]);
    problem(await app.as("admin").post(path, { n: -1 }), 422, "VALIDATION", ["/n"]);
    const many = await Promise.all(
      Array.from({ length: 8 }, () =>
        app.as("admin").post(
          path,
          Array.from({ length: 25 }, () => ({})),
        ),
      ),
    );
    const numbers = many.flatMap((m) => (body(m, 200).data as { f: string }[]).map((r) => r.f));
    expect(new Set(numbers).size).toBe(200);
    expect(body(await app.as("admin").get(`${path}/by/f/${numbers[7]}`), 200).f).toBe(numbers[7]);
  });
});
