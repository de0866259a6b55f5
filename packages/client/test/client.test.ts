import { createTestApp, type TestApp, withChanges } from "@guanxi/testing";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient, GuanxiProblem, problemOf as readProblem } from "../src/index.ts";
import type { DemoObjects } from "./demo.ts";
import { type Line, openLine } from "./http.ts";

let app: TestApp;
let line: Line;
let client: Client<DemoObjects>;

const options = () => ({ url: line.url, key: app.keys["admin"] ?? "" });
const clientOf = (more: object = {}): Client<DemoObjects> => createClient<DemoObjects>({ ...options(), ...more });

beforeAll(async () => {
  app = await createTestApp();
  line = await openLine((request) => app.app.fetch(request));
  client = clientOf({ plurals: { lead: "leads" } });
});
afterEach(() => {
  line.faults();
  line.seen.length = 0;
});
afterAll(async () => {
  await line?.close();
  await app?.close();
});

const problemOf = async (call: Promise<unknown>): Promise<GuanxiProblem> => {
  const error = await call.then(
    () => "it succeeded",
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(GuanxiProblem);
  return error as GuanxiProblem;
};
const lead = (company: string) => ({ company, last_name: "Ada" });

describe("records", () => {
  test("are created, read, changed, deleted and restored", async () => {
    const { lead: leads } = client.objects;
    const made = await leads.create({ ...lead("Acme"), external_id: "a/b ?#%" });
    expect(await leads.get(made.id)).toEqual(made);
    expect(await leads.getBy("external_id", "a/b ?#%", { select: ["company", "owner.name"] })).toEqual({
      id: made.id,
      company: "Acme",
      owner: { name: expect.any(String) },
    });
    const changed = await leads.update(made.id, { company: "Acme 2", amount: null }, { version: made.version });
    expect([changed.company, changed.version]).toEqual(["Acme 2", made.version + 1]);
    expect((await problemOf(leads.update(made.id, {}, { version: made.version }))).status).toBe(412);
    expect((await problemOf(leads.delete(made.id, { version: made.version }))).status).toBe(412);
    expect(await leads.delete(made.id)).toBeUndefined();
    expect((await problemOf(leads.get(made.id))).status).toBe(404);
    expect((await leads.list({ deleted: "only", filter: (f) => f.company.eq("Acme 2") })).data).toHaveLength(1);
    expect((await leads.restore(made.id)).company).toBe("Acme 2");
    const { data } = await leads.history(made.id, { limit: 3 });
    expect(data.map((entry) => entry.op)).toEqual(["restore", "delete", "update"]);
    expect(data[2]?.changes["company"]).toEqual({ from: "Acme", to: "Acme 2" });
  });

  test("upsert says whether there was one", async () => {
    const { lead: leads } = client.objects;
    const first = await leads.upsert("external_id", "up", lead("one"));
    const second = await leads.upsert("external_id", "up", { company: "two" });
    expect([first.created, second.created, second.record.id]).toEqual([true, false, first.record.id]);
    await expect(leads.getBy("external_id", "..")).rejects.toThrow(TypeError);
  });

  test("arrays are written together or each alone", async () => {
    const { lead: leads } = client.objects;
    const bad = [lead("many"), { ...lead("many"), status: "nonsense" as "new" }];
    const { result, changes } = await withChanges(app, () => problemOf(leads.createMany(bad)));
    expect(result).toMatchObject({ status: 422, errors: [{ path: "/1/status", code: "enum" }] });
    expect(changes).toEqual([]);
    expect(await leads.createMany(bad, { atomic: false })).toEqual([
      { id: expect.any(String) },
      { error: expect.objectContaining({ code: "GX-VALIDATION" }) },
    ]);
    expect((await leads.createMany([lead("a"), lead("b")])).map((r) => r.company)).toEqual(["a", "b"]);
  });

  test("come page by page, in order, each once", async () => {
    const { lead: leads } = client.objects;
    const companies = Array.from({ length: 25 }, (_, i) => `page ${String(i).padStart(2, "0")}`);
    await leads.createMany(companies.map(lead));
    const query = {
      filter: "company.startsWith('page ')",
      order: ["-company"],
      limit: 10,
      select: ["company"],
    } as const;
    const sizes: number[] = [];
    for await (const page of leads.pages({ ...query, count: "exact" })) {
      expect(page.count).toBe(25);
      sizes.push(page.data.length);
    }
    expect(sizes).toEqual([10, 10, 5]);
    const seen: string[] = [];
    for await (const { company } of leads.all(query)) seen.push(company);
    expect(seen).toEqual(companies.toReversed());
    line.seen.length = 0;
    for await (const { company } of leads.all(query)) if (company === "page 20") break;
    expect(line.seen).toHaveLength(1);
  });

  test("are expanded and added up", async () => {
    const { account, opportunity } = client.objects;
    const acme = await account.create({ name: "Sums" });
    const deal = (amount: number, stage: "prospecting" | "won") => ({ name: "d", account: acme.id, amount, stage });
    const [first] = await opportunity.createMany([
      deal(10, "prospecting"),
      deal(20, "prospecting"),
      deal(5, "prospecting"),
    ]);
    const grown = await opportunity.get(first?.id ?? "", { select: ["name", "account"], expand: ["account"] });
    expect(grown.account?.name).toBe("Sums");
    const totals = await opportunity.aggregate({
      group: ["stage", "account.name"],
      metrics: ["count()", "sum(amount)"],
      filter: (f) => f.account.eq(acme.id),
      having: "sum_amount > 1",
      order: ["-sum_amount"],
      limit: 5,
    });
    expect(totals).toEqual([{ stage: "prospecting", account_name: "Sums", count: 3, sum_amount: 35 }]);
  });
});

describe("addresses", () => {
  test("are asked of the server once, and only where they were not given", async () => {
    const fresh = clientOf({ plurals: { lead: "leads" } });
    await fresh.objects.lead.list({ limit: 1 });
    expect(line.seen.map((s) => s.path)).toEqual(["/api/leads/query"]);
    await Promise.all([fresh.objects.account.list({ limit: 1 }), fresh.records("user").list({ limit: 1 })]);
    await fresh.records("opportunity").list({ limit: 1 });
    expect(line.seen.filter((s) => s.path === "/api/meta/objects")).toHaveLength(1);
  });

  test("of objects that are not there are no addresses", async () => {
    expect(await problemOf(client.records("specimen").list())).toMatchObject({ status: 404, code: "GX-NOT_FOUND" });
    expect(await client.objects).toBe(client.objects);
  });
});

describe("problems", () => {
  test("carry what the server said", async () => {
    const problem = await problemOf(client.objects.lead.create({ company: 1 } as never));
    expect(problem).toMatchObject({ status: 422, code: "GX-VALIDATION", name: "GuanxiProblem" });
    expect(problem.errors.map((e) => e.path).sort()).toEqual(["/company", "/last_name"]);
    expect(problem.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(problem.message).toContain("/last_name");
    const filter = await problemOf(client.objects.lead.list({ filter: "company ==" }));
    expect(filter).toMatchObject({ status: 400, errors: [{ path: "filter", position: expect.any(Number) }] });
    expect((await problemOf(clientOf({ key: "gx_demo_wrong" }).objects.lead.list())).status).toBe(401);
  });

  test("that a proxy wrote count by their status", async () => {
    const page = new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "content-type": "text/html" } });
    line.faults(page);
    expect(await problemOf(clientOf({ retries: 0 }).objects.lead.list())).toMatchObject({ status: 502, code: "HTTP" });
  });

  test.each(["", "{", '{"code":"GX-', "null", "[]", '"gone"'])(
    "that were cut off to %j count by their status",
    async (text) => {
      const headers = { "content-type": "application/problem+json", "x-request-id": "r-1" };
      line.faults(new Response(text, { status: 409, headers }));
      const problem = await problemOf(client.objects.lead.list());
      expect(problem).toMatchObject({ status: 409, code: "HTTP", title: "HTTP 409", errors: [], requestId: "r-1" });
    },
  );

  test("are told also where somebody else answers that all is well", async () => {
    line.faults(new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } }));
    expect(await problemOf(client.objects.lead.list())).toMatchObject({ status: 200, code: "HTTP" });
    line.faults(new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } }));
    expect(await problemOf(client.objects.lead.import("company\nAcme\n"))).toMatchObject({ status: 200, code: "HTTP" });
  });

  test("of a response that a program has asked for by itself are read likewise", async () => {
    const response = await fetch(`${line.url}/api/nowhere`, {
      headers: { authorization: `Bearer ${app.keys["admin"]}` },
    });
    expect(readProblem(response, await response.text())).toMatchObject({ status: 404, code: "GX-NOT_FOUND" });
  });
});

