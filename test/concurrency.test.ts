// Many callers at once on the same records: nothing is lost, nothing happens twice, no caller meets a deadlock.
import { type ApiAnswer, type Change, createTestApp, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let app: TestApp;
let second: TestApp;
const path = "/api/meters";
/** Calls come in by both nodes. */
const node = (i: number) => (i % 2 ? second : app).as("admin");
const times = <T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => make(i)));
const statuses = (answers: readonly ApiAnswer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

beforeAll(async () => {
  app = await createTestApp();
  second = await createTestApp({ on: app });
  await define(app, {
    name: "meter",
    type: "object",
    properties: {
      n: { type: "integer" },
      text: { type: "string" },
      code: { type: "string", unique: true },
      other: { type: "string", unique: true },
      account: { fieldType: "reference", target: "account", onDelete: "setNull" },
    },
    rules: [{ name: "never_back", when: "old.n != null && n < old.n - 2000", at: "n", message: "Too far back" }],
  });
});
afterAll(async () => {
  await second.close();
  await app.close();
});

/** The changes of a record from its creation on: versions without a gap, and each `old` what the change before left. */
function expectChain(changes: readonly Change[], from: Record<string, unknown>): void {
  let [version, data] = [1, from];
  for (const change of changes) {
    expect(change.version).toBe(version + 1);
    const old = change.old ?? {};
    for (const [field, value] of Object.entries(old))
      expect(data[field], `${field} before version ${change.version}`).toEqual(value);
    const changed = Object.keys(change.data).filter((f) => JSON.stringify(change.data[f]) !== JSON.stringify(data[f]));
    expect(changed.sort()).toEqual(Object.keys(old).sort());
    [version, data] = [change.version, change.data];
  }
}

describe("one record", () => {
  test("1,000 updates: an unbroken chain of versions and old values, with a rule and a changing reference", async () => {
    const accounts = ids(await app.as("admin").post("/api/accounts", [{ name: "一" }, { name: "二" }, { name: "三" }]));
    const created = body(await app.as("admin").post(path, { n: 0, text: "start", account: accounts[0] }), 201);
    const patches = [
      (i: number) => ({ n: i + 1 }),
      (i: number) => ({ text: `t${i}` }),
      (i: number) => ({ account: accounts[i % 3], n: i + 1 }),
      (i: number) => ({ account: null, text: null, n: 1000 + i }),
    ];
    const { result, changes } = await withChanges(app, () =>
      times(1000, (i) => node(i).patch(`${path}/${created.id}`, patches[i % 4]?.(i))),
    );
    expect(statuses(result)).toEqual({ 200: 1000 });
    const [first] = (await app.store.sql<{ data: string }>(
      "SELECT data::text AS data FROM t_demo._change WHERE record = $1 AND op = 'create'",
      [created.id],
    )) as { data: string }[];
    expectChain(changes, JSON.parse(first?.data ?? "{}"));
    const now = body(await app.as("admin").get(`${path}/${created.id}`), 200);
    expect(now.version).toBe(changes.length + 1);
    expect(now.version).toBeGreaterThan(700);
    const versions = result.map((r) => r.body.version);
    expect(Math.max(...versions)).toBe(now.version);
  });

  test("100 conditional updates of one version: one wins, the others hear 412", async () => {
    const { id } = body(await app.as("admin").post(path, { n: 1 }), 201);
    const { result, changes } = await withChanges(app, () =>
      times(100, (i) => node(i).patch(`${path}/${id}`, { n: 10 + i }, { "if-match": '"1"' })),
    );
    expect(statuses(result)).toEqual({ 200: 1, 412: 99 });
    expect(changes).toHaveLength(1);
    expect(body(await app.as("admin").get(`${path}/${id}`), 200).n).toBe(result.find((r) => r.status === 200)?.body.n);
  });

  test("twenty counters that read, add and retry lose no count", async () => {
    const { id } = body(await app.as("admin").post(path, { n: 0 }), 201);
    const count = async (i: number): Promise<void> => {
      for (;;) {
        const read = await node(i).get(`${path}/${id}`);
        const answer = await node(i).patch(
          `${path}/${id}`,
          { n: body(read, 200).n + 1 },
          { "if-match": read.headers.get("etag") ?? "" },
        );
        if (answer.status === 200) return;
        expect(answer.status).toBe(412);
      }
    };
    await times(20, count);
    expect(body(await app.as("admin").get(`${path}/${id}`), 200)).toMatchObject({ n: 20, version: 21 });
  });

  test("updates, deletes and restores in any order leave a chain", async () => {
    const { id } = body(await app.as("admin").post(path, { n: 0 }), 201);
    const calls = [
      (i: number) => node(i).patch(`${path}/${id}`, { n: i + 1 }),
      (i: number) => node(i).delete(`${path}/${id}`),
      (i: number) => node(i).post(`${path}/${id}/restore`),
    ];
    const { result, changes } = await withChanges(app, () =>
      times(120, (i) => calls[i % 3]?.(i) as Promise<ApiAnswer>),
    );
    for (const answer of result) expect([200, 204, 404], answer.text).toContain(answer.status);
    expect(changes.map((c) => c.version)).toEqual(changes.map((_, i) => i + 2));
    const lives = changes.filter((c) => c.op !== "update").map((c) => c.op);
    expect(lives).toEqual(lives.map((_, i) => (i % 2 ? "restore" : "delete")));
    const patched = result.filter((r, k) => k % 3 === 0 && r.status === 200).map((r) => r.body.version);
    expect(changes.filter((c) => c.op === "update").map((c) => c.version)).toEqual(patched.toSorted((a, b) => a - b));
  });
});

describe("one key", () => {
  test("32 upserts make one record", async () => {
    const { result, changes } = await withChanges(app, () =>
      times(32, (i) => node(i).put(`${path}/by/code/RACE`, { n: i })),
    );
    const counts = statuses(result);
    expect(counts[201]).toBe(1);
    expect((counts[200] ?? 0) + 1).toBe(32);
    expect(new Set(result.map((r) => r.body.id)).size).toBe(1);
    expect(changes.map((c) => c.op).sort()).toEqual(["create", ...changes.slice(1).map(() => "update")].sort());
  });

  test("32 creations: one is stored, 31 are told of the clash", async () => {
    const { result, changes } = await withChanges(app, () =>
      times(32, (i) => node(i).post(path, { n: i, code: "ONCE" })),
    );
    expect(statuses(result)).toEqual({ 201: 1, 409: 31 });
    for (const answer of result.filter((r) => r.status === 409)) problem(answer, 409, "CONFLICT", ["/code"]);
    expect(changes).toHaveLength(1);
  });

  test("upserts against deletes of the same key: always one live record at most, and every answer makes sense", async () => {
    const remove = async (i: number): Promise<ApiAnswer> => {
      const found = await node(i).get(`${path}/by/code/FLICKER`);
      return found.status === 200 ? node(i).delete(`${path}/${found.body.id}`) : found;
    };
    const { result, changes } = await withChanges(app, () =>
      times(64, (i) => (i % 2 ? remove(i) : node(i / 2).put(`${path}/by/code/FLICKER`, { n: i }))),
    );
    for (const answer of result) expect([200, 201, 204, 404, 409], answer.text).toContain(answer.status);
    expect(changes.filter((c) => c.op === "create").length).toBe(result.filter((r) => r.status === 201).length);
    const live = await app.store.sql<{ n: number }>(
      "SELECT count(*) AS n FROM t_demo.meter WHERE code = 'FLICKER' AND deleted_at IS NULL",
    );
    expect(live[0]?.n).toBeLessThanOrEqual(1);
  });

  test("arrays that claim keys in opposite orders: one of two is stored whole, none in part", async () => {
    for (let round = 0; round < 3; round++) {
      const rows = Array.from({ length: 30 }, (_, i) => ({ code: `O${round}-${i}`, n: i }));
      const { result, changes } = await withChanges(app, () =>
        times(4, (i) => node(i).post(path, i % 2 ? rows : rows.toReversed())),
      );
      expect(statuses(result)).toEqual({ 200: 1, 409: 3 });
      expect(changes).toHaveLength(30);
    }
  });
});

describe("many records", () => {
  test("array patches in opposite orders: all are applied, and no caller hears of a deadlock", async () => {
    const made = ids(
      await app.as("admin").post(
        path,
        Array.from({ length: 40 }, (_, n) => ({ n })),
      ),
    );
    const { result, changes } = await withChanges(app, () =>
      times(40, (i) =>
        node(i).patch(
          path,
          (i % 2 ? made : made.toReversed()).map((id, k) => ({ id, text: `${i}.${k}` })),
        ),
      ),
    );
    expect(statuses(result)).toEqual({ 200: 40 });
    expect(changes).toHaveLength(1600);
    for (const id of made) {
      const own = changes.filter((c) => c.record === id);
      expect(own.map((c) => c.version)).toEqual(own.map((_, i) => i + 2));
    }
  });

  test("patches that swap unique values between records end in conflicts at most", async () => {
    const made = ids(
      await app.as("admin").post(
        path,
        Array.from({ length: 6 }, (_, i) => ({ other: `S${i}` })),
      ),
    );
    const answers = await times(60, (i) => node(i).patch(`${path}/${made[i % 6]}`, { other: `S${(i * 5 + 1) % 7}` }));
    for (const answer of answers) expect([200, 409], answer.text).toContain(answer.status);
    const held = await app.store.sql<{ other: string }>(
      "SELECT other FROM t_demo.meter WHERE other LIKE 'S%' AND deleted_at IS NULL",
    );
    expect(new Set(held.map((r) => r.other)).size).toBe(6);
  });

  test("references to records that are being deleted: a live record never names what was gone before it", async () => {
    for (let round = 0; round < 5; round++) {
      const account = body(await app.as("admin").post("/api/accounts", { name: "leaving" }), 201).id;
      const answers = await times(12, (i) =>
        i === 5
          ? node(i).delete(`/api/accounts/${account}`)
          : node(i).post("/api/opportunities", { name: `o${i}`, account }),
      );
      for (const answer of answers) expect([201, 204, 409, 422], answer.text).toContain(answer.status);
      const rows = await app.store.sql<{ n: number }>(
        "SELECT count(*) AS n FROM t_demo.opportunity o JOIN t_demo.account a ON a.id = o.account WHERE a.deleted_at IS NOT NULL AND o.deleted_at IS NULL",
      );
      expect(rows[0]?.n).toBe(0);
    }
  });

  test("numbers are given once, whoever asks", async () => {
    const answers = await times(60, (i) =>
      node(i).post("/api/opportunities", i % 3 ? { name: `n${i}` } : [{ name: "a" }, { name: "b" }]),
    );
    const numbers = answers.flatMap((a) => (a.body.data ?? [a.body]) as { number: string }[]).map((r) => r.number);
    expect(numbers.length).toBe(80);
    expect(new Set(numbers).size).toBe(80);
  });
});
