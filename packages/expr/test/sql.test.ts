import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkExpression, type RelatedRecord, toSql } from "@guanxi/expr";
import { connect } from "./database.ts";
import { filterScope } from "./fields.ts";

let sql: postgres.Sql;
beforeAll(async () => {
  sql = connect();
  await sql.unsafe(`
    CREATE TEMP TABLE account (id uuid PRIMARY KEY, title text);
    CREATE TEMP TABLE visit (n int PRIMARY KEY, property uuid, amount numeric, note text);
    CREATE TEMP TABLE property (id uuid PRIMARY KEY, name text, city text, tags text[], active boolean, qty bigint, price numeric, close_date date,
      created_at timestamptz, opens time, sla interval, owner uuid, account uuid, extra jsonb, _to1 uuid, _to2 uuid)`);
  const indexed = ["name", "qty", "price", "close_date", "created_at", "owner", "_to1", "_to2"];
  for (const column of indexed) await sql.unsafe(`CREATE INDEX ON property (${column})`);
  await sql.unsafe(`CREATE INDEX ON property USING gin (tags); SET enable_seqscan = off; SET enable_bitmapscan = on`);
  await sql.unsafe(`INSERT INTO account VALUES ('0198a6a5-7a6b-7c3d-8e4f-00000000000a', 'Lin & Co');
    INSERT INTO property (id, name, qty, account) VALUES ('0198a6a5-7a6b-7c3d-8e4f-000000000001', 'a', 1, '0198a6a5-7a6b-7c3d-8e4f-00000000000a'),
      ('0198a6a5-7a6b-7c3d-8e4f-000000000002', 'b', null, null);
    INSERT INTO visit VALUES (1, '0198a6a5-7a6b-7c3d-8e4f-000000000001', 1500, 'a'), (2, '0198a6a5-7a6b-7c3d-8e4f-000000000002', 10, 'x')`);
});
afterAll(() => sql.end());

const visited: RelatedRecord = {
  column: ([name]) => `v.${name}`,
  present: () => "TRUE",
  related() {
    throw new Error("visits have no records under them here");
  },
};

function write(source: string): { text: string; params: unknown[] } {
  const params: unknown[] = [];
  const text = toSql(checkExpression(source, filterScope), {
    column: (path) =>
      path.length === 1 ? `p.${path[0]}` : `(SELECT a.${path[1]} FROM ${path[0]} a WHERE a.id = p.${path[0]})`,
    parameter: (value, type) => `$${params.push(value)}::${type}`,
    now: "now()",
    timeZone: "'Asia/Shanghai'",
    related: (_path, relation, condition) =>
      `FROM ${relation.slice(0, -1)} v WHERE v.property = p.id${condition ? ` AND ${condition(visited)}` : ""}`,
  });
  return { text, params };
}

const one = "0198a6a5-7a6b-7c3d-8e4f-000000000001";

describe("SQL that an index can serve", () => {
  test.each<[source: string, text: string, params: unknown[]]>([
    ["qty >= 5", "(p.qty >= $1::bigint)", ["5"]],
    ["price >= 5", "(p.price >= $1::numeric)", ["5"]],
    ["price > 0.10", "(p.price > $1::numeric)", ["0.1"]],
    ["name == 'x'", "(p.name = $1::text)", ["x"]],
    ["close_date > '2026-01-31'", "(p.close_date > $1::date)", ["2026-01-31"]],
    [
      "created_at >= '2026-01-31T00:00:00.000001+08:00'",
      "(p.created_at >= $1::timestamptz)",
      ["2026-01-30T16:00:00.000001Z"],
    ],
    [
      "created_at >= '2026-01-31'",
      "(p.created_at >= ($1::date::timestamp AT TIME ZONE 'Asia/Shanghai'))",
      ["2026-01-31"],
    ],
    [
      "created_at >= today()",
      "(p.created_at >= ((now() AT TIME ZONE 'Asia/Shanghai')::date::timestamp AT TIME ZONE 'Asia/Shanghai'))",
      [],
    ],
    [
      "owner == '0198A6A5-7a6b-7c3d-8e4f-000000000001'",
      "(p.owner = $1::uuid)",
      ["0198a6a5-7a6b-7c3d-8e4f-000000000001"],
    ],
    ["about.account == '0198a6a5-7a6b-7c3d-8e4f-000000000001'", "(p._to1 = $1::uuid)", [one]],
    [
      "about.id == '0198a6a5-7a6b-7c3d-8e4f-000000000001'",
      "((COALESCE(p._to1, p._to2) = $1::uuid) AND ((p._to1 = $1::uuid) OR (p._to2 = $1::uuid)))",
      [one],
    ],
    [
      "'0198a6a5-7a6b-7c3d-8e4f-000000000001' == about",
      "(($1::uuid = COALESCE(p._to1, p._to2)) AND (($1::uuid = p._to1) OR ($1::uuid = p._to2)))",
      [one],
    ],
    [
      "about in ['0198a6a5-7a6b-7c3d-8e4f-000000000001']",
      "((COALESCE(p._to1, p._to2) = ANY ($1::uuid[])) AND ((p._to1 = ANY ($1::uuid[])) OR (p._to2 = ANY ($1::uuid[]))))",
      [[one]],
    ],
    ["qty in [1, 2]", "(p.qty = ANY ($1::bigint[]))", [["1", "2"]]],
    ["name in ['x', 'y']", "(p.name = ANY ($1::text[]))", [["x", "y"]]],
    ["'x' in tags", "(p.tags @> ARRAY[$1::text])", ["x"]],
    ["name == null", "(p.name IS NULL)", []],
    ["name != null", "(NOT (p.name IS NULL))", []],
    ["created_at > now() - duration('1d')", "", ["1 days 0 microseconds"]],
  ])("%s", async (source, expected, expectedParams) => {
    const { text, params } = write(source);
    if (expected) expect(text).toBe(expected);
    expect(params).toEqual(expectedParams);
    const plan = await sql.unsafe(`EXPLAIN SELECT 1 FROM property p WHERE ${text}`, params as never[]).values();
    expect(plan.map(String).join("\n")).toMatch(/Index.* Cond: /);
  });
});

