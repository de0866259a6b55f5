// Purging: what goes for good, what lets go of it, what holds it, and that nothing of it is left anywhere.
import { contents, createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, demoUsers, hire, ids, nobody, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const make = async (plural: string, value: Record<string, unknown>): Promise<string> =>
  body(await admin().post(`/api/${plural}`, value), 201).id;
const remove = async (plural: string, id: string): Promise<void> =>
  void body(await admin().delete(`/api/${plural}/${id}`), 204);
const purge = (plural: string, id: string, headers: Record<string, string> = {}) =>
  admin().delete(`/api/${plural}/${id}?purge=true`, headers);
const rowsOf = async (table: string, ...wanted: string[]): Promise<string[]> => {
  const rows = await app.store.sql<{ id: string }>(`SELECT id FROM t_demo.${table}`);
  return wanted.filter((id) => rows.some((row) => row.id === id));
};

const on = (target: string, onDelete: string, more: object = {}) => ({
  fieldType: "reference",
  target,
  onDelete,
  ...more,
});

/** trunk ← branch (cascade) ← leaf (cascade); bird (restrict), memo (setNull) and basket (a list) name branches. */
beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "trunk",
    properties: { code: { type: "string", unique: true }, secret: { fieldType: "encrypted_text" } },
  });
  await define(app, {
    name: "branch",
    plural: "branches",
    required: ["trunk"],
    properties: { trunk: on("trunk", "cascade"), code: { type: "string" } },
  });
  await define(app, { name: "leaf", plural: "leaves", properties: { branch: on("branch", "cascade") } });
  await define(app, { name: "bird", properties: { branch: on("branch", "restrict") } });
  await define(app, { name: "memo", properties: { branch: on("branch", "setNull"), text: { type: "string" } } });
  await define(app, { name: "basket", properties: { branches: { fieldType: "references", target: "branch" } } });
  await define(app, {
    name: "remark",
    properties: {
      about: { fieldType: "reference", target: ["branch", "trunk"] },
      needs: { fieldType: "reference", target: ["branch", "trunk"], onDelete: "restrict", relation: "needed_by" },
      with: { fieldType: "reference", target: ["leaf", "trunk"], onDelete: "cascade", relation: "with_it" },
    },
  });
  await define(app, { name: "planet", properties: { name: { type: "string" } } });
  await define(app, { name: "moon", properties: { planet: on("planet", "cascade") } });
  await define(app, {
    name: "planet",
    properties: { name: { type: "string" }, largest: on("moon", "restrict", { relation: "largest_of" }) },
  });
});
afterAll(() => app.close());

async function tree() {
  const trunk = await make("trunks", {});
  const [left, right] = ids(await admin().post("/api/branches", [{ trunk }, { trunk }])) as [string, string];
  const leaves = ids(await admin().post("/api/leaves", [{ branch: left }, { branch: left }, { branch: right }]));
  return { trunk, left, right, leaves };
}

/** Everybody has been told of all changes. */
const dispatched = () => app.store.sql("UPDATE t_demo._change SET dispatched = true WHERE NOT dispatched");

