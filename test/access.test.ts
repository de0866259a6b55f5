// Who may do what with which records: every caller of the demo against every call, and what roles, sharing and keys change.
import { type Api, type ApiAnswer, contents, createTestApp, q, type TestApp, until, withChanges } from "@guanxi/testing";
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

describe("a lead of rep_a1", () => {
  const sees = ["rep_a1", "manager_a", "sales_director", "director", "admin"];
  const blind = ["rep_a2", "manager_b", "rep_b1", "rep_b2"];

  interface Scene {
    readonly id: string;
    readonly company: string;
    readonly code: string;
    /** A task of the caller's own that names the lead. */
    readonly task: string;
  }

  async function scene(viewer: string): Promise<Scene> {
    const company = `Acme ${++counter}`;
    const code = `code-${counter}`;
    const id = body(await app.as("rep_a1").post("/api/leads", { last_name: "李", company, external_id: code }), 201).id;
    const task = body(await admin().post("/api/tasks", { title: "t", lead: id, owner: users[viewer] }), 201).id;
    return { id, company, code, task };
  }

  const rows = (answer: ApiAnswer): unknown => body(answer, 200).data;
  const of = (s: Scene) => `company == '${s.company}'`;
  type Call = (api: Api, s: Scene) => Promise<ApiAnswer>;
  interface Case {
    readonly name: string;
    readonly call: Call;
    /** What it answers to those who see the lead, and to those who do not: a status, or the rows of the body. */
    readonly seen: (s: Scene) => unknown;
    readonly unseen: (s: Scene) => unknown;
    /** Whether it would write something for those who see the lead. */
    readonly writes?: boolean;
  }
  const calls: readonly Case[] = [
    { name: "get", call: (a, s) => a.get(`/api/leads/${s.id}`), seen: () => 200, unseen: () => 404 },
    { name: "get by key", call: (a, s) => a.get(`/api/leads/by/external_id/${s.code}`), seen: () => 200, unseen: () => 404 },
    { name: "history", call: (a, s) => a.get(`/api/leads/${s.id}/history`), seen: () => 200, unseen: () => 404 },
    { name: "list", call: (a, s) => a.get(`/api/leads${q({ filter: of(s), select: "company" })}`), seen: (s) => [{ id: s.id, company: s.company }], unseen: () => [] },
    { name: "count", call: (a, s) => a.get(`/api/leads${q({ filter: of(s), select: "id", limit: 1, count: "exact" })}`), seen: () => 1, unseen: () => 0 },
    { name: "query", call: (a, s) => a.post("/api/leads/query", { filter: of(s), select: "id" }), seen: (s) => [{ id: s.id }], unseen: () => [] },
    { name: "aggregate", call: (a, s) => a.get(`/api/leads/aggregate${q({ filter: of(s) })}`), seen: () => [{ count: 1 }], unseen: () => [{ count: 0 }] },
    { name: "patch", call: (a, s) => a.patch(`/api/leads/${s.id}`, { score: 5 }), seen: () => 200, unseen: () => 404, writes: true },
    { name: "patch in an array", call: (a, s) => a.patch("/api/leads", [{ id: s.id, score: 6 }]), seen: () => 200, unseen: () => 404, writes: true },
    { name: "upsert", call: (a, s) => a.put(`/api/leads/by/external_id/${s.code}`, { last_name: "x", company: s.company }), seen: () => 200, unseen: () => 409, writes: true },
    { name: "delete", call: (a, s) => a.delete(`/api/leads/${s.id}`), seen: () => 204, unseen: () => 404, writes: true },
    { name: "refer to", call: (a, s) => a.post("/api/tasks", { title: "r", lead: s.id }), seen: () => 201, unseen: () => 422, writes: true },
    { name: "keep a reference by patch", call: (a, s) => a.patch(`/api/tasks/${s.task}`, { lead: s.id, title: "u" }), seen: () => 200, unseen: () => 200 },
    { name: "expand", call: (a, s) => a.get(`/api/tasks${q({ filter: `id == '${s.task}'`, select: "lead", expand: "lead" })}`), seen: (s) => [{ id: s.task, lead: expect.objectContaining({ company: s.company }) }], unseen: (s) => [{ id: s.task, lead: null }] },
    { name: "walk", call: (a, s) => a.get(`/api/tasks${q({ filter: `id == '${s.task}'`, select: "lead.company", order: "lead.company" })}`), seen: (s) => [{ id: s.task, lead: { company: s.company } }], unseen: (s) => [{ id: s.task, lead: null }] },
    { name: "filter by a walk", call: (a, s) => a.get(`/api/tasks${q({ filter: `lead.${of(s)}`, select: "id" })}`), seen: (s) => [{ id: s.task }], unseen: () => [] },
    { name: "filter by a negated walk", call: (a, s) => a.get(`/api/tasks${q({ filter: `lead.company != 'x' && id == '${s.task}'`, select: "id" })}`), seen: (s) => [{ id: s.task }], unseen: () => [] },
    { name: "group by a walk", call: (a, s) => a.get(`/api/tasks/aggregate${q({ filter: `id == '${s.task}'`, group: "lead.company", metrics: "max(lead.score)" })}`), seen: (s) => [{ lead_company: s.company, max_lead_score: null }], unseen: () => [{ lead_company: null, max_lead_score: null }] },
  ];

  describe.each([...sees.map((u) => [u, true] as const), ...blind.map((u) => [u, false] as const)])("%s (sees it: %s)", (user, seeing) => {
    test.each(calls)("$name", async ({ name, call, seen, unseen, writes }) => {
      const s = await scene(user);
      const { result, changes } = await withChanges(app, () => call(app.as(user), s));
      const expected = (seeing ? seen : unseen)(s);
      if (name === "count") expect(body(result, 200).count).toBe(expected);
      else if (typeof expected === "number") expect(result.status, result.text).toBe(expected);
      else expect(rows(result)).toEqual(expected);
      if (!seeing) {
        expect(result.text.includes(s.company), "nothing of the lead is told").toBe(false);
        expect(changes.filter((c) => c.record === s.id)).toEqual([]);
      }
      if (writes && !seeing) expect(changes).toEqual([]);
    });
  });

  test.each([["rep_a2", 404], ["manager_b", 404], ["manager_a", 200]] as const)("deleted, is restored and listed by %s → %i", async (user, status) => {
    const s = await scene(user);
    body(await app.as("rep_a1").delete(`/api/leads/${s.id}`), 204);
    const listed = ids(await app.as(user).get(`/api/leads${q({ deleted: "only", filter: of(s) })}`));
    expect(listed).toEqual(status === 200 ? [s.id] : []);
    expect((await app.as(user).post(`/api/leads/${s.id}/restore`)).status).toBe(status);
  });

  test("a reference to it is refused in the same words as one to nothing", async () => {
    const s = await scene("rep_b1");
    const [unseen, nothing] = [await app.as("rep_b1").post("/api/tasks", { title: "r", lead: s.id }), await app.as("rep_b1").post("/api/tasks", { title: "r", lead: nobody })];
    expect({ ...unseen.body, instance: "" }).toEqual({ ...nothing.body, instance: "" });
    const [hidden, missing] = [await app.as("rep_b1").get(`/api/leads/${s.id}`), await app.as("rep_b1").get(`/api/leads/${nobody}`)];
    expect({ ...hidden.body, instance: "" }).toEqual({ ...missing.body, instance: "" });
  });

  test("goes with its owner", async () => {
    const s = await scene("rep_b1");
    const { result, changes } = await withChanges(app, () => app.as("rep_a1").patch(`/api/leads/${s.id}`, { owner: users["rep_b1"] }));
    body(result, 200);
    expect(changes).toMatchObject([{ op: "update", old: { owner: users["rep_a1"] }, data: { owner: users["rep_b1"] } }]);
    const statuses = await Promise.all(["rep_a1", "manager_a", "rep_b1", "manager_b", "director"].map(async (u) => (await app.as(u).get(`/api/leads/${s.id}`)).status));
    expect(statuses).toEqual([404, 404, 200, 200, 200]);
    problem(await app.as("rep_b1").patch(`/api/leads/${s.id}`, { owner: nobody }), 422, "VALIDATION", ["/owner"]);
    body(await app.as("rep_b1").patch(`/api/leads/${s.id}`, { owner: null }), 200);
    expect((await app.as("rep_b1").get(`/api/leads/${s.id}`)).status, "what nobody owns only those with view_all see").toBe(404);
    body(await admin().get(`/api/leads/${s.id}`), 200);
  });
});

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
    ]) if (forbidden.status !== 200) problem(forbidden, 403, "FORBIDDEN");
    for (const unknown of [
      await api.get("/api/products"),
      await api.get(`/api/products/${nobody}`),
      await api.post("/api/products", { name: "x" }),
      await api.patch(`/api/products/${nobody}`, { name: "x" }),
      await api.delete(`/api/products/${nobody}`),
      await api.get("/api/products/aggregate"),
      await api.get("/api/meta/objects/product"),
      await api.get("/api/nothings"),
    ]) problem(unknown, 404, "NOT_FOUND");
    expect(await contents(app)).toEqual(before);
    const known = body(await api.get("/api/meta/objects"), 200).data.map((d: { name: string }) => d.name);
    expect(known.sort()).toEqual(["department", "lead", "position", "role", "task", "user", "user_position", "user_role"]);
    const paths = Object.keys(body(await api.get("/api/openapi.json"), 200).paths);
    expect(paths).toEqual(expect.arrayContaining(["/api/leads", "/api/leads/{id}"]));
    expect(paths.filter((p) => p.includes("product"))).toEqual([]);
    const spec = body(await api.get("/api/openapi.json"), 200);
    expect(Object.keys(spec.paths["/api/leads"])).toEqual(["get"]);
    expect(Object.keys(spec.components.schemas)).not.toContain("lead.create");
    body(await admin().patch(`/api/users/${user}`, { active: false }), 200);
  });

  test("what a walk leads to needs a right too", async () => {
    const { api } = await hire(app, "walker", { rights: { opportunity: ["read", "edit", "view_all"] } });
    const product = body(await admin().post("/api/products", { name: "秘密", code: `walk${++counter}` }), 201).id;
    const deal = body(await admin().post("/api/opportunities", { name: "d", product }), 201).id;
    const answer = await api.get(`/api/opportunities/${deal}${q({ expand: "product" })}`);
    expect(body(answer, 200).product).toBeNull();
    for (const parameters of [{ filter: "product.name == '秘密'" }, { filter: "product.name.contains('秘')" }]) expect(ids(await api.get(`/api/opportunities${q(parameters)}`))).toEqual([]);
    expect((await api.get(`/api/opportunities${q({ select: "product.name,name", order: "product.name" })}`)).text).not.toContain("秘密");
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
    const { api, user } = await hire(app, "newcomer", { rights: { product: [] }, default_rights: ["create", "read", "edit", "delete", "edit_all"] });
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
    expect((await api.put("/api/meta/objects/draft_1", { name: "draft_1", type: "object", properties: {} })).status).toBe(201);
    problem(await api.get("/api/draft_1s"), 404, "NOT_FOUND");
    const role = body(await api.get("/api/meta/objects/role"), 200);
    problem(await api.put("/api/meta/objects/role", { ...role, sharing: "write" }), 422, "DEFINITION", ["/sharing"]);
  });
});

