// Roll-ups: kept by whoever writes what they look at, through whichever door.
import { createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tapStatements } from "../bench/statements.ts";
import { body, define, demoUsers, ids, pathsOf, problem } from "./support.ts";
import { defineHouses, expectKept, makeHouses } from "./support/rollups.ts";

/** What a property has that nobody has seen. */
const unseen = {
  ...{ viewings: 0, all: 0, minutes: 0, offered: 0, exact: "0.000", mean: null, lowest: null, first: null, last: null },
  ...{ latest: null, touched: null, alternatives: 0 },
};

let app: TestApp;
const admin = () => app.as("admin");

beforeAll(async () => {
  app = await createTestApp({ worker: true });
  await defineHouses(app);
});
afterAll(() => app.close());

const make = async (more: object = {}): Promise<string> =>
  body(await admin().post("/api/properties", { address: "1 High Street", ...more }), 201).id;
const read = async (id: string, plural = "properties") => body(await admin().get(`/api/${plural}/${id}`), 200);
const see = async (values: object): Promise<string> => body(await admin().post("/api/viewings", values), 201).id;

describe("one record after the other", () => {
  test("created, changed, moved, deleted and restored", async () => {
    const [house, other] = [await make(), await make()];
    expect(await read(house)).toMatchObject(unseen);
    const one = await see({
      ...{ property: house, outcome: "done", minutes: 30, offer: 100.5, exact: "12345678901234567.125" },
      ...{ seen_on: "2026-03-01", seen_at: "2026-03-01T10:00:00Z", starts: "10:00", instead: other },
    });
    const two = await see({ property: house, minutes: 15, offer: 50, seen_on: "2026-02-01", starts: "09:30" });
    expect(await read(house)).toMatchObject({
      ...{ viewings: 1, all: 2, minutes: 45, offered: 150.5, exact: "12345678901234567.125", mean: 75.25 },
      ...{ lowest: 50, first: "2026-03-01", last: "2026-03-01T10:00:00+00:00", latest: "10:00:00", alternatives: 0 },
    });
    expect(await read(other)).toMatchObject({ ...unseen, alternatives: 1 });
    body(await admin().patch(`/api/viewings/${two}`, { outcome: "cancelled", offer: 200, minutes: null }), 200);
    expect(await read(house)).toMatchObject({
      ...{ viewings: 1, all: 2, minutes: 30, offered: 100.5, mean: 150.25, lowest: 100.5 },
    });
    body(await admin().patch(`/api/viewings/${one}`, { property: other }), 200);
    expect(await read(house)).toMatchObject({ viewings: 0, all: 1, minutes: 0, offered: 0, mean: 200, first: null });
    expect(await read(other)).toMatchObject({ viewings: 1, all: 1, minutes: 30, lowest: 100.5, first: "2026-03-01" });
    body(await admin().delete(`/api/viewings/${one}`), 204);
    expect(await read(other)).toMatchObject(unseen);
    body(await admin().post(`/api/viewings/${one}/restore`), 200);
    expect(await read(other)).toMatchObject({ viewings: 1, all: 1, exact: "12345678901234567.125", mean: 100.5 });
    body(await admin().patch(`/api/viewings/${one}`, { property: null }), 200);
    expect(await read(other)).toMatchObject({ viewings: 0, all: 0, first: null, alternatives: 1 });
    await expectKept(app);
  });

  test("the parent's version, times and history know nothing of it; its entity tag does", async () => {
    const house = await make();
    const before = await admin().get(`/api/properties/${house}`);
    const etag = before.headers.get("etag") ?? "";
    expect(etag).toMatch(/^"1-[\w-]{12}"$/);
    const { changes } = await withChanges(app, () => see({ property: house, minutes: 5 }));
    expect(changes.map((c) => [c.op, c.object])).toEqual([["create", "viewing"]]);
    const after = await admin().get(`/api/properties/${house}`, { "if-none-match": etag });
    expect(after.status).toBe(200);
    const { all: _, minutes: __, touched: ___, ...same } = before.body;
    expect(after.body).toMatchObject({ ...same, all: 1, minutes: 5, version: 1 });
    expect(after.headers.get("etag")).not.toBe(etag);
    const now = after.headers.get("etag") ?? "";
    expect((await admin().get(`/api/properties/${house}`, { "if-none-match": now })).status).toBe(304);
    // What somebody else has seen meanwhile is no reason to refuse a change.
    const changed = await admin().patch(`/api/properties/${house}`, { address: "2" }, { "if-match": etag });
    expect(body(changed, 200)).toMatchObject({ version: 2, all: 1, minutes: 5 });
    expect(changed.headers.get("etag")).toBe((await admin().get(`/api/properties/${house}`)).headers.get("etag"));
    problem(
      await admin().patch(`/api/properties/${house}`, { address: "3" }, { "if-match": now }),
      412,
      "PRECONDITION",
    );
    const history = body(await admin().get(`/api/properties/${house}/history`), 200).data;
    expect(history.map((h: { changes: object }) => Object.keys(h.changes))).toMatchObject([["address"], {}]);
    await expectKept(app);
  });

  test("nobody writes one, on any door", async () => {
    const house = await make();
    for (const answer of [
      await admin().post("/api/properties", { viewings: 3 }),
      await admin().patch(`/api/properties/${house}`, { viewings: 3, mean: null }),
      await admin().post("/api/properties", [{ address: "a" }, { lowest: 1 }]),
    ]) {
      problem(answer, 422, "VALIDATION");
      expect(answer.body.errors[0].code).toBe("read_only");
    }
    expect(pathsOf(await admin().patch(`/api/properties/${house}`, { viewings: 3, mean: null }))).toEqual([
      "/mean",
      "/viewings",
    ]);
    problem(await admin().get("/api/properties/by/viewings/0"), 404, "NOT_FOUND");
  });

  test("a refused write of a child leaves everything as it was", async () => {
    const house = await make();
    const id = await see({ property: house, code: "taken", minutes: 1 });
    for (const answer of [
      await admin().post("/api/viewings", { property: house, code: "taken", minutes: 5 }),
      await admin().post("/api/viewings", [{ property: house, minutes: 5 }, { property: id }]),
      await admin().patch(`/api/viewings/${id}`, { minutes: 9 }, { "if-match": '"7"' }),
      await admin().patch(`/api/viewings/${id}`, { minutes: 9, instead: id }),
    ])
      expect([409, 412, 422]).toContain(answer.status);
    expect(await read(house)).toMatchObject({ all: 1, minutes: 1 });
    await expectKept(app);
  });
});

