// Lists of records of another object: written whole, checked one by one, shown, tested and expanded.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, nobody, problem } from "./support.ts";

let app: TestApp;
const path = "/api/events";
const admin = () => app.as("admin");
let guests: string[] = [];
const guest = (...positions: number[]): string[] => positions.map((i) => guests[i] as string);
const made = async (value: Record<string, unknown>) => body(await admin().post(path, value), 201);
const find = async (filter: string, more: Record<string, unknown> = {}, api = admin()) =>
  body(await api.get(path + q({ filter, order: "name", ...more })), 200).data as Record<string, unknown>[];
const names = async (filter: string, api = admin()) => (await find(filter, {}, api)).map((e) => e["name"]);

beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "guest",
    type: "object",
    properties: { name: { type: "string" }, age: { type: "integer" }, home: { fieldType: "address" } },
  });
  await define(app, {
    name: "event",
    type: "object",
    sharing: "write",
    properties: {
      name: { type: "string" },
      guests: { fieldType: "references", target: "guest", maxItems: 100 },
      hosts: { fieldType: "references", target: "guest", onDelete: "restrict", relation: "hosted" },
    },
    rules: [{ name: "crowd", when: "size(guests) > 3", at: "guests", message: "Too many" }],
  });
  const people = ["Ann", "Bob", "Cem", "Dai", "Eva"].map((name, i) => ({ name, age: 20 + i, home: { city: name } }));
  guests = ids(await admin().post("/api/guests", people));
});
afterAll(() => app.close());

describe("a list", () => {
  test("is kept sorted and without doubles, and replaced whole, alone and in arrays", async () => {
    const [a, b, c] = guest(0, 1, 2);
    const { result, changes } = await withChanges(app, () =>
      admin().post(path, { name: "kept", guests: [c, a?.toUpperCase(), c] }),
    );
    const { id, ...event } = body(result, 201);
    expect(event).toMatchObject({ guests: [a, c], hosts: null });
    expect(changes.map((change) => change.data["guests"])).toEqual([[a, c]]);
    const one = await withChanges(app, () => admin().patch(`${path}/${id}`, { guests: [b] }));
    expect(body(one.result, 200)).toMatchObject({ guests: [b], version: 2 });
    expect(one.changes.map((change) => [change.old?.["guests"], change.data["guests"]])).toEqual([[[a, c], [b]]]);
    const same = await withChanges(app, () => admin().patch(path, [{ id, guests: [b, b] }]));
    expect(same.changes).toEqual([]);
    const many = await admin().patch(path, [
      { id, guests: [c, b] },
      { id: (await made({ name: "kept too" })).id, guests: [] },
    ]);
    expect(body(many, 200).data.map((e: { guests: string[] }) => e.guests)).toEqual([[b, c], []]);
    const history = body(await admin().get(`${path}/${id}/history`), 200).data;
    expect(history.map((entry: { changes: Record<string, unknown> }) => entry.changes["guests"])).toEqual([
      { from: [b], to: [b, c] },
      { from: [a, c], to: [b] },
      { from: null, to: [a, c] },
    ]);
    expect(body(await admin().patch(`${path}/${id}`, { guests: null }), 200).guests).toBeNull();
  });

  test.each(["one", "many"] as const)("names only records that are there for whoever writes, of %s", async (kind) => {
    const { id } = await made({ name: `checked ${kind}`, guests: guest(0) });
    const at = kind === "one" ? "" : "/0";
    const rights = { event: ["read", "create", "edit"], guest: ["read", "create"] };
    const { api: rep } = await hire(app, `rep_${kind}`, { rights });
    const own = body(await rep.post("/api/guests", { name: "own" }), 201).id as string;
    const post = (api: typeof rep, list: unknown) =>
      api.post(path, kind === "one" ? { guests: list } : [{ guests: list }]);
    const patch = (api: typeof rep, list: unknown) =>
      kind === "one" ? api.patch(`${path}/${id}`, { guests: list }) : api.patch(path, [{ id, guests: list }]);
    for (const [api, list, paths] of [
      [admin(), [...guest(1), nobody], [`${at}/guests`]],
      [admin(), [...guest(1), "x"], [`${at}/guests/1`]],
      [rep, [own, ...guest(1)], [`${at}/guests`]],
    ] as const)
      for (const write of [post, patch]) {
        const { result, changes } = await withChanges(app, () => write(api, list));
        problem(result, 422, "VALIDATION", paths);
        expect(changes).toEqual([]);
      }
    // What is in the list already may stay, also where the writer does not see it.
    expect((await patch(rep, [own, ...guest(0)])).status).toBe(200);
    expect((await post(rep, [own])).status).toBeLessThan(300);
    problem(await patch(admin(), guest(0, 1, 2, 3)), 422, "VALIDATION", [`${at}/guests`]);
  });

  test("is written whole by each of two writers at once", async () => {
    const { id } = await made({ name: "raced", guests: guest(0) });
    const lists = [guest(1), guest(2), guest(3), guest(1, 2), guest(2, 3), []];
    for (let round = 0; round < 5; round++) {
      await Promise.all(lists.map((list) => admin().patch(`${path}/${id}`, { guests: list })));
      const last = body(await admin().get(`${path}/${id}/history?limit=1`), 200).data[0].changes.guests.to;
      const now = body(await admin().get(`${path}/${id}`), 200).guests;
      expect(now).toEqual(last);
      expect(lists).toContainEqual(now);
    }
  });
});

