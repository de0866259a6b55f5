// Records over HTTP: what each call answers, what it leaves behind, and which change rows it writes.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, nobody, problem } from "./support.ts";

let app: TestApp;
const path = "/api/houses";
const admin = () => app.as("admin");
const made = async (value: Record<string, unknown>) => body(await admin().post(path, value), 201);

beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "house",
    type: "object",
    required: ["address"],
    nameField: "address",
    properties: {
      address: { type: "string", maxLength: 40 },
      code: { type: "string", unique: true },
      plot: { type: "integer", unique: true },
      price: { fieldType: "currency", minimum: 0 },
      status: { enum: ["draft", "listed", "sold"], default: "draft" },
      seen: { type: "string", format: "date", default: "today" },
      street: { type: "string" },
      number: { type: "number" },
      agent: { fieldType: "reference", target: "user" },
    },
    unique: [["street", "number"]],
    rules: [
      {
        name: "sold_needs_agent",
        when: "status == 'sold' && agent == null",
        at: "agent",
        message: "A sold house needs an agent",
        messages: { "zh-CN": "已售房源必须填写经纪人", "zh-TW": "已售房屋必須填寫經紀人" },
      },
      {
        name: "price_falls_slowly",
        when: "old.price != null && price < old.price / 2",
        at: "price",
        message: "The price may fall by a half at most",
      },
      {
        name: "only_mine",
        when: "agent != null && agent != user.id && user.email != 'admin@demo.example'",
        message: "Agents list their own houses",
      },
    ],
  });
});
afterAll(() => app.close());

describe("create", () => {
  test("one: defaults, owner, version, Location, ETag and one change row", async () => {
    const { result, changes } = await withChanges(app, () =>
      admin().post(path, { address: "长路 1 号", price: 123456789.12 }),
    );
    const house = body(result, 201);
    const me = body(await admin().get("/api/me"), 200).user.id;
    expect(house).toMatchObject({
      address: "长路 1 号",
      price: 123456789.12,
      status: "draft",
      code: null,
      agent: null,
      version: 1,
      owner: me,
      created_by: me,
    });
    expect(house.seen).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(house).not.toHaveProperty("deleted_at");
    expect(result.headers.get("location")).toBe(`${path}/${house.id}`);
    expect(result.headers.get("etag")).toBe('"1"');
    expect(changes).toMatchObject([
      {
        object: "house",
        record: house.id,
        op: "create",
        version: 1,
        by: me,
        old: null,
        data: { address: "长路 1 号", price: 123456789.12, status: "draft" },
      },
    ]);
  });

  test("null is a value and no default fills it", async () => {
    expect((await made({ address: "n", status: null })).status).toBeNull();
  });

  test("an array is all or nothing, in order", async () => {
    const { result, changes } = await withChanges(app, () =>
      admin().post(
        path,
        ["x", "y", "z"].map((address) => ({ address })),
      ),
    );
    expect(body(result, 200).data.map((r: { address: string }) => r.address)).toEqual(["x", "y", "z"]);
    expect(changes.map((c) => c.record)).toEqual(body(result, 200).data.map((r: { id: string }) => r.id));
    const refused = await withChanges(app, () =>
      admin().post(path, [{ address: "never" }, { address: "x".repeat(41), price: -1 }, {}]),
    );
    problem(refused.result, 422, "VALIDATION", ["/1/address", "/1/price", "/2/address"]);
    expect(refused.changes).toEqual([]);
    expect(ids(await admin().get(path + q({ filter: "address == 'never'" })))).toEqual([]);
    expect(body(await admin().post(path, []), 200)).toEqual({ data: [] });
  });

  test("with atomic=false each row stands alone", async () => {
    const rows = [
      { address: "alone", code: "ALONE" },
      { price: 1 },
      { address: "late", code: "ALONE" },
      { address: "also" },
    ];
    const { result, changes } = await withChanges(app, () =>
      admin().post(`${path}?atomic=false`, rows, { "accept-language": "zh-CN" }),
    );
    const { data } = body(result, 200);
    expect(data.map((r: object) => Object.keys(r)[0])).toEqual(["id", "error", "error", "id"]);
    expect(data[1].error).toMatchObject({ code: "GX-VALIDATION", errors: [{ path: "/address", message: "必填" }] });
    expect(data[2].error).toMatchObject({ code: "GX-CONFLICT", errors: [{ path: "/code" }] });
    expect(changes.map((c) => c.data["address"])).toEqual(["alone", "also"]);
    problem(await admin().post(`${path}?atomic=false`, { address: "one" }), 400, "QUERY", ["atomic"]);
  });

  test("all clashes of an array are told, with stored records and among each other", async () => {
    await made({ address: "taken", code: "T1", plot: 1 });
    const rows = [
      { address: "a", code: "T1" },
      { address: "b", code: "T2", plot: 7 },
      { address: "c", code: "T2", plot: 1 },
    ];
    const { result, changes } = await withChanges(app, () => admin().post(path, rows));
    problem(result, 409, "CONFLICT", ["/0/code", "/2/code", "/2/plot"]);
    expect(changes).toEqual([]);
  });

  test("several fields are unique together, and nulls never clash", async () => {
    await made({ address: "a", street: "长安街", number: 77.5 });
    problem(await admin().post(path, { address: "b", street: "长安街", number: 77.5 }), 409, "CONFLICT", [
      "/number",
      "/street",
    ]);
    for (const address of ["c", "d"]) await made({ address, street: "长安街" });
    for (const address of ["e", "f"]) await made({ address, number: 77.5 });
  });
});