describe("a family", () => {
  test("goes and comes back with its counts, level by level", async () => {
    const road = body(await admin().post("/api/streets", { name: "Long Road" }), 201).id as string;
    const [one, two] = (await makeHouses(app, [{ street: road }, { street: road }])) as [string, string];
    const seen = { outcome: "done", offer: 10, seen_on: "2026-01-01" };
    ids(
      await admin().post(
        "/api/viewings",
        [1, 2, 3].map((n) => ({ ...seen, offer: n * 10, property: one })),
      ),
    );
    ids(await admin().post("/api/viewings", [{ ...seen, property: two, instead: one }]));
    expect(await read(road, "streets")).toMatchObject({ viewings: 4, busy: 1, best: 10, mean: 15 });
    body(await admin().delete(`/api/properties/${one}`), 204);
    expect(await read(road, "streets")).toMatchObject({ viewings: 1, busy: 0, best: 10, mean: 10 });
    await expectKept(app);
    const back = body(await admin().post(`/api/properties/${one}/restore`), 200);
    expect(back).toMatchObject({ viewings: 3, mean: 20, alternatives: 1 });
    expect(back).toEqual(await read(one));
    expect(await read(road, "streets")).toMatchObject({ viewings: 4, busy: 1, mean: 15 });
    body(await admin().delete(`/api/streets/${road}`), 204);
    await expectKept(app);
    expect(body(await admin().post(`/api/streets/${road}/restore`), 200)).toMatchObject({ viewings: 4, busy: 1 });
    await expectKept(app);
  });

  test("a record that is its own parent, or becomes one in the same array, answers what it has then", async () => {
    const part = {
      name: "part",
      properties: {
        whole: { fieldType: "reference", target: "part", onDelete: "cascade" },
        weight: { type: "integer" },
        pieces: { fieldType: "rollup", of: "part.whole", op: "count" },
        heaviest: { fieldType: "rollup", of: "part.whole", op: "max", field: "weight" },
        grandchildren: { fieldType: "rollup", of: "part.whole", op: "sum", field: "pieces" },
      },
    };
    await define(app, part);
    const [a, b, c] = ids(await admin().post("/api/parts", [{ weight: 1 }, { weight: 2 }, { weight: 3 }])) as [
      string,
      string,
      string,
    ];
    const { data } = body(
      await admin().patch("/api/parts", [
        { id: a, weight: 9 },
        { id: b, whole: a },
        { id: c, whole: b },
      ]),
      200,
    );
    expect(data).toMatchObject([
      { id: a, weight: 9, pieces: 1, heaviest: 2, grandchildren: 1 },
      { id: b, pieces: 1, heaviest: 3, grandchildren: 0 },
      { id: c, pieces: 0 },
    ]);
    const loop = await admin().patch(`/api/parts/${c}`, { whole: c });
    expect(loop.body).toMatchObject({ pieces: 1, heaviest: 3, grandchildren: 1 });
    expect(loop.headers.get("etag")).toBe((await admin().get(`/api/parts/${c}`)).headers.get("etag"));
    expect(await read(b, "parts")).toMatchObject({ pieces: 0, heaviest: null });
    body(await admin().patch(`/api/parts/${c}`, { whole: b }), 200);
    body(await admin().delete(`/api/parts/${b}`), 204);
    expect(await read(a, "parts")).toMatchObject({ pieces: 0, heaviest: null, grandchildren: 0 });
    body(await admin().post(`/api/parts/${b}/restore`), 200);
    expect(await read(a, "parts")).toMatchObject({ pieces: 1, heaviest: 2, grandchildren: 1 });
  });
});

