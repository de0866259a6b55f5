import { createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());

describe("fields named as SQL or our own statements name things", () => {
  const names = [
    "o",
    "t",
    "i",
    "n",
    "p",
    "r",
    "k",
    "c",
    "v",
    "e",
    "j",
    "s",
    "x",
    "input",
    "data",
    "meta",
    "select",
    "order",
    "end",
    "count",
  ];

  test("keep their values on every way in and out", async () => {
    const admin = app.as("admin");
    const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
    const put = await admin.put("/api/meta/objects/odd", { name: "odd", plural: "odds", type: "object", properties });
    expect(put.status, put.text).toBe(201);
    const values = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    const created = await admin.post("/api/odds", values);
    expect(created.body).toMatchObject(values);
    const patched = await admin.patch(`/api/odds/${created.body.id}`, { o: "other" });
    expect(patched.body).toMatchObject({ ...values, o: "other" });
    expect((await admin.get("/api/odds")).body.data).toMatchObject([{ ...values, o: "other" }]);
    expect((await admin.get(`/api/odds/aggregate${q({ group: "o,t" })}`)).body.data).toEqual([
      { o: "other", t: "value of t", count: 1 },
    ]);
    expect((await admin.get(`/api/odds/${created.body.id}/history`)).body.data[0].changes).toEqual({
      o: { from: "value of o", to: "other" },
    });
  });
});

describe("what one request may ask for", () => {
  test("is bounded where more would cost the database dearly", async () => {
    const rep = app.as("rep_a1");
    const many = Array.from({ length: 100 }, () => "last_name").join(",");
    expect((await rep.get(`/api/leads${q({ order: many })}`)).status).toBe(400);
    const walks = ["account", "contact", "product"].flatMap((a) =>
      ["owner", "created_by", "updated_by"].flatMap((b) =>
        ["owner", "created_by", "updated_by"].map((c) => `${a}.${b}.${c}.name`),
      ),
    );
    const refused = await rep.get(`/api/opportunities${q({ select: walks.join(",") })}`);
    expect([refused.status, refused.body.code]).toEqual([400, "GX-QUERY"]);
    expect((await rep.get(`/api/opportunities${q({ select: walks.slice(0, 4).join(",") })}`)).status).toBe(200);
  });

  test("the least of a picklist is refused, since its values have an order of their own", async () => {
    expect((await app.as("admin").get(`/api/leads/aggregate${q({ metrics: "min(status)" })}`)).status).toBe(400);
  });
});

describe("rows that are written each alone", () => {
  test("have paths of their own", async () => {
    const lead = (await app.as("rep_a1").post("/api/leads", { last_name: "Alone", company: "Acme" })).body;
    const answer = await app.as("rep_a1").patch("/api/leads?atomic=false", [
      { id: lead.id, company: "Beta" },
      { id: lead.id, last_name: null },
    ]);
    expect(answer.body.data).toMatchObject([{ id: lead.id }, { error: { errors: [{ path: "/last_name" }] } }]);
  });
});

describe("on another node", () => {
  let other: TestApp;
  beforeAll(async () => {
    other = await createTestApp({ on: app });
  });
  afterAll(() => other.close());

  test("a user who was made inactive is out", async () => {
    const user = (await app.as("admin").post("/api/users", { name: "Gone", email: "gone@example.com" })).body.id;
    const { key } = (await app.as("admin").post("/api/keys", { name: "k", user })).body;
    expect((await other.as(key).get("/api/me")).status).toBe(200);
    await app.as("admin").patch(`/api/users/${user}`, { active: false });
    await until("the other node to know", async () => (await other.as(key).get("/api/me")).status === 401, 2_000);
  });

  test("a tenant made again under an old id has nothing of the old one", async () => {
    const make = async () =>
      (
        await app
          .as("operator")
          .post("/platform/tenants", { id: "again", name: "Again", admin: { email: "a@example.com" } })
      ).body.admin.key as string;
    const define = (key: string, name: string) =>
      app.as(key).put(`/api/meta/objects/${name}`, {
        name,
        plural: `${name}s`,
        type: "object",
        properties: { a: { type: "string" } },
      });
    const first = await make();
    await define(first, "before");
    expect((await other.as(first).get("/api/befores")).status).toBe(200);
    expect((await app.as("operator").delete("/platform/tenants/again")).status).toBe(204);
    const second = await make();
    await define(second, "after");
    await until(
      "the other node to know",
      async () => (await other.as(second).get("/api/afters")).status === 200,
      2_000,
    );
    expect((await other.as(second).get("/api/befores")).status).toBe(404);
    expect((await other.as(first).get("/api/befores")).status).toBe(401);
  });
});

describe("a before-script", () => {
  test("reads with the rights of its publisher, not of whoever writes", async () => {
    const admin = app.as("admin");
    const put = await admin.put("/api/meta/objects/note_x", {
      name: "note_x",
      plural: "notes_x",
      type: "object",
      sharing: "write",
      properties: { seen: { type: "integer" } },
    });
    expect(put.status).toBe(201);
    const role = (
      await admin.post("/api/roles", {
        name: "builder",
        rights: { note_x: ["create", "read", "edit"] },
        system_rights: ["edit_metadata"],
      })
    ).body.id;
    const rep = (await app.as("rep_b2").get("/api/me")).body.user.id;
    expect((await admin.post("/api/user_roles", { assignee: rep, role })).status).toBe(201);
    const script =
      "export default async ({ record, crm }) => { record.seen = (await crm.records('lead').find({ limit: 500 })).length; };";
    const published = await app
      .as("rep_b2")
      .put("/api/meta/workflows/spy", { name: "spy", object: "note_x", on: "before_create", script });
    expect(published.status, published.text).toBe(201);
    const own = (await app.as("rep_b2").get(`/api/leads${q({ count: "exact", limit: 1 })}`)).body.count;
    const all = (await admin.get(`/api/leads${q({ count: "exact", limit: 1 })}`)).body.count;
    expect(own).toBeLessThan(all);
    expect((await admin.post("/api/notes_x", {})).body.seen).toBe(own);
  });
});
