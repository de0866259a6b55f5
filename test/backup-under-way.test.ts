// Backups, restores and copies while something goes on: writers, changes of definitions, runs, imports, a kill.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Api, createTestApp, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body } from "./support.ts";
import { download, makeTenant, pack, places, restore, ticket, unpack } from "./support/backups.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.close());
const operator = () => app.as("operator");

const remove = async (id: string): Promise<void> =>
  void expect((await operator().delete(`/platform/tenants/${id}`)).status).toBe(204);

// oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape
const list = async (api: Api, path: string): Promise<any[]> => body(await api.get(path), 200).data;

describe("while others write", () => {
  /** Until `done`, `work` again and again; → how often. */
  async function meanwhile(work: () => Promise<void>, done: Promise<unknown>): Promise<number> {
    let over = false;
    let times = 0;
    const end = done.finally(() => (over = true));
    end.catch(() => undefined);
    while (!over) {
      await work();
      times++;
    }
    await end;
    return times;
  }

  test("no backup sees half of a transaction", async () => {
    const api = await makeTenant(app, "bank");
    body(await api.put("/api/meta/objects/ticket", ticket), 201);
    const opening = Array.from({ length: 20 }, (_, i) => ({ title: `account ${i}`, amount: 100 }));
    const accounts = body(await api.post("/api/tickets", opening), 200).data as { id: string }[];
    const balances = accounts.map(() => 100);
    async function move(): Promise<void> {
      const [from, to] = [0, 0].map(() => Math.floor(Math.random() * accounts.length)) as [number, number];
      if (from === to) return;
      balances[from] = (balances[from] ?? 0) - 1;
      balances[to] = (balances[to] ?? 0) + 1;
      const patches = [from, to].map((i) => ({ id: accounts[i]?.id, amount: balances[i] }));
      body(await api.patch("/api/tickets", patches), 200);
    }
    const files: Buffer[] = [];
    const taken = (async () => {
      for (let i = 0; i < 6; i++) files.push(await download(app, "/platform/tenants/bank/backup"));
    })();
    expect(await meanwhile(move, taken)).toBeGreaterThan(3);
    for (const file of files) {
      const [made] = body(await restore(app, file, "?as=bankcopy"), 201).tenants;
      const found = await list(app.as(made.admin.key), "/api/tickets?limit=500");
      expect(found.reduce((sum, t) => sum + t.amount, 0)).toBe(2_000);
      // A record and its last change are of one moment.
      const [torn] = await app.store.sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM t_bankcopy.ticket t
         WHERE t.version <> (SELECT max(c.version) FROM t_bankcopy._change c WHERE c.record = t.id)`,
      );
      expect(torn?.n).toBe(0);
      await remove("bankcopy");
    }
  });

  test("definitions may change between its tables' turns; every backup has tables that match its definitions", async () => {
    const api = await makeTenant(app, "shifting");
    body(await api.put("/api/meta/objects/ticket", ticket), 201);
    body(await api.post("/api/tickets", [{ title: "one" }, { title: "two" }]), 200);
    let field = 0;
    async function redefine(): Promise<void> {
      const extra = { [`extra_${++field}`]: field % 2 ? { type: "string", default: "x" } : { type: "integer" } };
      const answer = await api.put("/api/meta/objects/ticket?allow=drop:ticket.extra_" + (field - 1), {
        ...ticket,
        properties: { ...ticket.properties, ...extra },
      });
      expect([200, 503], answer.text).toContain(answer.status);
    }
    // Whoever changes definitions without a pause may keep a backup waiting for longer than its patience.
    async function copy(id: string): Promise<{ admin: { key: string } }> {
      const answer = await operator().post("/platform/tenants/shifting/copy", { id });
      return answer.status === 503 ? copy(id) : body(answer, 201);
    }
    const taken = (async () => {
      for (let i = 0; i < 5; i++) {
        const made = await copy(`shifted${i}`);
        expect(await list(app.as(made.admin.key), "/api/tickets")).toHaveLength(2);
      }
    })();
    expect(await meanwhile(redefine, taken)).toBeGreaterThan(2);
  });
});

test("a tenant whose tables somebody holds goes at once, and its id when they let go", async () => {
  const hasty = await createTestApp({ on: app, parts: { statementTimeoutMs: 500 } });
  try {
    await makeTenant(app, "held");
    const api = hasty.as("operator");
    await app.store.transaction(async (tx) => {
      await tx.sql('LOCK TABLE t_held."user" IN ACCESS SHARE MODE');
      expect((await api.delete("/platform/tenants/held")).status).toBe(503);
      expect((await api.get("/platform/tenants/held")).status).toBe(404);
      expect((await api.post("/platform/tenants", { id: "held", admin: { email: "a@example.com" } })).status).toBe(409);
    });
    expect((await api.delete("/platform/tenants/held")).status).toBe(204);
    expect((await places(app)).filter((name) => name.includes("held"))).toEqual([]);
  } finally {
    await hasty.close();
  }
});

describe("what was under way", () => {
  const sleeper = {
    name: "sleeper",
    object: "ticket",
    on: "created",
    when: "title == 'start'",
    script: `export default async ({ crm }) => {
      await crm.records('ticket').create({ title: 'before' });
      await crm.sleep('6s');
      await crm.records('ticket').create({ title: 'after' });
    };`,
  };
  const titles = async (api: Api): Promise<string[]> =>
    (await list(api, "/api/tickets?limit=500")).map((t) => t.title as string).toSorted();

  test("goes on under the same id, and does not in a copy", async () => {
    const worker = await createTestApp({ on: app, worker: true });
    try {
      const api = await makeTenant(app, "runner");
      body(await api.put("/api/meta/objects/ticket", ticket), 201);
      body(await api.put("/api/meta/workflows/sleeper", sleeper), 201);
      body(await api.post("/api/tickets", { title: "start" }), 201);
      await until("the wait", async () => (await list(api, "/api/runs"))[0]?.status === "waiting");
      const file = await download(app, "/platform/tenants/runner/backup");
      await remove("runner");
      const [copy] = body(await restore(app, file, "?as=runnercopy"), 201).tenants;
      body(await restore(app, file), 201);
      const [same] = await until("the run to end", async () => {
        const runs = await list(api, "/api/runs");
        return runs[0]?.ended_at ? runs : undefined;
      });
      expect(same).toMatchObject({ status: "succeeded" });
      expect(await titles(api)).toEqual(["after", "before", "start"]);
      const copied = app.as(copy.admin.key);
      expect(await list(copied, "/api/runs")).toMatchObject([
        { status: "cancelled", error: { code: "GX-CONFLICT", message: expect.stringContaining("runner") } },
      ]);
      expect(await titles(copied)).toEqual(["before", "start"]);
      // Who runs workflows knows the restored ones from those of the same number that were there before.
      const say = (word: string) => ({
        ...{ name: "sayer", object: "ticket", on: "created", when: "title == 'say'" },
        script: `export default async ({ crm }) => { await crm.records('ticket').create({ title: '${word}' }); };`,
      });
      body(await api.put("/api/meta/workflows/sayer", say("old")), 201);
      body(await api.post("/api/tickets", { title: "say" }), 201);
      await until("the old script", async () => (await titles(api)).includes("old"));
      await remove("runner");
      body(await restore(app, file), 201);
      body(await api.put("/api/meta/workflows/sayer", say("new")), 201);
      body(await api.post("/api/tickets", { title: "say" }), 201);
      await until("the new script", async () => (await titles(api)).includes("new"));
      expect(await titles(api)).not.toContain("old");
    } finally {
      await worker.close();
    }
  });

  test("changes and imports that wait: kept, or done with in a copy", async () => {
    const api = await makeTenant(app, "waiting");
    body(await api.put("/api/meta/objects/ticket", ticket), 201);
    body(await api.put("/api/meta/workflows/sleeper", sleeper), 201);
    body(await api.post("/api/tickets", { title: "start" }), 201);
    const csv = { "content-type": "text/csv", "accept-language": "zh-CN" };
    const job = body(await api.post("/api/import/tickets", "title,code\nimported,i1\n", csv), 202).id as string;
    const copy = body(await operator().post("/platform/tenants/waiting/copy", { id: "waitingcopy" }), 201);
    const file = await download(app, "/platform/tenants/waiting/backup");
    await remove("waiting");
    body(await restore(app, file), 201);
    const state = async (tenant: string): Promise<unknown> =>
      (
        await app.store.sql(
          `SELECT (SELECT count(*)::int FROM t_${tenant}._change WHERE NOT dispatched) AS undispatched,
             (SELECT count(*)::int FROM t_${tenant}._job_chunk) AS chunks,
             (SELECT count(*) - count(DISTINCT pos) = 0 AND max(pos) = (SELECT pos FROM t_${tenant}._feed) FROM t_${tenant}._change WHERE dispatched) AS positions`,
        )
      )[0];
    expect(await state("waiting")).toMatchObject({ undispatched: expect.any(Number), chunks: 1 });
    expect(((await state("waiting")) as { undispatched: number }).undispatched).toBeGreaterThan(0);
    expect(await state("waitingcopy")).toEqual({ undispatched: 0, chunks: 0, positions: true });
    const copied = app.as(copy.admin.key);
    expect(body(await copied.get(`/api/jobs/${job}`), 200)).toMatchObject({
      status: "cancelled",
      error: {
        code: "GX-CONFLICT",
        title: "与现有数据冲突",
        detail: "此租户是副本：任务在原租户 waiting 中继续进行。",
      },
    });
    const worker = await createTestApp({ on: app, worker: true });
    try {
      await until("the import", async () => body(await api.get(`/api/jobs/${job}`), 200).status === "finished");
      await until("the run", async () => (await titles(api)).includes("before"));
      expect(await titles(copied)).toEqual(["start"]);
      expect(await list(copied, "/api/runs")).toEqual([]);
    } finally {
      await worker.close();
    }
  });
});

describe("a process that is killed in the middle of a restore", () => {
  const children = new Set<ChildProcess>();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "guanxi-backup-"));
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  test("leaves no tenant, and its id is free", async () => {
    const pieces = unpack(await download(app, "/platform/tenants/demo/backup"));
    const half = join(folder, "half.guanxi");
    await writeFile(half, pack(pieces.slice(0, -20)));
    const script = fileURLToPath(new URL("./support/backup-child.ts", import.meta.url));
    const child = spawn(process.execPath, [script, "stuck", app.databaseUrl, half, "demo", "killed"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    children.add(child);
    const leads = `to_regclass('guanxi_restore_killed.lead')`;
    await until(
      "the restore to be under way",
      async () => (await app.store.sql<{ there: boolean }>(`SELECT ${leads} IS NOT NULL AS there`))[0]?.there,
      30_000,
    );
    const free = await places(app);
    expect(free).not.toContain("tenant killed");
    expect((await operator().get("/platform/tenants/killed")).status).toBe(404);
    child.kill("SIGKILL");
    await once(child, "exit");
    // The next start removes what is left, as soon as PostgreSQL has noticed.
    await until("the remains to go", async () => {
      await (await createTestApp({ on: app })).close();
      return !(await places(app)).some((name) => name.includes("restore"));
    });
    const [made] = body(await restore(app, pack(pieces), "?as=killed"), 201).tenants;
    expect(await list(app.as(made.admin.key), "/api/leads")).toEqual(await list(app.as("admin"), "/api/leads"));
  });
});