test("fields of any name, also those that a statement might have for its own", async () => {
  const names = [
    "o",
    "x",
    "d",
    "t",
    "p",
    "b",
    "l",
    "v",
    "q",
    "e",
    "n",
    "value",
    "rows",
    "lost",
    "came",
    "went",
    "count",
    "sum",
  ];
  const numbers = Object.fromEntries(names.map((name) => [name, { type: "integer" }]));
  const reference = { r: { fieldType: "reference", target: "letter" } };
  const filter = names.map((name) => `${name} > 0`).join(" && ");
  const sums = Object.fromEntries(
    names.map((name, i) => [
      name,
      { fieldType: "rollup", of: "word.r", op: i % 2 ? "sum" : "min", field: name, filter },
    ]),
  );
  await define(app, { name: "letter", properties: {} });
  await define(app, { name: "word", properties: { ...numbers, ...reference } });
  await define(app, {
    name: "letter",
    properties: { ...sums, count: { fieldType: "rollup", of: "word.r", op: "avg", field: "o" } },
  });
  const [letter] = ids(await admin().post("/api/letters", [{}]));
  const value = (n: number) => ({ ...Object.fromEntries(names.map((name) => [name, n])), r: letter });
  const [one] = ids(await admin().post("/api/words", [value(2), value(3)]));
  body(await admin().patch(`/api/words/${one}`, value(4)), 200);
  const expected = Object.fromEntries(names.map((name, i) => [name, i % 2 ? 7 : 3]));
  expect(await read(letter ?? "", "letters")).toMatchObject({ ...expected, count: 3.5 });
  body(await admin().delete(`/api/words/${one}`), 204);
  expect(await read(letter ?? "", "letters")).toMatchObject({ o: 3, x: 3, count: 3 });
  expect(body(await admin().post(`/api/words/${one}/restore`), 200)).toMatchObject({ e: 4, o: 4 });
  expect(await read(letter ?? "", "letters")).toMatchObject({ ...expected, count: 3.5 });
});

