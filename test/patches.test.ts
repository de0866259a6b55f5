// Changing records over HTTP: patches, upserts and the history they leave.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { house as houseDefinition } from "./house.ts";
import { body, define, ids, nobody, problem } from "./support.ts";

let app: TestApp;
const path = "/api/houses";
const admin = () => app.as("admin");
const made = async (value: Record<string, unknown>) => body(await admin().post(path, value), 201);

beforeAll(async () => {
  app = await createTestApp();
  await define(app, houseDefinition);
});
afterAll(() => app.close());

describe("patch", () => {
  test("changes what it names and writes what changed", async () => {
    const house = await made({ address: "p", price: 10, code: "P1" });
    const { result, changes } = await withChanges(app, () =>
      admin().patch(`${path}/${house.id}`, { price: 11, code: null, address: "p" }),
    );
    expect(body(result, 200)).toMatchObject({
      id: house.id,
      address: "p",
      price: 11,
      code: null,
      version: 2,
      created_at: house.created_at,
    });
    expect(result.headers.get("etag")).toBe('"2"');
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ op: "update", version: 2, data: { price: 11, code: null, address: "p" } });
    expect(Object.keys(changes[0]?.old ?? {}).sort()).toEqual(["code", "price", "updated_at", "version"]);
    expect(changes[0]?.old).toMatchObject({ code: "P1", price: 10, version: 1 });
  });

  test.each([[{}], [{ address: "same" }], [{ price: 1.0 }]])(
    "%j that changes nothing leaves version and history alone",
    async (patch) => {
      const house = await made({ address: "same", price: 1 });
      const { result, changes } = await withChanges(app, () => admin().patch(`${path}/${house.id}`, patch));
      expect(body(result, 200)).toEqual(house);
      expect(result.headers.get("etag")).toBe('"1"');
      expect(changes).toEqual([]);
    },
  );

  test.each([
    ['"1"', 200],
    ['W/"1"', 200],
    ["*", 200],
    ['"5", "1"', 200],
    ['"2"', 412],
    ['"abc"', 412],
    ['"1-hash"', 200],
    ["1", 400],
  ])("If-Match: %s → %i", async (tag, status) => {
    const house = await made({ address: "m" });
    const { result, changes } = await withChanges(app, () =>
      admin().patch(`${path}/${house.id}`, { address: "n" }, { "if-match": tag }),
    );
    expect(result.status, result.text).toBe(status);
    expect(changes.length).toBe(status === 200 ? 1 : 0);
    const gone = await withChanges(app, () =>
      admin().delete(`${path}/${house.id}`, { "if-match": status === 200 ? '"2"' : tag }),
    );
    expect(gone.result.status, gone.result.text).toBe(status === 200 ? 204 : status);
    expect(gone.changes.length).toBe(status === 200 ? 1 : 0);
  });

  test("cannot touch what the system keeps, nor empty what is required", async () => {
    const house = await made({ address: "s" });
    const patch = {
      id: nobody,
      version: 9,
      created_at: "2020-01-01T00:00:00Z",
      created_by: nobody,
      updated_at: null,
      deleted_at: null,
      address: null,
      colour: 1,
    };
    const { result, changes } = await withChanges(app, () => admin().patch(`${path}/${house.id}`, patch));
    problem(
      result,
      422,
      "VALIDATION",
      Object.keys(patch).map((k) => `/${k}`),
    );
    expect(changes).toEqual([]);
  });

  test("an array of patches is all or nothing; with atomic=false each alone", async () => {
    const [a, b] = ids(
      await admin().post(path, [
        { address: "a", code: "PA" },
        { address: "b", code: "PB" },
      ]),
    );
    const good = await withChanges(app, () =>
      admin().patch(path, [
        { id: b, price: 2 },
        { id: a, price: 1 },
      ]),
    );
    expect(body(good.result, 200).data.map((r: { id: string; price: number }) => [r.id, r.price])).toEqual([
      [b, 2],
      [a, 1],
    ]);
    expect(good.changes).toHaveLength(2);
    const refusals: [unknown[], number, string, string[]?][] = [
      [
        [
          { id: a, price: 5 },
          { id: b, price: -5 },
        ],
        422,
        "VALIDATION",
        ["/1/price"],
      ],
      [
        [
          { id: a, price: 5 },
          { id: nobody, price: 5 },
        ],
        404,
        "NOT_FOUND",
      ],
      [
        [
          { id: a, price: 5 },
          { id: b, code: "PA" },
        ],
        409,
        "CONFLICT",
        ["/1/code"],
      ],
      [[{ id: a, price: 5 }, { price: 5 }], 422, "VALIDATION", ["/1/id"]],
      [
        [
          { id: a, price: 5 },
          { id: a?.toUpperCase(), price: 6 },
        ],
        422,
        "VALIDATION",
        ["/1/id"],
      ],
      [[{ id: a, price: 5 }, { id: "x" }], 422, "VALIDATION", ["/1/id"]],
      [[{ id: a, price: 5 }, "x"], 422, "VALIDATION", ["/1"]],
      [
        [
          { id: a, status: "sold" },
          { id: b, agent: nobody },
        ],
        422,
        "VALIDATION",
        ["/0/agent", "/1/agent"],
      ],
    ];
    for (const [patches, status, code, paths] of refusals) {
      const { result, changes } = await withChanges(app, () => admin().patch(path, patches));
      problem(result, status, code, paths);
      expect(changes).toEqual([]);
    }
    const mixed = await withChanges(app, () =>
      admin().patch(`${path}?atomic=false`, [
        { id: a, price: 5 },
        { id: nobody },
        { id: b, price: -1 },
        { id: b, price: 6 },
      ]),
    );
    expect(body(mixed.result, 200).data.map((r: { error?: { code: string } }) => r.error?.code)).toEqual([
      undefined,
      "GX-NOT_FOUND",
      "GX-VALIDATION",
      undefined,
    ]);
    expect(mixed.changes.map((c) => [c.record, c.data["price"]])).toEqual([
      [a, 5],
      [b, 6],
    ]);
  });

  test("two records can swap a unique value only in steps", async () => {
    const [a, b] = ids(
      await admin().post(path, [
        { address: "a", code: "S1" },
        { address: "b", code: "S2" },
      ]),
    );
    const { result, changes } = await withChanges(app, () =>
      admin().patch(path, [
        { id: a, code: "S2" },
        { id: b, code: "S1" },
      ]),
    );
    expect([200, 409]).toContain(result.status);
    expect(changes.length).toBe(result.status === 200 ? 2 : 0);
  });
});

