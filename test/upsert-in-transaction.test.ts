import { isGuanxiError } from "@guanxi/base";
import { createTestApp, q, type TestApp } from "@guanxi/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { define } from "./support.ts";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await define(app, {
    name: "gauge",
    type: "object",
    properties: {
      code: { type: "string", unique: true },
      other: { type: "string", unique: true },
      n: { type: "integer" },
    },
  });
});
afterAll(() => app.close());

const session = async () => app.kernel.authenticate(app.keys["admin"] ?? "", "upserts");
const stored = async (code: string) =>
  (await app.as("admin").get(`/api/gauges${q({ filter: `code == '${code}'` })}`)).body.data as {
    n: number;
    version: number;
  }[];

test("in a transaction, an upsert that meets a rival's creation becomes a patch, and what the transaction did before stays", async () => {
  const [holds, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = app.kernel.transaction(await session(), async (inside) => {
    await app.kernel.records.upsert(inside, "gauge", "code", "race", { n: 1 });
    holds.resolve();
    await goOn.promise;
  });
  await holds.promise;
  const second = app.kernel.transaction(await session(), async (inside) => {
    await app.kernel.records.create(inside, "gauge", { code: "before", n: 0 });
    const answer = app.kernel.records.upsert(inside, "gauge", "code", "race", { n: 2 });
    // Long enough for its insert to wait for the rival's.
    setTimeout(() => goOn.resolve(), 200);
    return answer;
  });
  await first;
  expect((await second).created).toBe(false);
  expect(await stored("race")).toMatchObject([{ n: 2, version: 2 }]);
  expect(await stored("before")).toHaveLength(1);
});

test("a clash on another field is still a conflict, which the transaction may survive", async () => {
  await app.as("admin").post("/api/gauges", { code: "holder", other: "taken" });
  await app.kernel.transaction(await session(), async (inside) => {
    const refused = await app.kernel.records
      .upsert(inside, "gauge", "code", "new", { other: "taken" })
      .catch((e: unknown) => e);
    expect(isGuanxiError(refused, "CONFLICT")).toBe(true);
    await app.kernel.records.create(inside, "gauge", { code: "after" });
  });
  expect(await stored("new")).toEqual([]);
  expect(await stored("after")).toHaveLength(1);
});
