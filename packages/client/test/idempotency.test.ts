import { type Api, createApi, createTestApp, operatorKey, q, type TestApp, until, withChanges } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

let app: TestApp;
/** Another process, as far as the database can tell. */
let other: TestApp;
let api: Api;

beforeAll(async () => {
  app = await createTestApp();
  other = await createTestApp({ on: app });
  api = app.as("admin");
});
afterAll(async () => {
  await other?.close();
  await app?.close();
});

const lead = (company: string) => ({ company, last_name: "Key" });
const keyed = (key: string) => ({ "idempotency-key": key });
const named = async (company: string): Promise<{ id: string; version: number }[]> =>
  (await api.get(`/api/leads${q({ filter: `company == "${company}"`, limit: 500 })}`)).body.data;
const refusal = (status: number, code: string) => ({ status, body: { status, code: `GX-${code}` } });

/** As if the process that held the key had died before it kept the answer. */
const forget = (key: string): Promise<unknown> =>
  app.store.sql(
    `UPDATE guanxi.idempotency SET status = NULL, headers = NULL, body = NULL, lease_until = now() - interval '1 s' WHERE key = $1`,
    [key],
  );

describe("the same request with the same key", () => {
  test("gets the first answer again, from every process, and is done once", async () => {
    const first = await api.post("/api/leads", lead("once"), keyed("once"));
    expect(first.status).toBe(201);
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    const { result, changes } = await withChanges(app, () =>
      Promise.all([api, other.as("admin")].map((a) => a.post("/api/leads", lead("once"), keyed("once")))),
    );
    for (const again of result) {
      expect([again.status, again.text]).toEqual([201, first.text]);
      for (const header of ["etag", "location", "content-type"])
        expect(again.headers.get(header)).toBe(first.headers.get(header));
      expect(again.headers.get("idempotency-replayed")).toBe("true");
      expect(again.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    }
    expect(changes).toEqual([]);
    expect(await named("once")).toHaveLength(1);
  });

  test("sent a hundred times at once has one effect", async () => {
    const send = (i: number) => (i % 2 ? app : other).as("admin").post("/api/leads", lead("hundred"), keyed("hundred"));
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => send(i)));
    const done = answers.filter((a) => a.status === 201);
    const waiting = answers.filter((a) => a.status !== 201);
    expect(new Set(done.map((a) => a.body.id)).size).toBe(1);
    for (const answer of waiting) expect(answer).toMatchObject(refusal(409, "IN_FLIGHT"));
    for (const answer of waiting) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await named("hundred")).toHaveLength(1);
    expect((await send(0)).text).toBe(done[0]?.text);
  });

  test("patch, delete, upsert and restore are what they were, though the record has moved on", async () => {
    const { id } = (await api.post("/api/leads", lead("steps"))).body;
    const one = `/api/leads/${id}`;
    const steps = [
      () => api.patch(one, { company: "steps 2" }, { ...keyed("patch"), "if-match": '"1"' }),
      () => api.put("/api/leads/by/external_id/steps", lead("steps 3"), keyed("upsert")),
      () => api.delete(one, keyed("delete")),
      () => api.post(`${one}/restore`, undefined, keyed("restore")),
    ];
    for (const step of steps) {
      const first = await step();
      expect(first.status).toBeLessThan(300);
      const { result: again, changes } = await withChanges(app, step);
      expect([again.status, again.text, again.headers.get("etag")]).toEqual([
        first.status,
        first.text,
        first.headers.get("etag"),
      ]);
      expect(changes).toEqual([]);
    }
  });

  test("a refusal is an answer, too", async () => {
    const invalid = () => api.post("/api/leads", { company: 1 }, keyed("invalid"));
    expect(await invalid()).toMatchObject(refusal(422, "VALIDATION"));
    expect((await invalid()).text).toBe((await invalid()).text);
    const taken = { ...lead("taken"), external_id: "taken" };
    const { id } = (await api.post("/api/leads", taken)).body;
    expect(await api.post("/api/leads", taken, keyed("taken"))).toMatchObject(refusal(409, "CONFLICT"));
    expect((await api.delete(`/api/leads/${id}`)).status).toBe(204);
    expect(await api.post("/api/leads", taken, keyed("taken"))).toMatchObject(refusal(409, "CONFLICT"));
    expect((await api.post("/api/leads", taken, keyed("another"))).status).toBe(201);
  });
});