describe("SQL", () => {
  test.each<[source: string, text: string]>([
    ["active", "p.active"],
    ["opens < '09:30'", "(p.opens < $1::time)"],
    ["sla > '4h'", "(p.sla > $1::interval)"],
    ["name < 'x'", '(p.name COLLATE "C" < $1::text COLLATE "C")'],
    ["name.startsWith('5%_\\\\')", "(p.name LIKE $1::text)"],
    ["name.contains(city)", "(strpos(p.name, p.city) > 0)"],
    ["qty + 1 > qty", "((p.qty::numeric + $1::numeric) > p.qty)"],
    ["active ? qty : 2.5", "(CASE WHEN p.active THEN p.qty ELSE $1::numeric END)"],
    ["qty == null || active", "((p.qty IS NULL) OR p.active)"],
    ["extra == null", "(p.extra IS NULL)"],
    ["account.title == 'x'", "((SELECT a.title FROM account a WHERE a.id = p.account) = $1::text)"],
    ["visits.exists(v, v.note == name)", "EXISTS (SELECT FROM visit v WHERE v.property = p.id AND (v.note = p.name))"],
    [
      "visits.all(v, has(v.note))",
      "(NOT EXISTS (SELECT FROM visit v WHERE v.property = p.id AND (v.note IS NOT NULL) IS NOT TRUE))",
    ],
    [
      "visits.exists_one(v, v.amount > 1)",
      "((SELECT count(*) FROM (SELECT FROM visit v WHERE v.property = p.id AND (v.amount > $1::numeric) LIMIT 2) found) = 1)",
    ],
    ["size(visits) > 1", "((SELECT count(*) FROM visit v WHERE v.property = p.id) > $1::bigint)"],
  ])("%s", async (source, expected) => {
    const { text, params } = write(source);
    expect(text).toBe(expected);
    await sql.unsafe(`SELECT ${text} FROM property p`, params as never[]);
  });

  test("expressions of one shape have one text", () => {
    expect(write("name == 'x' && qty in [1]").text).toBe(write("name == 'y' && qty in [2, 3]").text);
  });

  test("an unknown condition finds nothing, and neither does its opposite", async () => {
    const find = async (source: string): Promise<string[]> => {
      const { text, params } = write(source);
      return (await sql.unsafe(`SELECT name FROM property p WHERE ${text} ORDER BY name`, params as never[])).map(
        (r) => r.name as string,
      );
    };
    expect(await find("qty > 0")).toEqual(["a"]);
    expect(await find("!(qty > 0)")).toEqual([]);
    expect(await find("account.title.startsWith('Lin')")).toEqual(["a"]);
    expect(await find("visits.exists(v, v.amount > 1000)")).toEqual(["a"]);
    expect(await find("!visits.exists(v, v.note == name)")).toEqual(["b"]);
  });

  test("no literal reaches the text", () => {
    const { text, params } = write(
      "name == 'x\\'; DROP TABLE property; --' || name.matches('\\'; --') || name.contains('\\';')",
    );
    expect(text).not.toMatch(/DROP|;/);
    expect(params).toHaveLength(3);
  });
});