describe("rules", () => {
  test.each([
    ["en", "A sold house needs an agent"],
    ["zh-CN", "已售房源必须填写经纪人"],
    ["zh-TW", "已售房屋必須填寫經紀人"],
  ])("refuse a creation in %s", async (language, message) => {
    const { result, changes } = await withChanges(app, () =>
      admin().post(path, { address: "r", status: "sold" }, { "accept-language": language }),
    );
    problem(result, 422, "VALIDATION", ["/agent"]);
    expect(result.body.errors).toEqual([{ path: "/agent", code: "rule", message }]);
    expect(changes).toEqual([]);
  });

  test("see the record as it was, and on creation that there was none", async () => {
    const house = await made({ address: "r", price: 100 });
    const { result, changes } = await withChanges(app, () => admin().patch(`${path}/${house.id}`, { price: 49.99 }));
    problem(result, 422, "VALIDATION", ["/price"]);
    expect(changes).toEqual([]);
    expect(body(await admin().patch(`${path}/${house.id}`, { price: 50 }), 200).price).toBe(50);
    expect(body(await admin().patch(`${path}/${house.id}`, { price: null }), 200).price).toBeNull();
  });

  test("see who acts, and together with others are told all at once", async () => {
    await define(app, {
      name: "visit",
      type: "object",
      properties: { note: { type: "string" } },
      rules: [
        { name: "not_me", when: "user.email == 'rep_a1@demo.example'", message: "Not you" },
        { name: "not_empty", when: "note == ''", at: "note", message: "Say something" },
        { name: "not_less", when: "size(note) < size(old.note)", at: "note", message: "Say more" },
      ],
    });
    const roles = body(await admin().get(`/api/roles/by/name/sales_rep`), 200);
    body(
      await admin().patch(`/api/roles/${roles.id}`, { rights: { ...roles.rights, visit: ["create", "read", "edit"] } }),
      200,
    );
    const [one, two] = [
      await app.as("rep_a1").post("/api/visits", { note: "" }),
      await app.as("rep_a2").post("/api/visits", { note: "hello" }),
    ];
    problem(one, 422, "VALIDATION", ["", "/note"]);
    const visit = body(two, 201);
    problem(await app.as("rep_a2").patch(`/api/visits/${visit.id}`, { note: "" }), 422, "VALIDATION", [
      "/note",
      "/note",
    ]);
    expect(body(await app.as("rep_a2").get(`/api/visits/${visit.id}`), 200).note).toBe("hello");
  });
});

describe("get", () => {
  test("answers 304 to whoever has it already", async () => {
    const house = await made({ address: "etag", agent: body(await admin().get("/api/me"), 200).user.id });
    const one = `${path}/${house.id}`;
    for (const tag of ['"1"', 'W/"1"', '"7", "1"', "*"]) {
      const fresh = await admin().get(one, { "if-none-match": tag });
      expect([fresh.status, fresh.text, fresh.headers.get("etag")], tag).toEqual([304, "", '"1"']);
    }
    body(await admin().get(one, { "if-none-match": '"2"' }), 200);
    const expanded = await admin().get(`${one}?expand=agent`);
    const tag = expanded.headers.get("etag") ?? "";
    expect(tag).toMatch(/^"1-.+"$/);
    expect((await admin().get(`${one}?expand=agent`, { "if-none-match": tag })).status).toBe(304);
    body(await admin().patch(`/api/users/${house.agent}`, { phone: "13900000000" }), 200);
    const changed = await admin().get(`${one}?expand=agent`, { "if-none-match": tag });
    expect(body(changed, 200).agent.phone).toBe("+8613900000000");
  });

  test("by a unique field: text, number and Chinese; 404 for what is not there or not unique", async () => {
    const house = await made({ address: "by", code: "编号/1 ü", plot: 42 });
    for (const [field, value] of [
      ["code", "编号/1 ü"],
      ["plot", 42],
      ["id", house.id],
    ] as const) {
      const answer = await admin().get(`${path}/by/${field}/${encodeURIComponent(value)}${q({ select: "address" })}`);
      expect(body(answer, 200)).toEqual({ id: house.id, address: "by" });
    }
    for (const by of [
      "code/none",
      "plot/x",
      "plot/4.5",
      "plot/99999999999999999999",
      "address/by",
      "nope/1",
      `id/${nobody}`,
      "id/x",
    ]) {
      problem(await admin().get(`${path}/by/${by}`), 404, "NOT_FOUND");
    }
  });
});

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

describe("languages", () => {
  test.each([
    ["en", "Some values are not valid", "is required"],
    ["zh-CN", "部分值无效", "必填"],
    ["zh-Hant-TW, en;q=0.5", "部分值無效", "必填"],
    ["fr", "Some values are not valid", "is required"],
  ])("of a problem for Accept-Language: %s", async (language, title, message) => {
    const answer = await admin().post(path, {}, { "accept-language": language, "x-request-id": "my-id.1" });
    expect(answer.body).toMatchObject({
      type: "https://guanxi.dev/errors/GX-VALIDATION",
      title,
      status: 422,
      code: "GX-VALIDATION",
      instance: "my-id.1",
      errors: [{ path: "/address", code: "required", message }],
    });
    expect(answer.headers.get("x-request-id")).toBe("my-id.1");
  });

  test("of a user who chose one, unless the request says otherwise", async () => {
    const rep = body(await app.as("rep_b2").get("/api/me"), 200).user.id;
    body(await admin().patch(`/api/users/${rep}`, { locale: "zh-TW" }), 200);
    expect((await app.as("rep_b2").get("/api/nothings")).body.title).toBe("找不到");
    expect((await app.as("rep_b2").get("/api/nothings", { "accept-language": "en" })).body.title).toBe("Nothing here");
  });
});
