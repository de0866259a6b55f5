// What roles give and how they add up, who can hand out what, and the keys that people carry.
import { type Api, contents, createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, demoUsers, hire, ids, nobody, problem } from "./support.ts";

let app: TestApp;
let users: Record<string, string>;
const admin = () => app.as("admin");
let counter = 0;

beforeAll(async () => {
  app = await createTestApp();
  users = await demoUsers(app);
});
afterAll(() => app.close());

describe("roles", () => {
  test("reading without editing: 403 for what they may not do, 404 for what they may not know", async () => {
    const { api, user } = await hire(app, "reader", { rights: { lead: ["read", "view_all"], task: ["read"] } });
    const lead = body(await app.as("rep_a1").post("/api/leads", { last_name: "L", company: "C" }), 201).id;
    const before = await contents(app);
    body(await api.get(`/api/leads/${lead}`), 200);
    for (const forbidden of [
      await api.patch(`/api/leads/${lead}`, { score: 1 }),
      await api.patch("/api/leads", [{ id: lead, score: 1 }]),
      await api.delete(`/api/leads/${lead}`),
      await api.post(`/api/leads/${lead}/restore`),
      await api.post("/api/leads", { last_name: "x", company: "y" }),
      await api.post("/api/leads?atomic=false", []),
      await api.put("/api/leads/by/external_id/x", { last_name: "x", company: "y" }),
      await api.post("/api/tasks", { title: "x" }),
    ])
      if (forbidden.status !== 200) problem(forbidden, 403, "FORBIDDEN");
    for (const unknown of [
      await api.get("/api/products"),
      await api.get(`/api/products/${nobody}`),
      await api.post("/api/products", { name: "x" }),
      await api.patch(`/api/products/${nobody}`, { name: "x" }),
      await api.delete(`/api/products/${nobody}`),
      await api.get("/api/products/aggregate"),
      await api.get("/api/meta/objects/product"),
      await api.get("/api/nothings"),
    ])
      problem(unknown, 404, "NOT_FOUND");
    expect(await contents(app)).toEqual(before);
    const known = body(await api.get("/api/meta/objects"), 200).data.map((d: { name: string }) => d.name);
    expect(known.sort()).toEqual([
      "department",
      "exchange_rate",
      "file",
      "lead",
      "position",
      "role",
      "task",
      "user",
      "user_position",
      "user_role",
    ]);
    const paths = Object.keys(body(await api.get("/api/openapi.json"), 200).paths);
    expect(paths).toEqual(expect.arrayContaining(["/api/leads", "/api/leads/{id}"]));
    expect(paths.filter((p) => p.includes("product"))).toEqual([]);
    const spec = body(await api.get("/api/openapi.json"), 200);
    expect(Object.keys(spec.paths["/api/leads"])).toEqual(["get"]);
    expect(Object.keys(spec.components.schemas)).not.toContain("lead.create");
    body(await admin().patch(`/api/users/${user}`, { active: false }), 200);
  });

  test("OpenAPI lists exactly what the caller may do", async () => {
    const methodsOf = async (user: string): Promise<Record<string, string[]>> => {
      const { paths } = body(await app.as(user).get("/api/openapi.json"), 200) as { paths: Record<string, object> };
      const own = Object.entries(paths).filter(([p]) => /^\/api\/[a-z_]+(\/\{id\})?$/.test(p));
      return Object.fromEntries(own.map(([p, item]) => [p, Object.keys(item).sort()]));
    };
    const rep = await methodsOf("rep_a1");
    for (const plural of [
      "leads",
      "accounts",
      "contacts",
      "opportunities",
      "opportunity_products",
      "tasks",
      "activities",
    ]) {
      expect(rep[`/api/${plural}`]).toEqual(["get", "patch", "post"]);
      expect(rep[`/api/${plural}/{id}`]).toEqual(["delete", "get", "patch"]);
    }
    for (const plural of ["products", "users", "positions", "user_positions", "departments", "roles", "user_roles"]) {
      expect(rep[`/api/${plural}`]).toEqual(["get"]);
      expect(rep[`/api/${plural}/{id}`]).toEqual(["get"]);
    }
    const all = await methodsOf("admin");
    expect(all["/api/users"]).toEqual(["get", "patch", "post"]);
    expect((await methodsOf("manager_a"))["/api/products"]).toEqual(["get", "patch", "post"]);
    // What is not listed is not done either.
    for (const [address, methods] of Object.entries(rep).filter(([p]) => !p.includes("{"))) {
      if (methods.includes("post") || !all[address]?.includes("post")) continue;
      problem(await app.as("rep_a1").post(address, {}), 403, "FORBIDDEN");
    }
  });

  test("what a walk leads to needs a right too", async () => {
    const { api } = await hire(app, "walker", { rights: { opportunity: ["read", "edit", "view_all"] } });
    const product = body(await admin().post("/api/products", { name: "秘密", code: `walk${++counter}` }), 201).id;
    const deal = body(await admin().post("/api/opportunities", { name: "d", product }), 201).id;
    const answer = await api.get(`/api/opportunities/${deal}${q({ expand: "product" })}`);
    expect(body(answer, 200).product).toBeNull();
    for (const parameters of [{ filter: "product.name == '秘密'" }, { filter: "product.name.contains('秘')" }])
      expect(ids(await api.get(`/api/opportunities${q(parameters)}`))).toEqual([]);
    expect(
      (await api.get(`/api/opportunities${q({ select: "product.name,name", order: "product.name" })}`)).text,
    ).not.toContain("秘密");
    problem(await api.patch(`/api/opportunities/${deal}`, { product }), 403, "FORBIDDEN");
  });

  test("add up, and change in the next request", async () => {
    const { api, user } = await hire(app, "growing", { rights: { lead: ["read"] } });
    problem(await api.post("/api/leads", { last_name: "x", company: "y" }), 403, "FORBIDDEN");
    const second = body(await admin().post("/api/roles", { name: "creators", rights: { lead: ["create"] } }), 201).id;
    const held = body(await admin().post("/api/user_roles", { assignee: user, role: second }), 201).id;
    const lead = body(await api.post("/api/leads", { last_name: "x", company: "y" }), 201).id;
    problem(await api.patch(`/api/leads/${lead}`, { score: 1 }), 403, "FORBIDDEN");
    body(await admin().patch(`/api/roles/${second}`, { rights: { lead: ["edit"] } }), 200);
    body(await api.patch(`/api/leads/${lead}`, { score: 1 }), 200);
    body(await admin().delete(`/api/user_roles/${held}`), 204);
    problem(await api.patch(`/api/leads/${lead}`, { score: 2 }), 403, "FORBIDDEN");
    body(await admin().post(`/api/user_roles/${held}/restore`), 200);
    body(await api.patch(`/api/leads/${lead}`, { score: 2 }), 200);
    body(await admin().delete(`/api/roles/${second}`), 204);
    problem(await api.patch(`/api/leads/${lead}`, { score: 3 }), 403, "FORBIDDEN");
  });

  test("default_rights reach new objects and those not named, but no further than records", async () => {
    const { api, user } = await hire(app, "newcomer", {
      rights: { product: [] },
      default_rights: ["create", "read", "edit", "delete", "edit_all"],
    });
    await define(app, { name: "novelty", plural: "novelties", type: "object", properties: { n: { type: "integer" } } });
    const id = body(await api.post("/api/novelties", { n: 1 }), 201).id;
    body(await api.patch(`/api/novelties/${id}`, { n: 2 }), 200);
    problem(await api.get("/api/products"), 404, "NOT_FOUND");
    problem(await app.as("rep_a1").get("/api/novelties"), 404, "NOT_FOUND");
    await cannotRise(api, user);
  });
});