describe("a key belongs to", () => {
  test("one request: another body, address or method is refused and does nothing", async () => {
    await api.post("/api/leads", lead("mine"), keyed("mine"));
    const { result, changes } = await withChanges(app, () =>
      Promise.all([
        api.post("/api/leads", lead("mine!"), keyed("mine")),
        api.post("/api/leads?atomic=true", lead("mine"), keyed("mine")),
        api.patch("/api/leads", lead("mine"), keyed("mine")),
        api.post("/api/leads/query", lead("mine"), keyed("mine")),
      ]),
    );
    for (const answer of result) expect(answer).toMatchObject(refusal(422, "IDEMPOTENCY_KEY"));
    expect(changes).toEqual([]);
  });

  test("one user of one tenant", async () => {
    const made = await app
      .as("operator")
      .post("/platform/tenants", { id: "second", name: "Second", admin: { email: "a@b.cn" }, plugins: ["sales"] });
    const callers = [api, app.as("rep_a1"), app.as("rep_b1"), app.as(made.body.admin.key)];
    const answers = await Promise.all(callers.map((a) => a.post("/api/leads", lead("shared"), keyed("shared"))));
    expect(answers.map((a) => a.status)).toEqual([201, 201, 201, 201]);
    expect(new Set(answers.map((a) => a.body.id)).size).toBe(4);
    expect((await app.as("operator").delete("/platform/tenants/second")).status).toBe(204);
  });

  test("its request for a day", async () => {
    await api.post("/api/leads", lead("old"), keyed("old"));
    await api.post("/api/leads", lead("new"), keyed("new"));
    const age = (hours: number) =>
      app.store.sql(`UPDATE guanxi.idempotency SET created_at = now() - $1 * interval '1 h' WHERE key = 'old'`, [
        hours,
      ]);
    await age(23.9);
    expect((await api.post("/api/leads", lead("old"), keyed("old"))).headers.get("idempotency-replayed")).toBe("true");
    await age(24.1);
    expect(await app.store.registry.idempotency.sweep(24, 100)).toBe(1);
    expect(await app.store.registry.idempotency.sweep(24, 100)).toBe(0);
    expect((await api.post("/api/leads", lead("new"), keyed("new"))).headers.get("idempotency-replayed")).toBe("true");
    expect((await api.post("/api/leads", lead("other"), keyed("old"))).status).toBe(201);
    await age(24.1);
    // Free also before anybody has swept.
    expect((await api.post("/api/leads", lead("third"), keyed("old"))).status).toBe(201);
    expect(await named("old")).toHaveLength(1);
  });
});

describe("answers that are not kept", () => {
  test("a new API key is in no table, and not made twice", async () => {
    const request = () => api.post("/api/keys", { name: "spare" }, keyed("api-key"));
    const first = await request();
    expect(first.status).toBe(201);
    const { length } = (await api.get("/api/keys")).body.data;
    expect(await request()).toMatchObject(refusal(409, "ANSWER_LOST"));
    expect((await api.get("/api/keys")).body.data).toHaveLength(length);
    const [row] = await app.store.sql<{ text: string }>(
      `SELECT string_agg(i::text, '') AS text FROM guanxi.idempotency i`,
    );
    expect(row?.text).toContain("api-key");
    expect(row?.text).not.toContain(first.body.key.slice(-20));
  });

  test("over a megabyte: the repetition is told so and does nothing", async () => {
    const rows = Array.from({ length: 400 }, () => ({ ...lead("big"), description: "x".repeat(3_000) }));
    expect((await api.post("/api/leads", rows, keyed("big"))).status).toBe(200);
    const { result, changes } = await withChanges(app, () => api.post("/api/leads", rows, keyed("big")));
    expect(result).toMatchObject(refusal(409, "ANSWER_LOST"));
    expect(changes).toEqual([]);
  });
});

