// Definitions of roll-ups: on tables that are filled, in use, renamed and copied; and the remedy for what a hand has broken.
import { createTestApp, operatorKey, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, problem } from "./support.ts";
import { defineHouses, expectKept, makeHouses, property, street, viewing } from "./support/rollups.ts";

let app: TestApp;
let second: TestApp;
const admin = () => app.as("admin");
const meta = (name: string) => `/api/meta/objects/${name}`;

beforeAll(async () => {
  app = await createTestApp();
  second = await createTestApp({ on: app });
  await defineHouses(app);
});
afterAll(async () => {
  await second.close();
  await app.close();
});

/** Houses with some viewings each, one of them deleted, and one house too. */
async function fill(n: number): Promise<string[]> {
  const [road] = ids(await admin().post("/api/streets", [{ name: "r" }]));
  const houses = await makeHouses(
    app,
    Array.from({ length: n }, () => ({ street: road })),
  );
  const seen = Array.from({ length: n * 3 }, (_, i) => ({
    ...{ property: houses[i % n], instead: houses[(i + 1) % n], minutes: i, offer: i / 4, exact: `${i}.125` },
    ...{
      outcome: ["done", "cancelled", null][i % 3],
      seen_on: "2026-01-01",
      seen_at: "2026-01-01T00:00:00Z",
      starts: "10:00",
    },
  }));
  const [gone] = ids(await admin().post("/api/viewings", seen));
  body(await admin().delete(`/api/viewings/${gone}`), 204);
  body(await admin().delete(`/api/properties/${houses[1]}`), 204);
  return houses;
}

const without = (names: readonly string[]) => ({
  ...property,
  properties: Object.fromEntries(Object.entries(property.properties).filter(([name]) => !names.includes(name))),
});
const kinds = Object.keys(property.properties).filter((name) => name !== "address" && name !== "street");

