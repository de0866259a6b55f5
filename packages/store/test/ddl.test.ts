import { randomUUID } from "node:crypto";
import { isGuanxiError } from "@guanxi/base";
import {
  compileSnapshot,
  diffSnapshots,
  parseDefinition,
  type Snapshot,
  storeDefinition,
  type TenantSettings,
} from "@guanxi/meta";
import fc from "fast-check";
import type postgres from "postgres";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileDdl, type DdlStep, parseConstraintName } from "../src/ddl.ts";
import { openSchema } from "./database.ts";

const settings: TenantSettings = {
  tenant: "demo",
  schema: "t_demo",
  locale: "en",
  timeZone: "Asia/Shanghai",
  currency: "CNY",
  country: "CN",
  fiscalYearStart: 1,
};

const text = { type: "string" };
const user = { name: "user", properties: { name: text } };

let sql: postgres.Sql;
let schema: string;
let close: () => Promise<void>;
let snapshot: Snapshot | undefined;
let lastId: number;

beforeEach(async () => {
  ({ sql, schema, close } = await openSchema());
  snapshot = undefined;
  lastId = 0;
});
afterEach(() => close());

/** Something of the tenant stood in the way of a step. */
class InTheWay extends Error {
  readonly rows: readonly Record<string, unknown>[];

  constructor(rows: readonly Record<string, unknown>[]) {
    super(JSON.stringify(rows));
    this.rows = rows;
  }
}

/** Brings the schema to these definitions and no others, as a change set does; answers the steps. */
async function become(...definitions: readonly unknown[]): Promise<DdlStep[]> {
  const before = [...(snapshot?.byId.values() ?? [])];
  const read = definitions.map((input) => parseDefinition(input));
  const moved = new Set(read.map((definition) => definition.was));
  const stored = read.map((definition) => {
    const previous =
      before.find((o) => o.name === definition.was) ??
      before.find((o) => o.name === definition.name && !moved.has(o.name));
    return storeDefinition(
      previous?.stored,
      definition,
      definition.name === "user" ? "core" : "tenant",
      () => ++lastId,
    );
  });
  const next = compileSnapshot({ ...settings, schema }, (snapshot?.version ?? 0) + 1, stored, snapshot);
  const steps = compileDdl(schema, diffSnapshots(snapshot, next), next);
  await sql.begin(async (tx) => {
    for (const step of steps) {
      const rows = step.inTheWay === undefined ? [] : await tx.unsafe(step.inTheWay);
      if (rows.length > 0) throw new InTheWay(rows);
      await tx.unsafe(step.sql);
    }
  });
  snapshot = next;
  return steps;
}

async function insert(table: string, values: Record<string, unknown>): Promise<string> {
  const id = randomUUID();
  const row = { id, created_at: "2026-01-01", updated_at: "2026-01-01", ...values };
  const columns = Object.keys(row);
  const fields = snapshot?.objects.get(table)?.fields;
  // As text, so that PostgreSQL reads what the test wrote.
  const marks = columns.map((c, i) => `$${i + 1}::text::${fields?.get(c)?.column?.sqlType}`);
  const names = columns.map((c) => `"${c}"`);
  await sql.unsafe(
    `INSERT INTO ${schema}."${table}" (${names.join()}) VALUES (${marks.join()})`,
    Object.values(row) as never[],
  );
  return id;
}

const column = async (table: string, name: string): Promise<unknown[]> =>
  (await sql.unsafe(`SELECT "${name}" AS v FROM ${schema}."${table}" ORDER BY created_at, id`)).map((r) => r["v"]);

/** The constraint that PostgreSQL names when it refuses. */
async function refusedBy(work: Promise<unknown>): Promise<ReturnType<typeof parseConstraintName> | string> {
  try {
    await work;
  } catch (e) {
    const {
      constraint_name: name,
      column_name: missing,
      code,
    } = e as { constraint_name?: string; column_name?: string; code?: string };
    return parseConstraintName(name ?? "") ?? `${code} ${missing}`;
  }
  return "nothing";
}

const rowsInTheWay = async (work: Promise<unknown>): Promise<readonly Record<string, unknown>[]> => {
  try {
    await work;
  } catch (e) {
    if (e instanceof InTheWay) return e.rows;
    throw e;
  }
  return [];
};

