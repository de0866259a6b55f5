// Deleting and restoring: what goes with a record, what holds it, what comes back, and never half of it.
import { contents, createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, nobody, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const make = async (plural: string, value: Record<string, unknown>): Promise<string> =>
  body(await admin().post(`/api/${plural}`, value), 201).id;
const remove = (plural: string, id: string) => admin().delete(`/api/${plural}/${id}`);
const restore = (plural: string, id: string) => admin().post(`/api/${plural}/${id}/restore`);
const isThere = async (plural: string, id: string) => (await admin().get(`/api/${plural}/${id}`)).status === 200;

/** trunk ← branch (cascade) ← leaf (cascade); bird (restrict) and note (setNull) sit on a branch. */
beforeAll(async () => {
  app = await createTestApp();
  const on = (target: string, onDelete: string) => ({ fieldType: "reference", target, onDelete });
  await define(app, { name: "trunk", type: "object", properties: { code: { type: "string", unique: true } } });
  await define(app, {
    name: "branch",
    plural: "branches",
    type: "object",
    required: ["trunk"],
    properties: { trunk: on("trunk", "cascade"), code: { type: "string", unique: true } },
  });
  await define(app, {
    name: "leaf",
    plural: "leaves",
    type: "object",
    properties: { branch: on("branch", "cascade") },
  });
  await define(app, { name: "bird", type: "object", properties: { branch: on("branch", "restrict") } });
  await define(app, {
    name: "memo",
    type: "object",
    properties: { branch: on("branch", "setNull"), text: { type: "string" } },
  });
  await define(app, {
    name: "person",
    plural: "people",
    type: "object",
    properties: { parent: on("person", "cascade"), name: { type: "string" } },
  });
});
afterAll(() => app.close());

async function tree() {
  const trunk = await make("trunks", {});
  const [left, right] = ids(await admin().post("/api/branches", [{ trunk }, { trunk }])) as [string, string];
  const leaves = ids(await admin().post("/api/leaves", [{ branch: left }, { branch: left }, { branch: right }]));
  return { trunk, left, right, leaves };
}

describe("delete", () => {
  test("is soft: gone from every read, shown by deleted=only, history kept, a second time 404", async () => {
    const code = "soft";
    const id = await make("trunks", { code });
    const { result, changes } = await withChanges(app, () => remove("trunks", id));
    expect([result.status, result.text]).toEqual([204, ""]);
    expect(changes).toMatchObject([{ op: "delete", record: id, version: 2, data: { code } }]);
    for (const call of [
      () => admin().get(`/api/trunks/${id}`),
      () => admin().get(`/api/trunks/by/code/${code}`),
      () => remove("trunks", id),
      () => admin().patch(`/api/trunks/${id}`, { code: "x" }),
    ]) {
      problem(await call(), 404, "NOT_FOUND");
    }
    const filter = `id == '${id}'`;
    expect(ids(await admin().get(`/api/trunks${q({ filter })}`))).toEqual([]);
    const [shown] = body(await admin().get(`/api/trunks${q({ filter, deleted: "only" })}`), 200).data;
    expect(shown).toMatchObject({ id, code, version: 2 });
    expect(Date.parse(shown.deleted_at)).toBeLessThanOrEqual(Date.now());
    expect(body(await admin().get(`/api/trunks/aggregate${q({ filter })}`), 200).data).toEqual([{ count: 0 }]);
  });

  test("takes along what belongs to it, whatever the depth, with a change row each", async () => {
    const { trunk, left, right, leaves } = await tree();
    const { result, changes } = await withChanges(app, () => remove("trunks", trunk));
    expect(result.status).toBe(204);
    expect(changes.map((c) => [c.op, c.record]).sort()).toEqual(
      [trunk, left, right, ...leaves].map((id) => ["delete", id]).sort(),
    );
    for (const id of leaves) expect(await isThere("leaves", id)).toBe(false);
  });

  test("is refused while another record needs it or something that would go along, and nothing goes", async () => {
    const { trunk, left, leaves } = await tree();
    const bird = await make("birds", { branch: left });
    for (const [plural, id] of [
      ["branches", left],
      ["trunks", trunk],
    ] as const) {
      const { result, changes } = await withChanges(app, () => remove(plural, id));
      problem(result, 409, "CONFLICT");
      expect(result.body.errors).toMatchObject([{ code: "in_use", message: "is used by 1 bird record(s)" }]);
      expect(changes).toEqual([]);
    }
    for (const id of leaves) expect(await isThere("leaves", id)).toBe(true);
    body(await remove("birds", bird), 204);
    body(await remove("trunks", trunk), 204);
  });

  test("tells nobody of records of objects that they have no right on", async () => {
    const { trunk, left } = await tree();
    const bird = await make("birds", { branch: left });
    const rights = { trunk: ["read", "edit_all", "delete", "purge"] };
    const { api } = await hire(app, "gardener", { rights });
    const words = {
      en: "is used by records that you have no right to see; ask an administrator",
      "zh-CN": "被您无权查看的记录使用，请联系管理员",
      "zh-TW": "被您無權查看的記錄使用，請聯絡管理員",
    };
    for (const [language, message] of Object.entries(words))
      for (const more of ["", "?purge=true"]) {
        const refused = await api.delete(`/api/trunks/${trunk}${more}`, { "accept-language": language });
        problem(refused, 409, "CONFLICT");
        expect(refused.body.errors).toEqual([{ path: "", code: "in_use", message }]);
        expect(refused.text).not.toMatch(/bird|branch/);
      }
    body(await remove("birds", bird), 204);
    const deleted = await api.delete(`/api/trunks/${trunk}?purge=true`);
    problem(deleted, 409, "CONFLICT");
    expect(deleted.body.errors).toEqual([{ path: "", code: "in_use_deleted", message: words.en }]);
    expect(deleted.text).not.toMatch(/bird|branch/);
  });

  test("leaves a setNull reference as it is until the record is purged", async () => {
    const { left } = await tree();
    const memo = await make("memos", { branch: left, text: "t" });
    const { changes } = await withChanges(app, () => remove("branches", left));
    expect(changes.some((c) => c.object === "memo")).toBe(false);
    expect(body(await admin().get(`/api/memos/${memo}?expand=branch`), 200)).toMatchObject({ text: "t", branch: null });
    body(await admin().patch(`/api/memos/${memo}`, { text: "still editable" }), 200);
    body(await restore("branches", left), 200);
    expect(body(await admin().get(`/api/memos/${memo}`), 200).branch).toBe(left);
  });

  test("ends where records refer to each other in a circle", async () => {
    const a = await make("people", { name: "a" });
    const b = await make("people", { name: "b", parent: a });
    body(await admin().patch(`/api/people/${a}`, { parent: b }), 200);
    const { changes } = await withChanges(app, () => remove("people", a));
    expect(changes.map((c) => c.record).sort()).toEqual([a, b].sort());
    const back = await withChanges(app, () => restore("people", a));
    body(back.result, 200);
    expect(back.changes.map((c) => c.record).sort()).toEqual([a, b].sort());
  });
});

describe("restore", () => {
  test("brings back what went along, and not what was deleted before", async () => {
    const { trunk, left, right, leaves } = await tree();
    body(await remove("leaves", leaves[0] ?? ""), 204);
    body(await remove("branches", right), 204);
    body(await remove("trunks", trunk), 204);
    const { result, changes } = await withChanges(app, () => restore("trunks", trunk));
    expect(body(result, 200)).toMatchObject({ id: trunk, version: 3 });
    expect(result.headers.get("etag")).toBe('"3"');
    expect(changes.map((c) => [c.op, c.record]).sort()).toEqual(
      [trunk, left, leaves[1]].map((id) => ["restore", id]).sort(),
    );
    expect(await Promise.all([left, right].map((id) => isThere("branches", id)))).toEqual([true, false]);
    expect(await Promise.all(leaves.map((id) => isThere("leaves", id)))).toEqual([false, true, false]);
  });

  test("onto a taken unique value is a 409, also for what would come along, and nothing comes", async () => {
    const trunk = await make("trunks", { code: "mine" });
    const branch = await make("branches", { trunk, code: "ours" });
    body(await remove("trunks", trunk), 204);
    const other = await make("trunks", { code: "mine" });
    const first = await withChanges(app, () => restore("trunks", trunk));
    problem(first.result, 409, "CONFLICT", ["/code"]);
    body(await remove("trunks", other), 204);
    const taken = await make("branches", { trunk: await make("trunks", {}), code: "ours" });
    const second = await withChanges(app, () => restore("trunks", trunk));
    problem(second.result, 409, "CONFLICT");
    expect([first.changes, second.changes]).toEqual([[], []]);
    expect(await isThere("trunks", trunk)).toBe(false);
    body(await remove("branches", taken), 204);
    body(await restore("trunks", trunk), 200);
    expect(await isThere("branches", branch)).toBe(true);
  });

  test("is refused while what the record belongs to or needs is deleted", async () => {
    const { trunk, left, leaves } = await tree();
    const bird = await make("birds", { branch: left });
    body(await remove("birds", bird), 204);
    body(await remove("trunks", trunk), 204);
    const before = await contents(app);
    for (const [plural, id, path] of [
      ["leaves", leaves[0] ?? "", "/branch"],
      ["branches", left, "/trunk"],
      ["birds", bird, "/branch"],
    ] as const) {
      problem(await restore(plural, id), 409, "CONFLICT", [path]);
    }
    expect(await contents(app)).toEqual(before);
    body(await restore("trunks", trunk), 200);
    body(await restore("birds", bird), 200);
  });

  test.each([
    ["a live record", async () => make("trunks", {})],
    ["nothing", async () => nobody],
  ])("of %s is a 404", async (_, id) => {
    problem(await restore("trunks", await id()), 404, "NOT_FOUND");
  });
});

describe("together with others", () => {
  /** Live children of deleted parents, which no mixture of requests may leave behind. */
  const orphans = async () => {
    const pairs = [
      ["branch", "trunk"],
      ["leaf", "branch"],
      ["bird", "branch"],
    ];
    const counts = pairs.map(
      ([child, parent]) =>
        `SELECT count(*) AS n FROM t_demo.${child} c JOIN t_demo.${parent} p ON p.id = c.${parent} WHERE c.deleted_at IS NULL AND p.deleted_at IS NOT NULL`,
    );
    const rows = await app.store.sql<{ n: number }>(counts.join(" UNION ALL "));
    return rows.reduce((sum, r) => sum + r.n, 0);
  };

  const races: readonly (readonly [
    string,
    (t: Awaited<ReturnType<typeof tree>>) => Promise<{ status: number; text: string }>[],
  ])[] = [
    [
      "children of what is deleted",
      ({ trunk, left }) => [
        remove("trunks", trunk),
        ...["leaves", "birds"].map((p) => admin().post(`/api/${p}`, { branch: left })),
        admin().post("/api/branches", { trunk }),
      ],
    ],
    [
      "grandchildren of what is deleted",
      ({ trunk, left, right }) => [
        remove("trunks", trunk),
        admin().post("/api/birds", { branch: left }),
        admin().post("/api/leaves", { branch: right }),
      ],
    ],
    [
      "a child that moves in",
      ({ trunk, left, leaves }) => [
        remove("branches", left),
        admin().patch(`/api/leaves/${leaves[2]}`, { branch: left }),
        remove("trunks", trunk),
      ],
    ],
    [
      "a restore against a delete",
      ({ trunk, left, leaves }) => [
        remove("leaves", leaves[0] ?? "").then(() => restore("leaves", leaves[0] ?? "")),
        remove("branches", left),
        remove("trunks", trunk),
      ],
    ],
    [
      "two deletes from both ends",
      ({ trunk, left, leaves }) => [
        remove("trunks", trunk),
        remove("leaves", leaves[0] ?? ""),
        remove("branches", left),
        remove("trunks", trunk),
      ],
    ],
  ];
  test.each(races)("%s: no live child of a deleted parent, no error but the caller's", async (_, race) => {
    const trees = await Promise.all(Array.from({ length: 12 }, tree));
    const answers = await Promise.all(trees.flatMap(race));
    for (const answer of answers) expect([200, 201, 204, 404, 409, 422], answer.text).toContain(answer.status);
    expect(await orphans()).toBe(0);
  });

  test("a child that moves away while its parent is deleted stays", async () => {
    for (let i = 0; i < 10; i++) {
      const { left, right, leaves } = await tree();
      const [, moved] = await Promise.all([
        remove("branches", left),
        admin().patch(`/api/leaves/${leaves[0]}`, { branch: right }),
      ]);
      expect(await isThere("leaves", leaves[0] ?? ""), `moved with ${moved.status}`).toBe(moved.status === 200);
    }
  });
});
