// Who may do what with which records: every caller of the demo against every call, and what sharing changes.
import { type Api, type ApiAnswer, createTestApp, q, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, demoUsers, ids, nobody, problem } from "./support.ts";

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
    {
      name: "get by key",
      call: (a, s) => a.get(`/api/leads/by/external_id/${s.code}`),
      seen: () => 200,
      unseen: () => 404,
    },
    { name: "history", call: (a, s) => a.get(`/api/leads/${s.id}/history`), seen: () => 200, unseen: () => 404 },
    {
      name: "list",
      call: (a, s) => a.get(`/api/leads${q({ filter: of(s), select: "company" })}`),
      seen: (s) => [{ id: s.id, company: s.company }],
      unseen: () => [],
    },
    {
      name: "count",
      call: (a, s) => a.get(`/api/leads${q({ filter: of(s), select: "id", limit: 1, count: "exact" })}`),
      seen: () => 1,
      unseen: () => 0,
    },
    {
      name: "query",
      call: (a, s) => a.post("/api/leads/query", { filter: of(s), select: "id" }),
      seen: (s) => [{ id: s.id }],
      unseen: () => [],
    },
    {
      name: "aggregate",
      call: (a, s) => a.get(`/api/leads/aggregate${q({ filter: of(s) })}`),
      seen: () => [{ count: 1 }],
      unseen: () => [{ count: 0 }],
    },
    {
      name: "patch",
      call: (a, s) => a.patch(`/api/leads/${s.id}`, { score: 5 }),
      seen: () => 200,
      unseen: () => 404,
      writes: true,
    },
    {
      name: "patch in an array",
      call: (a, s) => a.patch("/api/leads", [{ id: s.id, score: 6 }]),
      seen: () => 200,
      unseen: () => 404,
      writes: true,
    },
    {
      name: "upsert",
      call: (a, s) => a.put(`/api/leads/by/external_id/${s.code}`, { last_name: "x", company: s.company }),
      seen: () => 200,
      unseen: () => 409,
      writes: true,
    },
    {
      name: "delete",
      call: (a, s) => a.delete(`/api/leads/${s.id}`),
      seen: () => 204,
      unseen: () => 404,
      writes: true,
    },
    {
      name: "refer to",
      call: (a, s) => a.post("/api/tasks", { title: "r", lead: s.id }),
      seen: () => 201,
      unseen: () => 422,
      writes: true,
    },
    {
      name: "keep a reference by patch",
      call: (a, s) => a.patch(`/api/tasks/${s.task}`, { lead: s.id, title: "u" }),
      seen: () => 200,
      unseen: () => 200,
    },
    {
      name: "expand",
      call: (a, s) => a.get(`/api/tasks${q({ filter: `id == '${s.task}'`, select: "lead", expand: "lead" })}`),
      seen: (s) => [{ id: s.task, lead: expect.objectContaining({ company: s.company }) }],
      unseen: (s) => [{ id: s.task, lead: null }],
    },
    {
      name: "walk",
      call: (a, s) =>
        a.get(`/api/tasks${q({ filter: `id == '${s.task}'`, select: "lead.company", order: "lead.company" })}`),
      seen: (s) => [{ id: s.task, lead: { company: s.company } }],
      unseen: (s) => [{ id: s.task, lead: null }],
    },
    {
      name: "filter by a walk",
      call: (a, s) => a.get(`/api/tasks${q({ filter: `lead.${of(s)}`, select: "id" })}`),
      seen: (s) => [{ id: s.task }],
      unseen: () => [],
    },
    {
      name: "filter by a negated walk",
      call: (a, s) => a.get(`/api/tasks${q({ filter: `lead.company != 'x' && id == '${s.task}'`, select: "id" })}`),
      seen: (s) => [{ id: s.task }],
      unseen: () => [],
    },
    {
      name: "group by a walk",
      call: (a, s) =>
        a.get(
          `/api/tasks/aggregate${q({ filter: `id == '${s.task}'`, group: "lead.company", metrics: "max(lead.score)" })}`,
        ),
      seen: (s) => [{ lead_company: s.company, max_lead_score: null }],
      unseen: () => [{ lead_company: null, max_lead_score: null }],
    },
  ];

  describe.each([...sees.map((u) => [u, true] as const), ...blind.map((u) => [u, false] as const)])(
    "%s (sees it: %s)",
    (user, seeing) => {
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
    },
  );

  test.each([
    ["rep_a2", 404],
    ["manager_b", 404],
    ["manager_a", 200],
  ] as const)("deleted, is restored and listed by %s → %i", async (user, status) => {
    const s = await scene(user);
    body(await app.as("rep_a1").delete(`/api/leads/${s.id}`), 204);
    const listed = ids(await app.as(user).get(`/api/leads${q({ deleted: "only", filter: of(s) })}`));
    expect(listed).toEqual(status === 200 ? [s.id] : []);
    expect((await app.as(user).post(`/api/leads/${s.id}/restore`)).status).toBe(status);
  });

  test("a reference to it is refused in the same words as one to nothing", async () => {
    const s = await scene("rep_b1");
    const [unseen, nothing] = [
      await app.as("rep_b1").post("/api/tasks", { title: "r", lead: s.id }),
      await app.as("rep_b1").post("/api/tasks", { title: "r", lead: nobody }),
    ];
    expect({ ...unseen.body, instance: "" }).toEqual({ ...nothing.body, instance: "" });
    const [hidden, missing] = [
      await app.as("rep_b1").get(`/api/leads/${s.id}`),
      await app.as("rep_b1").get(`/api/leads/${nobody}`),
    ];
    expect({ ...hidden.body, instance: "" }).toEqual({ ...missing.body, instance: "" });
  });

  test("goes with its owner", async () => {
    const s = await scene("rep_b1");
    const { result, changes } = await withChanges(app, () =>
      app.as("rep_a1").patch(`/api/leads/${s.id}`, { owner: users["rep_b1"] }),
    );
    body(result, 200);
    expect(changes).toMatchObject([
      { op: "update", old: { owner: users["rep_a1"] }, data: { owner: users["rep_b1"] } },
    ]);
    const statuses = await Promise.all(
      ["rep_a1", "manager_a", "rep_b1", "manager_b", "director"].map(
        async (u) => (await app.as(u).get(`/api/leads/${s.id}`)).status,
      ),
    );
    expect(statuses).toEqual([404, 404, 200, 200, 200]);
    problem(await app.as("rep_b1").patch(`/api/leads/${s.id}`, { owner: nobody }), 422, "VALIDATION", ["/owner"]);
    body(await app.as("rep_b1").patch(`/api/leads/${s.id}`, { owner: null }), 200);
    expect(
      (await app.as("rep_b1").get(`/api/leads/${s.id}`)).status,
      "what nobody owns only those with view_all see",
    ).toBe(404);
    body(await admin().get(`/api/leads/${s.id}`), 200);
  });
});