const idOf = (object: string, field?: string): number =>
  (field === undefined ? snapshot?.objects.get(object)?.id : snapshot?.objects.get(object)?.fields.get(field)?.id) ?? 0;

describe("a new tenant", () => {
  test("gets typed tables with keys, indexes and foreign keys, also in a circle", async () => {
    await become(
      user,
      {
        name: "deal",
        required: ["name", "amount"],
        properties: {
          name: { type: "string", maxLength: 100 },
          amount: { fieldType: "currency" },
          rate: { type: "number" },
          tags: { type: "array", items: { enum: ["a", "b"] } },
          lead: { fieldType: "reference", target: "contact", relation: "led" },
          facts: {},
          due: { fieldType: "date" },
          number: { fieldType: "autonumber", pattern: "D-{0000}" },
        },
        unique: [["name", "due"]],
        indexes: [["amount", "due"]],
      },
      {
        name: "contact",
        properties: {
          best: { fieldType: "reference", target: "deal" },
          boss: { fieldType: "reference", target: "contact", relation: "staff" },
        },
      },
    );
    const columns = await sql`
      SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required FROM pg_attribute
      WHERE attrelid = ${`${schema}.deal`}::regclass AND attnum > 0 ORDER BY attnum`;
    expect(columns.map((c) => `${c["name"]} ${c["type"]}${c["required"] ? " required" : ""}`)).toEqual([
      ...["id uuid required", "owner uuid", "created_at timestamp with time zone required", "created_by uuid"],
      ...[
        "updated_at timestamp with time zone required",
        "updated_by uuid",
        "version bigint required",
        "deleted_at timestamp with time zone",
      ],
      ...[
        "name text required",
        "amount numeric(15,2) required",
        "rate numeric",
        "tags text[]",
        "lead uuid",
        "facts jsonb",
        "due date",
        "number text",
      ],
    ]);
    const indexes =
      await sql`SELECT indexname AS name, indexdef AS def FROM pg_indexes WHERE schemaname = ${schema} AND tablename = 'deal'`;
    const deal = snapshot?.objects.get("deal");
    const [number, both] = deal?.uniques ?? [];
    expect(indexes.map((i) => i["name"]).toSorted()).toEqual(
      [
        ...[`_p${deal?.id}`, `_ro${deal?.id}`, `_iu${deal?.id}`, `_r${idOf("deal", "lead")}`],
        ...[`_u${number?.id}`, `_u${both?.id}`, `_i${deal?.indexes[0]?.id}`],
      ].toSorted(),
    );
    for (const { name, def } of indexes)
      if (String(name).startsWith("_u")) expect(def).toContain("WHERE (deleted_at IS NULL)");
    const [keys] =
      await sql`SELECT count(*)::int AS n FROM pg_constraint WHERE contype = 'f' AND connamespace = ${schema}::regnamespace`;
    // Three owners, and a reference of the deal and two of the contact.
    expect(keys?.["n"]).toBe(6);
  });

  test("is told by the names of constraints what was refused", async () => {
    await become(user, {
      name: "deal",
      required: ["name"],
      properties: { name: { ...text, unique: true }, contact: { fieldType: "reference", target: "user" } },
    });
    const name = "x";
    const first = await insert("deal", { name });
    expect(await refusedBy(insert("deal", { name }))).toEqual({
      kind: "unique",
      id: snapshot?.objects.get("deal")?.uniques[0]?.id,
    });
    expect(await refusedBy(insert("deal", { name: "y", contact: randomUUID() }))).toEqual({
      kind: "reference",
      id: idOf("deal", "contact"),
    });
    expect(await refusedBy(insert("deal", { name: "y", owner: randomUUID() }))).toEqual({
      kind: "owner",
      id: idOf("deal"),
    });
    expect(await refusedBy(insert("deal", { id: first, name: "y" }))).toEqual({ kind: "primary", id: idOf("deal") });
    expect(await refusedBy(insert("deal", {}))).toBe("23502 name");
    // A deleted record gives its value back.
    await sql.unsafe(`UPDATE ${schema}.deal SET deleted_at = now()`);
    await insert("deal", { name });
  });

  test("may call its objects and fields like words of SQL", async () => {
    await become(
      { name: "order", properties: { select: text, group: { ...text, unique: true }, table: text } },
      { name: "pg_class", properties: {} },
    );
    await insert("order", { select: "a", group: "b", table: "c" });
    expect(await column("order", "group")).toEqual(["b"]);
  });
});