describe("a definition", () => {
  test("does not look at files, which go by themselves", async () => {
    const file = body(await admin().get(meta("file")), 200);
    const shelf = { name: "shelf", type: "object", properties: { name: { type: "string" } } };
    await define(app, shelf);
    const lies = { shelf: { fieldType: "reference", target: "shelf" } };
    body(await admin().put(meta("file"), { ...file, properties: { ...file.properties, ...lies } }), 200);
    const counts = { files: { fieldType: "rollup", of: "file.shelf", op: "count" } };
    const refused = await admin().put(meta("shelf"), { ...shelf, properties: counts });
    problem(refused, 422, "DEFINITION", ["/properties/files/of"]);
    expect(refused.body.errors[0].message).toContain("files go by themselves");
  });

  test("on filled tables: every kind is computed when it is added, and is gone without a word when it is removed", async () => {
    const [house] = await fill(5);
    await define(app, { ...street, properties: { name: street.properties.name } });
    await define(app, without(kinds));
    expect(body(await admin().get(`/api/properties/${house}`), 200)).not.toHaveProperty("viewings");
    await define(app, property);
    await define(app, street);
    await expectKept(app);
    ids(await admin().post("/api/viewings", [{ property: house, offer: 1 }]));
    await expectKept(app);
  });

  test("with another op, field, filter or reference: computed anew, whatever it was before, and its index stays", async () => {
    const houses = await fill(4);
    const sql = {
      count: "count(*)",
      sum: "coalesce(sum(offer), 0)",
      avg: "round(avg(offer), 6)",
      min: "min(offer)",
      max: "max(offer)",
    };
    const ops = ["count", "avg", "sum", "min", "avg", "count", "max", "sum", "count"] as const;
    for (const [i, op] of ops.entries()) {
      const of = i % 2 ? "viewing.instead" : "viewing.property";
      const filter = i % 3 === 0 ? {} : { filter: "minutes > 2" };
      const figure = {
        fieldType: "rollup",
        of,
        op,
        ...filter,
        ...(op === "count" ? {} : { field: "offer" }),
        index: true,
      };
      await define(app, { ...property, properties: { ...property.properties, figure } });
      const where = `v.deleted_at IS NULL AND v.${of.split(".")[1]} = p.id ${i % 3 === 0 ? "" : "AND minutes > 2"}`;
      const expectOp = async () =>
        expect(
          await app.store.sql(
            `SELECT p.id, p.figure, e.n FROM t_demo.property p CROSS JOIN LATERAL (SELECT ${sql[op]} AS n FROM t_demo.viewing v WHERE ${where}) e WHERE p.figure IS DISTINCT FROM e.n`,
          ),
        ).toEqual([]);
      await expectOp();
      ids(await admin().post("/api/viewings", [{ property: houses[0], instead: houses[2], offer: i, minutes: i }]));
      await expectOp();
    }
    const [index] = await app.store.sql<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_indexes WHERE schemaname = 't_demo' AND tablename = 'property' AND indexdef LIKE '%(figure)'",
    );
    expect(index?.n).toBe(1);
    const hidden = await app.store.sql<{ name: string }>(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = 't_demo.property'::regclass AND attname LIKE E'\\\\_%' AND NOT attisdropped",
    );
    // Those of the mean alone; what an earlier op kept has gone with it.
    expect(hidden.map(({ name }) => name.replace(/\d+/, "")).toSorted()).toEqual(["_count", "_sum"]);
    await define(app, property);
    await expectKept(app);
  });

  test("beside formulas: a filter asks for one and is computed anew with it, and one computes with a roll-up", async () => {
    const due = (formula: string) => ({ fieldType: "formula", returns: "number", formula });
    const line = (formula: string) => ({
      name: "bill_line",
      properties: { bill: { fieldType: "reference", target: "bill" }, net: { type: "integer" }, gross: due(formula) },
    });
    const large = { fieldType: "rollup", of: "bill_line.bill", op: "count", filter: "gross > 10" };
    const total = { fieldType: "rollup", of: "bill_line.bill", op: "sum", field: "net" };
    await define(app, { name: "bill", properties: {} });
    await define(app, line("net * 1.2"));
    const [bill] = ids(await admin().post("/api/bills", [{}]));
    ids(
      await admin().post(
        "/api/bill_lines",
        [8, 9, 10].map((net) => ({ bill, net })),
      ),
    );
    await define(app, { name: "bill", properties: { large, total, due: due("total * 1.2 + large") } });
    const read = async () => body(await admin().get(`/api/bills/${bill}`), 200);
    expect(await read()).toMatchObject({ large: 2, total: 27, due: 34.4 });
    await define(app, line("net * 1.25 + 0.01"));
    expect(await read()).toMatchObject({ large: 3, due: 35.4 });
    ids(
      await admin().post("/api/bill_lines", [
        { bill, net: 7 },
        { bill, net: 8 },
      ]),
    );
    expect(await read()).toMatchObject({ large: 4, total: 42 });
    const removed = await admin().patch(meta("bill_line"), { properties: { gross: null } });
    expect([removed.status, removed.text]).toEqual([409, expect.stringContaining("roll-up bill.large")]);
  });

  test("comes with what it looks at in one change set, which plans tell of; durations are added up", async () => {
    const objects = [
      {
        name: "shift",
        properties: {
          worked: { fieldType: "rollup", of: "task_done.shift", op: "sum", field: "took" },
          longest: { fieldType: "rollup", of: "task_done.shift", op: "max", field: "took" },
          stars: { fieldType: "rollup", of: "task_done.shift", op: "avg", field: "stars" },
        },
      },
      {
        name: "task_done",
        plural: "tasks_done",
        properties: {
          shift: { fieldType: "reference", target: "shift" },
          took: { fieldType: "duration" },
          stars: { fieldType: "rating" },
        },
      },
    ];
    body(await admin().post("/api/meta/changes", { objects }), 200);
    const [shift] = ids(await admin().post("/api/shifts", [{}]));
    const read = async () => body(await admin().get(`/api/shifts/${shift}`), 200);
    expect(await read()).toMatchObject({ worked: 0, longest: null, stars: null });
    const [task] = ids(
      await admin().post("/api/tasks_done", [
        { shift, took: 90.5, stars: 4 },
        { shift, took: 3_600, stars: 5 },
      ]),
    );
    expect(await read()).toMatchObject({ worked: 3_690.5, longest: 3_600, stars: 4.5 });
    body(await admin().patch(`/api/tasks_done/${task}`, { took: 7_200 }), 200);
    expect(await read()).toMatchObject({ worked: 10_800, longest: 7_200 });
    expect(ids(await admin().get("/api/shifts?filter=worked%20%3E%20duration('2h')"))).toEqual([shift]);
    expect(body(await admin().post(`${meta("shift")}/recalculate`), 200)).toEqual({ records: 1, differed: 0 });
    const long = {
      ...objects[0],
      properties: {
        ...objects[0]?.properties,
        long: { fieldType: "rollup", of: "task_done.shift", op: "count", filter: "took > duration('1h')" },
      },
    };
    const plan = body(await admin().post("/api/meta/changes?plan=true", { objects: [long] }), 200);
    expect(plan.steps.map((step: { effect: string }) => step.effect)).toEqual([
      "add shift.long",
      "hold writes of task_done",
      "compute shift.long from task_done",
    ]);
    expect(await read()).not.toHaveProperty("long");
    const { id } = body(await admin().post("/api/meta/changes", { objects: [long] }), 200);
    expect(await read()).toMatchObject({ long: 1 });
    body(await admin().post(`/api/meta/changes/${id}/revert`), 200);
    expect(await read()).not.toHaveProperty("long");
  });

  test("added while others write: the first write after it counts, and none before it is forgotten", async () => {
    await define(app, { name: "shelf", plural: "shelves", properties: { name: { type: "string" } } });
    await define(app, {
      name: "book",
      properties: { shelf: { fieldType: "reference", target: "shelf" }, pages: { type: "integer" } },
    });
    const shelves = ids(await admin().post("/api/shelves", [{ name: "a" }, { name: "b" }]));
    let writing = true;
    const statuses: number[] = [];
    const writers = Array.from({ length: 4 }, async (_, w) => {
      const api = (w % 2 ? second : app).as("admin");
      const own: string[] = [];
      for (let i = 0; writing; i++) {
        const answer =
          own.length > 3 && i % 3 === 0
            ? await api.patch(`/api/books/${own[i % own.length]}`, { shelf: shelves[i % 2], pages: i })
            : await api.post("/api/books", { shelf: shelves[i % 2], pages: i });
        statuses.push(answer.status);
        if (answer.status === 201) own.push(answer.body.id);
      }
    });
    const of = "book.shelf";
    const versions = [
      { books: { fieldType: "rollup", of, op: "count" } },
      {
        books: { fieldType: "rollup", of, op: "count" },
        pages: { fieldType: "rollup", of, op: "sum", field: "pages" },
      },
      {
        books: { fieldType: "rollup", of, op: "count", filter: "pages > 3" },
        pages: { fieldType: "rollup", of, op: "max", field: "pages" },
      },
    ];
    try {
      for (const fields of versions) {
        const put = await admin().put(meta("shelf"), {
          name: "shelf",
          plural: "shelves",
          properties: { name: { type: "string" }, ...fields },
        });
        expect(put.status, put.text).toBe(200);
      }
    } finally {
      writing = false;
      await Promise.all(writers);
    }
    expect(statuses.filter((s) => s !== 200 && s !== 201)).toEqual([]);
    expect(statuses.length).toBeGreaterThan(8);
    expect(
      await app.store.sql(
        `SELECT s.name, s.books, s.pages, e.* FROM t_demo.shelf s CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE b.pages > 3) AS n, max(b.pages) AS most FROM t_demo.book b WHERE b.shelf = s.id) e
         WHERE s.books <> e.n OR s.pages IS DISTINCT FROM e.most`,
      ),
    ).toEqual([]);
  });

  test("follows new names, and is in the way of what it needs", async () => {
    const houses = await fill(3);
    const { minutes, outcome, property: reference, ...others } = viewing.properties;
    const renamed = {
      ...viewing,
      properties: {
        ...others,
        length: { ...minutes, was: "minutes" },
        result: { ...outcome, was: "outcome" },
        house: { ...reference, was: "property", relation: "visited" },
      },
    };
    await define(app, { ...renamed, name: "visit", plural: "visits", was: "viewing" });
    const { properties } = body(await admin().get(meta("property")), 200);
    expect(properties).toMatchObject({
      viewings: { of: "visit.house", filter: "result != 'cancelled'" },
      minutes: { of: "visit.house", field: "length" },
      alternatives: { of: "visit.instead" },
    });
    ids(await admin().post("/api/visits", [{ house: houses[0], length: 1_000, result: "done" }]));
    expect(body(await admin().get(`/api/properties/${houses[0]}`), 200).minutes).toBeGreaterThanOrEqual(1_000);
    const back = { ...viewing, name: "viewing", plural: "viewings", was: "visit" };
    await define(app, {
      ...back,
      properties: {
        ...others,
        minutes: { ...minutes, was: "length" },
        outcome: { ...outcome, was: "result" },
        property: { ...reference, was: "house" },
      },
    });
    await expectKept(app);
    const removed = await admin().put(`${meta("viewing")}?allow=drop:viewing.outcome`, {
      ...viewing,
      properties: { ...others, minutes, property: reference },
    });
    problem(removed, 409, "CONFLICT");
    expect(removed.body.detail).toContain("roll-up property.viewings");
    const dropped = await admin().delete(`${meta("viewing")}?allow=drop:viewing`);
    problem(dropped, 409, "CONFLICT");
    expect(dropped.body.detail).toContain("roll-up property.lowest");
    const retyped = await admin().patch(meta("viewing"), {
      properties: { offer: { type: "string", fieldType: null, maxLength: 20 } },
    });
    expect(retyped.text).toContain("roll-up property.lowest: min takes fields of");
    await expectKept(app);
  });

  test("sums beyond what a single value may be are sums", async () => {
    const [house] = await makeHouses(app, [{}]);
    const most = { minutes: 999_999_999_999_999, offer: 9_999_999_999_999.99, exact: "99999999999999999.999" };
    ids(
      await admin().post(
        "/api/viewings",
        Array.from({ length: 1_000 }, () => ({ property: house, ...most })),
      ),
    );
    const { text } = await admin().get(`/api/properties/${house}?select=minutes,offered,exact`);
    expect(text).toContain(
      '"minutes":999999999999999000,"offered":9999999999999990.00,"exact":"99999999999999999999.000"',
    );
    await expectKept(app);
  });

  test("a wider type below makes a wider one above, and the metadata has one version for the same definition", async () => {
    await fill(3);
    const before = (await admin().get(meta("property"))).headers.get("etag");
    await define(app, property);
    expect((await admin().get(meta("property"))).headers.get("etag")).toBe(before);
    await define(app, { ...viewing, properties: { ...viewing.properties, minutes: { type: "number" } } });
    const houses = await makeHouses(app, [{}]);
    ids(
      await admin().post("/api/viewings", [
        { property: houses[0], minutes: 0.1 },
        { property: houses[0], minutes: 0.2 },
      ]),
    );
    const { text } = await admin().get(`/api/properties/${houses[0]}?select=minutes`);
    expect(text).toContain('"minutes":0.3}');
    await expectKept(app);
  });
});

