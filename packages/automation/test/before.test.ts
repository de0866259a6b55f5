import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Node, type TenantOf, createDatabase, createNode, createTenant } from "./support.ts";

/** No worker here: before-scripts run in the process that writes. */
let database: Awaited<ReturnType<typeof createDatabase>>;
let node: Node;
let tenant: TenantOf & { user: string };

beforeAll(async () => {
  database = await createDatabase();
  node = await createNode(database.url);
  tenant = await createTenant(node);
});
afterAll(async () => {
  await node.close();
  await database.drop();
});
beforeEach(async () => {
  for (const { name } of (await tenant.call("GET", "/api/meta/workflows")).body.data)
    await tenant.call("DELETE", `/api/meta/workflows/${name}`);
});

const script = (body: string): string => `export default async ({ record, old, actor, crm }) => {\n${body}\n}`;

describe("before-scripts", () => {
  test("change the record, which is still checked in full", async () => {
    await tenant.publish("fill", {
      on: "before_create",
      script: script(
        "record.count = (record.count ?? 0) + 7; record.code ??= `${actor.name}-${record.title}`; const wrong = /** @type {any} */ (record); if (record.stage === 'bad') wrong.count = 'many'; if (record.stage === 'new') wrong.colour = 'red';",
      ),
    });
    expect(await tenant.create({ title: "a", amount: 123456789.12 })).toMatchObject({
      count: 7,
      code: "Ada-a",
      amount: 123456789.12,
    });
    await expect(tenant.create({ title: "b", stage: "bad" })).rejects.toMatchObject({
      code: "VALIDATION",
      issues: [{ path: "/count" }],
    });
    await expect(tenant.create({ title: "c", stage: "new" })).rejects.toMatchObject({
      code: "VALIDATION",
      issues: [{ path: "/colour" }],
    });
    expect(await tenant.list("title == 'b' || title == 'c'")).toHaveLength(0);
  });

  test("may fill in what is required", async () => {
    await tenant.publish("title", { on: "before_create", script: script("record.title ??= 'untitled';") });
    expect(await tenant.create({ count: 1 })).toMatchObject({ title: "untitled" });
  });

  test("see an update as it would be, and only what they change joins it", async () => {
    await tenant.publish("stamp", {
      on: "before_update",
      fields: ["stage"],
      script: script("record.code = `${old.stage}>${record.stage}`; delete record.amount;"),
    });
    const { id } = await tenant.create({ title: "u", stage: "x", amount: 5, closes: "2026-01-31" });
    expect(await tenant.update(id, { title: "same stage" })).toMatchObject({ amount: 5, version: 2 });
    expect(await tenant.update(id, { stage: "y" })).toMatchObject({
      code: "x>y",
      amount: null,
      closes: "2026-01-31",
      title: "same stage",
      version: 3,
    });
  });

  test("refuse in their own words, at the field", async () => {
    await tenant.publish("guard", {
      on: "before_create",
      script: script("if (record.title === 'forbidden') throw crm.refuse('不允许', 'title');"),
    });
    await expect(tenant.create({ title: "forbidden" })).rejects.toMatchObject({
      code: "REFUSED",
      status: 422,
      issues: [{ path: "/title", code: "refused", text: { en: "不允许" } }],
    });
    expect(await tenant.list("title == 'forbidden'")).toHaveLength(0);
    const rows = [{ title: "allowed" }, { title: "forbidden" }];
    await expect(node.kernel.records.createMany(await tenant.session(), "deal", rows)).rejects.toMatchObject({
      code: "REFUSED",
      issues: [{ path: "/1/title", code: "refused" }],
    });
    expect(await tenant.list("title == 'allowed'")).toHaveLength(0);
  });

  test("refuse a deletion", async () => {
    await tenant.publish("keep", {
      on: "before_delete",
      when: "stage == 'won'",
      script: script("throw crm.refuse('won deals stay');"),
    });
    const won = await tenant.create({ title: "w", stage: "won" });
    const lost = await tenant.create({ title: "l", stage: "lost" });
    await expect(node.kernel.records.delete(await tenant.session(), "deal", won.id)).rejects.toMatchObject({
      code: "REFUSED",
    });
    await expect(
      node.kernel.records.delete(await tenant.session(), "deal", won.id, { purge: true }),
    ).rejects.toMatchObject({ code: "REFUSED" });
    await node.kernel.records.delete(await tenant.session(), "deal", lost.id);
    expect(await tenant.list("title in ['w', 'l']")).toHaveLength(1);
  });

  test("run in their order, for each record of an array", async () => {
    await tenant.publish("second", { on: "before_create", order: 20, script: script("record.code += 'B';") });
    await tenant.publish("first", {
      on: "before_create",
      order: 10,
      script: script("record.code = record.title + 'A';"),
    });
    const answer = await node.kernel.records.createMany(await tenant.session(), "deal", [
      { title: "p" },
      { title: "q" },
      { title: "r" },
    ]);
    expect(JSON.parse(answer).data.map((d: { code: string }) => d.code)).toEqual(["pAB", "qAB", "rAB"]);
  });

  test("read on the write's own connection, and never write", async () => {
    await tenant.publish("count", {
      on: "before_create",
      when: "stage == 'counted'",
      script: script(`
        const deals = crm.records('deal');
        record.count = (await deals.find({ filter: "stage == 'counted'" })).length;
        try { await /** @type {any} */ (deals).create({ title: 'sneaked' }); } catch (e) { record.code = e.message; }`),
    });
    const answer = await node.kernel.records.createMany(await tenant.session(), "deal", [
      { title: "1", stage: "counted" },
    ]);
    expect(JSON.parse(answer).data[0]).toMatchObject({
      count: 0,
      code: "a before-script cannot ask for records.create",
    });
    expect(await tenant.list("title == 'sneaked'")).toHaveLength(0);
  });

  test.each([
    ["an exception", "const x = JSON.parse('{}').none.at;", /undefined/],
    ["an endless loop", "for (;;) {}", /limit|ms/i],
    ["too many calls", "for (let i = 0; i < 30; i++) await crm.records('deal').find({ limit: 1 });", /calls/],
    ["a wait", "await /** @type {any} */ (crm).sleep('1s');", /wait/],
  ])("%s refuses the write with the place", async (_, body, message) => {
    await tenant.publish("broken", { on: "before_create", script: script(body) });
    const error = await tenant.create({ title: "never" }).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toMatchObject({
      code: "SCRIPT",
      status: 422,
      issues: [{ code: "script", text: { en: expect.stringMatching(message) } }],
    });
    expect(await tenant.list("title == 'never'")).toHaveLength(0);
  });

  test("a bad query in a script does not end as an unexplained failure", async () => {
    await tenant.publish("bad_query", {
      on: "before_create",
      script: script(
        "try { await crm.records('deal').get('nonsense'); } catch {} try { await crm.records('deal').find({ filter: 'id == \"x\"' }); } catch {}",
      ),
    });
    const outcome = await tenant.create({ title: "q" }).catch((e: unknown) => e);
    if (outcome instanceof Error) expect(outcome).toMatchObject({ code: "QUERY" });
    else expect(outcome).toMatchObject({ title: "q" });
  });

  test("cost a write little", async () => {
    await tenant.publish("light", { on: "before_create", script: script("record.count = 1;") });
    await tenant.create({ title: "warm" });
    const times: number[] = [];
    for (let i = 0; i < 30; i++) {
      const started = performance.now();
      await tenant.create({ title: `t${i}` });
      times.push(performance.now() - started);
    }
    expect(times.toSorted((a, b) => a - b)[15]).toBeLessThan(100);
  });
});