describe("a process that died", () => {
  test("after the write: the repetition is told what was written", async () => {
    const { id } = (await api.post("/api/leads", lead("written"), keyed("written"))).body;
    await forget("written");
    const { result, changes } = await withChanges(app, () =>
      other.as("admin").post("/api/leads", lead("written"), keyed("written")),
    );
    expect(result).toMatchObject(refusal(409, "ANSWER_LOST"));
    expect(result.body.detail).toContain(`/api/leads/${id}`);
    expect(changes).toEqual([]);
  });

  test("somewhere in a call that leaves no changes: nobody knows, and nothing is repeated", async () => {
    const body = { name: "unknown" };
    await api.post("/api/keys", body, keyed("unknown"));
    await forget("unknown");
    await app.store.sql("UPDATE guanxi.idempotency SET kept = true WHERE key = 'unknown'");
    const { length } = (await api.get("/api/keys")).body.data;
    const answer = await api.post("/api/keys", body, keyed("unknown"));
    expect(answer).toMatchObject(refusal(409, "ANSWER_LOST"));
    expect(answer.body.detail).toContain("not known");
    expect((await api.get("/api/keys")).body.data).toHaveLength(length);
  });

  /** A lease is twice this. */
  const statementTimeoutMs = 1_000;
  let server: ServerProcess | undefined;
  afterAll(() => server?.kill());

  /** Sends a write that waits for a lock, kills its server and holds the lock for `ms` more; → the fate of the request. */
  async function killWhileItWaits(company: string, ms: number): Promise<void> {
    server = await startServerProcess({
      DATABASE_URL: app.databaseUrl,
      GUANXI_OPERATOR_KEY: operatorKey,
      GUANXI_DB_CONNECTIONS: "2",
      GUANXI_STATEMENT_TIMEOUT_MS: String(statementTimeoutMs),
    });
    const there = createApi(fetch, app.keys["admin"], server.address);
    // Afterwards the statement is prepared, and PostgreSQL has all of it before it waits for the lock.
    await Promise.all(Array.from({ length: 6 }, () => there.post("/api/leads", lead("first"))));
    await app.store.transaction(async (tx) => {
      await tx.sql("LOCK TABLE t_demo.lead IN ACCESS EXCLUSIVE MODE");
      const lost = there.post("/api/leads", lead(company), keyed(company)).then(
        () => "answered",
        () => "lost",
      );
      await until("the write to wait for the lock", async () => {
        const waiting = await app.store.sql(
          `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%INSERT%lead%'`,
        );
        return waiting.length > 0;
      });
      await server?.kill();
      expect(await lost).toBe("lost");
      await new Promise((resolve) => setTimeout(resolve, ms));
    });
  }

  const repeat = (company: string) => api.post("/api/leads", lead(company), keyed(company));
  const afterTheLease = (company: string) =>
    until("the lease to end", async () => {
      const answer = await repeat(company);
      return answer.body.code === "GX-IN_FLIGHT" ? undefined : answer;
    });

  test("while PostgreSQL went on and stored the record: it is not stored twice", async () => {
    await killWhileItWaits("orphan", 0);
    expect(await repeat("orphan")).toMatchObject(refusal(409, "IN_FLIGHT"));
    const answer = await afterTheLease("orphan");
    const [only, ...more] = await named("orphan");
    expect(more).toEqual([]);
    expect(answer).toMatchObject(refusal(409, "ANSWER_LOST"));
    expect(answer.body.detail).toContain(`/api/leads/${only?.id}`);
  });

  test("before anything was stored: the repetition does it, once", async () => {
    await killWhileItWaits("undone", statementTimeoutMs * 1.2);
    const answer = await afterTheLease("undone");
    expect(answer.status).toBe(201);
    expect((await repeat("undone")).text).toBe(answer.text);
    expect(await named("undone")).toHaveLength(1);
  });
});

test("a request that lasts longer than a lease keeps its key", async () => {
  const hasty = await createTestApp({ on: app, parts: { statementTimeoutMs: 200 } });
  try {
    const session = await hasty.kernel.authenticate(app.keys["admin"] ?? "", "slow");
    const request = { key: "slow", digest: "d", traced: true };
    const begun = await hasty.kernel.idempotency.begin(session, request);
    if (!("claim" in begun)) throw new Error("the key is taken");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await expect(other.kernel.idempotency.begin(session, request)).rejects.toMatchObject({ code: "IN_FLIGHT" });
    await begun.claim.keep({ status: 201, headers: {}, body: "{}" });
    const again = await other.kernel.idempotency.begin(session, request);
    expect(again).toEqual({ answer: { status: 201, headers: {}, body: "{}" } });
  } finally {
    await hasty.close();
  }
});

test("a request that PostgreSQL broke off frees its key at once", async () => {
  const refused = await app.store.transaction(async (tx) => {
    await tx.sql("LOCK TABLE t_demo.lead IN ACCESS EXCLUSIVE MODE");
    const answer = api.post("/api/leads", lead("broken"), keyed("broken"));
    await until("the write to be ended", async () => {
      const ended = await app.store.sql(
        `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%INSERT%lead%'`,
      );
      return ended.length > 0;
    });
    return answer;
  });
  expect(refused.status).toBe(503);
  const again = await api.post("/api/leads", lead("broken"), keyed("broken"));
  expect(again.status).toBe(201);
  expect(again.headers.get("idempotency-replayed")).toBeNull();
  expect(await named("broken")).toHaveLength(1);
});
