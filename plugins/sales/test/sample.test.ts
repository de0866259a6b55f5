import { describe, expect, test } from "vitest";
import { loadSample, salesSample, sampleValues } from "../src/index.ts";
import { installedSnapshot, objectOf } from "./snapshot.ts";

const snapshot = installedSnapshot();
const uuid = (n: number) => `01890000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const reps = ["rep_a1", "rep_a2", "rep_b1", "rep_b2"];
const users = new Map(reps.map((name, i) => [name, uuid(i + 1)]));

type Values = readonly Record<string, unknown>[];

/** Loads into a list, giving ids as a server would. */
async function loaded(now: Date): Promise<{ object: string; values: Values }[]> {
  const calls: { object: string; values: Values }[] = [];
  let last = 1000;
  await loadSample(users, now, async (object, values) => {
    calls.push({ object, values });
    return values.map(() => uuid(++last));
  });
  return calls;
}

describe.each(["2026-03-01T00:10:00Z", "2027-12-31T23:50:00Z"])("loaded at %s", async (at) => {
  const now = new Date(at);
  const calls = await loaded(now);
  const of = (object: string) => calls.filter((c) => c.object === object).flatMap((c) => c.values);

  test.each(salesSample.map((set, i) => [`${set.object} (set ${i + 1})`, i] as const))(
    "%s: every record is valid",
    (_, i) => {
      const { object: name, values } = calls[i] ?? { object: "", values: [] };
      const object = objectOf(snapshot, name);
      expect(values.length).toBeGreaterThan(0);
      for (const value of values) {
        const prepared = object.prepareCreate(value, { now });
        expect(prepared.issues, JSON.stringify(value)).toEqual([]);
        expect(object.brokenRules(prepared.value, null, { now, user: {} }), JSON.stringify(value)).toEqual([]);
      }
    },
  );

  test("open deals lie ahead, closed ones behind", () => {
    const today = at.slice(0, 10);
    for (const { stage, close_date: date } of of("opportunity")) {
      if (stage === "won" || stage === "lost") expect(String(date) < today).toBe(true);
      else if (date !== undefined) expect(String(date) > today).toBe(true);
    }
  });

  test("nothing has happened in the future", () => {
    for (const { at: time } of of("activity")) expect(Date.parse(String(time))).toBeLessThan(now.getTime());
  });
});

test("is the same each time", async () => {
  const now = new Date("2026-03-01T00:10:00Z");
  expect(await loaded(now)).toEqual(await loaded(now));
});

test("each salesperson has something of everything", async () => {
  const calls = await loaded(new Date("2026-03-01T00:10:00Z"));
  for (const object of ["account", "contact", "lead", "opportunity", "task", "activity"]) {
    const owners = calls.filter((c) => c.object === object).flatMap((c) => c.values.map((v) => v["owner"]));
    expect(new Set(owners), object).toEqual(new Set(users.values()));
  }
});

test("an opportunity is worth what its lines add up to", async () => {
  const calls = await loaded(new Date("2026-03-01T00:10:00Z"));
  const sums = new Map<unknown, number>();
  for (const line of calls.find((c) => c.object === "opportunity_product")?.values ?? []) {
    sums.set(line["opportunity"], (sums.get(line["opportunity"]) ?? 0) + Number(line["amount"]));
  }
  const opportunities = calls.findIndex((c) => c.object === "opportunity");
  const deals = calls[opportunities]?.values ?? [];
  expect(deals.length).toBeGreaterThan(0);
  const before = calls.slice(0, opportunities).reduce((n, c) => n + c.values.length, 0);
  const worth = deals.map((deal, i) => [deal["amount"], sums.get(uuid(1001 + before + i))] as const);
  for (const [amount, sum] of worth) expect(amount).toBe(sum);
  expect(worth.filter(([amount]) => amount !== undefined)).toHaveLength(sums.size);
  expect(sums.size).toBeGreaterThan(0);
});

test("a reference to nothing and an unknown owner are errors", () => {
  const context = { now: new Date(), users, ids: new Map<string, string>() };
  expect(() => sampleValues({ object: "contact", records: [{ last_name: "x", account: "@nobody" }] }, context)).toThrow(
    /"nobody"/,
  );
  expect(() => sampleValues({ object: "contact", records: [{ last_name: "x", owner: "rep_c9" }] }, context)).toThrow(
    /"rep_c9"/,
  );
});

test("a loader that loses a record is noticed", async () => {
  await expect(loadSample(users, new Date(), async (_, values) => values.slice(1).map(() => uuid(1)))).rejects.toThrow(
    /records of account/,
  );
});
