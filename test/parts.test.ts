// Values with parts, addresses and points: what a patch does to them, and where a part stands as a field of its own does.
import { createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let app: TestApp;
const path = "/api/shops";
const admin = () => app.as("admin");
const made = async (value: Record<string, unknown>) => body(await admin().post(path, value), 201);

beforeAll(async () => {
  app = await createTestApp();
  const place = { fieldType: "address" };
  await define(app, {
    name: "shop",
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string" },
      place,
      second: { ...place, default: { country: "be" } },
      spot: { fieldType: "geo" },
      parent: { fieldType: "reference", target: "shop", relation: "branches" },
      town: { fieldType: "formula", returns: "text", formula: "coalesce(place.city, parent.place.city) + '!'" },
      age: { fieldType: "formula", returns: "duration", formula: "updated_at - created_at" },
    },
    rules: [
      {
        name: "no_move",
        when: "changed(place.country) && old.place.country == 'CN' && place.city != 'Macau'",
        at: "place",
        message: "A shop does not leave China",
      },
    ],
  });
});
afterAll(() => app.close());

describe("a patch of an address", () => {
  test.each(["one", "many"] as const)("changes its parts and takes away those that are null, of %s", async (kind) => {
    const patch = async (id: string, place: unknown) => {
      const { result, changes } = await withChanges(app, () =>
        kind === "one" ? admin().patch(`${path}/${id}`, { place }) : admin().patch(path, [{ id, place }]),
      );
      return { record: kind === "one" ? body(result, 200) : body(result, 200).data[0], changes };
    };
    const { id, second } = await made({ name: kind, place: { street: "Korenmarkt 1", city: "Ghent", state: null } });
    expect(second).toEqual({ country: "BE" });
    const { record, changes } = await patch(id, { city: null, postal_code: "9000", country: "be" });
    expect(record.place).toEqual({ street: "Korenmarkt 1", postal_code: "9000", country: "BE" });
    expect(changes.map(({ data, old }) => [data["place"], old?.["place"]])).toEqual([
      [record.place, { street: "Korenmarkt 1", city: "Ghent" }],
    ]);
    expect((await patch(id, { postal_code: "9000" })).changes, "nothing new").toEqual([]);
    expect((await patch(id, {})).changes).toEqual([]);
    expect((await patch(id, null)).record.place).toBeNull();
    expect((await patch(id, { city: "Bruges" })).record).toMatchObject({ place: { city: "Bruges" }, version: 4 });
    const history = body(await admin().get(`${path}/${id}/history?limit=1`), 200);
    expect(history.data[0].changes.place).toEqual({ from: null, to: { city: "Bruges" } });
  });

  test("is held to the rules as it leaves the record, also in memory", async () => {
    const { id } = await made({ name: "r", place: { city: "Guangzhou", country: "CN" } });
    const moved = { place: { country: "BE" } };
    problem(await admin().patch(`${path}/${id}`, moved), 422, "VALIDATION", ["/place"]);
    problem(await admin().patch(path, [{ id, ...moved }]), 422, "VALIDATION", ["/0/place"]);
    expect(body(await admin().patch(`${path}/${id}`, { place: { country: "MO", city: "Macau" } }), 200).version).toBe(
      2,
    );
    problem(await admin().patch(`${path}/${id}`, { place: { country: "Macau", town: "x" } }), 422, "VALIDATION", [
      "/place/country",
      "/place/town",
    ]);
  });

  test("passes before-scripts, which see it whole and may take parts away", async () => {
    const { id } = await made({ name: "s", place: { city: "Ghent", state: "East Flanders" } });
    const script = `export default async ({ record }) => {
      if (record.place?.city !== 'Ghent' || record.place.postal_code !== '9000') return;
      record.name = JSON.stringify(record.place); delete record.place.state; record.place.street = 'Korenmarkt';
    }`;
    body(
      await admin().put("/api/meta/workflows/tidy", { name: "tidy", object: "shop", on: "before_update", script }),
      201,
    );
    const after = body(await admin().patch(`${path}/${id}`, { place: { postal_code: "9000" } }), 200);
    expect(JSON.parse(after.name)).toEqual({ city: "Ghent", state: "East Flanders", postal_code: "9000" });
    expect(after.place).toEqual({ city: "Ghent", postal_code: "9000", street: "Korenmarkt" });
    body(await admin().delete("/api/meta/workflows/tidy"), 204);
  });
});

test("a patch of a point replaces it whole", async () => {
  const { id } = await made({ name: "g", spot: { lat: 51, lng: 3 } });
  problem(await admin().patch(`${path}/${id}`, { spot: { lat: 52 } }), 422, "VALIDATION", ["/spot/lng"]);
  expect(body(await admin().patch(`${path}/${id}`, { spot: { lat: 52, lng: 4 } }), 200).spot).toEqual({
    lat: 52,
    lng: 4,
  });
});