describe("recalculate", () => {
  const recalculate = (query = "") => admin().post(`${meta("property")}/recalculate${query}`);

  test("says how many differed, mends them, and those above them too", async () => {
    const houses = await fill(6);
    const [{ n }] = (await app.store.sql<{ n: number }>("SELECT count(*)::int AS n FROM t_demo.property")) as [
      { n: number },
    ];
    expect(body(await recalculate(), 200)).toEqual({ records: n, differed: 0 });
    await app.store.sql(
      `UPDATE t_demo.property SET viewings = viewings + 7, lowest = NULL WHERE id IN ('${houses[0]}', '${houses[1]}')`,
    );
    await app.store.sql(`UPDATE t_demo.property SET mean = 0 WHERE id = '${houses[2]}'`);
    expect(body(await recalculate("?field=mean"), 200)).toEqual({ records: n, differed: 1 });
    expect(body(await recalculate(), 200)).toEqual({ records: n, differed: 2 });
    // The street was right by what its houses said before; each house's correction went on to it.
    const streets = await admin().post(`${meta("street")}/recalculate`);
    expect(body(streets, 200).differed).toBeGreaterThan(0);
    await expectKept(app);
    expect(body(await recalculate(), 200)).toEqual({ records: n, differed: 0 });
  });

  test("goes on while others write, and leaves what they wrote", async () => {
    const houses = (await fill(4)).toSpliced(1, 1);
    const writes = Array.from({ length: 60 }, (_, i) =>
      (i % 2 ? second : app)
        .as("admin")
        .post("/api/viewings", { property: houses[i % 3], instead: houses[(i + 1) % 3], offer: i, minutes: i }),
    );
    const runs = [
      recalculate(),
      recalculate("?field=lowest"),
      second.as("admin").post(`${meta("street")}/recalculate`),
    ];
    for (const answer of await Promise.all(writes)) body(answer, 201);
    for (const answer of await Promise.all(runs)) body(answer, 200);
    await expectKept(app);
  });

  test("is for those who may change metadata, of objects and roll-ups that there are", async () => {
    const { api } = await hire(app, "clerk", { default_rights: ["read", "edit"] });
    problem(await api.post(`${meta("property")}/recalculate`), 403, "FORBIDDEN");
    problem(await admin().post(`${meta("nothing")}/recalculate`), 404, "NOT_FOUND");
    problem(await recalculate("?field=address"), 400, "QUERY", ["field"]);
    expect(body(await admin().post(`${meta("viewing")}/recalculate`), 200)).toEqual({ records: 0, differed: 0 });
  });
});

test("a copy of the tenant has the values, and goes on keeping them", async () => {
  const houses = await fill(3);
  const copied = await app.as(operatorKey).post("/platform/tenants/demo/copy", { id: "copied", name: "Copy" });
  const { key } = body(copied, 201).admin as { key: string };
  const api = app.as(key);
  const same = async (id: string | undefined) => {
    const [there, here] = await Promise.all([admin().get(`/api/properties/${id}`), api.get(`/api/properties/${id}`)]);
    expect(here.body).toEqual(there.body);
  };
  await same(houses[0]);
  for (const each of [admin(), api])
    body(
      await each.post("/api/viewings", {
        property: houses[0],
        offer: 0.25,
        exact: "1.001",
        minutes: 4,
        outcome: "done",
      }),
      201,
    );
  const { touched: _, ...values } = body(await api.get(`/api/properties/${houses[0]}`), 200);
  expect(body(await admin().get(`/api/properties/${houses[0]}`), 200)).toMatchObject(values);
  expect(body(await api.post(`${meta("property")}/recalculate`), 200).differed).toBe(0);
});