describe("every door", () => {
  test("arrays of 1,000, together and each alone", async () => {
    const houses = await makeHouses(
      app,
      Array.from({ length: 10 }, () => ({})),
    );
    const rows = Array.from({ length: 1_000 }, (_, i) => ({
      property: houses[i % 10],
      minutes: i,
      offer: i,
      code: `array ${i}`,
    }));
    const made = ids(await admin().post("/api/viewings", rows));
    await expectKept(app);
    const patches = made.map((id, i) => ({ id, property: houses[(i * 7 + 1) % 10], minutes: null, outcome: "done" }));
    ids(await admin().patch("/api/viewings", patches));
    await expectKept(app);
    expect(await read(houses[0] ?? "")).toMatchObject({ all: 100, viewings: 100, minutes: 0 });
    const alone = await admin().post("/api/viewings?atomic=false", [
      { property: houses[0], minutes: 1 },
      { property: houses[0], code: "array 1" },
      { property: houses[0], minutes: 2 },
    ]);
    expect(body(alone, 200).data.map((row: object) => Object.keys(row)[0])).toEqual(["id", "error", "id"]);
    expect(await read(houses[0] ?? "")).toMatchObject({ all: 102, minutes: 3 });
    await expectKept(app);
  });

  test("upserts, and an import in chunks with rows that are refused", async () => {
    const [one, two] = (await makeHouses(app, [{}, {}])) as [string, string];
    const upsert = (values: object) => admin().put("/api/viewings/by/code/upserted", values);
    body(await upsert({ property: one, minutes: 3 }), 201);
    body(await upsert({ property: two, minutes: 4 }), 200);
    expect([await read(one), await read(two)]).toMatchObject([
      { all: 0, minutes: 0 },
      { all: 1, minutes: 4 },
    ]);
    const lines = Array.from({ length: 1_500 }, (_, i) => `i${i},${i % 2 ? one : two},${i % 500 === 7 ? "long" : 1}`);
    const importFile = async (file: string, query = ""): Promise<object> => {
      const sent = await admin().post(`/api/import/viewings${query}`, file, { "content-type": "text/csv" });
      const { id } = body(sent, 202) as { id: string };
      return until("the import", async () => {
        const job = body(await admin().get(`/api/jobs/${id}`), 200) as { ended_at: string | null };
        return job.ended_at === null ? undefined : job;
      });
    };
    expect(await importFile(["code,property,minutes", ...lines].join("\n"))).toMatchObject({
      created: 1_497,
      rejected: 3,
    });
    expect([await read(one), await read(two)]).toMatchObject([{ all: 747 }, { all: 751, minutes: 754 }]);
    await expectKept(app);
    const moved = Array.from({ length: 700 }, (_, i) => `i${i},${one},2`);
    await importFile(["code,property,minutes", ...moved].join("\n"), "?mode=upsert&key=code");
    await expectKept(app);
  });

  test("a script before the write decides what counts, and a script after it writes as others do", async () => {
    const [house, other] = (await makeHouses(app, [{}, {}])) as [string, string];
    const script = (text: string) => `export default async ({ record, crm }) => { ${text} };`;
    const publish = async (name: string, on: string, when: string, text: string) =>
      body(
        await admin().put(`/api/meta/workflows/${name}`, { name, object: "viewing", on, when, script: script(text) }),
        201,
      );
    await publish("double", "before_create", "note == 'double'", "record.minutes = (record.minutes ?? 0) * 2;");
    await publish("turn", "before_update", "note == 'turn'", `record.property = '${other}'; record.offer = 7;`);
    await publish(
      "again",
      "created",
      "note == 'again'",
      `await crm.records('viewing').create({ property: '${other}', minutes: 100 }); const seen = await crm.records('property').get('${other}'); await crm.records('viewing').update(record.id, { minutes: seen.minutes });`,
    );
    const id = await see({ property: house, minutes: 20, note: "double" });
    expect(await read(house)).toMatchObject({ all: 1, minutes: 40 });
    body(await admin().patch(`/api/viewings/${id}`, { note: "turn" }), 200);
    expect([await read(house), await read(other)]).toMatchObject([
      { all: 0, minutes: 0, mean: null },
      { all: 1, minutes: 40, mean: 7 },
    ]);
    await see({ property: house, note: "again" });
    await until("the run", async () => ((await read(house)).minutes === 140 ? true : undefined));
    expect(await read(other)).toMatchObject({ all: 2, minutes: 140 });
    await expectKept(app);
    for (const name of ["double", "turn", "again"]) body(await admin().delete(`/api/meta/workflows/${name}`), 204);
  });
});