describe("a change", () => {
  test("adds fields: filled with their default, required, or a reference", async () => {
    await become(user, { name: "deal", properties: { name: text } });
    const owner = await insert("user", {});
    await insert("deal", { name: "a" });
    await become(user, {
      name: "deal",
      required: ["status", "day"],
      properties: {
        name: text,
        status: { enum: ["new", "it's"], default: "it's" },
        day: { fieldType: "date", default: "today" },
        at: { fieldType: "datetime", default: "now" },
        tags: { type: "array", items: { enum: ["a", "b"] }, default: ["b"] },
        facts: { default: { a: "\\'" } },
        share: { fieldType: "percent", default: 12.5 },
        agent: { fieldType: "reference", target: "user" },
        number: { fieldType: "autonumber", pattern: "{00}" },
      },
    });
    const [row] = await sql.unsafe(
      `SELECT status, day, at <= now() AS at, tags, facts, share, agent, number FROM ${schema}.deal`,
    );
    expect(row).toMatchObject({
      status: "it's",
      at: true,
      tags: ["b"],
      facts: { a: "\\'" },
      share: "12.5",
      agent: null,
      number: null,
    });
    expect(row?.["day"]).toBeInstanceOf(Date);
    // The default is the definition's business from now on.
    expect(await refusedBy(insert("deal", { name: "b", day: "2026-01-01" }))).toBe("23502 status");
    expect(await refusedBy(insert("deal", { status: "new", day: "2026-01-01", agent: randomUUID() }))).toMatchObject({
      kind: "reference",
    });
    await insert("deal", { status: "new", day: "2026-01-01", agent: owner });
  });

  test("does nothing where rows stand in its way, and shows them", async () => {
    await become({ name: "deal", properties: { name: text, code: text } });
    const ids = await Promise.all(
      ["x", "x", null].map((code, i) => insert("deal", { code, name: "n", created_at: `2026-01-0${i + 1}` })),
    );
    const required = rowsInTheWay(become({ name: "deal", required: ["code"], properties: { name: text, code: text } }));
    expect(await required).toEqual([{ id: ids[2], value: null, total: "1" }]);
    const unique = await rowsInTheWay(
      become({ name: "deal", properties: { name: text, code: { ...text, unique: true } } }),
    );
    expect(unique.map((r) => r["id"]).toSorted()).toEqual([ids[0], ids[1]].toSorted());
    const added = rowsInTheWay(
      become({ name: "deal", required: ["more"], properties: { name: text, code: text, more: text } }),
    );
    expect(await added).toHaveLength(3);
    expect(await column("deal", "code")).toEqual(["x", "x", null]);
    await expect(column("deal", "more")).rejects.toThrow();
  });

  test("of a name keeps the data, the keys and their names", async () => {
    await become(user, { name: "deal", properties: { a: { ...text, unique: true }, b: text, c: text } });
    await insert("deal", { a: "1", b: "2", c: "3" });
    const before = snapshot?.objects.get("deal")?.uniques[0]?.id;
    // The first two change places, the third gives its name to a new field, and the table gets a name itself.
    const steps = await become(user, {
      name: "sale",
      was: "deal",
      properties: {
        a: { ...text, was: "b" },
        b: { ...text, was: "a", unique: true },
        d: { ...text, was: "c" },
        c: text,
      },
    });
    expect(steps.some((s) => s.sql.includes("DROP"))).toBe(false);
    const [row] = await sql.unsafe(`SELECT a, b, c, d FROM ${schema}.sale`);
    expect(row).toEqual({ a: "2", b: "1", c: null, d: "3" });
    expect(await refusedBy(insert("sale", { b: "1" }))).toEqual({ kind: "unique", id: before });
  });

  test("lets two objects change names, and a new one take a dropped one's", async () => {
    await become(
      { name: "one", properties: { x: text } },
      { name: "two", properties: { y: text } },
      { name: "three", properties: {} },
    );
    await insert("one", { x: "1" });
    await insert("two", { y: "2" });
    await become(
      { name: "one", was: "two", properties: { y: text } },
      { name: "two", was: "one", properties: { x: text } },
    );
    expect([await column("one", "y"), await column("two", "x")]).toEqual([["2"], ["1"]]);
    await become({ name: "three", was: "one", properties: { y: text } }, { name: "one", properties: { z: text } });
    expect([await column("three", "y"), await column("one", "z")]).toEqual([["2"], []]);
  });

  test("drops fields and objects, and says so", async () => {
    await become(
      { name: "account", properties: {} },
      {
        name: "deal",
        properties: { a: text, account: { fieldType: "reference", target: "account" } },
        indexes: [["a", "account"]],
      },
    );
    await insert("deal", { a: "1", account: await insert("account", {}) });
    const steps = await become({ name: "deal", properties: { b: text } });
    expect(steps.map((s) => s.effect).filter((effect) => effect.startsWith("delete"))).toEqual([
      "delete account and its records",
      "delete deal.a and its values",
      "delete deal.account and its values",
    ]);
    const tables = await sql`SELECT tablename FROM pg_tables WHERE schemaname = ${schema}`;
    expect(tables.map((t) => t["tablename"])).toEqual(["deal"]);
  });

  test("points a reference elsewhere, when nothing hangs on the old target", async () => {
    const deal = (target: string) => ({ name: "deal", properties: { who: { fieldType: "reference", target } } });
    await become(user, { name: "contact", properties: {} }, deal("user"));
    const id = await insert("deal", { who: await insert("user", {}) });
    expect(await rowsInTheWay(become(user, { name: "contact", properties: {} }, deal("contact")))).toMatchObject([
      { id, total: "1" },
    ]);
    await sql.unsafe(`UPDATE ${schema}.deal SET who = NULL`);
    await become(user, { name: "contact", properties: {} }, deal("contact"));
    expect(await refusedBy(insert("deal", { who: await insert("user", {}) }))).toEqual({
      kind: "reference",
      id: idOf("deal", "who"),
    });
    await insert("deal", { who: await insert("contact", {}) });
  });

  test("ends autonumbers with their sequence", async () => {
    await become({
      name: "deal",
      properties: {
        no: { fieldType: "autonumber", pattern: "{0}" },
        other: { fieldType: "autonumber", pattern: "{0}" },
      },
    });
    await become({ name: "deal", properties: { no: text } });
    const left = await sql`SELECT sequencename FROM pg_sequences WHERE schemaname = ${schema}`;
    expect(left.map((s) => s["sequencename"])).toEqual([]);
  });
});

