import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createFinisher } from "../src/runs/finish.ts";
import {
  type Node,
  type RunDetail,
  type TenantOf,
  createDatabase,
  createNode,
  createTenant,
  pause,
  tenantOn,
  until,
} from "./support.ts";

let database: Awaited<ReturnType<typeof createDatabase>>;
let node: Node;
/** Has no worker of its own until a test starts one. */
let writer: Node;
let tenant: TenantOf & { user: string };

beforeAll(async () => {
  database = await createDatabase();
  [node, writer] = [await createNode(database.url), await createNode(database.url)];
  tenant = await createTenant(writer);
});
afterAll(async () => {
  await node.close();
  await writer.close();
  await database.drop();
});

const script = (body: string): string => `export default async ({ record, old, actor, crm }) => {\n${body}\n}`;
const endOf = (id: string): Promise<RunDetail> =>
  until(async () => ((await tenant.run(id)).ended_at === null ? undefined : tenant.run(id)));

async function startManual(name: string, body: string, more: Record<string, unknown> = {}): Promise<string> {
  await tenant.publish(name, { on: "manual", script: script(body), ...more });
  const { id } = await tenant.create({ title: name });
  return (await tenant.call("POST", `/api/workflows/${name}/start`, { record: id })).body.run;
}

describe("versions", () => {
  test("a change starts the workflows of the metadata it was made under, however late it is relayed", async () => {
    await tenant.publish("then", { on: "created", when: "stage == 'v'", script: script("return 1;") });
    await tenant.create({ title: "one", stage: "v" });
    await tenant.publish("then", { on: "created", when: "stage == 'v'", script: script("return 2;") });
    await tenant.create({ title: "two", stage: "v" });
    await tenant.call("DELETE", "/api/meta/workflows/then");
    await tenant.create({ title: "three", stage: "v" });
    await tenant.publish("later", { on: "created", when: "stage == 'v'", script: script("return 3;") });
    await pause(50);
    expect(await tenant.runs("then")).toHaveLength(0);
    await node.startWorker();
    await until(async () => (await tenant.runs("then")).filter((run) => run.ended_at !== null).length === 2);
    const results = await Promise.all((await tenant.runs("then")).map(async ({ id }) => (await tenant.run(id)).result));
    expect(results.toSorted()).toEqual([1, 2]);
    expect(await tenant.runs("later")).toHaveLength(0);
  });

  test("a run keeps the version it began with", async () => {
    const id = await startManual("pinned", "await crm.sleep('600ms'); return 'old';");
    await until(async () => (await tenant.run(id)).status === "waiting");
    await tenant.publish("pinned", { on: "manual", script: script("await crm.sleep('600ms'); return 'new';") });
    expect(await endOf(id)).toMatchObject({ status: "succeeded", result: "old", workflow_version: 1 });
  });
});

