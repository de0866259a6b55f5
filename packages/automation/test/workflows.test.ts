import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Node, type TenantOf, createDatabase, createNode, createTenant, pause, until } from "./support.ts";

let database: Awaited<ReturnType<typeof createDatabase>>;
let node: Node;
let tenant: TenantOf & { user: string };

beforeAll(async () => {
  database = await createDatabase();
  node = await createNode(database.url);
  tenant = await createTenant(node);
  await node.startWorker();
});
afterAll(async () => {
  await node.close();
  await database.drop();
});

const script = (body: string): string => `export default async ({ record, old, actor, crm }) => {\n${body}\n}`;

describe("triggers", () => {
  test("created: runs once, with the record, and its write carries the cause", async () => {
    await tenant.publish("greet", {
      on: "created",
      when: "stage == 'greet'",
      script: script(
        "await crm.records('deal').update(record.id, { code: 'hello ' + actor.name }); crm.log('saw', record.title); return { old };",
      ),
    });
    const other = await tenant.create({ title: "other" });
    const record = await tenant.create({ title: "one", stage: "greet" });
    const run = await tenant.ended("greet");
    expect(run).toMatchObject({
      status: "succeeded",
      object: "deal",
      record: record.id,
      error: null,
      result: { old: null },
      cause: { request: "test", depth: 1 },
    });
    expect(run.log.map((l) => l.text)).toEqual(["saw one"]);
    expect(run.effects).toEqual([{ op: "update", object: "deal", record: record.id }]);
    expect((await tenant.list("stage == 'greet'"))[0]).toMatchObject({ code: "hello Ada", version: 2 });
    const history = JSON.parse(await node.kernel.records.history(await tenant.session(), "deal", record.id, {}));
    expect(history.data[0].cause).toMatchObject({ run: run.id, workflow: "greet", depth: 1 });
    await pause(100);
    expect(await tenant.runs("greet")).toHaveLength(1);
    expect((await tenant.list(`id == '${other.id}'`))[0]).toMatchObject({ version: 1 });
  });

  test("updated: only for the named fields, with the old record", async () => {
    await tenant.publish("moved", {
      on: "updated",
      fields: ["stage"],
      when: "old.stage == 'a' && stage == 'b'",
      script: script("return [old.stage, record.stage, old.title];"),
    });
    const { id } = await tenant.create({ title: "mover", stage: "a" });
    await tenant.update(id, { title: "moved" });
    await tenant.update(id, { stage: "b" });
    await tenant.update(id, { stage: "a" });
    const run = await tenant.ended("moved");
    expect(run.result).toEqual(["a", "b", "moved"]);
    await pause(100);
    expect(await tenant.runs("moved")).toHaveLength(1);
  });

  test("deleted: gets the record as it was", async () => {
    await tenant.publish("gone", { on: "deleted", script: script("return record.title;") });
    const { id } = await tenant.create({ title: "short life" });
    await node.kernel.records.delete(await tenant.session(), "deal", id);
    expect((await tenant.ended("gone")).result).toBe("short life");
    await node.kernel.records.delete(await tenant.session(), "deal", id, { purge: true });
    const live = await tenant.create({ title: "shorter" });
    await node.kernel.records.delete(await tenant.session(), "deal", live.id, { purge: true });
    const results = async () => (await tenant.runs("gone")).map((run) => run.status);
    await until(async () => (await results()).join() === "succeeded,succeeded");
    await pause(100);
    expect(await results()).toHaveLength(2);
    await node.kernel.retention.tidy(tenant.id);
    const changes = `SELECT FROM t_${tenant.id}._change WHERE data::text LIKE '%shorter%'`;
    expect(await node.kernel.store.sql(changes)).toEqual([]);
  });

  test("manual: starts by request only", async () => {
    await tenant.publish("by_hand", { on: "manual", script: script("return record.title + '!';") });
    const { id } = await tenant.create({ title: "press" });
    const { status, body } = await tenant.call("POST", "/api/workflows/by_hand/start", { record: id });
    expect(status).toBe(202);
    const run = await until(async () => {
      const r = await tenant.run(body.run);
      return r.ended_at ? r : undefined;
    });
    expect(run).toMatchObject({ status: "succeeded", result: "press!", record: id });
    expect(await tenant.runs("by_hand")).toHaveLength(1);
    await expect(tenant.call("POST", "/api/workflows/greet/start", { record: id })).rejects.toMatchObject({
      code: "CONFLICT",
    });
  });

  test("a new workflow does not run on older changes, an inactive one on none, and a deleted one on no later one", async () => {
    await tenant.create({ title: "before it", stage: "late" });
    await tenant.publish("late", { on: "created", when: "stage == 'late'", script: script("return record.title;") });
    await tenant.publish("asleep", { on: "created", active: false, script: script("") });
    await tenant.create({ title: "after it", stage: "late" });
    expect((await tenant.ended("late")).result).toBe("after it");
    await tenant.call("DELETE", "/api/meta/workflows/late");
    await tenant.create({ title: "too late", stage: "late" });
    await pause(150);
    expect(await tenant.runs("late")).toHaveLength(1);
    expect(await tenant.runs("asleep")).toHaveLength(0);
  });
});