describe("sharing", () => {
  const statuses = async (plural: string, id: string, name: string): Promise<number[]> => {
    const api = app.as(name);
    return [
      (await api.get(`/api/${plural}/${id}`)).status,
      (await api.patch(`/api/${plural}/${id}`, { n: ++counter })).status,
      (await api.delete(`/api/${plural}/${id}`, { "if-match": '"999"' })).status,
    ];
  };
  // What the owner, the owner's manager, a colleague and the administrator get for GET, PATCH and DELETE (which meets a stale tag).
  test.each([
    [
      "private",
      [
        [200, 200, 412],
        [200, 200, 412],
        [404, 404, 404],
        [200, 200, 412],
      ],
    ],
    [
      "read",
      [
        [200, 200, 412],
        [200, 200, 412],
        [200, 403, 403],
        [200, 200, 412],
      ],
    ],
    [
      "write",
      [
        [200, 200, 412],
        [200, 200, 412],
        [200, 200, 412],
        [200, 200, 412],
      ],
    ],
  ] as const)("%s", async (sharing, expected) => {
    const name = `shared_${sharing}`;
    await define(app, { name, type: "object", sharing, properties: { n: { type: "integer" } } });
    for (const role of ["sales_rep", "sales_manager"]) {
      const { id, rights } = body(await admin().get(`/api/roles/by/name/${role}`), 200);
      body(
        await admin().patch(`/api/roles/${id}`, {
          rights: { ...rights, [name]: ["create", "read", "edit", "delete"] },
        }),
        200,
      );
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
    const { result, changes } = await withChanges(app, () =>
      app.as("rep_a1").patch("/api/leads", [
        { id: mine, score: 1 },
        { id: other, score: 1 },
      ]),
    );
    problem(result, 404, "NOT_FOUND");
    expect(changes).toEqual([]);
  });
});
