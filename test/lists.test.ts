// Reading many records: what a list selects, finds, sorts and pages through, and what an aggregate adds up.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, pages, problem } from "./support.ts";

let app: TestApp;
const path = "/api/parcels";
const admin = () => app.as("admin");
const list = async (parameters: Record<string, string | number>) => body(await admin().get(path + q(parameters)), 200);
const aggregate = async (parameters: Record<string, string | number>) =>
  body(await admin().get(`${path}/aggregate${q(parameters)}`), 200).data;

interface Parcel {
  readonly id: string;
  readonly n: number;
  readonly grade: string | null;
  readonly weight: number | null;
  readonly account: string | null;
}
let parcels: Parcel[] = [];
const names = ["北京科技有限公司", "上海贸易公司", "Ünïted"];

beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "parcel",
    type: "object",
    properties: {
      n: { type: "integer", unique: true },
      grade: { enum: ["gold", "bronze", "silver"] },
      weight: { type: "number" },
      sent: { type: "string", format: "date-time" },
      due: { type: "string", format: "date" },
      cost: { fieldType: "currency" },
      account: { fieldType: "reference", target: "account", onDelete: "setNull" },
    },
  });
  const accounts = ids(
    await admin().post(
      "/api/accounts",
      names.map((name, i) => ({ name, ...(i === 0 ? {} : { type: "customer" }) })),
    ),
  );
  const rows = Array.from({ length: 60 }, (_, n) => ({
    n,
    grade: [null, "gold", "silver", "bronze"][n % 4],
    weight: n % 3 === 0 ? null : (n % 5) / 10,
    sent: n % 2 ? "2026-01-31T17:00:00Z" : "2026-01-31T15:00:00Z",
    due: `2026-0${1 + (n % 6)}-15`,
    cost: n + 0.01,
    account: n % 7 === 0 ? null : accounts[n % 3],
  }));
  parcels = body(await admin().post(path, rows), 200).data;
});
afterAll(() => app.close());

describe("select and expand", () => {
  test("name fields, walks and everything of a walk", async () => {
    const [row] = (await list({ select: "n,account.name,owner.email", filter: "n == 4" })).data;
    expect(row).toEqual({
      id: row.id,
      n: 4,
      account: { name: "上海贸易公司" },
      owner: { email: "admin@demo.example" },
    });
    const [all] = (await list({ select: "account.*", filter: "n == 4" })).data;
    expect(all.account).toMatchObject({ name: "上海贸易公司", type: "customer", version: 1 });
    expect(Object.keys(all)).toEqual(["id", "account"]);
    const [star] = (await list({ select: "*,account.owner.name", filter: "n == 4" })).data;
    expect(star).toMatchObject({ n: 4, account: { owner: { name: "Administrator" } } });
    expect(star).not.toHaveProperty("deleted_at");
  });

  test("expand puts the record in the place of its id, and null where there is none", async () => {
    const { data } = await list({ select: "account", expand: "account,owner", filter: "n in [7, 8]", order: "n" });
    expect(data[0].account).toBeNull();
    expect(data[1].account).toMatchObject({ name: names[2] });
    expect(data[1].owner).toMatchObject({ email: "admin@demo.example" });
  });

  test.each([
    ["select", "nope"],
    ["select", "account.nope"],
    ["select", "n.x"],
    ["select", "n,,grade"],
    ["expand", "n"],
    ["expand", "nope"],
    ["expand", "account(limit=5)"],
    ["order", "nope"],
    ["order", "account.nope"],
    ["order", "-"],
    ["order", "owner.positions"],
    ["count", "about"],
    ["deleted", "yes"],
    ["limit", "0"],
    ["limit", "501"],
    ["limit", "-1"],
    ["limit", "1.5"],
    ["limit", "x"],
    ["limit", "1e2"],
    ["offset", "1"],
  ])("%s=%s is refused by name", async (parameter, value) => {
    const answer = await admin().get(path + q({ [parameter]: value }));
    problem(answer, 400, "QUERY", [parameter]);
  });
});