describe("is read", () => {
  beforeAll(async () => {
    const rows = [
      { name: "q0", guests: guest(0, 1) },
      { name: "q1", guests: guest(1, 4), hosts: guest(0) },
      { name: "q2", guests: [] },
      { name: "q3" },
    ];
    body(await admin().post(path, rows), 200);
  });
  const mine = "name.startsWith('q')";

  test("by who is in it, and by tests of those", async () => {
    const [a, b] = guest(0, 1);
    for (const [filter, found] of [
      [`'${a}' in guests`, ["q0"]],
      [`guests.contains('${b?.toUpperCase()}')`, ["q0", "q1"]],
      ["size(guests) == 0", ["q2"]],
      ["guests == null", ["q3"]],
      ["guests.exists(g, g.age >= 24)", ["q1"]],
      ["!guests.exists(g, g.age < 24)", ["q2", "q3"]],
      ["guests.exists(g, g.home.city == 'Bob' && g.age > 20)", ["q0", "q1"]],
      ["guests.exists(g, hosts.exists(h, h.age < g.age))", ["q1"]],
      ["guests.exists(g, g.name == name)", []],
      ["guests.exists(g, g.owner == user)", ["q0", "q1"]],
      ["guests.exists(g, g.owner.name == user.name)", ["q0", "q1"]],
      ["guests.exists(g, g.owner.name == 'x')", []],
      ["guests.all(g, g.age < 24)", ["q0", "q2", "q3"]],
      ["guests.exists_one(g, g.age < 24)", ["q1"]],
      // And back: who is in what else.
      ["guests.exists(g, g.hosted.exists(e, e.name == 'q1'))", ["q0"]],
      ["guests.exists(g, g.hosted.size() == 1)", ["q0"]],
    ] as const)
      expect(await names(`${mine} && (${filter})`), filter).toEqual(found);
    for (const filter of [
      "guests.exists(g, g.nope == 1)",
      "guests.exists(g, g.hosted.exists(e, e.nope == 1))",
      "people.exists(p, true)",
      "guests.name == 'Ann'",
      "guests == 'x'",
    ])
      problem(await admin().get(path + q({ filter })), 400, "QUERY", ["filter"]);
    problem(await admin().get(path + q({ order: "guests" })), 400, "QUERY", ["order"]);
    problem(await admin().get(path + q({ select: "guests.name" })), 400, "QUERY", ["select"]);
    const totals = await admin().get(
      `${path}/aggregate${q({ filter: `${mine} && guests.exists(g, true)`, metrics: "count(),count(hosts)" })}`,
    );
    expect(body(totals, 200).data).toEqual([{ count: 2, count_hosts: 1 }]);
  });

  test("whole, where it is expanded", async () => {
    const [first, second, third, last] = await find(mine, {
      expand: "guests,hosts",
      select: "name,guests,hosts",
      limit: 10,
    });
    const shown = (list: unknown) => (list as { name: string; home: unknown }[]).map((g) => g.name);
    expect([first, second].map((e) => shown(e?.["guests"]))).toEqual([
      ["Ann", "Bob"],
      ["Bob", "Eva"],
    ]);
    expect((first?.["guests"] as object[] | undefined)?.[0]).toMatchObject({
      id: guests[0],
      age: 20,
      home: { city: "Ann" },
      version: 1,
    });
    expect([third?.["guests"], last?.["guests"], second?.["hosts"]]).toMatchObject([[], null, [{ name: "Ann" }]]);
    const one = body(await admin().get(`${path}/${String(first?.["id"])}?expand=guests`), 200);
    expect(shown(one.guests)).toEqual(["Ann", "Bob"]);
    // A list is never shown in part, so pages are small enough for the longest.
    problem(await admin().get(path + q({ expand: "guests", limit: 101 })), 400, "QUERY", ["expand"]);
    problem(await admin().get(path + q({ expand: "hosts" })), 400, "QUERY", ["expand"]);
  });

  test("as far as the reader sees who is in it", async () => {
    const { api: rep } = await hire(app, "reader", { rights: { event: ["read"], guest: ["read"] } });
    expect(await names(`${mine} && guests.exists(g, true)`, rep)).toEqual([]);
    const [seen] = await find("name == 'q0'", { expand: "guests", limit: 10 }, rep);
    expect(seen?.["guests"]).toEqual([]);
    const [plain] = await find("name == 'q0'", {}, rep);
    expect(plain?.["guests"]).toEqual(guest(0, 1));
    const { api: blind } = await hire(app, "blind", { rights: { event: ["read"] } });
    expect(await names(`${mine} && guests.exists(g, true)`, blind)).toEqual([]);
  });

  test("and written as a file", async () => {
    const file = (await admin().get(`/api/export/events${q({ select: "name,guests", filter: mine, order: "name" })}`))
      .text;
    expect(file.split("\r\n")[1]).toMatch(new RegExp(`,q0,${guest(0, 1).join(";")}$`));
    expect(file.split("\r\n")[3]).toMatch(/,q2,$/);
  });
});

