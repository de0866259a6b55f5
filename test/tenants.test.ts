// Tenants side by side: whatever one sends, nothing of the other is told or touched.
import { type Api, type ApiAnswer, contents, createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids, problem } from "./support.ts";

let app: TestApp;
let other: Api;
let otherUser: string;
let otherKey: string;
const operator = () => app.as("operator");
const admin = () => app.as("admin");
const secret = "機密公司";

/** What the first tenant has, whose ids the second one sends. */
let demo: {
  lead: string;
  account: string;
  task: string;
  user: string;
  role: string;
  key: string;
  run: string;
  cursor: string;
  vault: string;
};

beforeAll(async () => {
  app = await createTestApp();
  const made = body(
    await operator().post("/platform/tenants", {
      id: "second",
      name: "Second",
      admin: { email: "a@example.com" },
      plugins: ["sales"],
      timeZone: "Asia/Taipei",
      locale: "zh-TW",
    }),
    201,
  );
  other = app.as(made.admin.key);
  [otherUser, otherKey] = [made.admin.user, made.admin.key];
  await define(app, { name: "vault", type: "object", properties: { code: { type: "string", unique: true } } });
  const account = body(await admin().post("/api/accounts", { name: secret, external_id: "A1" }), 201).id;
  const lead = body(await admin().post("/api/leads", { last_name: "L", company: secret, external_id: "L1" }), 201).id;
  await admin().post("/api/leads", [
    { last_name: "M", company: secret },
    { last_name: "N", company: secret },
  ]);
  const workflow = { name: "note", object: "lead", on: "manual", script: "export default async () => {}" };
  expect([200, 201]).toContain((await admin().put("/api/meta/workflows/note", workflow)).status);
  const run = body(await admin().post("/api/workflows/note/start", { record: lead }), 202).run;
  demo = {
    lead,
    account,
    run,
    task: body(await admin().post("/api/tasks", { title: secret, lead, account }), 201).id,
    user: body(await admin().get("/api/me"), 200).user.id,
    role: body(await admin().get("/api/roles/by/name/sales_rep"), 200).id,
    key: body(await admin().post("/api/keys", { name: secret }), 201).id,
    cursor: body(await admin().get("/api/leads?limit=1&order=-company"), 200).next,
    vault: body(await admin().post("/api/vaults", { code: secret }), 201).id,
  };
});
afterAll(() => app.close());