describe("filter", () => {
  const found: readonly (readonly [string, (p: Parcel) => boolean])[] = [
    ["", () => true],
    ["weight > 0.2", (p) => p.weight !== null && p.weight > 0.2],
    ["!(weight > 0.2)", (p) => p.weight !== null && p.weight <= 0.2],
    ["weight == null", (p) => p.weight === null],
    ["grade != 'gold'", (p) => p.grade !== null && p.grade !== "gold"],
    ["grade == null || grade == 'gold'", (p) => p.grade === null || p.grade === "gold"],
    ["account.name.contains('公司')", (p) => p.account !== null && p.n % 3 !== 2],
    ["account.name == '北京科技有限公司' && n < 30", (p) => p.account !== null && p.n % 3 === 0 && p.n < 30],
    ["account.name.startsWith('Ünï')", (p) => p.account !== null && p.n % 3 === 2],
    ["account.type == null", (p) => p.account === null],
    ["owner == user.id && n % 2 == 0", (p) => p.n % 2 === 0],
    ["month(due) == 3", (p) => p.n % 6 === 2],
    // 17:00 UTC is already February in Shanghai.
    ["month(sent) == 2", (p) => p.n % 2 === 1],
    ["sent >= '2026-02-01'", (p) => p.n % 2 === 1],
    ["n in [1, 2, 3] && created_at <= now()", (p) => p.n > 0 && p.n < 4],
  ];
  test.each(found)("%s", async (filter, wanted) => {
    const answer = await list({ filter, order: "n", limit: 500, count: "exact", select: "n" });
    const expected = parcels.filter(wanted).map((p) => p.n);
    expect(answer.data.map((p: Parcel) => p.n)).toEqual(expected);
    expect(answer.count).toBe(expected.length);
    expect(await aggregate({ filter })).toEqual([{ count: expected.length }]);
  });

  test("by POST reads the same parameters", async () => {
    const parameters = { filter: "grade == 'gold'", order: "-n", limit: 3, select: "n", count: "exact" } as const;
    const posted = await admin().post(`${path}/query`, parameters);
    expect(body(posted, 200)).toEqual(await list(parameters));
    problem(await admin().post(`${path}/query`, { ...parameters, limit: "x", nope: 1 }), 400, "QUERY", [
      "limit",
      "nope",
    ]);
  });
});

/** The order that PostgreSQL should give: nulls last either way, picklists as defined, then `n`. */
function sorted(field: "grade" | "weight", descending: boolean): number[] {
  const rank = (p: Parcel): number =>
    field === "grade" ? ["gold", "bronze", "silver"].indexOf(p.grade ?? "") : (p.weight ?? -1);
  const compare = (a: Parcel, b: Parcel): number => {
    if (a[field] === null || b[field] === null)
      return Number(a[field] === null) - Number(b[field] === null) || a.n - b.n;
    return (descending ? rank(b) - rank(a) : rank(a) - rank(b)) || a.n - b.n;
  };
  return parcels.toSorted(compare).map((p) => p.n);
}