describe("a part", () => {
  let shops: string[] = [];
  const mine = "name.startsWith('p')";
  const list = (parameters: Record<string, unknown>) =>
    admin().get(path + q({ filter: mine, order: "name", ...parameters }));

  beforeAll(async () => {
    const first = await made({ name: "p0", place: { city: "Ghent", country: "BE" }, spot: { lat: 9.5, lng: 3 } });
    const rest = [
      { name: "p1", place: { city: "广州市", country: "CN" }, spot: { lat: 10.25, lng: 113 }, parent: first.id },
      { name: "p2", place: { country: "BE" }, parent: first.id },
      { name: "p3" },
    ];
    shops = [first.id, ...ids(await admin().post(path, rest))];
  });

  test("is selected, beside whole values and over references", async () => {
    const { data } = body(await list({ select: "place.city,place.country,spot.lat,second,parent.place.city" }), 200);
    const be = { country: "BE" };
    expect(data.map(({ id: _, ...shown }: { id: string }) => shown)).toEqual([
      { place: { city: "Ghent", country: "BE" }, spot: { lat: 9.5 }, second: be, parent: null },
      {
        place: { city: "广州市", country: "CN" },
        spot: { lat: 10.25 },
        second: be,
        parent: { place: { city: "Ghent" } },
      },
      { place: { city: null, country: "BE" }, spot: null, second: be, parent: { place: { city: "Ghent" } } },
      { place: null, spot: null, second: be, parent: null },
    ]);
    const one = body(await admin().get(`${path}/${shops[0]}?select=place.*`), 200);
    expect(one.place).toEqual({ city: "Ghent", country: "BE" });
    for (const select of ["place.town", "place.city.x", "place.*.x", "name.x", "spot.constructor"])
      problem(await list({ select }), 400, "QUERY", ["select"]);
  });

  test("is sorted by, page after page, numbers as numbers and nulls last", async () => {
    for (const [order, expected] of [
      ["place.city,name", [0, 1, 2, 3]],
      ["-spot.lat,name", [1, 0, 2, 3]],
      ["parent.place.city,-name", [2, 1, 3, 0]],
    ] as const) {
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ order, limit: 1, ...(cursor === undefined ? {} : { cursor }) });
        found.push(...ids(page));
        cursor = page.body.next ?? undefined;
      } while (cursor !== undefined);
      expect(found, order).toEqual(expected.map((i) => shops[i]));
    }
    const { next } = body(await list({ order: "place.city", limit: 1 }), 200);
    problem(await list({ order: "place.country", limit: 1, cursor: next }), 400, "QUERY", ["cursor"]);
    problem(await list({ order: "place" }), 400, "QUERY", ["order"]);
  });

  test("is filtered by over references, and for whoever acts", async () => {
    const filter = `${mine} && parent.place.city == 'Ghent' && place.country != parent.place.country`;
    expect(ids(await list({ filter }))).toEqual([shops[1]]);
    problem(await list({ filter: "place == 'Ghent'" }), 400, "QUERY", ["filter"]);
    const own = body(await admin().get("/api/meta/objects/user"), 200);
    body(
      await admin().put("/api/meta/objects/user", {
        ...own,
        properties: { ...own.properties, desk: { fieldType: "address" } },
      }),
      200,
    );
    const { user } = body(await admin().get("/api/me"), 200);
    body(await admin().patch(`/api/users/${user.id}`, { desk: { city: "Ghent" } }), 200);
    expect(ids(await list({ filter: `${mine} && place.city == user.desk.city` }))).toEqual([shops[0]]);
  });

  test("stands in formulas, also over references", async () => {
    const { data } = body(await list({ select: "town,age" }), 200);
    expect(data.map((shop: { town: string; age: number }) => [shop.town, shop.age])).toEqual([
      ["Ghent!", 0],
      ["广州市!", 0],
      ["Ghent!", 0],
      [null, 0],
    ]);
    expect(ids(await list({ filter: `${mine} && town == 'Ghent!' && age < '1h'` }))).toEqual([shops[0], shops[2]]);
    const totals = await admin().get(`${path}/aggregate${q({ filter: mine, group: "town", metrics: "max(age)" })}`);
    expect(body(totals, 200).data[0]).toEqual({ town: "Ghent!", max_age: 0 });
  });

  test("is grouped and counted by", async () => {
    const totals = await admin().get(
      `${path}/aggregate${q({ filter: mine, group: "place.country", metrics: "count(),max(spot.lat)", having: "place_country != 'XX'", order: "-count" })}`,
    );
    expect(body(totals, 200).data).toEqual([
      { place_country: "BE", count: 2, max_spot_lat: 9.5 },
      { place_country: "CN", count: 1, max_spot_lat: 10.25 },
    ]);
    for (const parameters of [{ group: "place" }, { metrics: "count_distinct(spot)" }, { metrics: "sum(place.city)" }])
      problem(await admin().get(`${path}/aggregate${q(parameters)}`), 400, "QUERY");
  });

  test("can be no key, index or name of records", async () => {
    for (const more of [
      { unique: [["place"]] },
      { indexes: [["place"]] },
      { nameField: "place" },
      { unique: [["place.city"]] },
    ])
      problem(
        await admin().put("/api/meta/objects/wrong", {
          name: "wrong",
          properties: { place: { fieldType: "address" } },
          ...more,
        }),
        422,
        "DEFINITION",
      );
  });
});