/** Whoever may not hand out roles can by no way come to have more rights than before. */
async function cannotRise(api: Api, user: string): Promise<void> {
  const role = body(await admin().get("/api/roles/by/name/administrator"), 200).id;
  const own = body(await admin().get(`/api/user_roles${q({ filter: `assignee == '${user}'` })}`), 200).data[0];
  const before = await contents(app);
  const attempts = [
    () => api.post("/api/user_roles", { assignee: user, role }),
    () => api.patch(`/api/user_roles/${own.id}`, { role }),
    () => api.patch(`/api/roles/${own.role}`, { administrator: true }),
    () => api.patch(`/api/roles/${own.role}`, { system_rights: ["edit_metadata", "manage_keys"] }),
    () => api.put("/api/roles/by/name/administrator", { rights: {} }),
    () => api.post("/api/roles", { name: "mine", administrator: true }),
    () => api.delete(`/api/user_roles/${own.id}`),
    () => api.post("/api/keys", { name: "k", user: users["admin"] }),
    () => api.put("/api/meta/objects/lead", { name: "lead", type: "object", properties: {} }),
  ];
  for (const attempt of attempts) problem(await attempt(), 403, "FORBIDDEN");
  expect(await contents(app)).toEqual(before);
}

describe("system rights", () => {
  test("manage_users: people and the org chart, not roles", async () => {
    const { api, user } = await hire(app, "personnel", { rights: {}, system_rights: ["manage_users"] });
    const person = body(await api.post("/api/users", { name: "New", email: `n${++counter}@demo.example` }), 201).id;
    body(await api.patch(`/api/users/${person}`, { active: false }), 200);
    const position = body(await api.post("/api/positions", { name: "P" }), 201).id;
    body(await api.post("/api/user_positions", { assignee: person, position }), 201);
    problem(await api.get("/api/leads"), 404, "NOT_FOUND");
    await cannotRise(api, user);
  });

  test("manage_keys: keys of others, but of nobody who may do more", async () => {
    const { api, user } = await hire(app, "keeper", { rights: { lead: ["read"] }, system_rights: ["manage_keys"] });
    const { user: equal } = await hire(app, "equal", { rights: { lead: ["read"] } });
    const made = body(await api.post("/api/keys", { name: "for another", user: equal }), 201);
    expect(body(await app.as(made.key).get("/api/me"), 200).user.id).toBe(equal);
    expect(body(await api.get("/api/keys"), 200).data.length).toBeGreaterThan(9);
    problem(await api.post("/api/keys", { name: "k", user: users["rep_a1"] }), 403, "FORBIDDEN");
    await cannotRise(api, user);
    body(await api.delete(`/api/keys/${made.id}`), 204);
    problem(await app.as(made.key).get("/api/me"), 401, "UNAUTHENTICATED");
  });

  test("edit_metadata changes definitions and nobody's rights", async () => {
    const { api } = await hire(app, "architect", { rights: { lead: ["read"] }, system_rights: ["edit_metadata"] });
    expect(
      (await api.put("/api/meta/objects/draft_1", { name: "draft_1", type: "object", properties: {} })).status,
    ).toBe(201);
    problem(await api.get("/api/draft_1s"), 404, "NOT_FOUND");
    const role = body(await api.get("/api/meta/objects/role"), 200);
    problem(await api.put("/api/meta/objects/role", { ...role, sharing: "write" }), 422, "DEFINITION", ["/sharing"]);
  });
});