describe("the second tenant", () => {
  test("sees only its own", async () => {
    expect(body(await other.get("/api/me"), 200)).toMatchObject({
      user: { id: otherUser },
      tenant: { id: "second" },
      locale: "zh-TW",
    });
    for (const plural of ["leads", "accounts", "contacts", "opportunities", "tasks", "products"])
      expect(body(await other.get(`/api/${plural}?count=exact`), 200)).toEqual({ data: [], next: null, count: 0 });
    expect(body(await other.get("/api/users"), 200).data.map((u: { id: string }) => u.id)).toEqual([otherUser]);
    expect(body(await other.get("/api/keys"), 200).data).toMatchObject([{ user: otherUser }]);
    expect(body(await other.get("/api/runs"), 200).data).toEqual([]);
    expect(body(await other.get("/api/meta/workflows"), 200).data).toEqual([]);
    expect(body(await other.get("/api/meta/objects"), 200).data.map((d: { name: string }) => d.name)).not.toContain(
      "vault",
    );
    expect((await other.get("/api/openapi.json")).text).not.toContain("vault");
  });

  type Crossing = readonly [title: string, call: () => Promise<ApiAnswer>, status: number];
  const crossings: readonly Crossing[] = [
    ["get", () => other.get(`/api/leads/${demo.lead}`), 404],
    ["get expanded", () => other.get(`/api/tasks/${demo.task}?expand=lead`), 404],
    ["patch", () => other.patch(`/api/leads/${demo.lead}`, { company: "x" }), 404],
    ["patch in an array", () => other.patch("/api/leads", [{ id: demo.lead, company: "x" }]), 404],
    ["delete", () => other.delete(`/api/leads/${demo.lead}`), 404],
    ["delete a user", () => other.delete(`/api/users/${demo.user}`), 404],
    ["restore", () => other.post(`/api/leads/${demo.lead}/restore`), 404],
    ["history", () => other.get(`/api/leads/${demo.lead}/history`), 404],
    ["by key", () => other.get("/api/leads/by/external_id/L1"), 404],
    ["by id", () => other.get(`/api/leads/by/id/${demo.lead}`), 404],
    ["an object of the first", () => other.get("/api/vaults"), 404],
    ["a record of an object of the first", () => other.patch(`/api/vaults/${demo.vault}`, { code: "x" }), 404],
    ["its definition", () => other.get("/api/meta/objects/vault"), 404],
    ["deleting its definition", () => other.delete("/api/meta/objects/vault?allow=drop:vault"), 404],
    ["a reference on create", () => other.post("/api/tasks", { title: "t", lead: demo.lead }), 422],
    [
      "references in an array",
      () => other.post("/api/tasks", [{ title: "t" }, { title: "u", account: demo.account }]),
      422,
    ],
    ["an owner", () => other.post("/api/leads", { last_name: "x", company: "y", owner: demo.user }), 422],
    ["a role", () => other.post("/api/user_roles", { assignee: otherUser, role: demo.role }), 422],
    ["an assignee", () => other.post("/api/user_positions", { assignee: demo.user, position: demo.role }), 422],
    ["a key for its user", () => other.post("/api/keys", { name: "k", user: demo.user }), 422],
    ["revoking its key", () => other.delete(`/api/keys/${demo.key}`), 404],
    ["its run", () => other.get(`/api/runs/${demo.run}`), 404],
    ["cancelling its run", () => other.post(`/api/runs/${demo.run}/cancel`), 404],
    ["retrying its run", () => other.post(`/api/runs/${demo.run}/retry`), 404],
    ["its workflow", () => other.get("/api/meta/workflows/note"), 404],
    ["starting its workflow", () => other.post("/api/workflows/note/start", { record: demo.lead }), 404],
    ["its schema's name as a plural", () => other.get('/api/t_demo"."lead'), 404],
    ["the list of tenants", () => other.get("/platform/tenants"), 403],
    ["the first tenant", () => other.get("/platform/tenants/demo"), 403],
    ["deleting the first tenant", () => other.delete("/platform/tenants/demo"), 403],
    ["deleting itself", () => other.delete("/platform/tenants/second"), 403],
    [
      "making another",
      () => other.post("/platform/tenants", { id: "third", name: "T", admin: { email: "b@example.com" } }),
      403,
    ],
    ["an unknown operator route", () => other.get("/platform/nothing"), 403],
    ["the demo administrator on operator routes", () => admin().delete("/platform/tenants/second"), 403],
    ["the operator's key on tenant routes", () => operator().get("/api/leads"), 401],
    [
      "a key with the other tenant's name in it",
      () => app.as(otherKey.replace("second", "demo")).get("/api/leads"),
      401,
    ],
  ];
  test.each(crossings)("%s", async (_, call, status) => {
    const before = await contents(app);
    const answer = await call();
    expect(answer.status, answer.text).toBe(status);
    expect(answer.text).not.toContain(secret);
    expect(await contents(app)).toEqual(before);
  });

  test("reads nothing by another's cursor, filter or key", async () => {
    const walked = await other.get(`/api/leads${q({ order: "-company", cursor: demo.cursor })}`);
    expect([200, 400]).toContain(walked.status);
    expect(walked.text).not.toContain(demo.lead);
    expect(ids(await other.get(`/api/leads${q({ filter: `id == '${demo.lead}'` })}`))).toEqual([]);
    expect(ids(await other.get(`/api/users${q({ filter: `id == '${demo.user}'` })}`))).toEqual([]);
    expect(body(await other.get(`/api/leads/aggregate${q({ filter: `owner == '${demo.user}'` })}`), 200).data).toEqual([
      { count: 0 },
    ]);
  });

  test("has objects, keys and numbers of its own under the same names", async () => {
    body(
      await other.put("/api/meta/objects/vault", {
        name: "vault",
        type: "object",
        properties: { code: { type: "integer", unique: true } },
      }),
      201,
    );
    body(await other.post("/api/vaults", { code: 1 }), 201);
    expect(body(await admin().get("/api/vaults"), 200).data).toMatchObject([{ code: secret }]);
    const lead = body(await other.put("/api/leads/by/external_id/L1", { last_name: "Own", company: "Own" }), 201);
    expect(lead.id).not.toBe(demo.lead);
    expect(body(await admin().get(`/api/leads/${demo.lead}`), 200).company).toBe(secret);
    const [mine, theirs] = [
      body(await other.post("/api/opportunities", { name: "o" }), 201).number,
      body(await admin().post("/api/opportunities", { name: "o" }), 201).number,
    ];
    expect(mine).toMatch(/-000001$/);
    expect(theirs).not.toBe(mine);
    await other.post("/api/leads", { last_name: "Z", company: "Z" });
    expect(body(await other.get(`/api/leads/aggregate${q({ group: "month(created_at)" })}`), 200).data).toHaveLength(1);
    body(await other.delete(`/api/leads/${lead.id}`), 204);
    body(await admin().get(`/api/leads/${demo.lead}`), 200);
  });
});