describe("order and cursor", () => {
  test.each([
    ["grade", false],
    ["grade", true],
    ["weight", false],
    ["weight", true],
  ] as const)("by %s, descending %s, over ties and nulls", async (field, descending) => {
    const order = `${descending ? "-" : ""}${field},n`;
    const read = (limit: number) => (cursor: string | undefined) =>
      path + q({ order, limit, select: "n", ...(cursor ? { cursor } : {}) });
    const walked = await pages(admin(), read(7));
    expect(walked.flat().map((p) => p["n"])).toEqual(sorted(field, descending));
    expect(walked.map((p) => p.length)).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 4]);
    const exact = await pages(admin(), read(20));
    expect(exact.length, "a full last page has no next").toBe(3);
  });

  test.each([
    "account.name",
    "-account.name",
    "grade,-weight",
    "-grade,weight",
    "-created_at",
    "owner,-account",
    "-account.owner.name,cost",
  ])("%s walks every record once", async (order) => {
    const walked = await pages(
      admin(),
      (cursor) => path + q({ order, limit: 11, select: "n", ...(cursor ? { cursor } : {}) }),
    );
    const all = walked.flat().map((p) => p["n"] as number);
    expect(all.toSorted((a, b) => a - b)).toEqual(parcels.map((p) => p.n));
    expect(all).toEqual((await list({ order, limit: 500, select: "n" })).data.map((p: Parcel) => p.n));
  });

  test("inserts and deletes between pages neither repeat nor lose a record that stays", async () => {
    const added: string[] = [];
    const walked = await pages(
      admin(),
      (cursor) => path + q({ order: "-grade,weight", limit: 9, select: "n", ...(cursor ? { cursor } : {}) }),
      async (page) => {
        const rows = ["gold", "silver", null].map((grade, i) => ({
          n: 1000 + page * 10 + i,
          grade,
          weight: page / 10,
        }));
        const created = ids(await admin().post(path, rows));
        added.push(...created);
        body(await admin().delete(`${path}/${created[0]}`), 204);
      },
    );
    const seen = walked.flat().map((p) => p["id"]);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.filter((id) => !added.includes(id as string)).length).toBe(60);
    for (const id of added) await admin().delete(`${path}/${id}`);
    expect((await list({ count: "exact", limit: 1 })).count).toBe(60);
  });

  test("long texts are sorted by and paged through", async () => {
    const subjects = ["甲", "乙", "丙"].map((c) => c.repeat(6_000));
    body(
      await admin().post(
        "/api/tasks",
        subjects.map((description, i) => ({ title: `long ${i}`, description })),
      ),
      200,
    );
    const seen: string[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await admin().post("/api/tasks/query", {
        filter: "title.startsWith('long ')",
        order: "-description",
        limit: 1,
        ...(cursor ? { cursor } : {}),
      });
      seen.push(body(page, 200).data[0].title);
      cursor = page.body.next ?? undefined;
      if (!cursor) break;
    }
    expect(seen).toEqual(["long 0", "long 1", "long 2"]);
  });

  test("a list of nothing, of one page, of the most", async () => {
    expect(await list({ filter: "n < 0", count: "exact" })).toEqual({ data: [], next: null, count: 0 });
    const whole = await list({ limit: 500 });
    expect([whole.data.length, whole.next, "count" in whole]).toEqual([60, null, false]);
    expect((await list({})).data.length).toBe(50);
  });

  test("a cursor fits only the query it came from, and may not be made up", async () => {
    const { next } = await list({ order: "-weight,n", limit: 10 });
    const [head, ...values] = JSON.parse(Buffer.from(next, "base64url").toString()) as unknown[];
    const made = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");
    const bad = [
      "garbage",
      "eyJ9",
      made(),
      made(head),
      made("t0.1", ...values),
      made(head, ...values, "1"),
      made(head, "x", ...values.slice(1)),
      made(head, values[0], "1; DROP TABLE lead", values[2]),
      made(head, 1, ...values.slice(1)),
      made(head, { a: 1 }, ...values.slice(1)),
      made(head, ...values.slice(0, -1), "not-an-id"),
      made(head, "\0", ...values.slice(1)),
    ];
    for (const cursor of bad)
      problem(await admin().get(path + q({ order: "-weight,n", limit: 10, cursor })), 400, "QUERY");
    for (const order of ["weight,n", "-weight", "n"])
      problem(await admin().get(path + q({ order, cursor: next })), 400, "QUERY");
    const foreign = body(await admin().get(`/api/leads${q({ order: "-created_at", limit: 1 })}`), 200).next;
    problem(await admin().get(path + q({ order: "-created_at", cursor: foreign })), 400, "QUERY");
  });
});