describe("replay", () => {
  test("gives the same chance, time and answers again", async () => {
    const id = await startManual(
      "chance",
      `const first = [Math.random(), Date.now(), (await crm.records('deal').find({ limit: 500 })).length];
       await crm.records('deal').create({ title: JSON.stringify(first), stage: 'chance' });
       await crm.sleep('200ms');
       await crm.records('deal').create({ title: JSON.stringify(first), stage: 'chance' });
       return new Date().toISOString();`,
    );
    const run = await endOf(id);
    expect(run).toMatchObject({ status: "succeeded", cost: { activations: 2 } });
    const [a, b] = await tenant.list("stage == 'chance'");
    expect(a!.title).toBe(b!.title);
    expect(Date.parse(run.result as string)).toBeGreaterThan(JSON.parse(a!.title)[1]);
  });

  test("a retry asks the failed call again and no other", async () => {
    const id = await startManual(
      "again",
      "await crm.records('deal').create({ title: 'kept' }); await crm.records('deal').create({ title: 'clash', code: 'TAKEN' });",
    );
    const taken = await tenant.create({ title: "first", code: "TAKEN" });
    const failed = await endOf(id);
    if (failed.status === "succeeded") return expect.fail("the clash came too late");
    expect(failed).toMatchObject({ error: { code: "GX-CONFLICT", line: 2 } });
    await writer.kernel.records.update(await tenant.session(), "deal", taken.id, { code: null });
    await tenant.call("POST", `/api/runs/${id}/retry`);
    await until(async () => (await tenant.run(id)).status === "succeeded");
    expect(await tenant.list("title == 'kept'")).toHaveLength(1);
    expect(await tenant.list("title == 'clash'")).toHaveLength(1);
    await expect(tenant.call("POST", `/api/runs/${id}/retry`)).rejects.toMatchObject({ code: "CONFLICT" });
  });

  test("a newer version that takes another path fails with both calls shown", async () => {
    const id = await startManual(
      "path",
      "await crm.records('deal').create({ title: 'path' }); throw new Error('stop');",
    );
    await endOf(id);
    await tenant.publish("path", {
      on: "manual",
      script: script("await crm.records('deal').create({ title: 'other path' });"),
    });
    await tenant.call("POST", `/api/runs/${id}/retry`, { latest: true });
    const run = await until(async () => {
      const r = await tenant.run(id);
      return r.attempts === 2 && r.ended_at ? r : undefined;
    });
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "GX-REPLAY", message: expect.stringMatching(/path.*other path|other path.*path/s) },
    });
    expect(await tenant.list("title == 'other path'")).toHaveLength(0);
  });

  test("strings that a database minds survive the journal", async () => {
    const id = await startManual(
      "odd",
      "const text = 'a\\u0000b\\ud800'; crm.log(text); try { await crm.records('deal').get(text); } catch {} await crm.sleep('10ms'); return { text };",
    );
    const run = await endOf(id);
    expect(run).toMatchObject({ status: "succeeded", result: { text: "a\u0000b\ud800" } });
  });
});

describe("fences", () => {
  test("a run that is cancelled at work writes nothing more, and its journal tells all it wrote", async () => {
    const id = await startManual(
      "fenced",
      "for (let i = 0; i < 1000; i++) await crm.records('deal').create({ title: 'fenced', count: i });",
    );
    await until(async () => (await tenant.list("title == 'fenced'")).filter((d) => d.count !== null).length > 20);
    await tenant.call("POST", `/api/runs/${id}/cancel`);
    const made = async (): Promise<number> =>
      Number(
        (
          await writer.store.sql<{ n: number }>(
            `SELECT count(*)::int AS n FROM t_${tenant.id}.deal WHERE title = 'fenced' AND count IS NOT NULL`,
          )
        )[0]!.n,
      );
    const count = await made();
    await pause(300);
    expect(await made()).toBe(count);
    const run = await tenant.run(id);
    expect(run).toMatchObject({ status: "cancelled" });
    expect(run.effects).toHaveLength(count);
  });

  test("a run whose user is gone fails with the reason, and starts nothing", async () => {
    const admin = await tenant.session();
    const role = JSON.parse(
      (
        await writer.kernel.records.create(admin, "role", {
          name: "author",
          rights: { deal: ["create", "read", "edit", "delete"] },
          system_rights: ["edit_metadata"],
        })
      ).text,
    );
    const user = JSON.parse(
      (await writer.kernel.records.create(admin, "user", { name: "Author", email: "author@example.com" })).text,
    );
    await writer.kernel.records.create(admin, "user_role", { assignee: user.id, role: role.id });
    const author = tenantOn(writer, tenant.id, user.id);
    await author.publish("orphan", {
      on: "created",
      when: "stage == 'orphan'",
      script: script("await crm.records('deal').create({ title: 'orphaned' });"),
    });
    await expect(author.publish("mighty", { on: "created", as: "system", script: script("") })).rejects.toMatchObject({
      code: "FORBIDDEN",
    });
    await tenant.create({ title: "o", stage: "orphan" });
    expect(await tenant.ended("orphan")).toMatchObject({ status: "succeeded" });
    const [made] = await tenant.list("title == 'orphaned'");
    expect(made!.created_by).toBe(user.id);
    await writer.kernel.records.update(admin, "user", user.id, { active: false });
    const { id: record } = await tenant.create({ title: "o2", stage: "orphan" });
    const run = await until(async () =>
      (await tenant.runs("orphan")).find((r) => r.record === record && r.ended_at !== null),
    );
    expect(run).toMatchObject({ status: "failed", error: { code: "GX-UNAUTHENTICATED" } });
    expect(await tenant.list("title == 'orphaned'")).toHaveLength(1);
    const late = await createNode(database.url);
    await late.startWorker();
    await tenant.create({ title: "o3", stage: "orphan" });
    await until(async () => (await tenant.runs("orphan")).filter((r) => r.status === "failed").length === 2);
    await late.close();
  });

  test("an end that cannot be stored fails its own run and leaves the others", async () => {
    const ids = [await startManual("sound", "return 1;", { active: true }), await startManual("sound", "return 1;")];
    await Promise.all(ids.map(endOf));
    const schema = `t_${tenant.id}`;
    await writer.store.sql(
      `UPDATE ${schema}._run SET status = 'running', lease_until = now() + interval '1 min' WHERE id IN ($1, $2)`,
      ids,
    );
    const finisher = createFinisher(writer.store, tenant.id, 1);
    const end = {
      attempt: 1,
      status: "succeeded",
      due: null,
      fault: false,
      error: null,
      cost: null,
      log: null,
      entries: [],
    } as const;
    await Promise.all([
      finisher.add({ ...end, id: ids[0]!, result: "{" }),
      finisher.add({ ...end, id: ids[1]!, result: "2" }),
    ]);
    expect(await tenant.run(ids[0]!)).toMatchObject({ status: "failed", error: { code: "GX-INTERNAL" } });
    expect(await tenant.run(ids[1]!)).toMatchObject({ status: "succeeded", result: 2 });
  });
});