describe("a type", () => {
  const enumeration = { enum: ["a", "b"] };
  const multi = { type: "array", items: { enum: ["a", "b"] } };

  /** From, to, values that convert with their results as text, and values in the way. */
  const conversions: readonly (readonly [
    from: object,
    to: object,
    good: readonly (readonly [string, string | null])[],
    bad: readonly string[],
  ])[] = [
    [
      text,
      { type: "integer" },
      [
        [" 12 ", "12"],
        ["4.0", "4"],
        ["-9007199254740991", "-9007199254740991"],
        [" ", null],
      ],
      ["1.5", "x", "9007199254740992", "1e3"],
    ],
    [
      text,
      { type: "number" },
      [
        ["1.5", "1.5"],
        ["+2", "2"],
      ],
      ["1234567890.1234567", ".5", "NaN", "9".repeat(101)],
    ],
    [text, { fieldType: "currency" }, [["1.5", "1.50"]], ["1.005", "12345678901234"]],
    [
      text,
      { type: "boolean" },
      [
        ["Yes", "true"],
        ["0", "false"],
      ],
      ["maybe"],
    ],
    [
      text,
      { fieldType: "date" },
      [["2024-02-29", "2024-02-29"]],
      ["2026-02-29", "2026-13-01", "0000-01-01", "29.2.2024", "2026-00-10"],
    ],
    [
      text,
      { fieldType: "datetime" },
      [["2026-01-31T09:30:00+08:00", "2026-01-31 01:30:00+00"]],
      ["2026-01-31", "2026-02-31T00:00:00Z", "2026-01-31T25:00:00Z"],
    ],
    [text, { fieldType: "time" }, [["09:30", "09:30:00"]], ["24:00", "9:30"]],
    [
      text,
      { fieldType: "uuid" },
      [["0198A3F0-1111-7000-8000-000000000001", "0198a3f0-1111-7000-8000-000000000001"]],
      ["x"],
    ],
    [text, { fieldType: "email" }, [["a@b.example", "a@b.example"]], ["a", "a b@c"]],
    [text, { fieldType: "phone" }, [["+8613812345678", "+8613812345678"]], ["13812345678"]],
    [text, { fieldType: "url" }, [["https://a.example", "https://a.example"]], ["javascript:alert(1)"]],
    [text, enumeration, [["a", "a"]], ["c", ""]],
    [text, multi, [["a", "{a}"]], ["c"]],
    [text, { type: "string", maxLength: 2000 }, [["中", "中"]], []],
    [text, { type: "object" }, [["x", '"x"']], []],
    [
      { type: "string", maxLength: 2000 },
      { fieldType: "rich_text", maxLength: 30 },
      [
        ["a <b> & 'c'", "a &lt;b&gt; &amp; 'c'"],
        ["one\r\ntwo\nthree\r", "one<br />two<br />three<br />"],
        ["", ""],
      ],
      ["<<<<<<<<", "x".repeat(31)],
    ],
    [{ type: "object" }, { fieldType: "rich_text" }, [['"<script>"', "&lt;script&gt;"]], []],
    [{ fieldType: "rich_text" }, text, [["<b>a</b>", "<b>a</b>"]], []],
    [{ type: "string", maxLength: 2000 }, { fieldType: "text", maxLength: 3 }, [["😀😀😀", "😀😀😀"]], ["abcd"]],
    [{ type: "integer" }, { fieldType: "currency" }, [["12", "12.00"]], ["12345678901234"]],
    [{ type: "integer" }, text, [["12", "12"]], []],
    [{ type: "number" }, { type: "integer" }, [["2.0", "2"]], ["2.5", "9007199254740992"]],
    [{ fieldType: "currency" }, { fieldType: "number", precision: 3 }, [["12.50", "12.50"]], ["123.45"]],
    [{ fieldType: "currency" }, { fieldType: "currency", scale: 4 }, [["1.50", "1.5000"]], ["123456789012.00"]],
    [{ fieldType: "currency" }, text, [["1.50", "1.5"]], []],
    [{ type: "boolean" }, { type: "integer" }, [["true", "1"]], []],
    [{ type: "boolean" }, text, [["true", "true"]], []],
    [{ fieldType: "date" }, { fieldType: "datetime" }, [["2026-01-31", "2026-01-30 16:00:00+00"]], []],
    [{ fieldType: "datetime" }, { fieldType: "date" }, [["2026-01-30 16:00:00+00", "2026-01-31"]], []],
    [{ fieldType: "datetime" }, text, [["2026-01-30 16:00:00+00", "2026-01-30T16:00:00.000000Z"]], []],
    [{ fieldType: "date" }, { type: "object" }, [["2026-01-31", '"2026-01-31"']], []],
    [enumeration, multi, [["a", "{a}"]], []],
    [
      multi,
      enumeration,
      [
        ["{a}", "a"],
        ["{}", null],
      ],
      ["{a,b}"],
    ],
    [multi, text, [["{a,b}", "a, b"]], []],
    [
      { type: "object" },
      text,
      [
        ['"x"', "x"],
        ['{"a": 1}', '{"a": 1}'],
      ],
      [],
    ],
    [
      { type: "object" },
      { type: "integer" },
      [
        ["12", "12"],
        ['"7"', "7"],
      ],
      ["{}", "true"],
    ],
    [{ type: "object" }, { type: "boolean" }, [["true", "true"]], ["3"]],
    [
      text,
      { fieldType: "rating" },
      [
        ["5", "5"],
        ["2.0", "2"],
        ["", null],
      ],
      ["0", "6", "2.5", "99999", "good"],
    ],
    [{ type: "integer" }, { fieldType: "rating", minimum: 0, maximum: 10 }, [["0", "0"]], ["-1", "11"]],
    [{ type: "number" }, { fieldType: "rating" }, [["3.00", "3"]], ["3.5"]],
    [{ fieldType: "rating" }, { type: "integer" }, [["3", "3"]], []],
    [{ fieldType: "rating", maximum: 10 }, { fieldType: "percent", precision: 1 }, [["3", "3"]], []],
    [
      text,
      { fieldType: "duration" },
      [
        ["5400", "01:30:00"],
        ["-1.500", "-00:00:01.5"],
        ["315569520000", "87658200:00:00"],
      ],
      ["1h30m", "01:30:00", "0.0001", "315569520001", "1e3"],
    ],
    [{ type: "number" }, { fieldType: "duration", minimum: 0 }, [["0.25", "00:00:00.25"]], ["-1", "0.1234"]],
    [{ type: "object" }, { fieldType: "duration" }, [["90", "00:01:30"]], ["[]"]],
    [{ fieldType: "duration" }, { type: "integer" }, [["90", "90"]], ["0.5"]],
    [{ fieldType: "duration" }, { type: "number" }, [["1.5", "1.5"]], []],
    [{ fieldType: "duration" }, text, [["5400", "5400"]], []],
    [
      { type: "object" },
      { fieldType: "address" },
      [
        ['{"city": "Ghent", "state": null}', '{"city": "Ghent"}'],
        ['{"country": "CN"}', '{"country": "CN"}'],
        ["{}", "{}"],
      ],
      ['{"town": "Ghent"}', '{"city": 5}', '{"country": "Belgium"}', '["Ghent"]', '"Ghent"', "5"],
    ],
    [
      { type: "object" },
      { fieldType: "geo" },
      [['{"lat": -90, "lng": 3.5}', '{"lat": -90, "lng": 3.5}']],
      ['{"lat": 1}', '{"lat": 91, "lng": 0}', '{"lat": "x", "lng": 0}', '{"lat": null, "lng": 0}', "[1, 2]", "true"],
    ],
    [{ fieldType: "address" }, text, [['{"city": "Ghent"}', '{"city": "Ghent"}']], []],
    [{ fieldType: "geo" }, { type: "object" }, [['{"lat": 1, "lng": 2}', '{"lat": 1, "lng": 2}']], []],
    [{ fieldType: "duration" }, { type: "object" }, [["5400.5", "5400.5"]], []],
  ];

  test.each(conversions.map((c) => [JSON.stringify(c[0]), JSON.stringify(c[1]), c] as const))(
    "goes from %s to %s",
    async (_from, _to, [from, to, good, bad]) => {
      await become({ name: "deal", properties: { f: from } });
      await insert("deal", { f: null, created_at: "2026-01-01" });
      for (const [i, [value]] of good.entries()) await insert("deal", { f: value, created_at: `2026-02-0${i + 1}` });
      const blocking = new Map<string, string>();
      for (const value of bad) blocking.set(await insert("deal", { f: value }), value);
      if (bad.length > 0) {
        const rows = await rowsInTheWay(become({ name: "deal", properties: { f: to } }));
        expect(rows.map((r) => blocking.get(String(r["id"])) ?? r["value"]).toSorted()).toEqual([...bad].toSorted());
        expect(rows[0]?.["total"]).toBe(String(bad.length));
        await sql.unsafe(`DELETE FROM ${schema}.deal WHERE id = ANY($1)`, [[...blocking.keys()]]);
      }
      await become({ name: "deal", properties: { f: to } });
      await sql.unsafe("SET TIME ZONE 'UTC'");
      const after = await sql.unsafe(`SELECT f::text AS v FROM ${schema}.deal ORDER BY created_at`);
      expect(after.map((r) => r["v"])).toEqual([null, ...good.map(([, result]) => result)]);
    },
  );

  test("becomes a reference where every value is an id of the target, and text again", async () => {
    const deal = (who: object) => ({ name: "deal", properties: { who } });
    const reference = { fieldType: "reference", target: "user" };
    await become(user, deal(text));
    const person = await insert("user", {});
    await insert("deal", { who: person.toUpperCase() });
    const stray = await insert("deal", { who: randomUUID() });
    expect(await rowsInTheWay(become(user, deal(reference)))).toMatchObject([{ id: stray }]);
    await sql.unsafe(`DELETE FROM ${schema}.deal WHERE id = $1`, [stray]);
    await become(user, deal(reference));
    expect(await refusedBy(insert("deal", { who: randomUUID() }))).toEqual({
      kind: "reference",
      id: idOf("deal", "who"),
    });
    await become(user, deal(text));
    expect(await column("deal", "who")).toEqual([person]);
    await insert("deal", { who: "anybody" });
  });

  test("that no value could take is refused before anything happens", async () => {
    await become({ name: "deal", properties: { f: { type: "boolean" } } });
    const error: unknown = await become({ name: "deal", properties: { f: { fieldType: "date" } } }).catch(
      (e: unknown) => e,
    );
    expect(isGuanxiError(error, "DEFINITION")).toBe(true);
    await insert("deal", { f: "true" });
  });

  test("of a required field leaves no blank behind", async () => {
    const deal = (f: object) => ({ name: "deal", required: ["f"], properties: { f } });
    await become(deal(text));
    const id = await insert("deal", { f: "  " });
    expect(await rowsInTheWay(become(deal({ type: "integer" })))).toMatchObject([{ id }]);
  });
});