describe("what it costs those who have none", () => {
  test("a record that no roll-up looks at, or a field that none asks for, is written by one statement", async () => {
    const house = await make();
    const id = await see({ property: house });
    const tap = await tapStatements(app.databaseUrl);
    const tapped = await createTestApp({ on: app, parts: { database: tap.url } });
    const api = tapped.as("admin");
    const heard = async (work: () => Promise<unknown>): Promise<number> => {
      // What is kept by its callers from then on is asked first.
      await work();
      return (await tap.during(work)).filter(({ text }) => text.includes("t_demo") || /^(begin|commit)/i.test(text))
        .length;
    };
    let n = 0;
    try {
      expect(await heard(() => api.post("/api/leads", { last_name: "A", company: "B" }))).toBe(1);
      expect(await heard(() => api.patch(`/api/properties/${house}`, { address: `no. ${n++}` }))).toBe(1);
      expect(await heard(() => api.post("/api/properties", { address: "nowhere" }))).toBeGreaterThan(1);
      expect(await heard(() => api.patch(`/api/viewings/${id}`, { minutes: n++ }))).toBeGreaterThan(1);
    } finally {
      await tapped.close();
      await tap.close();
    }
  });
});

describe("reading", () => {
  test("select, filter, sort, totals, walks, export, and what the descriptions say", async () => {
    const address = "read me";
    const houses = await makeHouses(app, [{ address }, { address }, { address }]);
    const seen = (i: number) => ({ property: houses[i], outcome: "done", offer: 10 * (i + 1), seen_on: "2026-05-01" });
    ids(await admin().post("/api/viewings", [seen(0), seen(1), seen(1)]));
    const where = `address == '${address}'`;
    const list = async (more: Record<string, string>) =>
      body(await admin().get(`/api/properties${q({ filter: where, ...more })}`), 200).data;
    expect(await list({ order: "-viewings", select: "viewings,mean" })).toMatchObject([
      { id: houses[1], viewings: 2, mean: 20 },
      { id: houses[0], viewings: 1, mean: 10 },
      { id: houses[2], viewings: 0, mean: null },
    ]);
    expect(
      ids(
        await admin().get(
          `/api/properties${q({ filter: `${where} && viewings > 0 && first == date('2026-05-01') && offered < 20` })}`,
        ),
      ),
    ).toEqual([houses[0]]);
    const totals = await admin().get(
      `/api/properties/aggregate${q({ filter: where, metrics: "sum(viewings),max(mean),min(first)" })}`,
    );
    expect(body(totals, 200).data).toEqual([{ sum_viewings: 3, max_mean: 20, min_first: "2026-05-01" }]);
    const walk = await admin().get(
      `/api/viewings${q({ filter: `property.viewings == 2 && property.address == '${address}'`, select: "property.viewings" })}`,
    );
    expect(body(walk, 200).data).toMatchObject([{ property: { viewings: 2 } }, { property: { viewings: 2 } }]);
    const file = await admin().get(
      `/api/export/properties${q({ filter: where, order: "-viewings", select: "viewings,exact,mean,first", format: "csv" })}`,
    );
    expect(file.text.split("\r\n").map((line) => line.replace(/^[^,]*,/, ""))).toEqual([
      "viewings,exact,mean,first",
      "2,0.000,20,2026-05-01",
      "1,0.000,10,2026-05-01",
      "0,0.000,,",
      "",
    ]);
    const openapi = body(await admin().get("/api/openapi.json"), 200);
    const text = JSON.stringify(openapi.components.schemas);
    expect(text).toContain('"viewings":{"title":"Viewings","readOnly":true,"type":"integer"}');
    expect(text).toContain('"mean":{"title":"Mean","readOnly":true,"type":["number","null"]}');
    const types = (await admin().get("/api/types.d.ts")).text;
    expect(types).toMatch(/viewings: number\n/);
    expect(types).toMatch(/mean: \(number \| null\)\n/);
  });

  test("negative decimals of an export are numbers, not formulas", async () => {
    const house = await make({ address: "below zero" });
    await see({ property: house, exact: "-1.5" });
    const file = await admin().get(
      `/api/export/properties${q({ filter: "address == 'below zero'", select: "exact", format: "csv" })}`,
    );
    expect(file.text).toContain(",-1.500");
  });

  test("rules of the record know it, before there is any child too; a child's write asks no rule of its parent", async () => {
    await define(app, {
      name: "box",
      plural: "boxes",
      properties: { open: { type: "boolean" }, label: { type: "string" } },
    });
    await define(app, { name: "thing", properties: { box: { fieldType: "reference", target: "box" } } });
    await define(app, {
      name: "box",
      plural: "boxes",
      properties: {
        open: { type: "boolean" },
        label: { type: "string" },
        things: { fieldType: "rollup", of: "thing.box", op: "count" },
      },
      rules: [
        { name: "empty_is_open", when: "things == 0 && open == false", message: "An empty box stays open" },
        { name: "full", when: "things > 1 && label == null", message: "A full box has a label" },
      ],
    });
    const refused = await admin().post("/api/boxes", { open: false });
    expect([refused.status, refused.body.errors?.[0]?.code]).toEqual([422, "rule"]);
    const { id } = body(await admin().post("/api/boxes", { open: true }), 201);
    expect((await admin().patch(`/api/boxes/${id}`, { open: false })).status).toBe(422);
    ids(await admin().post("/api/things", [{ box: id }, { box: id }]));
    expect((await admin().patch(`/api/boxes/${id}`, { open: false })).status).toBe(422);
    expect(body(await admin().patch(`/api/boxes/${id}`, { open: false, label: "x" }), 200).things).toBe(2);
  });

  test("of people: `user` in the next request has the new number", async () => {
    await define(app, {
      name: "errand",
      properties: { runner: { fieldType: "reference", target: "user" }, title: { type: "string" } },
    });
    const { definition: _, ...user } = { definition: 0, ...body(await admin().get("/api/meta/objects/user"), 200) };
    const errands = { fieldType: "rollup", of: "errand.runner", op: "count" };
    body(await admin().put("/api/meta/objects/user", { ...user, properties: { ...user.properties, errands } }), 200);
    const busy = { name: "busy", when: "user.errands >= 2", message: "You have enough to do" };
    body(await admin().patch("/api/meta/objects/errand", { rules: [busy] }), 200);
    const runner = (await demoUsers(app))["admin"];
    for (const title of ["a", "b"]) body(await admin().post("/api/errands", { runner, title }), 201);
    expect((await admin().post("/api/errands", { runner, title: "c" })).status).toBe(422);
    expect(await read(runner ?? "", "users")).toMatchObject({ errands: 2 });
  });
});
