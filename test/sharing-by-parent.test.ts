// Records that are seen and changed as the records are that they belong to.
import { type Api, type ApiAnswer, createTestApp, q, type TestApp } from "@guanxi/testing";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { uploaded } from "./support/files.ts";
import { body, define, hire, ids, nobody, problem } from "./support.ts";

let app: TestApp;
let admin: Api;
const reference = (target: string | readonly string[], more: Record<string, unknown> = {}) => ({
  ...{ fieldType: "reference", target },
  ...more,
});
const estate = (sharing: unknown = "private") => ({
  ...{ name: "estate", sharing },
  properties: {
    name: { type: "string" },
    rated: { fieldType: "formula", returns: "integer", formula: "size(rooms)" },
  },
});
const room = (sharing: unknown = { parent: "estate" }) => ({
  ...{ name: "room", sharing, history: true },
  properties: {
    name: { type: "string", unique: true },
    size: { type: "integer" },
    estate: reference("estate"),
    sketch: { fieldType: "file" },
  },
});
const bed = {
  ...{ name: "bed", sharing: { parent: "room" } },
  properties: { name: { type: "string", unique: true }, size: { type: "integer" }, room: reference("room") },
};
/** Of records of several objects: one private, one by a parent. */
const flyer = {
  ...{ name: "flyer", sharing: { parent: "about" } },
  properties: {
    name: { type: "string", unique: true },
    size: { type: "integer" },
    about: reference(["estate", "room"]),
  },
};
const ticket = { name: "ticket", sharing: "write", properties: { room: reference("room"), bed: reference("bed") } };

const everything = ["create", "read", "edit", "delete"];
const all = Object.fromEntries(["estate", "room", "bed", "flyer"].map((name) => [name, everything]));
/** By name: rights beside those of everybody. */
const people: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  ann: {},
  bob: {},
  cem: {},
  dai: {},
  // Sees every estate, and changes the own ones.
  eva: { estate: ["read", "edit", "view_all"] },
  // Sees the own estates, and changes none.
  fay: { estate: ["read"] },
  // Knows of no estate.
  gus: { estate: [] },
  // Changes every estate, and sees every room anyway.
  hal: { estate: [...everything, "edit_all"], room: [...everything, "view_all"] },
};
const names = Object.keys(people);
const users: Record<string, string> = {};
const as: Record<string, Api> = {};
const positions: Record<string, string> = {};

/** Whom each stands right below. */
type Chart = Readonly<Record<string, string | undefined>>;
async function arrange(chart: Chart): Promise<void> {
  const free = names.map((name) => ({ id: positions[name], parent: null }));
  body(await admin.patch("/api/positions", free), 200);
  const placed = names.map((name) => ({ id: positions[name], parent: positions[chart[name] ?? ""] ?? null }));
  body(await admin.patch("/api/positions", placed), 200);
}

beforeAll(async () => {
  app = await createTestApp();
  admin = app.as("admin");
  for (const definition of [
    { ...estate(), properties: { name: { type: "string" } } },
    room(),
    bed,
    flyer,
    ticket,
    estate(),
  ])
    await define(app, definition);
  for (const name of names) {
    const { user, api } = await hire(app, name, {
      rights: { ...all, ticket: everything, ...people[name] } as Record<string, string[]>,
    });
    [users[name], as[name]] = [user, api];
    positions[name] = body(await admin.post("/api/positions", { name }), 201).id;
    body(await admin.post("/api/user_positions", { assignee: user, position: positions[name] }), 201);
  }
});
afterAll(() => app.close());

interface Thing {
  readonly object: "estate" | "room" | "bed" | "flyer";
  readonly name: string;
  readonly owner: string;
  readonly parent: Thing | undefined;
}

