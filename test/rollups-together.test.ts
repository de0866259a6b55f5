// Roll-ups under many writers at once: no count is lost, nobody meets a deadlock.
import { type ApiAnswer, createTestApp, type TestApp } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { body, define, ids } from "./support.ts";
import { defineHouses, expectKept, makeHouses } from "./support/rollups.ts";

let app: TestApp;
let second: TestApp;
/** Calls come in by both nodes. */
const node = (i: number) => (i % 2 ? second : app).as("admin");
const times = <T>(n: number, make: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => make(i)));

beforeAll(async () => {
  app = await createTestApp();
  second = await createTestApp({ on: app });
  await defineHouses(app);
});
afterAll(async () => {
  await second.close();
  await app.close();
});

const read = async (id: string) => body(await app.as("admin").get(`/api/properties/${id}`), 200);
const see = async (values: readonly object[]) => ids(await app.as("admin").post("/api/viewings", values));

test("200 changes of one parent's children at once: created, changed, deleted, restored", async () => {
  const [house] = (await makeHouses(app, [{}])) as [string];
  const there = await see(Array.from({ length: 150 }, (_, i) => ({ property: house, minutes: 1, offer: 1_000 + i })));
  const gone = there.slice(100);
  for (const id of gone) body(await app.as("admin").delete(`/api/viewings/${id}`), 204);
  const calls: readonly ((i: number) => Promise<ApiAnswer>)[] = [
    (i) => node(i).post("/api/viewings", { property: house, minutes: 1, offer: i + 1, outcome: "done" }),
    (i) => node(i).patch(`/api/viewings/${there[i >> 2]}`, { minutes: 2, offer: i + 500 }),
    (i) => node(i).delete(`/api/viewings/${there[50 + (i >> 2)]}`),
    (i) => node(i).post(`/api/viewings/${gone[i >> 2]}/restore`),
  ];
  const answers = await times(200, (i) => calls[i % 4]?.(i) as Promise<ApiAnswer>);
  expect(answers.map((a) => a.status)).toEqual(answers.map((_, i) => [201, 200, 204, 200][i % 4]));
  expect(await read(house)).toMatchObject({ all: 150, minutes: 200, lowest: 1, viewings: 50, version: 1 });
  await expectKept(app);
});

test("children that move between two parents, in both directions at once, in arrays and alone", async () => {
  const houses = (await makeHouses(app, [{}, {}])) as [string, string];
  const there = await see(
    Array.from({ length: 120 }, (_, i) => ({ property: houses[i % 2], offer: i, instead: houses[(i + 1) % 2] })),
  );
  const moved = await times(60, (i) => {
    const pair = [there[i], there[119 - i]] as [string, string];
    // Half of the requests name the records in the other order.
    const patches = (i % 4 < 2 ? pair : pair.toReversed()).map((id) => {
      const to = (there.indexOf(id) + 1) % 2;
      return { id, property: houses[to], instead: houses[1 - to] };
    });
    return i % 3 === 0
      ? node(i).patch(`/api/viewings/${pair[0]}`, { property: houses[(i + 1) % 2] })
      : node(i).patch("/api/viewings", patches);
  });
  expect(moved.map((a) => a.status)).toEqual(moved.map(() => 200));
  await expectKept(app);
});

test("new children that name two parents each, in both orders at once", async () => {
  await define(app, { name: "place", properties: { name: { type: "string" } } });
  const reference = { fieldType: "reference", target: "place" };
  const properties = { from: reference, to: { ...reference, relation: "arrivals" }, km: { type: "integer" } };
  await define(app, { name: "trip", properties });
  const kept = {
    left: { fieldType: "rollup", of: "trip.from", op: "count" },
    reached: { fieldType: "rollup", of: "trip.to", op: "sum", field: "km" },
  };
  await define(app, { name: "place", properties: { name: { type: "string" }, ...kept } });
  const places = ids(await app.as("admin").post("/api/places", [{ name: "a" }, { name: "b" }, { name: "c" }]));
  const answers = await times(90, (i) => {
    const [from, to] = [places[i % 3], places[(i + 1 + (i % 2)) % 3]];
    return node(i).post(
      "/api/trips",
      i % 5 === 0
        ? [
            { from, to, km: 1 },
            { from: to, to: from, km: 2 },
          ]
        : { from, to, km: 3 },
    );
  });
  expect(answers.map((a) => a.status)).toEqual(answers.map((_, i) => (i % 5 === 0 ? 200 : 201)));
  const sums = `SELECT p.left, p.reached, (SELECT count(*) FROM t_demo.trip t WHERE t.from = p.id) AS n, (SELECT sum(km) FROM t_demo.trip t WHERE t.to = p.id) AS km`;
  expect(
    await app.store.sql(`SELECT * FROM (${sums} FROM t_demo.place p) x WHERE x.left <> n OR reached <> km`),
  ).toEqual([]);
});

test("families that are deleted and restored while their children are written", async () => {
  const road = body(await app.as("admin").post("/api/streets", { name: "Busy Road" }), 201).id as string;
  const houses = await makeHouses(
    app,
    Array.from({ length: 4 }, () => ({ street: road })),
  );
  const there = await see(Array.from({ length: 80 }, (_, i) => ({ property: houses[i % 4], offer: i + 1 })));
  const calls: readonly ((i: number) => Promise<ApiAnswer>)[] = [
    (i) => node(i).patch(`/api/viewings/${there[i % 80]}`, { offer: i + 1, minutes: i }),
    (i) => node(i).patch(`/api/viewings/${there[(i * 3) % 80]}`, { property: houses[(i >> 2) % 4] }),
    (i) => node(i).post("/api/viewings", { property: houses[(i >> 2) % 4], offer: i, outcome: "done" }),
    (i) =>
      i % 8 === 3
        ? node(i).delete(`/api/properties/${houses[(i >> 3) % 4]}`)
        : node(i).post(`/api/properties/${houses[(i >> 3) % 4]}/restore`),
  ];
  const answers = await times(160, (i) => calls[i % 4]?.(i) as Promise<ApiAnswer>);
  for (const answer of answers) expect([200, 201, 204, 404, 409, 422], answer.text).toContain(answer.status);
  await expectKept(app);
});