describe("keys", () => {
  test("are shown once, listed without their secret, and revoked at once", async () => {
    const made = body(await app.as("rep_a1").post("/api/keys", { name: "mine" }), 201);
    expect(made.key).toMatch(/^gx_demo_[\w-]{20,}$/);
    const api = app.as(made.key);
    expect(body(await api.get("/api/me"), 200).user.id).toBe(users["rep_a1"]);
    const listed = await app.as("rep_a1").get("/api/keys");
    const [shown] = body(listed, 200).data;
    expect(shown).toMatchObject({ id: made.id, name: "mine", user: users["rep_a1"] });
    expect(made.key.startsWith(shown.prefix) && shown.prefix.length <= "gx_demo_".length + 4).toBe(true);
    expect(listed.text).not.toContain(made.key);
    expect(body(listed, 200).data.every((k: { user: string }) => k.user === users["rep_a1"])).toBe(true);
    problem(await app.as("rep_a2").delete(`/api/keys/${made.id}`), 404, "NOT_FOUND");
    body(await app.as("rep_a1").delete(`/api/keys/${made.id}`), 204);
    problem(await api.get("/api/me"), 401, "UNAUTHENTICATED");
    problem(await app.as("rep_a1").delete(`/api/keys/${made.id}`), 404, "NOT_FOUND");
  });

  test("expire when they say", async () => {
    const made = body(
      await admin().post("/api/keys", { name: "brief", expires_at: new Date(Date.now() + 400).toISOString() }),
      201,
    );
    expect(body(await app.as(made.key).get("/api/me"), 200).user.id).toBe(users["admin"]);
    await until("the key to expire", async () => (await app.as(made.key).get("/api/me")).status === 401, 2_000, 20);
  });

  test.each([
    [{ name: "" }, ["/name"]],
    [{ name: 1 }, ["/name"]],
    [{ name: "a\0b" }, ["/name"]],
    [{ name: "x".repeat(10_000) }, ["/name"]],
    [{ name: "k", expires_at: "2001-01-01T00:00:00Z" }, ["/expires_at"]],
    [{ name: "k", expires_at: "next 2100" }, ["/expires_at"]],
    [{ name: "k", expires_at: "+275760-09-13T00:00:00Z" }, ["/expires_at"]],
    [{ name: "k", expires_at: 4e12 }, ["/expires_at"]],
    [{ name: "k", user: "me" }, ["/user"]],
    [{ name: "k", user: nobody }, ["/user"]],
    [{ name: "k", scope: "all" }, ["/scope"]],
    [[], [""]],
    [null, [""]],
  ])("%.60j makes none", async (request, paths) => {
    const before = await contents(app);
    problem(await admin().post("/api/keys", request), 422, "VALIDATION", paths);
    expect(await contents(app)).toEqual(before);
  });

  test.each([
    undefined,
    "",
    "gx_demo_wrong",
    "gx_demo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "gx_nobody_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "gx_demo_' OR 1=1 --AAAAAAAAAAAA",
    "operator",
  ])("%s is nobody's: 401 everywhere, and the same words", async (key) => {
    const api = app.as(key === "operator" ? "gx_operator" : key);
    for (const path of [
      "/api/leads",
      "/api/unicorns",
      `/api/leads/${nobody}`,
      "/api/me",
      "/api/openapi.json",
      "/api/meta/objects",
      "/api/keys",
      "/api/runs",
      "/platform/tenants",
    ]) {
      const answer = await api.get(path);
      problem(answer, 401, "UNAUTHENTICATED");
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
  });

  test("of a user who is inactive or deleted open nothing until they are back", async () => {
    const { api, user } = await hire(app, "leaver", { rights: { lead: ["read"] } });
    body(await api.get("/api/me"), 200);
    body(await admin().patch(`/api/users/${user}`, { active: false }), 200);
    problem(await api.get("/api/me"), 401, "UNAUTHENTICATED");
    body(await admin().patch(`/api/users/${user}`, { active: true }), 200);
    body(await api.get("/api/leads"), 200);
    body(await admin().delete(`/api/users/${user}`), 204);
    problem(await api.get("/api/leads"), 401, "UNAUTHENTICATED");
    body(await admin().post(`/api/users/${user}/restore`), 200);
    body(await api.get("/api/leads"), 200);
  });
});