describe("calls", () => {
  test("read, write, and refusals that a script can catch", async () => {
    await tenant.publish("calls", {
      on: "manual",
      script: script(`
        const deals = crm.records('deal');
        const made = await deals.create({ title: 'made', amount: 10.5, stage: 'calls' });
        const again = await deals.upsert('code', 'UP1', { title: 'upserted', stage: 'calls' });
        await deals.upsert('code', 'UP1', { title: 'twice' });
        const found = await deals.find({ filter: "stage == 'calls'", order: 'title', select: 'title', limit: 10 });
        const [sum] = await deals.aggregate({ metrics: 'count(),sum(amount)', filter: "stage == 'calls'" });
        await deals.delete(made.id);
        await deals.delete(made.id, { purge: true });
        const errors = [];
        const loose = /** @type {any} */ (deals);
        for (const attempt of [
          () => deals.get(made.id),
          () => loose.create({ amount: 'x' }),
          () => deals.find({ filter: 'nothing > 3' }),
          () => crm.records('noth' + 'ing').find(),
          () => loose.find({ colour: 'red' }),
          () => loose.delete(again.id, { purge: 'yes' }),
          () => deals.delete(made.id, { purge: true }),
        ]) try { await attempt(); errors.push('none') } catch (e) { errors.push([e instanceof Error, e.code, (e.errors ?? []).map((x) => x.path)]) }
        return { made: made.amount, again: again.title, found: found.map((d) => d.title), count: sum.count, errors, date: crm.date('+1d').length };`),
    });
    const { id } = await tenant.create({ title: "c" });
    const { body } = await tenant.call("POST", "/api/workflows/calls/start", { record: id });
    const run = await until(async () => {
      const r = await tenant.run(body.run);
      return r.ended_at ? r : undefined;
    });
    expect(run.error).toBeNull();
    expect(run.result).toMatchObject({ made: 10.5, again: "upserted", found: ["made", "twice"], count: 2, date: 10 });
    expect((run.result as { errors: unknown }).errors).toEqual([
      [true, "GX-NOT_FOUND", []],
      [true, "GX-VALIDATION", expect.arrayContaining(["/title"])],
      [true, "GX-QUERY", expect.anything()],
      [true, "GX-NOT_FOUND", []],
      [true, "GX-VALIDATION", ["/query/colour"]],
      [true, "GX-VALIDATION", ["/options/purge"]],
      [true, "GX-NOT_FOUND", []],
    ]);
    expect(run.effects.map((e) => e.op)).toEqual(["create", "upsert", "upsert", "delete", "delete"]);
    expect(run.cost).toMatchObject({ rowsWritten: 8, activations: 1 });
  });

  test("a failing script fails its run with the place, once, and the run can be tried again", async () => {
    await tenant.publish("fails", {
      on: "created",
      when: "stage == 'fails'",
      script: script("const x = JSON.parse('{}').nothing.more;"),
    });
    await tenant.create({ title: "f", stage: "fails" });
    const run = await tenant.ended("fails");
    expect(run).toMatchObject({
      status: "failed",
      attempts: 1,
      error: { code: "GX-SCRIPT", line: 2, message: expect.stringContaining("undefined") },
    });
    await tenant.publish("fails", { on: "created", when: "stage == 'fails'", script: script("return 'mended';") });
    await tenant.call("POST", `/api/runs/${run.id}/retry`, { latest: true });
    await until(async () => (await tenant.run(run.id)).status === "succeeded");
    expect((await tenant.run(run.id)).result).toBe("mended");
  });

  test("row limits end the run, whatever the script catches", async () => {
    const other = await createDatabase();
    const small = await createNode(other.url, { rowsWritten: 3 });
    const own = await createTenant(small);
    await small.startWorker();
    await own.publish("greedy", {
      on: "created",
      when: "stage == 'greedy'",
      script: script("for (let i = 0; i < 9; i++) try { await crm.records('deal').create({ title: 'x' }) } catch {}"),
    });
    await own.create({ title: "g", stage: "greedy" });
    const run = await own.ended("greedy");
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "GX-LIMIT", limit: { name: "rowsWritten", limit: 3, used: 4 } },
    });
    expect(await own.list("title == 'x'")).toHaveLength(3);
    await small.close();
    await other.drop();
  });
});

