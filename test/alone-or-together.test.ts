// One record and several are written by statements of different form, which must do the same: store, refuse, and leave a history.
import { type ApiAnswer, createTestApp, type TestApp, withChanges } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { house as houseDefinition } from "./house.ts";
import { body, define, demoUsers, nobody } from "./support.ts";

let app: TestApp;
let users: Record<string, string>;
let goneUser: string;
let role: string | undefined;
const path = "/api/houses";

beforeAll(async () => {
  app = await createTestApp();
  users = await demoUsers(app);
  const roles = body(await app.as("admin").get("/api/roles?select=name"), 200).data as { id: string; name: string }[];
  for (const { id } of roles.filter((role) => role.name.startsWith("sales_")))
    body(await app.as("admin").patch(`/api/roles/${id}`, { default_rights: ["create", "read", "edit"] }), 200);
  const about = { fieldType: "reference", target: ["user", "role"], relation: "about_houses" };
  const properties = { ...houseDefinition.properties, about };
  await define(app, { ...houseDefinition, properties, sharing: "write" });
  [role] = roles.map(({ id }) => id);
  goneUser = body(await app.as("admin").post("/api/users", { name: "Gone", email: "gone@demo.example" }), 201).id;
  expect((await app.as("admin").delete(`/api/users/${goneUser}`)).status).toBe(204);
});
afterAll(() => app.close());

const optional = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values, null), { nil: undefined });

/** Values that a house may have, and some that it may not. */
const values = () =>
  fc
    .record({
      address: fc.option(fc.constantFrom("a", "北京", "O'Brien"), { nil: undefined }),
      price: optional([0, 10, 4, 19.99]),
      status: optional(["draft", "listed", "sold"]),
      seen: optional(["2026-01-31", "2026-02-01"]),
      street: optional(["Main", "主街"]),
      number: optional([1, 2.5]),
      agent: optional([users["admin"], users["rep_a1"], goneUser, nobody]),
      about: optional([
        ...[users["admin"], goneUser, nobody].map((id) => ({ object: "user", id })),
        ...[role, nobody, users["admin"]].map((id) => ({ object: "role", id })),
      ]),
      owner: fc.option(fc.constantFrom(users["admin"], users["rep_a1"], goneUser, nobody), { nil: undefined }),
    })
    .map((record) => JSON.parse(JSON.stringify(record)) as Record<string, unknown>);

/** What differs between two records that were treated alike. */
const own = new Set(["id", "record", "seq", "at", "created_at", "updated_at", "cause"]);
const likeness = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, v: unknown) => (own.has(key) ? undefined : v)) ?? "null");

/** Faults without their row. */
const faults = ({ status, body: { code, errors } }: ApiAnswer): unknown => ({
  status,
  code,
  errors: ((errors ?? []) as { path: string; code: string; message: string }[])
    .map((e) => ({ ...e, path: e.path.replace(/^\/[01](?=\/|$)/, "") }))
    .filter((e, i, all) => all.findIndex((o) => o.path === e.path && o.message === e.message) === i),
});

/** Two records are never in the way of each other by a unique key. */
const apart = (value: Record<string, unknown>, n: number) => ({
  ...value,
  ...(typeof value["number"] === "number" ? { number: value["number"] + n * 100 } : {}),
});

test("a patch alone does what it does among others", async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(values(), values(), fc.constantFrom("admin", "rep_a1"), async (start, patch, who) => {
      const named = { object: "user", id: users["rep_a1"] };
      const base = { address: "start", ...start, owner: users["admin"], agent: null, about: named, status: "draft" };
      const create = async () => body(await app.as("admin").post(path, apart(base, ++n)), 201);
      const [alone, first, second] = [await create(), await create(), await create()];
      const given = apart(patch, 0);
      const { number: _, ...rest } = given;
      const one = await withChanges(app, () => app.as(who).patch(`${path}/${alone.id}`, rest));
      const two = await withChanges(app, () =>
        app.as(who).patch(path, [
          { id: first.id, ...rest },
          { id: second.id, ...rest },
        ]),
      );
      if (one.result.status !== 200) {
        expect(faults(two.result)).toEqual(faults(one.result));
        expect([...one.changes, ...two.changes]).toEqual([]);
        return;
      }
      const [a, b] = body(two.result, 200).data as Record<string, unknown>[];
      const like = (record: unknown) => ({ ...(likeness(record) as object), number: 0 });
      expect(like(a)).toEqual(like(one.result.body));
      expect(like(b)).toEqual(like(one.result.body));
      expect(two.changes).toHaveLength(one.changes.length * 2);
      for (const { data, ...change } of two.changes) {
        expect(like(data)).toEqual(like(one.changes[0]?.data));
        expect(Object.keys(change.old ?? {}).sort()).toEqual(Object.keys(one.changes[0]?.old ?? {}).sort());
        expect(likeness({ ...change, data: null })).toEqual(likeness({ ...one.changes[0], data: null }));
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("a record alone is made as it is among others", async () => {
  let n = 1_000;
  await fc.assert(
    fc.asyncProperty(values(), fc.constantFrom("admin", "rep_a1"), async (value, who) => {
      const make = () => apart(value, ++n);
      const one = await withChanges(app, () => app.as(who).post(path, make()));
      const two = await withChanges(app, () => app.as(who).post(path, [make(), make()]));
      if (one.result.status !== 201) {
        expect(faults(two.result)).toEqual(faults(one.result));
        expect([...one.changes, ...two.changes]).toEqual([]);
        return;
      }
      const like = (record: unknown) => ({ ...(likeness(record) as object), number: 0 });
      for (const record of body(two.result, 200).data) expect(like(record)).toEqual(like(one.result.body));
      expect(two.changes).toHaveLength(2);
      for (const { data, ...change } of two.changes) {
        expect(like(data)).toEqual(like(one.changes[0]?.data));
        expect(likeness({ ...change, data: null })).toEqual(likeness({ ...one.changes[0], data: null }));
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