describe("sharing", () => {
  const statuses = async (plural: string, id: string, name: string): Promise<number[]> => {
    const api = app.as(name);
    return [(await api.get(`/api/${plural}/${id}`)).status, (await api.patch(`/api/${plural}/${id}`, { n: ++counter })).status, (await api.delete(`/api/${plural}/${id}`, { "if-match": '"999"' })).status];
  };
  // What the owner, the owner's manager, a colleague and the administrator get for GET, PATCH and DELETE (which meets a stale tag).
  test.each([
    ["private", [[200, 200, 412], [200, 200, 412], [404, 404, 404], [200, 200, 412]]],
    ["read", [[200, 200, 412], [200, 200, 412], [200, 403, 403], [200, 200, 412]]],
    ["write", [[200, 200, 412], [200, 200, 412], [200, 200, 412], [200, 200, 412]]],
  ] as const)("%s", async (sharing, expected) => {
    const name = `shared_${sharing}`;
    await define(app, { name, type: "object", sharing, properties: { n: { type: "integer" } } });
    for (const role of ["sales_rep", "sales_manager"]) {
      const { id, rights } = body(await admin().get(`/api/roles/by/name/${role}`), 200);
      body(await admin().patch(`/api/roles/${id}`, { rights: { ...rights, [name]: ["create", "read", "edit", "delete"] } }), 200);
    }
    const id = body(await app.as("rep_a1").post(`/api/${name}s`, { n: 1 }), 201).id;
    const given = [];
    for (const who of ["rep_a1", "manager_a", "rep_a2", "admin"]) given.push(await statuses(`${name}s`, id, who));
    expect(given).toEqual(expected);
    await define(app, { name, type: "object", sharing: "private", properties: { n: { type: "integer" } } });
    expect((await app.as("rep_a2").get(`/api/${name}s/${id}`)).status, "narrowed, in the next request").toBe(404);
  });

  test("an array with one record out of reach changes none", async () => {
    const mine = body(await app.as("rep_a1").post("/api/leads", { last_name: "m", company: "c" }), 201).id;
    const other = body(await app.as("rep_b1").post("/api/leads", { last_name: "o", company: "c" }), 201).id;
    const { result, changes } = await withChanges(app, () => app.as("rep_a1").patch("/api/leads", [{ id: mine, score: 1 }, { id: other, score: 1 }]));
    problem(result, 404, "NOT_FOUND");
    expect(changes).toEqual([]);
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
    const made = body(await admin().post("/api/keys", { name: "brief", expires_at: new Date(Date.now() + 400).toISOString() }), 201);
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

  test.each([undefined, "", "gx_demo_wrong", "gx_demo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "gx_nobody_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "gx_demo_' OR 1=1 --AAAAAAAAAAAA", "operator"])("%s is nobody's: 401 everywhere, and the same words", async (key) => {
    const api = app.as(key === "operator" ? "gx_operator" : key);
    for (const path of ["/api/leads", "/api/unicorns", `/api/leads/${nobody}`, "/api/me", "/api/openapi.json", "/api/meta/objects", "/api/keys", "/api/runs", "/platform/tenants"]) {
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