describe("a deletion", () => {
  test("is refused where a list restricts it, and else leaves the list", async () => {
    const [x, y] = ids(await admin().post("/api/guests", [{ name: "x" }, { name: "y" }])) as [string, string];
    const { id } = await made({ name: "deleted from", guests: [x, y], hosts: [y] });
    problem(await admin().delete(`/api/guests/${y}`), 409, "CONFLICT");
    body(await admin().delete(`/api/guests/${x}`), 204);
    expect(await names(`name == 'deleted from' && guests.exists(g, g.name == 'x')`)).toEqual([]);
    const shown = body(await admin().get(`${path}/${id}?expand=guests`), 200).guests as { id: string }[];
    expect(shown.map((g) => g.id)).toEqual([y]);
    problem(await admin().post(path, { guests: [x] }), 422, "VALIDATION", ["/guests"]);
    expect(body(await admin().patch(`${path}/${id}`, { guests: [x] }), 200).guests, "it may stay").toEqual([x]);
    body(await admin().delete(`${path}/${id}`), 204);
    body(await admin().delete(`/api/guests/${y}`), 204);
    problem(await admin().post(`${path}/${id}/restore`, undefined), 409, "CONFLICT", ["/hosts"]);
    body(await admin().post(`/api/guests/${y}/restore`, undefined), 200);
    expect(body(await admin().post(`${path}/${id}/restore`, undefined), 200).hosts).toEqual([y]);
  });

  test("and a new list cannot pass each other", async () => {
    for (let round = 0; round < 8; round++) {
      const { id: host } = body(await admin().post("/api/guests", { name: "z" }), 201);
      const [gone, event] = await Promise.all([
        admin().delete(`/api/guests/${host}`),
        admin().post(path, { name: "crossed", hosts: [host] }),
      ]);
      expect([gone.status, event.status].sort(), "one of them").toEqual(gone.status === 204 ? [204, 422] : [201, 409]);
    }
  });
});

describe("a change of the definition", () => {
  const definition = (crew: object) => ({
    name: "trip",
    type: "object",
    properties: { name: { type: "string" }, crew },
  });

  test("gives a list an index that finds who is in it", async () => {
    const indexes = await app.store.sql<{ def: string }>(
      "SELECT indexdef AS def FROM pg_indexes WHERE schemaname = 't_demo' AND tablename = 'event'",
    );
    expect(indexes.filter(({ def }) => /USING gin \((guests|hosts)\)/.test(def))).toHaveLength(2);
  });

  test("makes a list of a reference, and a text of a list; another target must have them all", async () => {
    const [a, b] = guest(0, 1);
    await define(app, definition({ fieldType: "reference", target: "guest" }));
    const { id } = body(await admin().post("/api/trips", { crew: a }), 201);
    body(await admin().post("/api/trips", {}), 201);
    await define(app, definition({ fieldType: "references", target: "guest" }));
    expect(body(await admin().get(`/api/trips/${id}`), 200).crew).toEqual([a]);
    body(await admin().patch(`/api/trips/${id}`, { crew: [b, a] }), 200);
    const elsewhere = await admin().put(
      "/api/meta/objects/trip",
      definition({ fieldType: "references", target: "event" }),
    );
    problem(elsewhere, 409, "CONFLICT");
    await define(app, {
      ...definition({ fieldType: "references", target: "guest" }),
      properties: { name: { type: "string" }, team: { fieldType: "references", target: "guest", was: "crew" } },
    });
    expect(body(await admin().get(`/api/trips${q({ filter: `'${b}' in team` })}`), 200).data).toMatchObject([
      { id, team: [a, b] },
    ]);
    await define(app, { ...definition({}), properties: { name: { type: "string" }, team: { type: "string" } } });
    expect(body(await admin().get(`/api/trips/${id}`), 200).team).toBe(`${a}, ${b}`);
  });
});