describe("chains", () => {
  test("a workflow that starts itself is stopped after 16 runs, visibly", async () => {
    await tenant.publish("loop", {
      on: "updated",
      fields: ["count"],
      script: script("await crm.records('deal').update(record.id, { count: record.count + 1 });"),
    });
    const { id } = await tenant.create({ title: "l", count: 0 });
    await tenant.update(id, { count: 1 });
    const stopped = await until(async () => (await tenant.runs("loop")).find((r) => r.status === "failed"));
    expect(stopped.error).toMatchObject({ code: "GX-LIMIT", message: expect.stringMatching(/16.*"loop"/) });
    expect(await tenant.runs("loop")).toHaveLength(17);
    await pause(100);
    expect((await tenant.list(`id == '${id}'`))[0]).toMatchObject({ count: 17 });
  });

  test("runs on one record start in the order of their events", async () => {
    await tenant.publish("ordered", {
      on: "updated",
      fields: ["amount"],
      script: script(
        "const d = await crm.records('deal').get(record.id); await crm.records('deal').update(record.id, { code: (d.code ?? '') + record.amount + ',' });",
      ),
    });
    const { id } = await tenant.create({ title: "o", amount: 0 });
    for (let i = 1; i <= 12; i++) await tenant.update(id, { amount: i });
    await until(async () => (await tenant.runs("ordered")).filter((r) => r.status === "succeeded").length === 12);
    expect((await tenant.list(`id == '${id}'`))[0]!.code).toBe("1,2,3,4,5,6,7,8,9,10,11,12,");
  });

  test("cancel ends a waiting run for good", async () => {
    await tenant.publish("cancelled", {
      on: "created",
      when: "stage == 'cancel'",
      script: script("await crm.sleep('400ms'); await crm.records('deal').create({ title: 'never' });"),
    });
    await tenant.create({ title: "c", stage: "cancel" });
    const waiting = await until(async () => (await tenant.runs("cancelled")).find((r) => r.status === "waiting"));
    await tenant.call("POST", `/api/runs/${waiting.id}/cancel`);
    await pause(800);
    expect(await tenant.run(waiting.id)).toMatchObject({ status: "cancelled" });
    expect(await tenant.list("title == 'never'")).toHaveLength(0);
  });
});