test("children and parents that are purged while others write, move and restore them", async () => {
  const road = body(await app.as("admin").post("/api/streets", { name: "Quiet Road" }), 201).id as string;
  const houses = await makeHouses(
    app,
    Array.from({ length: 6 }, () => ({ street: road })),
  );
  const there = await see(
    Array.from({ length: 60 }, (_, i) => ({ property: houses[i % 6], offer: i + 1, instead: houses[(i + 1) % 6] })),
  );
  for (const id of there.slice(0, 10)) body(await app.as("admin").delete(`/api/viewings/${id}`), 204);
  const calls: readonly ((i: number) => Promise<ApiAnswer>)[] = [
    (i) => node(i).delete(`/api/viewings/${there[(i * 2) % 60]}?purge=true`),
    (i) => node(i).patch(`/api/viewings/${there[i % 60]}`, { property: houses[(i >> 2) % 6], offer: i }),
    (i) =>
      i < 60
        ? node(i).post(`/api/viewings/${there[i % 10]}/restore`)
        : node(i).delete(`/api/properties/${houses[i % 3]}?purge=true`),
    (i) => node(i).post("/api/viewings", { property: houses[(i >> 2) % 6], offer: i }),
  ];
  const answers = await times(120, (i) => calls[i % 4]?.(i) as Promise<ApiAnswer>);
  for (const answer of answers) expect([200, 201, 204, 404, 409, 422], answer.text).toContain(answer.status);
  await expectKept(app);
  const left = body(await app.as("admin").get(`/api/properties?limit=500&filter=street=='${road}'`), 200).data;
  expect(left).toHaveLength(3);
  expect(body(await app.as("admin").get(`/api/streets/${road}`), 200)).toMatchObject({
    viewings: left.reduce((sum: number, house: { viewings: number }) => sum + house.viewings, 0),
  });
});

/** What one writer does next; numbers choose among what is there. */
const step = fc.record({
  kind: fc.constantFrom("create", "create", "change", "change", "move", "delete", "restore", "purge", "array", "house"),
  which: fc.nat(1_000),
  house: fc.nat(1_000),
  values: fc.record(
    {
      outcome: fc.constantFrom("done", "cancelled", null),
      minutes: fc.option(fc.integer({ min: -5, max: 90 })),
      offer: fc.option(fc.integer({ min: -300, max: 300 }).map((n) => n / 100)),
      exact: fc.option(fc.integer({ min: -9_999, max: 9_999 }).map((n) => (n / 1_000).toFixed(3))),
      seen_on: fc.option(fc.constantFrom("2026-01-01", "2026-02-01", "2026-03-01")),
      seen_at: fc.option(fc.constantFrom("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z")),
      starts: fc.option(fc.constantFrom("08:00", "12:30", "23:59:59.5")),
      note: fc.constantFrom("a", "b"),
    },
    { requiredKeys: [] },
  ),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

test("whatever several writers do, every roll-up is what its records come to", async () => {
  const admin = app.as("admin");
  const streets = ids(await admin.post("/api/streets", [{ name: "a" }, { name: "b" }]));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 4, maxLength: 12 }), { minLength: 3, maxLength: 4 }),
      async (writers) => {
        const houses = await makeHouses(app, [{ street: streets[0] }, { street: streets[1] }, { street: streets[0] }]);
        const seen = await see([0, 1, 2, 3].map((i) => ({ property: houses[i % 3], offer: i })));
        const write = (n: number, { kind, which, house, values }: Step): Promise<ApiAnswer> => {
          const api = node(n);
          const id = seen[which % seen.length] ?? "";
          const to = { property: houses[house % 4] ?? null, instead: houses[which % 5] ?? null };
          switch (kind) {
            case "create":
              return api.post("/api/viewings", { ...values, ...to });
            case "change":
              return api.patch(`/api/viewings/${id}`, values);
            case "move":
              return api.patch(`/api/viewings/${id}`, to);
            case "delete":
              return api.delete(`/api/viewings/${id}`);
            case "restore":
              return api.post(`/api/viewings/${id}/restore`);
            case "purge":
              // A house with all that was seen of it, now and then.
              return which % 4 === 0
                ? api.delete(`/api/properties/${houses[house % 3]}?purge=true`)
                : api.delete(`/api/viewings/${id}?purge=true`);
            case "array": {
              const other = seen[house % seen.length] ?? "";
              return api.patch(
                "/api/viewings",
                [...new Set([other, id])].map((each) => ({ id: each, ...values, ...to })),
              );
            }
            default:
              return which % 3 === 0
                ? api.delete(`/api/properties/${houses[house % 3]}`)
                : which % 3 === 1
                  ? api.post(`/api/properties/${houses[house % 3]}/restore`)
                  : api.patch(`/api/properties/${houses[house % 3]}`, { street: streets[which % 2] });
          }
        };
        await Promise.all(
          writers.map(async (steps, n) => {
            for (const each of steps) {
              const answer = await write(n, each);
              expect([200, 201, 204, 404, 409, 422], answer.text).toContain(answer.status);
              if (answer.status === 201) seen.push(answer.body.id);
            }
          }),
        );
        await expectKept(app);
      },
    ),
    { numRuns: 6 },
  );
});
