// Positions: who stands above whom decides who sees what, in the very next request.
import { createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { body, demoUsers, ids, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const people = [
  "director",
  "sales_director",
  "manager_a",
  "manager_b",
  "rep_a1",
  "rep_a2",
  "rep_b1",
  "rep_b2",
] as const;
type Person = (typeof people)[number];
const reps = ["rep_a1", "rep_a2", "rep_b1", "rep_b2"] as const;
const teamA = { manager_a: ["rep_a1", "rep_a2"], manager_b: ["rep_b1", "rep_b2"] };

let users: Record<string, string>;
/** The position that each held at first. */
let positions: Record<string, string>;
let leads: Record<string, string>;

/** Which position each held at first, by the id of the assignment. */
let held: { id: string; assignee: string; position: string }[];

beforeAll(async () => {
  app = await createTestApp();
  users = await demoUsers(app);
  held = body(await admin().get("/api/user_positions?select=assignee,position&limit=500"), 200).data;
  positions = Object.fromEntries(people.map((p) => [p, held.find((h) => h.assignee === users[p])?.position ?? ""]));
  const rows = people.map((p) => ({ last_name: p, company: "chart", owner: users[p] }));
  const made = ids(await admin().post("/api/leads", rows));
  leads = Object.fromEntries(people.map((p, i) => [p, made[i] ?? ""]));
});
afterAll(() => app.close());

const above: Readonly<Record<Person, Person | null>> = {
  director: null,
  sales_director: "director",
  manager_a: "sales_director",
  manager_b: "sales_director",
  rep_a1: "manager_a",
  rep_a2: "manager_a",
  rep_b1: "manager_b",
  rep_b2: "manager_b",
};

/** The demo's chart again, whatever the test before made of it. */
beforeEach(async () => {
  for (const id of ids(await admin().get("/api/positions?deleted=only")))
    body(await admin().post(`/api/positions/${id}/restore`), 200);
  const parents = people.map((p) => ({ id: positions[p], parent: positions[above[p] ?? ""] ?? null }));
  body(await admin().patch("/api/positions", parents), 200);
  body(
    await admin().patch(
      "/api/users",
      people.map((p) => ({ id: users[p], active: true })),
    ),
    200,
  );
  const now = ids(await admin().get("/api/user_positions?limit=500"));
  const own = new Set(held.map((h) => h.id));
  for (const id of now.filter((i) => !own.has(i))) body(await admin().delete(`/api/user_positions/${id}`), 204);
  for (const { id } of held.filter((h) => !now.includes(h.id)))
    body(await admin().post(`/api/user_positions/${id}/restore`), 200);
});

/** Whose leads of the chart this person sees in a list, checked against single reads. */
async function sees(person: Person): Promise<string[]> {
  const { data } = body(
    await app
      .as(person)
      .get(`/api/leads${q({ filter: "company == 'chart'", select: "last_name", order: "last_name" })}`),
    200,
  );
  const listed = (data as { last_name: string }[]).map((l) => l.last_name);
  const read = await Promise.all(
    people.map(async (p) => (await app.as(person).get(`/api/leads/${leads[p]}`)).status === 200),
  );
  expect(people.filter((_, i) => read[i]).toSorted()).toEqual(listed);
  const { data: totals } = body(
    await app.as(person).get(`/api/leads/aggregate${q({ filter: "company == 'chart'" })}`),
    200,
  );
  expect(totals).toEqual([{ count: listed.length }]);
  return listed;
}

const move = async (person: Person, parent: string | null) =>
  body(await admin().patch(`/api/positions/${positions[person]}`, { parent }), 200);
const hold = async (person: Person, position: string): Promise<string> =>
  body(await admin().post("/api/user_positions", { assignee: users[person], position }), 201).id;
const assignment = async (person: Person): Promise<string> =>
  ids(
    await admin().get(
      `/api/user_positions${q({ filter: `assignee == '${users[person]}' && position == '${positions[person]}'` })}`,
    ),
  )[0] ?? "";

describe("the demo's chart", () => {
  test("shows each what they and those below own", async () => {
    const everyone = people.toSorted();
    expect(await sees("director")).toEqual(everyone);
    expect(await sees("sales_director")).toEqual(everyone.filter((p) => p !== "director"));
    for (const [manager, below] of Object.entries(teamA))
      expect(await sees(manager as Person)).toEqual([manager, ...below]);
    for (const rep of reps) expect(await sees(rep)).toEqual([rep]);
  });
});

describe("changes", () => {
  test("a team moves with its manager, a salesperson to another team", async () => {
    await move("manager_b", positions["manager_a"] ?? "");
    expect(await sees("manager_a")).toEqual(["manager_a", "manager_b", "rep_a1", "rep_a2", "rep_b1", "rep_b2"]);
    expect(await sees("manager_b")).toEqual(["manager_b", "rep_b1", "rep_b2"]);
    await move("rep_a1", positions["manager_b"] ?? "");
    expect(await sees("manager_b")).toEqual(["manager_b", "rep_a1", "rep_b1", "rep_b2"]);
    await move("manager_b", null);
    expect(await sees("manager_a")).toEqual(["manager_a", "rep_a2"]);
    expect(await sees("director")).toEqual(["director", "manager_a", "rep_a2", "sales_director"]);
  });

  test("whoever takes a position over sees what it sees; whoever leaves it no longer does", async () => {
    const left = await assignment("manager_a");
    body(await admin().delete(`/api/user_positions/${left}`), 204);
    expect(await sees("manager_a")).toEqual(["manager_a"]);
    const taken = await hold("rep_b1", positions["manager_a"] ?? "");
    expect(await sees("rep_b1")).toEqual(["rep_a1", "rep_a2", "rep_b1"]);
    expect(await sees("manager_b"), "who still holds the old position too").toEqual(["manager_b", "rep_b1", "rep_b2"]);
    body(await admin().post(`/api/user_positions/${left}/restore`), 200);
    expect(await sees("manager_a"), "two holders do not see each other").toEqual(["manager_a", "rep_a1", "rep_a2"]);
    body(await admin().patch(`/api/user_positions/${taken}`, { position: positions["rep_b1"] ?? "" }), 409);
    body(await admin().patch(`/api/user_positions/${taken}`, { position: positions["rep_b2"] ?? "" }), 200);
    expect(await sees("rep_b1")).toEqual(["rep_b1"]);
  });

  test("two positions of one user add up", async () => {
    await hold("rep_a1", positions["manager_b"] ?? "");
    expect(await sees("rep_a1")).toEqual(["rep_a1", "rep_b1", "rep_b2"]);
    expect(await sees("manager_a"), "and both lines above see that user").toEqual(["manager_a", "rep_a1", "rep_a2"]);
    expect(await sees("rep_a2")).toEqual(["rep_a2"]);
    const me = body(await app.as("rep_a1").get("/api/me"), 200);
    expect(me.positions.map((p: { id: string }) => p.id).sort()).toEqual(
      [positions["rep_a1"], positions["manager_b"]].sort(),
    );
  });

  test("a position that others report to cannot be deleted; an emptied one takes its holders along and gives them back", async () => {
    problem(await admin().delete(`/api/positions/${positions["manager_a"]}`), 409, "CONFLICT");
    for (const rep of ["rep_a1", "rep_a2"] as const) await move(rep, positions["manager_b"] ?? "");
    body(await admin().delete(`/api/positions/${positions["manager_a"]}`), 204);
    expect(await sees("manager_a")).toEqual(["manager_a"]);
    expect(await sees("manager_b")).toEqual(["manager_b", "rep_a1", "rep_a2", "rep_b1", "rep_b2"]);
    expect(await sees("sales_director")).toEqual([
      "manager_b",
      "rep_a1",
      "rep_a2",
      "rep_b1",
      "rep_b2",
      "sales_director",
    ]);
    body(await admin().post(`/api/positions/${positions["manager_a"]}/restore`), 200);
    await move("rep_a1", positions["manager_a"] ?? "");
    expect(await sees("manager_a")).toEqual(["manager_a", "rep_a1"]);
  });

  test("a position cannot stand above itself, and a refused move leaves the chart as it was", async () => {
    for (const [person, parent] of [
      ["sales_director", "rep_a1"],
      ["manager_b", "manager_b"],
    ] as const) {
      const refused = await admin().patch(`/api/positions/${positions[person]}`, { parent: positions[parent] });
      expect([refused.status, refused.body.errors]).toMatchObject([422, [{ path: "/parent" }]]);
    }
    expect(await sees("rep_a1")).toEqual(["rep_a1"]);
    expect(await sees("manager_b")).toEqual(["manager_b", "rep_b1", "rep_b2"]);
    expect(await sees("director")).toEqual(people.toSorted());
  });

  test("what a deleted or inactive user owns is still seen from above", async () => {
    body(await admin().patch(`/api/users/${users["rep_a1"]}`, { active: false }), 200);
    expect(await sees("manager_a")).toEqual(["manager_a", "rep_a1", "rep_a2"]);
    problem(await app.as("rep_a1").get("/api/leads"), 401, "UNAUTHENTICATED");
    body(await admin().delete(`/api/users/${users["rep_b1"]}`), 204);
    expect(await sees("director")).not.toContain("rep_b1");
    body(await admin().get(`/api/leads/${leads["rep_b1"]}`), 200);
    body(await admin().post(`/api/users/${users["rep_b1"]}/restore`), 200);
    expect(await sees("manager_b")).toEqual(["manager_b", "rep_b1", "rep_b2"]);
  });

  test("many at once leave exactly the chart that the positions say", async () => {
    const targets = ["manager_a", "manager_b", "sales_director"] as const;
    await Promise.all(
      Array.from({ length: 24 }, (_, i) =>
        admin().patch(`/api/positions/${positions[reps[i % 4] ?? ""]}`, {
          parent: positions[targets[(i * 7) % 3] ?? ""],
        }),
      ),
    ).then((answers) => answers.forEach((a) => body(a, 200)));
    await Promise.all(reps.map((rep, i) => hold(rep, positions[reps[(i + 1) % 4] ?? ""] ?? "")));
    const expected = await app.store.sql<{ pair: string }>(
      `WITH RECURSIVE tree(top, id) AS (
         SELECT parent, id FROM t_demo.position WHERE parent IS NOT NULL AND deleted_at IS NULL
         UNION SELECT t.top, p.id FROM tree t JOIN t_demo.position p ON p.parent = t.id AND p.deleted_at IS NULL)
       SELECT DISTINCT a.assignee || '>' || b.assignee AS pair FROM tree t
       JOIN t_demo.user_position a ON a.position = t.top AND a.deleted_at IS NULL
       JOIN t_demo.user_position b ON b.position = t.id AND b.deleted_at IS NULL WHERE a.assignee <> b.assignee ORDER BY 1`,
    );
    const stored = await app.store.sql<{ pair: string }>(
      "SELECT manager || '>' || subordinate AS pair FROM t_demo._below ORDER BY 1",
    );
    expect(stored.map((r) => r.pair)).toEqual(expected.map((r) => r.pair));
  });
});
