// What the agency relies on. Run it by `node --test` beside a server: see the README.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Actor, makeTenant, until } from "./tenant.ts";

let tenant: Awaited<ReturnType<typeof makeTenant>>;
let admin: Actor;
let marcus: Actor;
before(async () => {
  tenant = await makeTenant();
  admin = tenant.admin;
  marcus = await tenant.as("marcus.feng@agency.example");
});
after(() => tenant?.remove());

/** A home of Marcus' that is on the market. */
async function listed(name: string) {
  const area = await admin.crm.area.getBy("code", "SH-ZJ");
  const seller = await marcus.crm.client.create({ name: "唐宁", kinds: ["seller"], phone: "138 0013 8000" });
  return marcus.crm.property.create({
    ...{ name, city: "shanghai", district: "pudong", area: area.id, price: 8_000_000, rooms: 3, floor_area: 100 },
    ...{ seller: seller.id, status: "listed", address: { street: "祖冲之路1号" }, listed_on: "2025-05-01" },
  });
}
const buyer = (name: string) =>
  marcus.crm.client.create({ name, kinds: ["buyer"], email: "buyer@mail.example", budget: 9_000_000 });
const day = 24 * 60 * 60 * 1000;
const ago = (days: number): string => new Date(Date.now() - days * day).toISOString();

test("the seed is in, and its totals are those of its rows", async () => {
  const [held] = await admin.crm.viewing.aggregate({ metrics: ["count()"], filter: (f) => f.outcome.ne("cancelled") });
  const [best] = await admin.crm.offer.aggregate({
    metrics: ["max(amount)"],
    filter: (f) => f.status.oneOf(["open", "accepted"]),
  });
  const [all] = await admin.crm.property.aggregate({ metrics: ["count()", "sum(viewings)", "max(best_offer)"] });
  assert.deepEqual(all, { count: 60, sum_viewings: held?.count, max_best_offer: best?.max_amount });
  for await (const area of admin.crm.area.all({ select: ["code", "on_market", "asked"] })) {
    const [own] = await admin.crm.property.aggregate({
      metrics: ["count()", "sum(price)"],
      filter: (f) => f.area.eq(area.id).and(f.status.oneOf(["listed", "under_offer"])),
    });
    assert.deepEqual([area.on_market, area.asked], [own?.count, own?.sum_price], area.code);
  }
});

test("what is on the market has a seller, said in the reader's language", async () => {
  const { id } = await listed("唐宁家");
  const faults = await marcus.refused("PATCH", `/api/properties/${id}`, { seller: null, listed_on: null });
  assert.deepEqual(Object.keys(faults).toSorted(), ["listed_on", "seller"]);
  const home = { name: "x", kinds: ["buyer"], budget: 1 };
  for (const [language, says] of [
    ["en", "A client needs a phone number or an e-mail address"],
    ["zh-CN", "客户必须有电话或电子邮箱"],
    ["zh-TW", "客戶必須有電話或電子郵件"],
  ] as const)
    assert.deepEqual(await marcus.refused("POST", "/api/clients", home, language), { phone: says });
});

test("a property goes its way step by step, and its price does not fall off a cliff", async () => {
  const { id } = await listed("步步高");
  const path = `/api/properties/${id}`;
  assert.deepEqual(Object.keys(await marcus.refused("PATCH", path, { status: "sold" })), ["status"]);
  const early = await marcus.refused("PATCH", path, { status: "under_offer" });
  assert.deepEqual(early, { status: "There is no open or accepted offer for this property" });
  assert.deepEqual(Object.keys(await marcus.refused("PATCH", path, { price: 6_399_999 })), ["price"]);
  assert.equal((await marcus.crm.property.update(id, { price: 6_400_000 })).price_per_sqm, 64_000);
});

test("a district is one of its city, and a shop has a use where a home has rooms", async () => {
  const area = await admin.crm.area.getBy("code", "SH-ZJ");
  const shop = { name: "x", city: "shanghai", area: area.id, price: 1, record_type: "commercial" };
  const faults = await marcus.refused("POST", "/api/properties", { ...shop, district: "xihu", features: ["garden"] });
  assert.deepEqual(Object.keys(faults).toSorted(), ["district", "features", "floor_area", "use"]);
  const home = { ...shop, record_type: "residential", district: "pudong", use: "shop" };
  const wrong = await marcus.refused("POST", "/api/properties", home);
  assert.deepEqual(wrong, { rooms: "is required", use: "A home has no commercial use" });
});

test("an agent sees their own, a manager the office's, the back office everything", async () => {
  const { id } = await listed("只有我看");
  const [colleague, manager, elsewhere, office] = await Promise.all([
    tenant.as("yizhou.lu@agency.example"),
    tenant.as("ruolan.shen@agency.example"),
    tenant.as("helena.brandt@agency.example"),
    tenant.as("huimin.fang@agency.example"),
  ]);
  const path = `/api/properties/${id}`;
  for (const other of [colleague, elsewhere]) await other.call("GET", path, 404);
  for (const other of [marcus, manager, office]) assert.equal((await other.crm.property.get(id)).name, "只有我看");
  await manager.crm.property.update(id, { name: "我们都看" });
  await office.call("PATCH", path, 403, { name: "x" });
  assert.equal((await marcus.crm.property.get(id)).owner, (await marcus.call("GET", "/api/me", 200)).user.id);
});