describe("operator", () => {
  test("lists and shows tenants, without their data", async () => {
    const listed = body(await operator().get("/platform/tenants"), 200).data;
    expect(listed.map((t: { id: string }) => t.id)).toEqual(["demo", "second"]);
    const shown = body(await operator().get("/platform/tenants/second"), 200);
    expect(Object.keys(shown).sort()).toEqual(["createdAt", "id", "name", "plugins"]);
    expect(shown.createdAt).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    problem(await operator().get("/platform/tenants/none"), 404, "NOT_FOUND");
    problem(await app.as(undefined).get("/platform/tenants"), 401, "UNAUTHENTICATED");
    problem(await app.as("wrong").get("/platform/tenants"), 401, "UNAUTHENTICATED");
  });

  const good = { id: "fresh", name: "Fresh", admin: { email: "f@example.com" } };
  test.each([
    [{ ...good, id: "demo" }, 409, ["/id"]],
    [{ ...good, id: "x" }, 422, ["/id"]],
    [{ ...good, id: "Fresh" }, 422, ["/id"]],
    [{ ...good, id: "1st" }, 422, ["/id"]],
    [{ ...good, id: "a_b" }, 422, ["/id"]],
    [{ ...good, id: "a".repeat(32) }, 422, ["/id"]],
    [{ ...good, id: 'x"; DROP SCHEMA t_demo CASCADE; --' }, 422, ["/id"]],
    [{ ...good, id: 7, name: "", admin: {} }, 422, ["/admin/email", "/id", "/name"]],
    [{ ...good, name: "a\0b" }, 422, ["/name"]],
    [{ ...good, admin: { email: "no mail" } }, 422, ["/admin/email"]],
    [{ ...good, admin: { email: "a@-b" } }, 422, ["/admin/email"]],
    [{ ...good, admin: { email: "a\0@b.example" } }, 422, ["/admin/email"]],
    [{ ...good, admin: { email: "f@example.com", name: "x".repeat(500) } }, 422, ["/admin/name"]],
    [{ ...good, admin: { email: "f@example.com", name: "a\0b" } }, 422, ["/admin/name"]],
    [{ ...good, admin: { email: "f@example.com", name: 7 } }, 422, ["/admin/name"]],
    [{ ...good, admin: { email: "f@example.com", rights: "all" } }, 422, ["/admin/rights"]],
    [{ ...good, plugins: ["nope"] }, 422, ["/plugins"]],
    [{ ...good, plugins: "sales" }, 422, ["/plugins"]],
    [
      { ...good, locale: "fr", timeZone: "Mars/Base", currency: "yuan", country: "China" },
      422,
      ["/country", "/currency", "/locale", "/timeZone"],
    ],
    [{ ...good, timeZone: "+08:00" }, 422, ["/timeZone"]],
    [{ ...good, currency: ["CNY"], country: ["CN"] }, 422, ["/country", "/currency"]],
    [{ ...good, schema: "t_demo" }, 422, ["/schema"]],
    [[], 422, [""]],
    [null, 422, [""]],
  ] as const)("%.80j makes none", async (request, status, paths) => {
    const before = await contents(app);
    problem(
      await operator().post("/platform/tenants", request),
      status,
      status === 409 ? "CONFLICT" : "VALIDATION",
      paths,
    );
    expect(await contents(app)).toEqual(before);
  });

  test("a name that is asked for ten times at once is given once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => operator().post("/platform/tenants", { ...good, id: "raced" })),
    );
    expect(answers.map((a) => a.status).sort()).toEqual([201, ...Array.from({ length: 9 }, () => 409)]);
    const winner = answers.find((a) => a.status === 201)?.body;
    body(await app.as(winner.admin.key).get("/api/users"), 200);
    body(await operator().delete("/platform/tenants/raced"), 204);
  });

  test("a tenant's newest metadata is there without a session, on a node that has not heard of it too", async () => {
    const made = body(await operator().post("/platform/tenants", { ...good, id: "newest" }), 201);
    const node = await createTestApp({ on: app });
    const snapshot = () => node.kernel.tenants.snapshot("newest");
    try {
      const before = await snapshot();
      expect(before.objects.has("buoy")).toBe(false);
      body(
        await app.as(made.admin.key).put("/api/meta/objects/buoy", { name: "buoy", type: "object", properties: {} }),
        201,
      );
      expect((await snapshot()).objects.has("buoy")).toBe(true);
      expect((await snapshot()).version).toBe(before.version + 1);
      expect(await snapshot()).toBe(await snapshot());
      await expect(node.kernel.tenants.snapshot("nobody")).rejects.toMatchObject({ code: "NOT_FOUND" });
    } finally {
      await node.close();
      body(await operator().delete("/platform/tenants/newest"), 204);
    }
  });

  test("a deleted tenant is gone with schema and keys, and its name begins anew", async () => {
    const first = body(await operator().post("/platform/tenants", { ...good, plugins: ["sales"] }), 201);
    const api = app.as(first.admin.key);
    const lead = body(await api.post("/api/leads", { last_name: "x", company: "y" }), 201).id;
    const [key] = body(await api.get("/api/keys"), 200).data;
    expect(first.admin.key.startsWith(key.prefix) && key.prefix.length).toBe("gx_fresh_".length + 4);
    const before = await contents(app);
    expect((await operator().delete("/platform/tenants/fresh")).status).toBe(204);
    problem(await api.get("/api/leads"), 401, "UNAUTHENTICATED");
    problem(await operator().delete("/platform/tenants/fresh"), 404, "NOT_FOUND");
    const after = await contents(app);
    expect(Object.keys(after).filter((t) => t.startsWith("t_fresh"))).toEqual([]);
    for (const [table, digest] of Object.entries(after))
      if (table.startsWith("t_")) expect(digest, table).toBe(before[table]);
    const keys = await app.store.sql<{ n: number }>("SELECT count(*) AS n FROM guanxi.api_key WHERE tenant = 'fresh'");
    expect(keys[0]?.n).toBe(0);
    const second = body(await operator().post("/platform/tenants", good), 201);
    problem(await api.get("/api/users"), 401, "UNAUTHENTICATED");
    problem(await app.as(second.admin.key).get(`/api/leads/${lead}`), 404, "NOT_FOUND");
    body(await app.as(second.admin.key).get("/api/users"), 200);
  });
});