/** The tables of the database in which any of the words stand. */
async function holding(...words: readonly string[]): Promise<string[]> {
  const tables = await app.store.sql<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'guanxi' OR starts_with(schemaname, 't_')`,
  );
  const any = words.map((word) => `t::text LIKE '%${word}%'`).join(" OR ");
  const texts = tables.map(({ name }) => `SELECT '${name}' AS name FROM ${name} t WHERE ${any}`);
  const found = await app.store.sql<{ name: string }>(texts.join(" UNION "));
  return found.map(({ name }) => name).sort();
}

describe("purge", () => {
  test("takes a live record for good: no read, no restore, no second time; who was to hear of it hears of it", async () => {
    const id = await make("trunks", { code: "gone" });
    const { result, changes } = await withChanges(app, () => purge("trunks", id));
    expect([result.status, result.text]).toEqual([204, ""]);
    expect(changes).toMatchObject([
      { op: "delete", record: id, version: 2, data: { code: "gone" } },
      { op: "purge", record: id, version: 3, data: {}, old: null },
    ]);
    expect(await rowsOf("trunk", id)).toEqual([]);
    expect(ids(await admin().get(`/api/trunks${q({ filter: `id == '${id}'`, deleted: "only" })}`))).toEqual([]);
    problem(await admin().get(`/api/trunks/${id}`), 404, "NOT_FOUND");
    problem(await admin().post(`/api/trunks/${id}/restore`), 404, "NOT_FOUND");
    problem(await purge("trunks", id), 404, "NOT_FOUND");
    problem(await purge("trunks", nobody), 404, "NOT_FOUND");
    expect(await make("trunks", { code: "gone" })).not.toBe(id);
  });

  test("takes a deleted record, too, and tells of nothing but that", async () => {
    const id = await make("trunks", {});
    await remove("trunks", id);
    const { changes } = await withChanges(app, async () => body(await purge("trunks", id), 204));
    expect(changes).toMatchObject([{ op: "purge", record: id, version: 3, data: {} }]);
  });

  test("is a deletion that can be restored without purge=true", async () => {
    const id = await make("trunks", {});
    body(await admin().delete(`/api/trunks/${id}?purge=false`), 204);
    body(await admin().post(`/api/trunks/${id}/restore`), 200);
    problem(await admin().delete(`/api/trunks/${id}?purge=yes`), 400, "QUERY", ["purge"]);
  });

  test("takes along what belongs to it, live or deleted, children before their parents", async () => {
    const { trunk, left, right, leaves } = await tree();
    await remove("leaves", leaves[0] ?? "");
    await remove("branches", right);
    const { changes } = await withChanges(app, async () => body(await purge("trunks", trunk), 204));
    expect(await rowsOf("leaf", ...leaves)).toEqual([]);
    expect(await rowsOf("branch", left, right)).toEqual([]);
    expect(changes.filter((c) => c.op === "delete").map((c) => c.record)).toEqual([leaves[1], left, trunk]);
    expect(changes.filter((c) => c.op === "purge").map((c) => c.object)).toEqual([
      ...["leaf", "leaf", "leaf", "branch", "branch", "trunk"],
    ]);
  });

  test("is refused while a record needs any of it, a deleted one too, and nothing goes", async () => {
    const { trunk, left } = await tree();
    const bird = await make("birds", { branch: left });
    const refused = async (code: string, message: string): Promise<void> => {
      const before = await contents(app);
      const answer = await purge("trunks", trunk);
      problem(answer, 409, "CONFLICT");
      expect(answer.body.errors).toMatchObject([{ code, message }]);
      expect(answer.body.detail).toContain("purge them first");
      expect(await contents(app)).toEqual(before);
    };
    await refused("in_use", "is used by 1 bird record(s)");
    await remove("birds", bird);
    await refused("in_use_deleted", "is named by 1 deleted bird record(s), which could be restored");
    body(await purge("birds", bird), 204);
    body(await purge("trunks", trunk), 204);
  });

  test("empties references: live records get a version and a history, deleted ones let go, lists lose the one", async () => {
    const { left, right, leaves } = await tree();
    const live = await make("memos", { branch: left, text: "t" });
    const deleted = await make("memos", { branch: left });
    await remove("memos", deleted);
    const other = await make("memos", { branch: right });
    const basket = await make("baskets", { branches: [right, left] });
    const { changes } = await withChanges(app, async () => body(await purge("branches", left), 204));
    expect(body(await admin().get(`/api/memos/${live}`), 200)).toMatchObject({ branch: null, text: "t", version: 2 });
    expect(body(await admin().get(`/api/memos/${other}`), 200)).toMatchObject({ branch: right, version: 1 });
    expect(body(await admin().get(`/api/baskets/${basket}`), 200)).toMatchObject({ branches: [right], version: 2 });
    const [entry] = body(await admin().get(`/api/memos/${live}/history`), 200).data;
    expect(entry).toMatchObject({ op: "update", version: 2, changes: { branch: { from: left, to: null } } });
    expect(body(await admin().post(`/api/memos/${deleted}/restore`), 200)).toMatchObject({ branch: null, version: 3 });
    expect(
      changes
        .filter((c) => c.op === "update")
        .map((c) => c.record)
        .sort(),
    ).toEqual([live, basket].sort());
    expect(await rowsOf("leaf", ...leaves)).toEqual([leaves[2]]);
  });

  test("follows references that may lead to records of several objects", async () => {
    const { trunk, left, leaves } = await tree();
    const about = await make("remarks", { about: { object: "branch", id: left } });
    const other = await make("remarks", { about: { object: "trunk", id: trunk } });
    const needs = await make("remarks", { needs: { object: "branch", id: left } });
    const along = await make("remarks", { with: { object: "leaf", id: leaves[0] } });
    problem(await purge("branches", left), 409, "CONFLICT");
    body(await purge("remarks", needs), 204);
    body(await purge("branches", left), 204);
    expect(body(await admin().get(`/api/remarks/${about}`), 200)).toMatchObject({ about: null, version: 2 });
    expect(body(await admin().get(`/api/remarks/${other}`), 200)).toMatchObject({ about: { id: trunk }, version: 1 });
    expect(await rowsOf("remark", about, along)).toEqual([about]);
    const [entry] = body(await admin().get(`/api/remarks/${about}/history`), 200).data;
    expect(entry.changes).toEqual({ about: { from: { object: "branch", id: left }, to: null } });
  });

  test("takes records that name each other in a ring", async () => {
    const planet = await make("planets", { name: "p" });
    const moon = await make("moons", { planet });
    body(await admin().patch(`/api/planets/${planet}`, { largest: moon }), 200);
    body(await purge("planets", planet), 204);
    expect([await rowsOf("planet", planet), await rowsOf("moon", moon)]).toEqual([[], []]);
  });

  test("honours If-Match, of a deleted record, too", async () => {
    const id = await make("trunks", {});
    problem(await purge("trunks", id, { "if-match": '"2"' }), 412, "PRECONDITION");
    await remove("trunks", id);
    problem(await purge("trunks", id, { "if-match": '"1"' }), 412, "PRECONDITION");
    problem(await purge("trunks", id, { "if-match": '"1", "3"' }), 412, "PRECONDITION");
    body(await purge("trunks", id, { "if-match": '"1", "2"' }), 204);
    const live = await make("trunks", {});
    body(await purge("trunks", live, { "if-match": '"1", "7"' }), 204);
  });

  test("is refused, and not broken, by a reference that is being built", async () => {
    await define(app, { name: "sign", properties: { at: { fieldType: "uuid" } } });
    const trunk = await make("trunks", {});
    await make("signs", { at: trunk });
    const held = 'ADD CONSTRAINT "held" FOREIGN KEY ("at") REFERENCES t_demo.trunk (id) NOT VALID';
    await app.store.sql(`ALTER TABLE t_demo.sign ${held}`);
    const refused = await purge("trunks", trunk);
    problem(refused, 409, "CONFLICT");
    expect(refused.body.detail).toContain("Send the purge again");
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(body(await admin().get(`/api/trunks/${trunk}`), 200).version).toBe(1);
    await app.store.sql('ALTER TABLE t_demo.sign DROP CONSTRAINT "held"');
    body(await purge("trunks", trunk), 204);
  });
});

describe("nothing of it is left", () => {
  const mark = "m4rk9271";

  test("in no table, once everybody has been told of its changes", async () => {
    const made = await admin().post("/api/trunks", { code: mark, secret: `${mark}s` }, { "idempotency-key": "mark" });
    const { id } = body(made, 201);
    const [stored] = await app.store.sql<{ secret: string }>("SELECT secret FROM t_demo.trunk WHERE id = $1", [id]);
    const branch = await make("branches", { trunk: id, code: `${mark}b` });
    body(await admin().patch(`/api/trunks/${id}`, { code: `${mark}2` }), 200);
    const words = [mark, stored?.secret.slice(0, 60) ?? ""];
    expect(words[1]?.length).toBeGreaterThan(30);
    expect(await holding(...words)).toEqual(["guanxi.idempotency", "t_demo._change", "t_demo.branch", "t_demo.trunk"]);
    await dispatched();
    body(await purge("trunks", id), 204);
    // The deletion itself is still to be told, with what was there.
    expect(await holding(...words)).toEqual(["t_demo._change"]);
    await app.kernel.retention.tidy("demo");
    expect(await holding(...words)).toEqual(["t_demo._change"]);
    await dispatched();
    await app.kernel.retention.tidy("demo");
    expect(await holding(...words)).toEqual([]);
    expect(await app.store.sql("SELECT record FROM t_demo._forget")).toEqual([]);
    const { data } = body(await admin().get(`/api/branches/${branch}/history`), 200);
    expect(data.map((c: { op: string }) => c.op)).toEqual(["purge", "delete", "create"]);
  });

  test("and a repetition with the same key does not bring it back", async () => {
    const value = [{ code: "once" }, { code: "other" }];
    const send = () => admin().post("/api/trunks", value, { "idempotency-key": "again" });
    const [first, second] = ids(await send());
    body(await purge("trunks", first ?? ""), 204);
    problem(await send(), 409, "ANSWER_LOST");
    expect(await rowsOf("trunk", first ?? "", second ?? "")).toEqual([second]);
  });

  test("its history says who and when to those who may purge, and no value", async () => {
    const id = await make("trunks", { code: "before" });
    body(await admin().patch(`/api/trunks/${id}`, { code: "after" }), 200);
    body(await purge("trunks", id), 204);
    const { admin: by } = await demoUsers(app);
    const { data, next } = body(await admin().get(`/api/trunks/${id}/history`), 200);
    const entry = (op: string, version: number) => expect.objectContaining({ op, version, by, changes: {} });
    expect(data).toEqual([entry("purge", 4), entry("delete", 3), entry("update", 2), entry("create", 1)]);
    expect(next).toBeNull();
    const { api } = await hire(app, "curious", { rights: { trunk: ["read", "view_all", "delete"] } });
    problem(await api.get(`/api/trunks/${id}/history`), 404, "NOT_FOUND");
  });
});

describe("who may", () => {
  test("those with the right, besides the one to delete", async () => {
    const rights = ["create", "read", "edit", "delete"];
    const [may, mayNot, only] = [
      await hire(app, "purger", { rights: { trunk: [...rights, "purge"] } }),
      await hire(app, "deleter", { rights: { trunk: rights } }),
      await hire(app, "pure", { rights: { trunk: ["read", "edit_all", "purge"] } }),
    ];
    const own = body(await mayNot.api.post("/api/trunks", {}), 201).id as string;
    problem(await mayNot.api.delete(`/api/trunks/${own}?purge=true`), 403, "FORBIDDEN");
    body(await mayNot.api.delete(`/api/trunks/${own}`), 204);
    problem(await mayNot.api.delete(`/api/trunks/${own}?purge=true`), 403, "FORBIDDEN");
    problem(await only.api.delete(`/api/trunks/${own}?purge=true`), 403, "FORBIDDEN");
    problem(await mayNot.api.delete(`/api/birds/${nobody}?purge=true`), 404, "NOT_FOUND");
    // Nor what they do not see, although it is there.
    problem(await may.api.delete(`/api/trunks/${own}?purge=true`), 404, "NOT_FOUND");
    const theirs = body(await may.api.post("/api/trunks", {}), 201).id as string;
    body(await may.api.delete(`/api/trunks/${theirs}?purge=true`), 204);
    expect(await rowsOf("trunk", own, theirs)).toEqual([own]);
    const parametersOf = async (api: typeof may.api): Promise<unknown> => {
      const { paths } = body(await api.get("/api/openapi.json"), 200);
      const all = paths["/api/trunks/{id}"].delete.parameters as { $ref?: string }[];
      return all.some((p) => p.$ref === "#/components/parameters/purge");
    };
    expect([await parametersOf(may.api), await parametersOf(mayNot.api)]).toEqual([true, false]);
  });
});

describe("people and files", () => {
  test("a user stays while any record, live or deleted, is theirs or was made or changed last by them", async () => {
    const { user, api } = await hire(app, "leaver", { rights: { trunk: ["create", "read", "edit", "delete"] } });
    const refused = async (): Promise<void> => {
      const answer = await purge("users", user);
      problem(answer, 409, "CONFLICT");
      expect(answer.body.errors).toMatchObject([{ code: "in_use", message: "is used by 1 trunk record(s)" }]);
    };
    const trunk = body(await api.post("/api/trunks", {}), 201).id as string;
    const { admin: heir } = await demoUsers(app);
    await refused();
    body(await admin().patch(`/api/trunks/${trunk}`, { owner: heir }), 200);
    await refused();
    await remove("trunks", trunk);
    await refused();
    body(await purge("trunks", trunk), 204);
    const [position] = ids(await admin().get("/api/positions?limit=1"));
    const held = await make("user_positions", { assignee: user, position });
    body(await purge("users", user), 204);
    expect([await rowsOf("user", user), await rowsOf("user_position", held)]).toEqual([[], []]);
    expect(await app.store.sql("SELECT FROM t_demo._below WHERE manager = $1 OR subordinate = $1", [user])).toEqual([]);
    problem(await api.get("/api/me"), 401, "UNAUTHENTICATED");
    expect(await app.store.sql("SELECT FROM guanxi.api_key WHERE user_id = $1", [user])).toEqual([]);
  });

  test("a file goes with its content once no record names it", async () => {
    await define(app, { name: "paper", properties: { scan: { fieldType: "file" } } });
    const sent = await admin().call("POST", "/api/files?name=passport.txt", "scan of a passport", {
      "content-type": "text/plain",
    });
    const file = body(sent, 201).id as string;
    const paper = await make("papers", { scan: file });
    problem(await purge("files", file), 409, "CONFLICT");
    await remove("papers", paper);
    problem(await purge("files", file), 409, "CONFLICT");
    body(await purge("papers", paper), 204);
    body(await purge("files", file), 204);
    problem(await admin().get(`/api/files/${file}/content`), 404, "NOT_FOUND");
    const loose = () => app.store.sql("SELECT id FROM t_demo._loose_content WHERE id = $1", [file]);
    expect(await loose()).toHaveLength(1);
    await app.kernel.files.tidy("demo");
    expect(await loose()).toEqual([]);
    await dispatched();
    await app.kernel.retention.tidy("demo");
    expect(await holding("passport")).toEqual([]);
  });
});

describe("what was deleted long ago", () => {
  const tidy = () => app.kernel.retention.tidy("demo");
  const age = (table: string, id: string, days: number) =>
    app.store.sql(`UPDATE t_demo.${table} SET deleted_at = now() - $1::int * interval '1 day' WHERE id = $2`, [
      days,
      id,
    ]);

  test("is kept unless the tenant says for how long; then it goes, what needs it first", async () => {
    const { trunk, left } = await tree();
    const bird = await make("birds", { branch: left });
    const kept = await make("trunks", {});
    for (const [plural, table, id, days] of [
      ["birds", "bird", bird, 31],
      ["branches", "branch", left, 40],
      ["trunks", "trunk", kept, 29],
    ] as const) {
      await remove(plural, id);
      await age(table, id, days);
    }
    const settings = async (purgeDeletedAfterDays: unknown) =>
      admin().post("/api/meta/changes", { settings: { purgeDeletedAfterDays } });
    await tidy();
    expect([await rowsOf("bird", bird), await rowsOf("branch", left)]).toEqual([[bird], [left]]);
    for (const wrong of [-1, 1.5, 40_000, "30", null]) problem(await settings(wrong), 422, "DEFINITION");
    body(await settings(30), 200);
    const { changes } = await withChanges(app, async () => {
      await tidy();
      await tidy();
    });
    expect([await rowsOf("bird", bird), await rowsOf("branch", left)]).toEqual([[], []]);
    expect(await rowsOf("trunk", trunk, kept)).toEqual([trunk, kept]);
    const { admin: deleter } = await demoUsers(app);
    expect(changes.map((c) => [c.op, c.record, c.by])).toEqual(
      expect.arrayContaining([
        ["purge", bird, deleter],
        ["purge", left, deleter],
      ]),
    );
    const [entry] = body(await admin().get(`/api/birds/${bird}/history`), 200).data;
    expect(entry).toMatchObject({ op: "purge", cause: { purgeDeletedAfterDays: 30 } });
    expect(body(await admin().get("/api/meta/customisation"), 200).settings).toMatchObject({
      purgeDeletedAfterDays: 30,
    });
    body(await settings(0), 200);
  });
});

describe("together with others", () => {
  test("nobody is left who names what is gone, and no error but the caller's", async () => {
    const trees = await Promise.all(Array.from({ length: 8 }, tree));
    const baskets = ids(await admin().post("/api/baskets", [{}, {}]));
    const answers = await Promise.all(
      trees.flatMap(({ trunk, left, right, leaves }) => [
        purge("branches", left),
        admin().post("/api/memos", { branch: left }),
        admin().post("/api/leaves", { branch: left }),
        admin().patch(`/api/leaves/${leaves[2]}`, { branch: left }),
        admin().patch(`/api/baskets/${baskets[0]}`, { branches: [left, right] }),
        admin()
          .delete(`/api/trunks/${trunk}`)
          .then(() => admin().post(`/api/trunks/${trunk}/restore`)),
        admin()
          .delete(`/api/branches/${right}`)
          .then(() => purge("branches", right)),
        admin().post("/api/baskets", { branches: [right, left] }),
        purge("trunks", trunk),
      ]),
    );
    for (const answer of answers) expect([200, 201, 204, 404, 409, 422], answer.text).toContain(answer.status);
    const strays = `SELECT b.id FROM t_demo.basket b WHERE NOT b.branches <@ ARRAY(SELECT id FROM t_demo.branch)
      UNION ALL SELECT l.id FROM t_demo.leaf l JOIN t_demo.branch b ON b.id = l.branch WHERE l.deleted_at IS NULL AND b.deleted_at IS NOT NULL`;
    expect(await app.store.sql(strays)).toEqual([]);
    expect(await rowsOf("trunk", ...trees.map((t) => t.trunk))).toEqual([]);
  });
});
