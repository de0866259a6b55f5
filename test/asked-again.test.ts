// A request that comes again is answered from what was compiled for it: the same, to each caller their own, and never what was true before.
import { createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, ids } from "./support.ts";

/** Often enough that the request's values stand in the statement, and once more. */
const times = 6;

let app: TestApp;
const names = ["O'Brien", "back\\slash", '"double" $1 {curly}', "李雷 🙂", "50% _under_"];

beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "crate",
    type: "object",
    sharing: "private",
    properties: {
      name: { type: "string" },
      grade: { enum: ["gold", "bronze", "silver"] },
      weight: { type: "number" },
      packed: { type: "string", format: "date-time" },
    },
  });
  const roles = body(await app.as("admin").get("/api/roles?select=name"), 200).data as { id: string; name: string }[];
  for (const { id } of roles.filter((role) => role.name.startsWith("sales_")))
    body(
      await app.as("admin").patch(`/api/roles/${id}`, { default_rights: ["create", "read", "edit", "delete"] }),
      200,
    );
  for (const who of ["admin", "rep_a1", "rep_a2", "manager_a", "rep_b1"]) {
    const rows = names.map((name, i) => ({
      name: `${name} ${who}`,
      grade: ["gold", "bronze", "silver", null][i % 4],
      weight: i / 10,
      packed: `2026-0${1 + i}-01T08:00:00Z`,
    }));
    body(await app.as(who).post("/api/crates", rows), 200);
  }
});
afterAll(() => app.close());

const ask = async (who: string, parameters: Record<string, string | number>, path = "/api/crates") =>
  body(await app.as(who).get(path + q(parameters)), 200);
const callers = ["admin", "rep_a1", "manager_a", "rep_b1", "rep_b2", "director"];

describe("a list that is asked again and again", () => {
  test.each([
    { order: "-updated_at,name" },
    { order: "grade,-weight", limit: 3 },
    { filter: "weight >= 0.1 && weight < 0.4", order: "name", count: "exact" },
    { filter: "grade in ['gold', 'silver'] || grade == null", select: "name,owner.name", order: "owner.name,name" },
    { filter: "packed < now && packed > datetime('2026-01-15T00:00:00Z')", order: "packed" },
    ...names.map((name) => ({ filter: `startsWith(name, ${JSON.stringify(name)})`, order: "name" })),
    { filter: "owner == user.id", expand: "owner", order: "name" },
    { filter: "owner.email == user.email && month(packed) == 3", order: "name" },
  ])("%j answers everybody the same as at first", async (parameters) => {
    const first = new Map<string, unknown>();
    for (let i = 0; i < times; i++)
      for (const who of callers) {
        const answer = await ask(who, parameters);
        if (i === 0) first.set(who, answer);
        expect(answer, `${who}, ${i}`).toEqual(first.get(who));
      }
    const sizes = callers.map((who) => (first.get(who) as { data: unknown[] }).data.length);
    expect(Math.max(...sizes)).toBeGreaterThan(0);
    // Nobody below rep_b2, who owns nothing.
    expect(sizes[callers.indexOf("rep_b2")]).toBe(0);
  });

  test("its further pages begin where it ended, whoever asks", async () => {
    const roles = body(await app.as("admin").get("/api/roles?select=name"), 200).data as { id: string; name: string }[];
    for (const { id } of roles.filter((role) => role.name.startsWith("sales_")))
      body(
        await app.as("admin").patch(`/api/roles/${id}`, { default_rights: ["create", "read", "edit", "delete"] }),
        200,
      );
    for (const who of ["admin", "manager_a", "rep_a1"]) {
      const all = (await ask(who, { order: "-weight,name", limit: 100 })).data;
      for (let i = 0; i < times; i++) {
        const first = await ask(who, { order: "-weight,name", limit: 2 });
        const second = await ask(who, { order: "-weight,name", limit: 2, cursor: first.next as string });
        expect([...first.data, ...second.data]).toEqual(all.slice(0, 4));
      }
    }
  });

  test("sees what was written since, by whom it may see it", async () => {
    const parameters = { filter: "name == 'new'", count: "exact" };
    for (let i = 0; i < times; i++) {
      const [id] = ids({ ...(await app.as("rep_a1").post("/api/crates", [{ name: "new" }])), status: 200 });
      for (const who of callers) {
        const seen = (await ask(who, parameters)).count;
        expect(seen, `${who}, ${i}`).toBe(["rep_b1", "rep_b2"].includes(who) ? 0 : 1);
      }
      expect((await app.as("rep_a1").delete(`/api/crates/${id}`)).status).toBe(204);
    }
  });

  test("keeps to the roles and the sharing of now", async () => {
    const parameters = { order: "name" };
    for (let i = 0; i < times; i++) await ask("rep_b2", parameters);
    const definition = body(await app.as("admin").get("/api/meta/objects/crate"), 200);
    const put = (sharing: string) => app.as("admin").put("/api/meta/objects/crate", { ...definition, sharing });
    expect((await put("read")).status).toBe(200);
    expect((await ask("rep_b2", parameters)).data.length).toBeGreaterThan(20);
    expect((await put("private")).status).toBe(200);
    for (let i = 0; i < times; i++) expect((await ask("rep_b2", parameters)).data).toEqual([]);
  });

  test("is refused every time when it is wrong", async () => {
    for (let i = 0; i < times; i++) {
      const answer = await app.as("admin").get(`/api/crates${q({ filter: "nope == 1" })}`);
      expect(answer.status).toBe(400);
    }
  });
});

test("totals and records that are asked again are everybody's own, too", async () => {
  const [own] = ids(await app.as("rep_a1").get("/api/crates?limit=1"));
  const total = async (who: string) =>
    (await ask(who, { metrics: "count()", filter: "weight > 0.05" }, "/api/crates/aggregate")).data[0]?.count;
  for (let i = 0; i < times; i++) {
    expect(await total("rep_a1")).toBe(names.length - 1);
    expect(await total("rep_b2")).toBe(0);
    expect((await app.as("rep_a1").get(`/api/crates/${own}?select=name,owner.name`)).status).toBe(200);
    expect((await app.as("rep_b1").get(`/api/crates/${own}?select=name,owner.name`)).status).toBe(404);
    expect((await app.as("rep_a1").get(`/api/crates/${own}`)).status).toBe(200);
    expect((await app.as("rep_b1").get(`/api/crates/${own}`)).status).toBe(404);
  }
});