describe("upsert", () => {
  test("creates, then patches, and counts a repetition as no change", async () => {
    const first = await withChanges(app, () => admin().put(`${path}/by/code/UP1`, { address: "u", price: 1 }));
    const house = body(first.result, 201);
    expect(first.result.headers.get("location")).toBe(`${path}/${house.id}`);
    expect(house).toMatchObject({ code: "UP1", price: 1, status: "draft" });
    const second = await withChanges(app, () => admin().put(`${path}/by/code/UP1`, { price: 2 }));
    expect(body(second.result, 200)).toMatchObject({ id: house.id, address: "u", price: 2, version: 2 });
    const third = await withChanges(app, () => admin().put(`${path}/by/code/UP1`, { price: 2 }));
    expect(body(third.result, 200).version).toBe(2);
    expect([first, second, third].map((s) => s.changes.map((c) => c.op))).toEqual([["create"], ["update"], []]);
  });

  test("by a number, which the body may state as well", async () => {
    const house = body(await admin().put(`${path}/by/plot/500`, { address: "n" }), 201);
    expect(house.plot).toBe(500);
    expect(body(await admin().put(`${path}/by/plot/500`, { plot: 500, price: 3 }), 200)).toMatchObject({
      id: house.id,
      price: 3,
    });
  });

  test.each([
    ["code/UP2", { price: 1 }, 422, "VALIDATION", ["/address"]],
    ["plot/x", { address: "a" }, 422, "VALIDATION", ["/plot"]],
    ["address/a", { address: "a" }, 404, "NOT_FOUND", undefined],
    ["code/UP2", [], 422, "VALIDATION", [""]],
    ["code/UP2", { address: "a", code: "UP1" }, 422, "VALIDATION", ["/code"]],
    ["code/UP1", { address: "a", code: null }, 422, "VALIDATION", ["/code"]],
    ["plot/500", { plot: 501 }, 422, "VALIDATION", ["/plot"]],
    [`id/${nobody}`, { address: "a" }, 422, "VALIDATION", ["/id"]],
  ] as const)("by/%s %j → %i", async (by, value, status, code, paths) => {
    const { result, changes } = await withChanges(app, () => admin().put(`${path}/by/${by}`, value));
    problem(result, status, code, paths);
    expect(changes).toEqual([]);
  });
});

describe("history", () => {
  test("is an unbroken chain of who changed what, newest first", async () => {
    const house = await made({ address: "h", price: 1 });
    const one = `${path}/${house.id}`;
    for (const price of [2, 3, null]) body(await admin().patch(one, { price }), 200);
    body(await admin().delete(one), 204);
    body(await admin().post(`${one}/restore`), 200);
    const { data, next } = body(await admin().get(`${one}/history`), 200);
    expect(next).toBeNull();
    expect(data.map((c: { op: string; version: number }) => [c.op, c.version])).toEqual([
      ["restore", 6],
      ["delete", 5],
      ["update", 4],
      ["update", 3],
      ["update", 2],
      ["create", 1],
    ]);
    expect(data.slice(2, 5).map((c: { changes: unknown }) => c.changes)).toEqual([
      { price: { from: 3, to: null } },
      { price: { from: 2, to: 3 } },
      { price: { from: 1, to: 2 } },
    ]);
    expect(data.every((c: { by: string }) => c.by === house.owner)).toBe(true);
    const first = body(await admin().get(`${one}/history${q({ limit: 4 })}`), 200);
    const second = body(await admin().get(`${one}/history${q({ limit: 4, cursor: first.next })}`), 200);
    expect([...first.data, ...second.data]).toEqual(data);
    expect(second.next).toBeNull();
    problem(await admin().get(`${one}/history?cursor=abc`), 400, "QUERY");
    problem(await admin().get(`${path}/${nobody}/history`), 404, "NOT_FOUND");
  });
});