describe("a request to an address of one's own choice", () => {
  test("sends and answers JSON", async () => {
    const script = "export default async () => {};";
    const path = "/api/meta/workflows/by_request";
    const body = { name: "by_request", object: "lead", on: "manual", script };
    expect(await client.request<{ name: string }>("PUT", path, { body })).toMatchObject(body);
    const { data } = await client.request<{ data: { name: string }[] }>("GET", "/api/meta/workflows");
    expect(data.map(({ name }) => name)).toContain("by_request");
    expect((await problemOf(client.request("PUT", path, { body, version: 1 }))).status).toBe(412);
    expect(await client.request("DELETE", path)).toBeUndefined();
    expect(await problemOf(client.request("GET", path))).toMatchObject({ status: 404, code: "GX-NOT_FOUND" });
  });

  test("writes once on a bad line, and reads by POST without a key of idempotency", async () => {
    line.faults("answer lost", "answer lost");
    const made = await client.request<{ id: string }>("POST", "/api/leads", { body: lead("Once by request") });
    const filter = 'company == "Once by request"';
    const found = await client.request<{ data: unknown[] }>("POST", "/api/leads/query", {
      body: { filter },
      reads: true,
    });
    expect(found.data).toMatchObject([{ id: made.id }]);
    expect(line.seen.map(({ headers }) => headers.has("idempotency-key"))).toEqual([true, true, true, false]);
    await expect(
      client.request("GET", "/api/leads", { signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
  });
});

describe("on a bad line", () => {
  const busy = (status: number, seconds: string) => new Response(null, { status, headers: { "retry-after": seconds } });

  test("reads are repeated", async () => {
    line.faults("request lost", "answer lost", busy(503, "0"));
    expect((await client.objects.lead.list({ limit: 1 })).data).toHaveLength(1);
    expect(line.seen).toHaveLength(4);
    expect(line.seen.every((s) => !s.headers.has("idempotency-key"))).toBe(true);
  });

  test("every write is done once and gets its answer, however often the answer is lost", async () => {
    const { lead: leads } = client.objects;
    const steps: [op: string, write: () => Promise<unknown>][] = [];
    let id = "";
    let version = 0;
    const note = (record: { id: string; version: number }): void => void ({ id, version } = record);
    steps.push(["create", async () => note(await leads.create(lead("lost")))]);
    steps.push(["update", async () => note(await leads.update(id, { company: "lost 2" }, { version }))]);
    steps.push([
      "create",
      async () => expect((await leads.upsert("external_id", "lost", lead("u"))).created).toBe(true),
    ]);
    steps.push(["delete", () => leads.delete(id, { version })]);
    steps.push(["restore", () => leads.restore(id)]);
    for (const [op, write] of steps) {
      line.seen.length = 0;
      line.faults("answer lost", "request lost", "answer lost");
      const { changes } = await withChanges(app, write);
      expect(changes.map((c) => c.op)).toEqual([op]);
      expect(line.seen).toHaveLength(4);
      expect(new Set(line.seen.map((s) => s.headers.get("idempotency-key"))).size).toBe(1);
    }
  });

  test("a write without further attempts carries no key, and says that nothing answered", async () => {
    line.faults("request lost");
    const problem = await problemOf(
      clientOf({ retries: 0, plurals: { lead: "leads" } })
        .records("lead")
        .create(lead("none")),
    );
    expect(problem).toMatchObject({ status: 0, code: "NETWORK" });
    expect(problem.cause).toBeInstanceOf(Error);
    expect(line.seen.map((s) => s.headers.get("idempotency-key"))).toEqual([null]);
  });

  test("a key of one's own makes two calls one", async () => {
    const { lead: leads } = client.objects;
    const twice = () => leads.create(lead("own key"), { idempotencyKey: "own" });
    expect((await twice()).id).toBe((await twice()).id);
    const other = await problemOf(leads.create(lead("other"), { idempotencyKey: "own" }));
    expect(other).toMatchObject({ status: 422, code: "GX-IDEMPOTENCY_KEY" });
  });

  test("what the request itself is to blame for is not repeated", async () => {
    await problemOf(client.objects.lead.create({} as never));
    await problemOf(client.objects.lead.get("01890000-0000-7000-8000-000000000001"));
    expect(line.seen).toHaveLength(2);
  });

  test("it waits as long as it is asked to, gives up where that is too long or too often", async () => {
    line.faults(busy(429, "1"));
    const started = performance.now();
    await client.objects.lead.list({ limit: 1 });
    expect(performance.now() - started).toBeGreaterThanOrEqual(1_000);
    line.faults(busy(429, "3600"));
    expect(await problemOf(client.objects.lead.list())).toMatchObject({ status: 429, retryAfter: 3600 });
    line.seen.length = 0;
    line.faults(busy(503, "0"), busy(503, "0"), busy(503, "0"));
    expect((await problemOf(clientOf({ retries: 2, plurals: { lead: "leads" } }).objects.lead.list())).status).toBe(
      503,
    );
    expect(line.seen).toHaveLength(3);
  });

  test("an attempt ends after its time, the call when its signal says so", async () => {
    const hasty = clientOf({ timeoutMs: 150, retries: 1, plurals: { lead: "leads" } });
    line.faults("answer slow", "answer slow");
    expect(await problemOf(hasty.objects.lead.list())).toMatchObject({ status: 0, code: "TIMEOUT" });
    line.faults("answer slow");
    expect((await hasty.objects.lead.list({ limit: 1 })).data).toHaveLength(1);
    const stop = new AbortController();
    line.faults("answer slow");
    const waiting = client.objects.lead.list({ signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await expect(waiting).rejects.toThrow("enough");
    line.faults(busy(503, "30"));
    const pausing = client.objects.lead.list({ signal: AbortSignal.timeout(200) });
    await expect(pausing).rejects.toThrow(/timeout/i);
  });
});
