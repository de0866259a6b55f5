// Amounts in several currencies: each with its own, added up at dated rates or apart, never mixed.
import { createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { body, define, hire, ids, pathsOf, problem } from "./support.ts";

let app: TestApp;
const admin = () => app.as("admin");
const path = "/api/deals";
const totals = async (parameters: Record<string, string>, as = admin()) =>
  body(await as.get(`${path}/aggregate${q(parameters)}`), 200).data;

const deal = {
  name: "deal",
  type: "object",
  sharing: "read",
  multiCurrency: true,
  currencyDate: "closed",
  properties: {
    name: { type: "string" },
    stage: { enum: ["open", "won"], default: "open" },
    amount: { fieldType: "currency", title: "Amount", titles: { "zh-CN": "金额" } },
    closed: { type: "string", format: "date" },
  },
  rules: [{ name: "no_yen", when: "amount_currency == 'JPY'", at: "amount_currency", message: "No yen" }],
};
const rates: readonly [string, string, number][] = [
  ["USD", "2026-01-01", 7.1],
  ["USD", "2026-03-01", 6.9],
  ["EUR", "2026-01-01", 7.8],
];

beforeAll(async () => {
  app = await createTestApp();
  await define(app, deal);
  await define(app, { name: "step", type: "object", properties: { deal: { fieldType: "reference", target: "deal" } } });
});
afterAll(() => app.close());

describe("an amount", () => {
  test("is in the tenant's currency unless it says otherwise, and says so", async () => {
    const made = body(await admin().post(path, { name: "ours", amount: 100 }), 201);
    expect(made).toMatchObject({ amount: 100, amount_currency: "CNY" });
    expect(Object.keys(made).indexOf("amount_currency")).toBe(Object.keys(made).indexOf("amount") + 1);
    const dollars = body(await admin().post(path, { name: "theirs", amount: 5, amount_currency: " usd" }), 201);
    expect(dollars).toMatchObject({ amount: 5, amount_currency: "USD" });
    const patched = body(await admin().patch(`${path}/${dollars.id}`, { amount: 6 }), 200);
    expect(patched).toMatchObject({ amount: 6, amount_currency: "USD" });
    const history = body(await admin().get(`${path}/${dollars.id}/history`), 200).data;
    expect(history[0].changes).toEqual({ amount: { from: 5, to: 6 } });
    expect(
      body(await admin().get(`${path}${q({ filter: "amount_currency == 'USD'", select: "name" })}`), 200).data,
    ).toMatchObject([{ name: "theirs" }]);
    await admin().delete(`${path}/${made.id}`);
    await admin().delete(`${path}/${dollars.id}`);
  });

  test("has a currency that exists, and rules may ask for it", async () => {
    const refused = async (value: unknown) =>
      body(await admin().post(path, { name: "x", amount: 1, amount_currency: value }), 422).errors;
    expect(await refused("RBM")).toEqual([expect.objectContaining({ path: "/amount_currency", code: "format" })]);
    expect(await refused(null)).toEqual([expect.objectContaining({ path: "/amount_currency", code: "required" })]);
    expect(await refused("JPY")).toEqual([expect.objectContaining({ path: "/amount_currency", code: "rule" })]);
  });

  test("is described with its currency, which no new record has to bring", async () => {
    const { components } = body(await admin().get("/api/openapi.json"), 200);
    const created = components.schemas["deal.create"];
    expect(created.properties.amount_currency).toMatchObject({ type: "string", format: "currency-code" });
    expect(created.required ?? []).not.toContain("amount_currency");
  });
});

describe("totals", () => {
  beforeAll(async () => {
    const rows = [
      { name: "a", amount: 0.1, stage: "won", closed: "2026-02-01" },
      { name: "b", amount: 10.05, amount_currency: "USD", stage: "won", closed: "2026-02-28" },
      { name: "c", amount: 10.05, amount_currency: "USD", stage: "won", closed: "2026-03-01" },
      { name: "d", amount: 3.33, amount_currency: "EUR", stage: "open", closed: "2026-06-01" },
      { name: "e", amount: null, amount_currency: "GBP", stage: "open", closed: null },
    ];
    const made = ids(await admin().post(path, rows));
    await admin().post("/api/steps", [{ deal: made[1] }, { deal: made[2] }, {}]);
  });

  test("are refused where a rate is missing, also behind a condition on them", async () => {
    for (const parameters of [
      { metrics: "sum(amount)" },
      { group: "stage", metrics: "sum(amount)", having: "sum_amount > 1000000" },
      { group: "stage", metrics: "max(amount)", limit: "1", order: "-stage" },
    ]) {
      const answer = await admin().get(`${path}/aggregate${q(parameters)}`);
      problem(answer, 409, "CONFLICT");
      const { detail } = answer.body;
      expect(detail).toMatch(/exchange rate to CNY for .*USD.*exchange_rates, or group by the currency/);
      // Who has no amount needs no rate.
      expect(detail).not.toContain("GBP");
    }
  });

  test("of each currency by itself need no rate", async () => {
    expect(await totals({ group: "amount_currency", metrics: "sum(amount),count()" })).toEqual([
      { amount_currency: "CNY", sum_amount: 0.1, count: 1 },
      { amount_currency: "EUR", sum_amount: 3.33, count: 1 },
      { amount_currency: "GBP", sum_amount: 0, count: 1 },
      { amount_currency: "USD", sum_amount: 20.1, count: 2 },
    ]);
    expect(await totals({ metrics: "count(amount),count_distinct(amount)" })).toEqual([
      { count_amount: 4, count_distinct_amount: 3 },
    ]);
  });

  test("are exact in the tenant's currency, at the rate of each record's day", async () => {
    const rows = rates.map(([currency, valid_from, rate]) => ({ currency, valid_from, rate }));
    expect((await admin().post("/api/exchange_rates", rows)).status).toBe(200);
    // 0.1 + 10.05 × 7.1 + 10.05 × 6.9 = 140.8; 3.33 × 7.8 = 25.974.
    expect(await totals({ group: "stage", metrics: "sum(amount),avg(amount),min(amount),max(amount)" })).toEqual([
      { stage: "open", sum_amount: 25.97, avg_amount: 25.974, min_amount: 25.97, max_amount: 25.97 },
      { stage: "won", sum_amount: 140.8, avg_amount: 46.933333, min_amount: 0.1, max_amount: 71.36 },
    ]);
    // Rounded once: the sum of the rounded would be 140.81.
    expect(await totals({ metrics: "sum(amount)", filter: "stage == 'won'" })).toEqual([{ sum_amount: 140.8 }]);
    expect(await totals({ group: "stage", metrics: "sum(amount)", having: "sum_amount > 100" })).toEqual([
      { stage: "won", sum_amount: 140.8 },
    ]);
    const walked = await admin().get(`/api/steps/aggregate${q({ metrics: "sum(deal.amount),count()" })}`);
    expect(body(walked, 200).data).toEqual([{ sum_deal_amount: 140.7, count: 3 }]);
  });

  test("are the same for who may not change rates, and follow them", async () => {
    const before = await totals({ metrics: "sum(amount)" });
    const reader = await hire(app, "reader", { rights: { deal: ["read"] } });
    expect(await totals({ metrics: "sum(amount)" }, reader.api)).toEqual(before);
    const rate = { currency: "CHF", rate: 9, valid_from: "2026-01-01" };
    problem(await reader.api.post("/api/exchange_rates", rate), 403, "FORBIDDEN");
    const [euro] = body(await admin().get(`/api/exchange_rates${q({ filter: "currency == 'EUR'" })}`), 200).data;
    await admin().delete(`/api/exchange_rates/${euro.id}`);
    const without = await admin().get(`${path}/aggregate${q({ metrics: "sum(amount)" })}`);
    expect(body(without, 409).detail).toContain("EUR");
    await admin().post(`/api/exchange_rates/${euro.id}/restore`);
    expect(await totals({ metrics: "sum(amount)" })).toEqual(before);
  });

  test("of random amounts are what exact arithmetic gives", async () => {
    await define(app, {
      name: "sum",
      type: "object",
      multiCurrency: true,
      properties: { amount: { fieldType: "currency", scale: 4, precision: 15 } },
    });
    const codes = ["CNY", "USD", "EUR"];
    let seed = 20260101;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    const rows = Array.from({ length: 200 }, () => ({
      amount: (random(2_000_000) - 1_000_000) / 10_000,
      amount_currency: codes[random(3)] as string,
    }));
    expect((await admin().post("/api/sums", rows)).status).toBe(200);
    // Created today: the newest rates, in ten-thousandths times tenths.
    const rate: Record<string, bigint> = { CNY: 10n, USD: 69n, EUR: 78n };
    const exact = rows.reduce(
      (sum, r) => sum + BigInt(Math.round(r.amount * 10_000)) * (rate[r.amount_currency] as bigint),
      0n,
    );
    const rounded = Number((exact + (exact < 0n ? -5n : 5n)) / 10n) / 10_000;
    const [row] = body(await admin().get(`/api/sums/aggregate${q({ metrics: "sum(amount)" })}`), 200).data;
    expect(row.sum_amount).toBe(rounded);
  });
});

describe("a definition", () => {
  const offer = {
    name: "offer",
    type: "object",
    properties: { price: { fieldType: "currency" }, note: { type: "string" } },
  };
  const put = (definition: { name: string }, query = "") =>
    admin().put(`/api/meta/objects/${definition.name}${query}`, definition);

  test("takes several currencies up: what is there is in the tenant's, and stays so through a rename", async () => {
    await define(app, offer);
    const { id } = body(await admin().post("/api/offers", { price: 12 }), 201);
    await define(app, { ...offer, multiCurrency: true });
    expect(body(await admin().get(`/api/offers/${id}`), 200)).toMatchObject({ price: 12, price_currency: "CNY" });
    await admin().patch(`/api/offers/${id}`, { price_currency: "EUR" });
    const properties = { cost: { fieldType: "currency", was: "price" }, note: { type: "string" } };
    await define(app, { ...offer, properties, multiCurrency: true });
    const renamed = body(await admin().get(`/api/offers/${id}`), 200);
    expect(renamed).toMatchObject({ cost: 12, cost_currency: "EUR" });
    expect(renamed).not.toHaveProperty("price_currency");
  });

  test("that gives them up must say that the codes may go", async () => {
    const single = { ...offer, properties: { cost: { fieldType: "currency" }, note: { type: "string" } } };
    const refused = await put(single);
    problem(refused, 409, "DATA_LOSS");
    expect(refused.text).toContain("drop:offer.cost_currency");
    expect((await put(single, "?allow=drop:offer.cost_currency")).status).toBe(200);
    expect(body(await admin().get("/api/offers"), 200).data[0]).not.toHaveProperty("cost_currency");
  });

  test("is refused where names or the date do not fit", async () => {
    const clash = { ...offer, name: "clash", multiCurrency: true };
    const at = async (definition: { name: string }) => {
      const answer = await put(definition);
      expect(answer.status, answer.text).toBe(422);
      return pathsOf(answer);
    };
    expect(
      await at({ ...clash, properties: { ...offer.properties, price_currency: { type: "string" } } } as never),
    ).toEqual(["/properties/price_currency"]);
    expect(await at({ ...clash, currencyDate: "note" } as never)).toEqual(["/currencyDate"]);
    expect(await at({ ...clash, currencyDate: "nothing" } as never)).toEqual(["/currencyDate"]);
    expect(await at({ ...offer, name: "clash", currencyDate: "created_at", nothing: 1 } as never)).toEqual([
      "/nothing",
    ]);
  });
});
