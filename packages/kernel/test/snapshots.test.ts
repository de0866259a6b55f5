import type { Connection, Store } from "@guanxi/store";
import { beforeEach, expect, test } from "vitest";
import { Vault } from "../src/encryption/vault.ts";
import { type Compiled, Snapshots } from "../src/snapshots.ts";
import type { Tenant } from "../src/types.ts";
import { type Core, Upgrades } from "../src/upgrade.ts";

/*
 * What is kept of tenants' metadata, and for how long. What stands in the database is a number here, and reading it ends when the test
 * says so; that it is read rightly is shown by the suites that have a database.
 */

let version: number;
let reading: (() => void)[];
let snapshots: Snapshots;

class Read extends Snapshots {
  override async compile(_: Connection, tenant: Tenant): Promise<Compiled> {
    const read = { tenant, snapshot: { version } } as Compiled;
    await new Promise<void>((done) => reading.push(done));
    return read;
  }
}

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** The version that a caller gets, every reading being let through. */
async function versionOf(tenant: string): Promise<number> {
  const asked = snapshots.get(tenant);
  await settle();
  for (const done of reading.splice(0)) done();
  return (await asked).snapshot.version;
}

beforeEach(() => {
  version = 1;
  reading = [];
  const row = { id: "a", name: "A", plugins: [], createdAt: "2026-01-01", ready: true };
  const store = {
    registry: { findTenant: async () => row },
    transaction: async (work: (tx: Connection) => Promise<unknown>) => work({} as Connection),
    // No tables: nothing is to be upgraded.
    sql: async () => [],
  } as unknown as Store;
  const observe = () => undefined;
  const core: Core = { level: 1, objects: [], younger: {} };
  const upgrades = new Upgrades({ store, components: [], core, plugins: [], vault: new Vault(undefined, 2), observe });
  const settle = async () => false;
  snapshots = new Read({
    store,
    observe,
    clock: { now: () => new Date() },
    upgrades,
    settle,
    parts: [],
    maxTenants: 2,
  });
});

test("what is kept is not read again, and the tenants asked last are kept", async () => {
  expect(await versionOf("a")).toBe(1);
  version = 2;
  expect([await versionOf("a"), await versionOf("b"), await versionOf("a")]).toEqual([1, 2, 1]);
  expect(await versionOf("c")).toBe(2);
  expect(snapshots.size).toBe(2);
  version = 3;
  expect([await versionOf("a"), await versionOf("b")], "b was asked longest ago").toEqual([1, 3]);
});

test.each([
  ["forget", () => snapshots.forget("a")],
  ["drop", () => snapshots.drop("a")],
  ["forgetAll", () => snapshots.forgetAll()],
])("%s: neither what is kept nor what is being read serves the next caller", async (_, forget) => {
  expect(await versionOf("a")).toBe(1);
  version = 2;
  forget();
  expect(await versionOf("a")).toBe(2);

  forget();
  const first = snapshots.get("a");
  await settle();
  const [old] = reading.splice(0);
  version = 3;
  forget();
  expect(await versionOf("a")).toBe(3);
  old?.();
  expect((await first).snapshot.version).toBe(2);
  expect(await versionOf("a"), "a reading that ends late is not kept").toBe(3);
});

test.each([
  ["forget", () => snapshots.forget("a")],
  ["forgetAll", () => snapshots.forgetAll()],
])("%s counts for a tenant that is being read for the first time", async (_, forget) => {
  const first = snapshots.get("a");
  await settle();
  version = 2;
  forget();
  for (const done of reading.splice(0)) done();
  expect((await first).snapshot.version).toBe(1);
  expect(await versionOf("a")).toBe(2);
});

test("those who ask at once share one reading", async () => {
  const asked = [snapshots.get("a"), snapshots.get("a")];
  await settle();
  expect(reading).toHaveLength(1);
  for (const done of reading.splice(0)) done();
  const [one, two] = await Promise.all(asked);
  expect(one).toBe(two);
});
