// Many tenants in one process: what they share of their metadata, what they do not, and how much of it is kept.
import { createTestApp, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { body, ids } from "./support.ts";

/** Fewer than there are tenants. */
const tenantsCached = 2;
const tenants = ["alder", "birch", "cedar"];

let one: TestApp;
let two: TestApp;
const keys: Record<string, string> = {};
beforeAll(async () => {
  one = await createTestApp({ parts: { tenantsCached } });
  two = await createTestApp({ on: one });
  for (const id of tenants) {
    const admin = { email: "admin@trees.example", name: "Administrator" };
    const made = await one.as("operator").post("/platform/tenants", { id, admin, plugins: ["sales"] });
    keys[id] = body(made, 201).admin.key;
  }
});
afterAll(async () => {
  await two.close();
  await one.close();
});

const at = (app: TestApp, tenant: string) => app.as(keys[tenant]);
const snapshotOf = async (tenant: string) => (await one.kernel.authenticate(keys[tenant] ?? "", "test")).snapshot;
/** What all of a tenant's records of an object have in a field. */
const valuesOf = async (tenant: string, plural: string, field: string): Promise<unknown[]> =>
  body(await at(one, tenant).get(`/api/${plural}`), 200).data.map((record: Record<string, unknown>) => record[field]);

test("tenants with the same objects share what they compile to, and no record", async () => {
  const [alder, birch] = [await snapshotOf("alder"), await snapshotOf("birch")];
  for (const object of alder.objects.values()) {
    const same = birch.objects.get(object.name);
    expect(same).not.toBe(object);
    expect(same?.fields).toBe(object.fields);
  }
  for (const tenant of tenants)
    body(await at(one, tenant).post("/api/leads", { last_name: `Of ${tenant}`, company: tenant }), 201);
  for (const tenant of tenants) {
    expect(await valuesOf(tenant, "leads", "company")).toEqual([tenant]);
    const [id] = ids(await at(one, tenant).get("/api/leads"));
    body(await at(one, tenant).patch(`/api/leads/${id}`, { company: `${tenant} and sons` }), 200);
  }
  for (const tenant of tenants) expect(await valuesOf(tenant, "leads", "company")).toEqual([`${tenant} and sons`]);
});

test("one tenant's change is its own, and what is kept stays bounded however many change elsewhere", async () => {
  const note = { name: "note", plural: "notes", type: "object", properties: { text: { type: "string" } } };
  const cached = () => one.kernel.snapshotsCached();
  for (const [n, tenant] of tenants.entries()) {
    body(await at(one, tenant).get("/api/leads"), 200);
    body(await at(two, tenant).put("/api/meta/objects/note", note), 201);
    for (const other of tenants.slice(n + 1)) expect((await at(one, other).get("/api/notes")).status).toBe(404);
    expect(cached()).toBeLessThanOrEqual(tenantsCached);
  }
  for (const tenant of tenants) {
    body(await at(one, tenant).post("/api/notes", { text: tenant }), 201);
    expect(await valuesOf(tenant, "notes", "text")).toEqual([tenant]);
    expect(cached()).toBe(tenantsCached);
  }
});