/** What the catalogue says of all tables, without ids and the order of columns. */
async function catalogue(): Promise<string[]> {
  const rows = await sql`
    SELECT format('%s.%s %s %s', c.relname, a.attname, format_type(atttypid, atttypmod), attnotnull) AS v
      FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
      WHERE relnamespace = ${schema}::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT regexp_replace(indexdef, '_[a-z]+[0-9]+ ON ', 'ON ') FROM pg_indexes WHERE schemaname = ${schema}
    UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
      WHERE connamespace = ${schema}::regnamespace AND contype = 'f'
    UNION ALL SELECT 'sequence' FROM pg_sequences WHERE schemaname = ${schema}`;
  return rows.map((r) => String(r["v"]).replaceAll(schema, "s")).toSorted();
}

const fieldNames = ["alpha", "beta", "gamma", "delta"];
const anyField = fc.constantFrom<object>(
  ...[
    text,
    { ...text, unique: true },
    { ...text, index: true },
    { type: "integer" },
    { type: "number", scale: 2 },
    { fieldType: "currency" },
  ],
  ...[
    { fieldType: "date" },
    { enum: ["a"] },
    { type: "array", items: { enum: ["a"] } },
    { type: "object" },
    { fieldType: "autonumber", pattern: "{0}" },
  ],
  ...[
    { fieldType: "reference", target: "user" },
    { fieldType: "reference", target: "deal" },
    { fieldType: "references", target: "user" },
    { fieldType: "references", target: "deal" },
  ],
  ...[{ fieldType: "rating" }, { fieldType: "duration" }, { fieldType: "address" }, { fieldType: "rich_text" }],
);
/** A deal of any of these fields, some of which may have been called otherwise. */
const anyDeal = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...fieldNames), anyField, { maxKeys: 4 }),
    fc.subarray(fieldNames),
    fc.shuffledSubarray(fieldNames),
    fc.boolean(),
  )
  .map(([fields, required, was, renames]) => {
    const names = Object.keys(fields);
    const properties = Object.entries(fields).map(([name, field], i) => [
      name,
      {
        ...field,
        ...("target" in field ? { relation: `by_${name}` } : {}),
        ...(renames && was[i] !== undefined && was[i] !== name ? { was: was[i] } : {}),
      },
    ]);
    return {
      name: "deal",
      properties: Object.fromEntries(properties),
      required: required.filter((name) => names.includes(name)),
    };
  });

