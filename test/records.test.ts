// Records over HTTP: what each call answers, what it leaves behind, and which change rows it writes.
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
