import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Observation } from "@guanxi/base";
import type { ObjectDefinition } from "@guanxi/meta";
import { type Api, createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { coreLevel, coreObjects } from "../packages/kernel/src/core-objects.ts";
import { Vault } from "../packages/kernel/src/encryption/vault.ts";
import { type Core, Upgrades } from "../packages/kernel/src/upgrade.ts";
import { body, problem } from "./support.ts";

const folder = join(import.meta.dirname, "upgrade");
const versions = readdirSync(folder)
  .filter((name) => name.endsWith(".sql.gz"))
  .map((name) => name.slice(0, -".sql.gz".length));

interface Known {
  readonly tenant: string;
  readonly keys: { readonly admin: string; readonly boss: string; readonly rep: string };
  readonly homes: readonly [string, string, string];
  readonly gone: string;
  readonly job: string;
}

test("there are databases to upgrade", () => expect(versions).toContain("v0.1.0"));

describe.each(versions)("a database of %s", (version) => {
  const known = JSON.parse(readFileSync(join(folder, `${version}.json`), "utf8")) as Known;
  let app: TestApp;
  let admin: Api;

  beforeAll(async () => {
    const dump = gunzipSync(readFileSync(join(folder, `${version}.sql.gz`))).toString();
    app = await createTestApp({ dump, worker: true });
    admin = app.as(known.keys.admin);
  });
  afterAll(() => app.close());

  test("a script that slept goes on, once", async () => {
    const titles = async (): Promise<string[]> =>
      body(await admin.get("/api/tasks?select=title&limit=100"), 200).data.map((t: { title: string }) => t.title);
    await until("the sleeper", async () => (await titles()).includes("after 4 Long Road"), 20_000);
    const all = await titles();
    expect(all.filter((title) => title.endsWith("4 Long Road")).sort()).toEqual([
      "after 4 Long Road",
      "note 4 Long Road",
    ]);
    const statuses = async (): Promise<string[]> =>
      body(await admin.get("/api/runs?workflow=later"), 200).data.map((run: { status: string }) => run.status);
    await until("the run to end", async () => !(await statuses()).includes("running"), 20_000);
    expect(await statuses()).toEqual(["succeeded"]);
  });

  test("records are what they were, under the names they have now", async () => {
    const home = body(await admin.get(`/api/homes/${known.homes[0]}?expand=seller`), 200);
    expect(home).toMatchObject({
      address: "1 Long Road",
      price: 1200000.01,
      status: "listed",
      number: "P-00001",
      tags: ["new"],
      listed_on: "2026-02-28",
      version: 2,
      seller: { last_name: "Zhou" },
    });
    const { data } = body(await admin.get(`/api/homes/${known.homes[0]}/history`), 200);
    expect(data[0].changes).toMatchObject({ price: { from: 1234567.89, to: 1200000.01 } });
    problem(await admin.get(`/api/homes/${known.gone}`), 404, "NOT_FOUND");
    expect(body(await admin.post(`/api/homes/${known.gone}/restore`), 200).address).toBe("2 Long Road");
  });

  test("its plugin has the edition of this program, and what differs is the tenant's", async () => {
    const { data } = body(await admin.get("/api/meta/plugins"), 200);
    expect(data).toMatchObject([{ name: "sales", state: "enabled", upgrade: false, collisions: [] }]);
    const { version, brought: _brought, ...own } = body(await admin.get("/api/meta/customisation"), 200);
    expect(body(await admin.post("/api/meta/changes", own), 200)).toMatchObject({ id: null, version });
  });

  test("numbers go on, keys and rules hold", async () => {
    expect(body(await admin.post("/api/homes", { address: "5 Long Road", price: 5 }), 201).number).toBe("P-00005");
    problem(await admin.post("/api/homes", { address: "1 Long Road", price: 5 }), 409, "CONFLICT", ["/address"]);
    problem(await admin.post("/api/homes", { address: "6", price: 0, status: "listed" }), 422, "VALIDATION", [
      "/price",
    ]);
  });

  test("there are files, which records of objects of before may name", async () => {
    const content = await app.app.fetch(
      new Request("http://guanxi.test/api/files?name=plan.txt", {
        method: "POST",
        headers: { authorization: `Bearer ${known.keys.rep}`, "content-type": "text/plain" },
        body: "plan",
      }),
    );
    expect(content.status).toBe(201);
    const { id } = (await content.json()) as { id: string };
    const { plan: _, ...fields } = body(await admin.get("/api/meta/objects/home"), 200).properties;
    const properties = { ...fields, plan: { fieldType: "file" } };
    body(await admin.patch("/api/meta/objects/home", { properties }), 200);
    const home = await admin.patch(`/api/homes/${known.homes[0]}`, { plan: id });
    expect(body(home, 200).plan).toBe(id);
    body(await admin.patch(`/api/homes/${known.homes[0]}`, { plan: null }), 200);
  });

  test("everyone sees what they saw", async () => {
    const names = async (api: Api): Promise<string[]> =>
      body(await api.get("/api/leads?select=last_name&order=last_name"), 200).data.map(
        (lead: { last_name: string }) => lead.last_name,
      );
    expect(await names(app.as(known.keys.rep))).toEqual(["Sun"]);
    expect(await names(app.as(known.keys.boss))).toEqual(["Sun"]);
    expect(await names(admin)).toEqual(["Qian", "Sun"]);
    const wang = body(await admin.get(`/api/users${q({ filter: "employee_number == 'E-1'" })}`), 200).data;
    expect(wang).toMatchObject([{ name: "Wang" }]);
  });

  test("runs, jobs, mappings and workflows of before are there", async () => {
    expect(body(await admin.get("/api/runs?workflow=note&status=succeeded"), 200).data.length).toBeGreaterThan(0);
    expect(body(await admin.get("/api/runs?workflow=broken&status=failed"), 200).data.length).toBeGreaterThan(0);
    expect(body(await admin.get(`/api/jobs/${known.job}`), 200)).toMatchObject({ created: 1, rejected: 1 });
    expect((await admin.get(`/api/jobs/${known.job}/errors`)).text).toContain("Nobody");
    expect(body(await admin.get("/api/meta/mappings/cards"), 200)).toMatchObject({ object: "lead" });
    const taken = await admin.post("/api/meta/changes?plan=true", { delete: { objects: ["lead"] } });
    const breaks = body(taken, 200).steps.flatMap((step: { breaks?: string[] }) => step.breaks ?? []);
    expect(breaks, "a mapping of before knows its object").toContain("mapping cards (object)");
  });

  test("metadata can be changed, the core's objects too, and new changes cause runs", async () => {
    body(await admin.patch("/api/meta/objects/role", { properties: { note: { type: "string" } } }), 200);
    body(await admin.patch("/api/meta/objects/home", { properties: { size: { type: "integer" } } }), 200);
    body(await admin.post("/api/homes", { address: "7 Long Road", price: 7, size: 90 }), 201);
    await until(
      "the note",
      async () =>
        body(await admin.get(`/api/tasks${q({ filter: "title == 'note 7 Long Road'" })}`), 200).data.length === 1,
      20_000,
    );
    expect(app.observations.filter((o) => o.kind === "background_failed")).toEqual([]);
  });
});

describe("a newer edition of the core", () => {
  const user = coreObjects[0] as ObjectDefinition;
  const badge = { type: "string", maxLength: 10, unique: true, title: "Badge" } as const;
  const newer: ObjectDefinition = {
    ...user,
    properties: { ...user.properties, badge },
    rules: [{ name: "badge_is_upper", when: "badge != upper(badge)", at: "badge", message: "Upper case, please" }],
  };
  const core: Core = {
    level: coreLevel + 1,
    objects: coreObjects.map((o) => (o.name === "user" ? newer : o)),
    younger: { "user.badge": coreLevel + 1 },
  };
  let app: TestApp;
  let admin: Api;
  const seen: Observation[] = [];

  beforeAll(async () => {
    app = await createTestApp();
    admin = app.as("admin");
  });
  afterAll(() => app.close());

  const program = (edition = core): Upgrades =>
    new Upgrades({
      store: app.store,
      components: [],
      core: edition,
      plugins: [],
      vault: new Vault(undefined, 2),
      observe: (o) => void seen.push(o),
    });
  const definition = async (): Promise<ObjectDefinition> => body(await admin.get("/api/meta/objects/user"), 200);
  const level = async (): Promise<number> =>
    (await app.store.sql<{ core_level: number }>("SELECT core_level FROM t_demo._meta"))[0]?.core_level ?? -1;

  test("stops before a field of the tenant's, and says which", async () => {
    body(
      await admin.patch("/api/meta/objects/user", {
        title: "Colleague",
        properties: { badge: { type: "integer" }, desk: { type: "string" } },
        rules: [{ name: "desk_given", when: "desk == ''", at: "desk", message: "Where?" }],
      }),
      200,
    );
    const before = await definition();
    await program().ensure("demo", "t_demo");
    expect(await level()).toBe(coreLevel);
    expect(await definition()).toEqual(before);
    expect(seen).toHaveLength(1);
    expect(String((seen[0] as { error: Error }).error.message)).toContain("/user/properties/badge");
    // What is in the way can be renamed, with its values.
    const { badge: own, ...rest } = before.properties;
    body(
      await admin.put("/api/meta/objects/user", {
        ...before,
        properties: { ...rest, badge_number: { ...own, was: "badge" } },
      }),
      200,
    );
  });

  test("reaches a tenant with all that the tenant added", async () => {
    await Promise.all([program().ensure("demo", "t_demo"), program().ensure("demo", "t_demo")]);
    expect(await level()).toBe(coreLevel + 1);
    const now = await definition();
    expect(now.title).toBe("Colleague");
    expect(Object.keys(now.properties)).toEqual(expect.arrayContaining(["email", "desk", "badge_number", "badge"]));
    expect(now.properties["badge"]).toEqual(badge);
    expect(now.rules?.map((rule) => rule.name)).toEqual(["badge_is_upper", "desk_given"]);
    const person = { name: "Badged", email: "badged@demo.example", badge: "b1" };
    problem(await admin.post("/api/users", person), 422, "VALIDATION", ["/badge"]);
    body(await admin.post("/api/users", { ...person, badge: "B1" }), 201);
    expect(seen).toHaveLength(1);
    const { data } = body(await admin.get("/api/meta/changes?limit=1"), 200);
    const changes = [{ kind: "objects", name: "user" }];
    expect(data[0]).toMatchObject({ by: null, message: `core objects at level ${coreLevel + 1}`, changes });
  });

  test("stops before an object of the tenant's, and says which", async () => {
    body(await admin.put("/api/meta/objects/tray", { name: "tray", properties: { a: { type: "string" } } }), 201);
    body(await admin.post("/api/trays", { a: "mine" }), 201);
    const tray: ObjectDefinition = { name: "tray", plural: "core_trays", type: "object", properties: {} };
    const next = { ...core, level: coreLevel + 2, objects: [...core.objects, tray] };
    await program(next).ensure("demo", "t_demo");
    expect(await level()).toBe(coreLevel + 1);
    expect(seen).toHaveLength(2);
    expect(String((seen[1] as { error: Error }).error.message)).toContain("/tray/name");
    expect(body(await admin.get("/api/trays"), 200).data).toHaveLength(1);
    const renamed = { name: "own_tray", was: "tray", plural: "trays", properties: { a: { type: "string" } } };
    body(await admin.put("/api/meta/objects/own_tray", renamed), 200);
    await program(next).ensure("demo", "t_demo");
    expect(await level()).toBe(coreLevel + 2);
    expect(body(await admin.get("/api/core_trays"), 200).data).toEqual([]);
    expect(body(await admin.get("/api/trays"), 200).data).toMatchObject([{ a: "mine" }]);
    await app.store.sql("UPDATE t_demo._meta SET core_level = $1", [coreLevel + 1]);
  });

  test("is left alone by an older program", async () => {
    const version = (await app.store.sql<{ version: number }>("SELECT version FROM t_demo._meta"))[0]?.version;
    await program({ level: coreLevel, objects: coreObjects, younger: {} }).ensure("demo", "t_demo");
    expect(await level()).toBe(coreLevel + 1);
    expect((await definition()).properties["badge"]).toEqual(badge);
    expect((await app.store.sql<{ version: number }>("SELECT version FROM t_demo._meta"))[0]?.version).toBe(version);
  });
});