describe("aggregate", () => {
  test("groups by walks and months of the tenant's time zone, sums, averages and orders", async () => {
    expect(await aggregate({ group: "month(sent)", metrics: "count(),sum(cost),min(n),max(due)" })).toEqual([
      { month_sent: "2026-01", count: 30, sum_cost: 870.3, min_n: 0, max_due: "2026-05-15" },
      { month_sent: "2026-02", count: 30, sum_cost: 900.3, min_n: 1, max_due: "2026-06-15" },
    ]);
    const byAccount = await aggregate({ group: "account.name,grade", metrics: "count(),avg(weight)", order: "-count" });
    expect(byAccount.reduce((sum: number, r: { count: number }) => sum + r.count, 0)).toBe(60);
    expect(Object.keys(byAccount[0])).toEqual(["account_name", "grade", "count", "avg_weight"]);
    expect(byAccount.map((r: { count: number }) => r.count)).toEqual(
      byAccount.map((r: { count: number }) => r.count).toSorted((a: number, b: number) => b - a),
    );
  });

  test.each([
    ["day(sent)", ["2026-01-31", "2026-02-01"]],
    ["week(due)", ["2026-W03", "2026-W07", "2026-W11", "2026-W16", "2026-W20", "2026-W25"]],
    ["quarter(due)", ["2026-Q1", "2026-Q2"]],
    ["year(sent)", ["2026"]],
  ])("groups by %s", async (group, expected) => {
    const rows = await aggregate({ group });
    expect(rows.map((r: object) => Object.values(r)[0])).toEqual(expected);
  });

  test("groups come in the picklist's order with nulls last, and in reverse", async () => {
    expect((await aggregate({ group: "grade" })).map((r: Parcel) => r.grade)).toEqual([
      "gold",
      "bronze",
      "silver",
      null,
    ]);
    expect((await aggregate({ group: "grade", order: "-grade" })).map((r: Parcel) => r.grade)).toEqual([
      "silver",
      "bronze",
      "gold",
      null,
    ]);
  });

  test("having, limit and the row of totals", async () => {
    expect(
      await aggregate({ group: "grade", metrics: "sum(cost)", having: "sum_cost > 435.2 && grade != null" }),
    ).toEqual([
      { grade: "bronze", sum_cost: 465.15 },
      { grade: "silver", sum_cost: 450.15 },
    ]);
    expect((await aggregate({ group: "n", order: "-n", limit: 2 })).map((r: Parcel) => r.n)).toEqual([59, 58]);
    expect((await aggregate({ group: "n" })).length, "no hidden cap").toBe(60);
    expect(await aggregate({ metrics: "count(),count(weight),count_distinct(grade),sum(cost),avg(n)" })).toEqual([
      { count: 60, count_weight: 40, count_distinct_grade: 3, sum_cost: 1770.6, avg_n: 29.5 },
    ]);
    expect(await aggregate({ metrics: "count(),sum(cost),min(cost),avg(cost)", filter: "n < 0" })).toEqual([
      { count: 0, sum_cost: 0, min_cost: null, avg_cost: null },
    ]);
    expect(await aggregate({ group: "grade", filter: "n < 0" })).toEqual([]);
  });

  test.each([
    [{ metrics: "sum(grade)" }, "metrics"],
    [{ metrics: "median(cost)" }, "metrics"],
    [{ metrics: "count" }, "metrics"],
    [{ metrics: "sum(nope)" }, "metrics"],
    [{ metrics: "sum(cost),sum(cost)" }, "metrics"],
    [{ metrics: "sum(cost); DROP TABLE lead" }, "metrics"],
    [{ group: "month(cost)" }, "group"],
    [{ group: "minute(sent)" }, "group"],
    [{ group: "nope" }, "group"],
    [{ group: "grade", having: "nope > 1" }, "having"],
    [{ group: "grade", having: "count > 'x'" }, "having"],
    [{ group: "grade", order: "cost" }, "order"],
    [{ limit: 0 }, "limit"],
    [{ select: "n" }, "select"],
  ] as const)("%j is refused", async (parameters, path_) => {
    problem(await admin().get(`${path}/aggregate${q(parameters as Record<string, string>)}`), 400, "QUERY", [path_]);
  });
});

test("reading writes nothing", async () => {
  const { changes } = await withChanges(app, async () => {
    await list({ expand: "account", count: "exact" });
    await aggregate({ group: "grade" });
  });
  expect(changes).toEqual([]);
});
