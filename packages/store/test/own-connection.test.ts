import { createStore, isDatabaseError, type Store } from "@guanxi/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSchema } from "./database.ts";

let store: Store;
let schema: string;
let close: () => Promise<void>;
let table: string;

beforeAll(async () => {
  ({ schema, close } = await openSchema());
  table = `${schema}.thing`;
  store = createStore({
    connection: process.env["GUANXI_TEST_DATABASE_URL"] ?? "",
    maxConnections: 2,
    statementTimeoutMs: 300,
    slowStatementMs: 60_000,
    observe: () => undefined,
  });
  await store.sql(`CREATE TABLE ${table} (id int PRIMARY KEY, name text CHECK (name <> 'bad'))`);
});
afterAll(async () => {
  await store.close();
  await close();
});

async function* lines(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
const into = (): string => `COPY ${table} (id, name) FROM STDIN`;
const count = async (): Promise<number> =>
  (await store.sql<{ n: number }>(`SELECT count(*)::int AS n FROM ${table}`))[0]?.n ?? -1;

test("rows go in and come out, more than a socket holds, and the connection goes on", async () => {
  const many = Array.from({ length: 40_000 }, (_, i) => `${i}\tname of ${i}\n`).join("");
  const out = await store.ownConnection(async (own) => {
    await own.copyIn(into(), lines(many.slice(0, 99_999), many.slice(99_999)));
    const chunks: Buffer[] = [];
    // Several times, since what a COPY leaves of its socket shows in the next statement.
    for (let i = 0; i < 3; i++) {
      chunks.length = 0;
      await own.copyOut(`COPY (SELECT * FROM ${table} ORDER BY id) TO STDOUT`, async (chunk) => {
        chunks.push(chunk);
        await new Promise((resolve) => setImmediate(resolve));
      });
      expect(await own.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
    return Buffer.concat(chunks).toString();
  });
  expect(out).toBe(many);
});

test("no limit of time holds for it", async () => {
  await expect(store.sql("SELECT pg_sleep(0.6)")).rejects.toThrow();
  await store.ownConnection((own) => own.sql("SELECT pg_sleep(0.6)"));
});

test("a row that is refused refuses them all, at whatever time PostgreSQL says so", async () => {
  const before = await count();
  await store.ownConnection(async (own) => {
    for (const rows of [["100001\tbad\n"], ["100001\tok\n", "100002\tbad\n"], ["not a number\tx\n"], ["0\ttwice\n"]]) {
      const error = await own.copyIn(into(), lines(...rows)).catch((e: unknown) => e);
      expect(isDatabaseError(error, "22", "23"), String(error)).toBe(true);
      expect(await own.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
  });
  expect(await count()).toBe(before);
});

test("rows whose source fails are not stored", async () => {
  const before = await count();
  async function* failing(): AsyncGenerator<Buffer> {
    yield Buffer.from("200001\tok\n");
    throw new Error("the source broke off");
  }
  await store.ownConnection(async (own) => {
    await expect(own.copyIn(into(), failing())).rejects.toThrow("the source broke off");
    expect(await own.sql("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });
  expect(await count()).toBe(before);
});

test("whoever takes no more rows ends the statement", async () => {
  await expect(
    store.ownConnection((own) =>
      own.copyOut(`COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT`, async () => {
        throw new Error("enough");
      }),
    ),
  ).rejects.toThrow("enough");
  const left = await store.sql(
    "SELECT FROM pg_stat_activity WHERE query LIKE 'COPY (SELECT repeat%' AND state = 'active'",
  );
  expect(left).toHaveLength(0);
});