describe("the script's tools", () => {
  test("dates are those of the tenant's calendar, at the run's clock", async () => {
    const id = await startManual(
      "dates",
      "return ['', '+0d', '+1d', '-1w', '+1m', '+1y'].map((offset) => crm.date(offset || undefined)).concat(crm.now());",
    );
    const { result, started_at } = (await endOf(id)) as RunDetail & { result: string[] };
    const local = (ms: number): string => new Intl.DateTimeFormat("sv", { timeZone: "Asia/Shanghai" }).format(ms);
    const now = Date.parse(started_at!);
    const day = 86_400_000;
    expect(result.slice(0, 4)).toEqual([local(now), local(now), local(now + day), local(now - 7 * day)]);
    expect(result[4]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(Number(result[5]!.slice(0, 4))).toBe(Number(local(now).slice(0, 4)) + 1);
    expect(Date.parse(result[6]!)).toBe(now);
  });

  test("a script that bends the language's own objects changes nothing but itself", async () => {
    const id = await startManual(
      "bent",
      `const { Promise, Object, Array, JSON, RegExp, Date } = /** @type {any} */ (globalThis);
       const all = /** @type {any} */ (crm);
       const tries = [
         () => { Promise.prototype.then = () => 1; }, () => { Object.prototype.get = () => 1; }, () => { Array.prototype[Symbol.iterator] = () => 1; },
         () => { JSON.stringify = () => 'x'; }, () => { RegExp.prototype.exec = () => ['', '9', 'd']; }, () => { Date.prototype.toISOString = () => 'x'; },
         () => { all.records = () => 1; }, () => { all.extra = 1; },
       ];
       for (const attempt of tries) try { attempt(); } catch {}
       const made = await crm.records('deal').create({ title: 'straight' });
       return [made.title, typeof all.extra, crm.date('+1d').length];`,
    );
    expect(await endOf(id)).toMatchObject({ status: "succeeded", result: ["straight", "undefined", 10] });
  });
});