/** What sharing says, in plain words. */
class Model {
  readonly #above: (owner: string) => readonly string[];
  readonly #estates: string;
  constructor(chart: Chart, estates: string) {
    this.#above = (owner) => {
      const found = [owner];
      for (let next = chart[owner]; next !== undefined; next = chart[next]) found.push(next);
      return found;
    };
    this.#estates = estates;
  }

  rights = (who: string, { object }: Thing): readonly string[] => people[who]?.[object] ?? everything;

  sees(who: string, thing: Thing): boolean {
    const rights = this.rights(who, thing);
    if (rights.includes("view_all") || rights.includes("edit_all")) return true;
    if (!rights.includes("read")) return false;
    if (thing.parent) return this.sees(who, thing.parent);
    return (thing.object === "estate" && this.#estates !== "private") || this.#above(thing.owner).includes(who);
  }

  changes(who: string, thing: Thing): boolean {
    const rights = this.rights(who, thing);
    if (!rights.includes("edit")) return false;
    if (rights.includes("edit_all")) return true;
    if (thing.parent) return this.changes(who, thing.parent);
    return (thing.object === "estate" && this.#estates === "write") || this.#above(thing.owner).includes(who);
  }
}

const someone = fc.constantFrom(...names);
const index = fc.option(fc.nat({ max: 5 }), { freq: 4 });
const worlds = fc.record({
  sharing: fc.constantFrom("private", "private", "read", "write"),
  // Each stands below one who comes before, or nobody.
  chart: fc
    .tuple(...names.map((_, i) => fc.option(fc.nat({ max: Math.max(0, i - 1) }), { freq: 2 })))
    .map((above): Chart =>
      Object.fromEntries(names.map((name, i) => [name, i === 0 ? undefined : names[above[i] ?? -1]])),
    ),
  estates: fc.array(someone, { minLength: 6, maxLength: 6 }),
  rooms: fc.array(fc.tuple(someone, index), { minLength: 6, maxLength: 6 }),
  beds: fc.array(fc.tuple(someone, index), { minLength: 6, maxLength: 6 }),
  flyers: fc.array(fc.tuple(someone, fc.boolean(), index), { minLength: 6, maxLength: 6 }),
});

let worldCount = 0;
async function build({ estates, rooms, beds, flyers }: World): Promise<[Map<Thing, string>, string]> {
  const prefix = `w${++worldCount}-`;
  const made = new Map<Thing, string>();
  const store = async (
    plural: string,
    things: readonly (Thing & { readonly parent: Thing | undefined })[],
    parentOf: (thing: Thing) => object,
  ) => {
    const rows = things.map((t) => ({ name: t.name, owner: users[t.owner], ...parentOf(t) }));
    const found = ids(await admin.post(`/api/${plural}`, rows));
    things.forEach((t, i) => made.set(t, found[i] as string));
  };
  const at = (list: readonly Thing[], i: number | null): Thing | undefined => (i === null ? undefined : list[i]);
  const tops = estates.map((owner, i): Thing => ({
    object: "estate",
    name: `${prefix}e${i}`,
    owner,
    parent: undefined,
  }));
  const middle = rooms.map(([owner, i], n): Thing => ({
    object: "room",
    name: `${prefix}r${n}`,
    owner,
    parent: at(tops, i),
  }));
  const low = beds.map(([owner, i], n): Thing => ({
    object: "bed",
    name: `${prefix}b${n}`,
    owner,
    parent: at(middle, i),
  }));
  const loose = flyers.map(([owner, top, i], n): Thing => ({
    object: "flyer",
    name: `${prefix}f${n}`,
    owner,
    parent: at(top ? tops : middle, i),
  }));
  const id = (thing: Thing | undefined): string | null => (thing ? (made.get(thing) ?? null) : null);
  await store("estates", tops, () => ({}));
  await store("rooms", middle, ({ parent }) => ({ estate: id(parent) }));
  await store("beds", low, ({ parent }) => ({ room: id(parent) }));
  await store("flyers", loose, ({ parent }) => ({ about: parent ? { object: parent.object, id: id(parent) } : null }));
  return [made, prefix];
}

interface World {
  readonly sharing: string;
  readonly chart: Chart;
  readonly estates: readonly string[];
  readonly rooms: readonly (readonly [string, number | null])[];
  readonly beds: readonly (readonly [string, number | null])[];
  readonly flyers: readonly (readonly [string, boolean, number | null])[];
}

/** What lists, counts and totals show of each object, against the model. */
async function compareLists(model: Model, things: readonly Thing[], prefix: string): Promise<number> {
  let seen = 0;
  for (const who of names)
    for (const object of ["room", "bed", "flyer"] as const) {
      const expected = things.filter((t) => t.object === object && model.sees(who, t)).map((t) => t.name);
      const parameters = { filter: `name.startsWith('${prefix}')`, select: "name", order: "name", limit: 50 };
      const told = `${who} of ${object}s`;
      // Asked for the first time rows are counted; then the count is believed.
      for (const count of [{}, { count: "exact" }]) {
        const found = body(await (as[who] as Api).get(`/api/${object}s${q({ ...parameters, ...count })}`), 200);
        expect(
          found.data.map((r: { name: string }) => r.name),
          told,
        ).toEqual(expected.toSorted());
        if ("count" in count) expect(found.count, told).toBe(expected.length);
      }
      const totals = await (as[who] as Api).get(`/api/${object}s/aggregate${q({ filter: parameters.filter })}`);
      expect(body(totals, 200).data, told).toEqual([{ count: expected.length }]);
      seen += expected.length;
    }
  return seen;
}

async function compareWrites(model: Model, made: ReadonlyMap<Thing, string>): Promise<Set<number>> {
  const statuses = new Set<number>();
  // Of each object every third.
  for (const [thing, id] of [...made].filter(({ 0: { object } }, i) => object !== "estate" && i % 3 === 0)) {
    for (const who of names) {
      const path = `/api/${thing.object}s/${id}`;
      const told = `${who} of ${JSON.stringify(thing)}`;
      const expected = model.changes(who, thing) ? 200 : model.sees(who, thing) ? 403 : 404;
      const write = { size: statuses.size };
      const patched = await (as[who] as Api).patch(path, write);
      expect(patched.status, told).toBe(expected);
      const many = await (as[who] as Api).patch(`/api/${thing.object}s`, [{ id, ...write }]);
      expect(many.status, told).toBe(expected);
      expect((await (as[who] as Api).get(path)).status, told).toBe(expected === 404 ? 404 : 200);
      statuses.add(expected);
    }
  }
  return statuses;
}

describe("for any org chart, any records and any sharing of the parents", () => {
  test(
    "lists, totals, reads and writes are as the model says, also where rows are many",
    { timeout: 60_000 },
    async () => {
      let seen = 0;
      let many = 0;
      const statuses = new Set<number>();
      for (const world of fc.sample(worlds, { numRuns: 3, seed: 20_261_122 }) as World[]) {
        await define(app, estate(world.sharing));
        await arrange(world.chart);
        const [made, prefix] = await build(world);
        const model = new Model(world.chart, world.sharing);
        seen += await compareLists(model, [...made.keys()], prefix);
        for (const status of await compareWrites(model, made)) statuses.add(status);
        // The same people on another chart, at once.
        const turned: Chart = { [names[0] as string]: names.at(-1), [names[1] as string]: names[0] };
        await arrange(turned);
        await compareLists(new Model(turned, world.sharing), [...made.keys()], prefix);
        if (world.sharing !== "private") continue;
        many++;
        const [first] = made.values();
        await app.store.sql(
          `INSERT INTO t_demo.room (id, owner, created_at, created_by, updated_at, updated_by, version, name, estate)
         SELECT uuidv7(), $1, now(), $1, now(), $1, 1, 'many ' || n, $2 FROM generate_series(1, 2500) n`,
          [users["ann"] ?? "", first ?? ""],
        );
        await compareLists(new Model(turned, world.sharing), [...made.keys()], prefix);
        await app.store.sql(`DELETE FROM t_demo.room WHERE name LIKE 'many %'`);
      }
      expect([...statuses].sort()).toEqual([200, 403, 404]);
      expect(seen).toBeGreaterThan(100);
      expect(many).toBeGreaterThan(0);
    },
  );
});

describe("a room of ann's estate that bob owns", () => {
  const chart: Chart = { ann: "dai" };
  let home: string;
  beforeAll(async () => {
    await define(app, estate());
    await arrange(chart);
    home = body(await (as["ann"] as Api).post("/api/estates", { name: "home" }), 201).id;
  });

  let counter = 0;
  async function scene(
    viewer: string,
  ): Promise<{ id: string; name: string; bed: string; ticket: string; sketch: string }> {
    const name = `scene ${++counter}`;
    const sketch = await uploaded(app, "sketch");
    const id = body(await admin.post("/api/rooms", { name, estate: home, owner: users["bob"], sketch }), 201)
      .id as string;
    const made = body(await admin.post("/api/beds", { name, room: id, owner: users["bob"] }), 201).id as string;
    const held = { room: id, bed: made, owner: users[viewer] };
    return { id, name, bed: made, sketch, ticket: body(await admin.post("/api/tickets", held), 201).id };
  }
  type Scene = Awaited<ReturnType<typeof scene>>;
  const rows = (answer: ApiAnswer): unknown => body(answer, 200).data;
  const ofTicket = (s: Scene, more: Record<string, string | number>) =>
    `/api/tickets${q({ filter: `id == '${s.ticket}'`, ...more })}`;
  const calls: readonly [
    name: string,
    call: (api: Api, s: Scene) => Promise<unknown>,
    seen: (s: Scene) => unknown,
    unseen: (s: Scene) => unknown,
  ][] = [
    ["get", async (a, s) => (await a.get(`/api/rooms/${s.id}`)).status, () => 200, () => 404],
    ["get what belongs to it", async (a, s) => (await a.get(`/api/beds/${s.bed}`)).status, () => 200, () => 404],
    ["get by key", async (a, s) => (await a.get(`/api/rooms/by/name/${s.name}`)).status, () => 200, () => 404],
    ["history", async (a, s) => (await a.get(`/api/rooms/${s.id}/history`)).status, () => 200, () => 404],
    [
      "list",
      async (a, s) => ids(await a.get(`/api/rooms${q({ filter: `name == '${s.name}'` })}`)),
      (s) => [s.id],
      () => [],
    ],
    [
      "export",
      async (a, s) => (await a.get(`/api/export/rooms${q({ filter: `name == '${s.name}'` })}`)).text.includes(s.id),
      () => true,
      () => false,
    ],
    [
      "expand",
      async (a, s) => rows(await a.get(ofTicket(s, { select: "room", expand: "room" }))),
      (s) => [{ id: s.ticket, room: expect.objectContaining({ name: s.name }) }],
      (s) => [{ id: s.ticket, room: null }],
    ],
    [
      "walk",
      async (a, s) => rows(await a.get(ofTicket(s, { select: "bed.room.name" }))),
      (s) => [{ id: s.ticket, bed: { room: { name: s.name } } }],
      (s) => [{ id: s.ticket, bed: null }],
    ],
    [
      "filter by a walk",
      async (a, s) => ids(await a.get(`/api/tickets${q({ filter: `room.name == '${s.name}'` })}`)),
      (s) => [s.ticket],
      () => [],
    ],
    [
      "test of related records",
      async (a, s) => ids(await a.get(`/api/rooms${q({ filter: `beds.exists(b, b.name == '${s.name}')` })}`)),
      (s) => [s.id],
      () => [],
    ],
    ["refer to", async (a, s) => (await a.post("/api/tickets", { room: s.id })).status, () => 201, () => 422],
    [
      "refer to in an array",
      async (a, s) => (await a.post("/api/tickets", [{ bed: s.bed }])).status,
      () => 200,
      () => 422,
    ],
    [
      "keep a reference",
      async (a, s) => (await a.patch(`/api/tickets/${s.ticket}`, { room: s.id })).status,
      () => 200,
      () => 200,
    ],
    ["its file", async (a, s) => (await a.get(`/api/files/${s.sketch}`)).status, () => 200, () => 404],
    ["upsert", async (a, s) => (await a.put(`/api/rooms/by/name/${s.name}`, { size: 7 })).status, () => 200, () => 409],
    ["delete", async (a, s) => (await a.delete(`/api/rooms/${s.id}`)).status, () => 204, () => 404],
  ];

  describe.each([
    ["ann", true],
    ["bob", false],
  ] as const)("%s (sees it: %s)", (who, seeing) => {
    test.each(calls)("%s", async (_, call, seen, unseen) => {
      const s = await scene(who);
      expect(await call(as[who] as Api, s)).toEqual((seeing ? seen : unseen)(s));
    });

    test("deleted and restored, and deleted with its estate", async () => {
      const s = await scene(who);
      const gone = async () =>
        ids(await (as[who] as Api).get(`/api/rooms${q({ deleted: "only", filter: `name == '${s.name}'` })}`));
      body(await admin.delete(`/api/rooms/${s.id}`), 204);
      expect(await gone()).toEqual(seeing ? [s.id] : []);
      expect((await (as[who] as Api).post(`/api/rooms/${s.id}/restore`)).status).toBe(seeing ? 200 : 404);
      body(await admin.post(`/api/rooms/${s.id}/restore`), seeing ? 404 : 200);
      // A deleted estate decides as it did, since it may come back.
      body(await admin.delete(`/api/estates/${home}`), 204);
      expect((await (as[who] as Api).get(`/api/rooms/${s.id}`)).status).toBe(seeing ? 200 : 404);
      body(await admin.post(`/api/estates/${home}/restore`), 200);
    });
  });

  test("belongs to bob and those above him without an estate, and to whom the estate goes", async () => {
    const s = await scene("ann");
    const status = async (who: string) => (await (as[who] as Api).get(`/api/rooms/${s.id}`)).status;
    body(await (as["ann"] as Api).patch(`/api/rooms/${s.id}`, { estate: null }), 200);
    expect([await status("ann"), await status("bob")]).toEqual([404, 200]);
    await arrange({ bob: "cem" });
    expect(await status("cem")).toBe(200);
    await arrange(chart);
    expect(await status("cem")).toBe(404);
    const other = body(await admin.post("/api/estates", { name: "other", owner: users["cem"] }), 201).id;
    problem(await (as["bob"] as Api).patch(`/api/rooms/${s.id}`, { estate: other }), 422, "VALIDATION", ["/estate"]);
    body(await admin.patch(`/api/rooms/${s.id}`, { estate: other }), 200);
    expect([await status("bob"), await status("cem")]).toEqual([404, 200]);
    body(await admin.patch(`/api/estates/${other}`, { owner: users["ann"] }), 200);
    expect([await status("cem"), await status("ann")]).toEqual([404, 200]);
    expect((await (as["ann"] as Api).get(`/api/rooms/${nobody}`)).status).toBe(404);
  });

  test("a formula counts the rooms that whoever asks may see", async () => {
    await scene("ann");
    const rated = async (who: string) => body(await (as[who] as Api).get(`/api/estates/${home}`), 200).rated as number;
    expect(await rated("ann")).toBeGreaterThan(0);
    await define(app, estate("read"));
    await define(app, room("private"));
    expect([await rated("ann"), (await rated("bob")) > 0]).toEqual([0, true]);
    await define(app, room());
    await define(app, estate());
  });
});

describe("the definition", () => {
  const put = (definition: { name: string }) => admin.put(`/api/meta/objects/${definition.name}`, definition);

  test("changes without the data, and is what others see in the next request", async () => {
    const before = await app.store.sql(`SELECT xmin::text, id FROM t_demo.room ORDER BY id`);
    const made = body(await admin.post("/api/rooms", { name: "shared", owner: users["bob"] }), 201).id;
    const status = async () => (await (as["cem"] as Api).get(`/api/rooms/${made}`)).status;
    expect(await status()).toBe(404);
    body(await put(room("read")), 200);
    expect(await status()).toBe(200);
    body(await put(room()), 200);
    expect(await status()).toBe(404);
    expect(
      await app.store.sql(`SELECT xmin::text, id FROM t_demo.room WHERE name IS DISTINCT FROM 'shared' ORDER BY id`),
    ).toEqual(before);
    expect(body(await admin.get("/api/meta/objects/room"), 200).sharing).toEqual({ parent: "estate" });
  });

  test("names a reference that leads to an end", async () => {
    const wrong = async (definition: { name: string }, path: string, message: RegExp) => {
      const answer = await put(definition);
      problem(answer, 422, "DEFINITION", [path]);
      expect(answer.text).toMatch(message);
    };
    await wrong(room({ parent: "nothing" }), "/sharing/parent", /nothing/);
    await wrong(room({ parent: "size" }), "/sharing/parent", /a reference to one record/);
    await wrong(room({ parent: "sketch" }), "/sharing/parent", /a reference to one record/);
    await wrong(room({ parent: "owner" }), "/sharing/parent", /owner/);
    await wrong(room({}), "/sharing/parent", /required|needed/);
    await wrong(room({ parent: "estate", also: 1 }), "/sharing/also", /also/);
    await wrong(
      { name: "tree", sharing: { parent: "up" }, properties: { up: reference("tree") } } as { name: string },
      "/sharing/parent",
      /tree → tree/,
    );
    const back = { ...estate({ parent: "best" }), properties: { name: { type: "string" }, best: reference("bed") } };
    const ring = await put(back);
    expect(ring.status).toBe(422);
    expect(ring.text).toMatch(/estate → bed → room → estate/);
    const chain = ["bed", "l1", "l2", "l3"].map((target, i) => ({
      ...{ name: `l${i + 1}`, sharing: { parent: "up" } },
      properties: { up: reference(target) },
    }));
    body(await put(chain[0] as { name: string }), 201);
    body(await put(chain[1] as { name: string }), 201);
    await wrong(
      chain[2] as { name: string },
      "/sharing/parent",
      /more than 4 parents: l3 → l2 → l1 → bed → room → estate/,
    );
    const renamed = {
      ...room({ parent: "site" }),
      properties: { ...room().properties, estate: undefined, site: reference("estate", { was: "estate" }) },
    };
    body(await put(JSON.parse(JSON.stringify(renamed)) as { name: string }), 200);
    body(
      await put({ ...room(), properties: { ...room().properties, estate: reference("estate", { was: "site" }) } } as {
        name: string;
      }),
      200,
    );
    const dropped = JSON.parse(JSON.stringify({ ...room(), properties: { ...room().properties, estate: undefined } }));
    const gone = await admin.put("/api/meta/objects/room?allow=drop:room.estate", dropped);
    problem(gone, 422, "DEFINITION", ["/sharing/parent"]);
    const told = await admin.post("/api/meta/changes?plan=true", { delete: { objects: ["estate"] } });
    expect(told.text).toMatch(/room/);
  });
});