test("an identity number is read by the back office alone", async () => {
  const office = await tenant.as("huimin.fang@agency.example");
  const number = "310101199003078888";
  const kinds = ["buyer" as const];
  const { id, id_number } = await marcus.crm.client.create({
    name: "钱多",
    kinds,
    phone: "13900139000",
    id_number: number,
  });
  assert.match(id_number ?? "", /^•+8888$/);
  const path = `/api/clients/${id}/reveal`;
  await marcus.call("POST", path, 403, { fields: ["id_number"] });
  assert.equal((await office.call("POST", path, 200, { fields: ["id_number"] })).id_number, number);
});

test("what is no longer on the market is not shown; who came is called the day after", async () => {
  const [home, visitor] = [await listed("看一看"), await buyer("孙看看")];
  const viewing = { property: home.id, visitor: visitor.id };
  const past = await marcus.crm.viewing.create({ ...viewing, starts_at: ago(3) });
  const fresh = await marcus.crm.viewing.create({ ...viewing, starts_at: ago(0.01) });
  assert.equal((await marcus.crm.viewing.get(past.id)).in_budget, true);
  for (const { id } of [past, fresh]) await marcus.crm.viewing.update(id, { outcome: "held", interest: 4 });
  const { data } = await until("a follow-up", async () => {
    const found = await marcus.crm.follow_up.list({ filter: (f) => f.property.eq(home.id) });
    return found.data.length > 0 ? found : undefined;
  });
  assert.deepEqual(
    data.map(({ subject }) => subject),
    ["孙看看: 看一看?"],
  );
  const waiting = await until("the other run to wait", async () => {
    const runs = await admin.call("GET", `/api/runs?workflow=viewing_follow_up&record=${fresh.id}&status=waiting`, 200);
    return runs.data[0];
  });
  const due = Date.parse(waiting.due_at) - Date.now();
  assert.ok(due > 0.9 * day && due < day, waiting.due_at);
  await marcus.crm.property.update(home.id, { status: "withdrawn" });
  const refused = await marcus.refused("POST", "/api/viewings", { ...viewing, starts_at: ago(-1) });
  assert.deepEqual(refused, { property: "This property is not on the market, so it cannot be shown." });
});

test("from an offer to the commission", async () => {
  const [home, first, second] = [await listed("成交"), await buyer("李一"), await buyer("周二")];
  const offer = { property: home.id, made_on: "2025-06-01" };
  const low = await marcus.crm.offer.create({ ...offer, buyer: first.id, amount: 7_200_000 });
  const high = await marcus.crm.offer.create({ ...offer, buyer: second.id, amount: 7_600_000 });
  const asked = await marcus.crm.property.get(home.id);
  assert.deepEqual([asked.offers, asked.best_offer, asked.best_of_asking], [2, 7_600_000, 95]);
  await marcus.crm.offer.update(high.id, { status: "accepted" });
  await until("the other offer to be rejected", async () =>
    (await marcus.crm.offer.get(low.id)).status === "rejected" ? true : undefined,
  );
  assert.equal((await marcus.crm.property.get(home.id)).status, "under_offer");

  const sale = await marcus.crm.sale.create({ property: home.id, buyer: second.id, offer: high.id, price: 7_600_000 });
  assert.equal(sale.commission, 152_000);
  const path = `/api/sales/${sale.id}`;
  assert.deepEqual(Object.keys(await marcus.refused("PATCH", path, { status: "signed" })).toSorted(), [
    "contract",
    "signed_on",
  ]);
  const pdf = new Blob(["%PDF-1.7\n%%EOF\n"], { type: "application/pdf" });
  const contract = await marcus.upload(pdf, { name: "合同.pdf" });
  await marcus.crm.sale.update(sale.id, { status: "signed", signed_on: "2025-06-20", contract: contract.id });
  assert.deepEqual(Object.keys(await marcus.refused("PATCH", path, { price: 1 })), ["price"]);
  const unshared = await marcus.refused("PATCH", path, { status: "completed" });
  assert.deepEqual(unshared, { status: "The shares of the commission must come to 100 %" });

  const office = await tenant.as("huimin.fang@agency.example");
  for (const [email, share] of [
    ["marcus.feng@agency.example", 70],
    ["ruolan.shen@agency.example", 30],
  ] as const) {
    const agent = await admin.crm.user.getBy("email", email);
    await office.crm.commission.create({ sale: sale.id, agent: agent.id, share });
  }
  const { data } = await office.crm.commission.list({ filter: (f) => f.sale.eq(sale.id), order: ["-share"] });
  assert.deepEqual(
    data.map(({ amount }) => amount),
    [106_400, 45_600],
  );
  await office.crm.sale.update(sale.id, { status: "completed" });
  await until("the property to be sold", async () =>
    (await marcus.crm.property.get(home.id)).status === "sold" ? true : undefined,
  );
  await marcus.call("DELETE", `/api/properties/${home.id}`, 403);
});