test("whatever a schema was before, it becomes what a new one would be", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(anyDeal, anyDeal, async (one, other) => {
      snapshot = undefined;
      await sql.unsafe(`DROP SCHEMA ${schema} CASCADE; CREATE SCHEMA ${schema}`);
      await become(user, one);
      try {
        await become(user, other);
      } catch (e) {
        // Types that do not convert, and names that cannot have been.
        if (isGuanxiError(e, "DEFINITION")) return;
        throw e;
      }
      const changed = await catalogue();
      snapshot = undefined;
      await sql.unsafe(`DROP SCHEMA ${schema} CASCADE; CREATE SCHEMA ${schema}`);
      await become(user, other);
      expect(changed).toEqual(await catalogue());
      compared++;
    }),
    { numRuns: 40 },
  );
  expect(compared).toBeGreaterThan(5);
}, 120_000);

test("names of constraints are recognised with Citus's suffix, and others are not", () => {
  expect(parseConstraintName("_u12")).toEqual({ kind: "unique", id: 12 });
  expect(parseConstraintName("_fo3_102016")).toEqual({ kind: "owner", id: 3 });
  expect(parseConstraintName("_f3_102016")).toEqual({ kind: "reference", id: 3 });
  expect(parseConstraintName("_p1")).toEqual({ kind: "primary", id: 1 });
  expect(parseConstraintName("_change_pkey")).toBeUndefined();
  expect(parseConstraintName("deal_name_key")).toBeUndefined();
});
