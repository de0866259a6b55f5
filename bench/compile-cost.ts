// What a tenant's compiled metadata costs: reads `{objects, fields, snapshots}` as JSON; needs --expose-gc.
import { json } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { compileSnapshot, loadSnapshot, parseDefinition, type Snapshot, storeDefinition } from "@guanxi/meta";
import { median } from "./measure.ts";
import { wideObject } from "./wide.ts";

export interface CompileCost {
  /** ms of compiling and checking definitions that nobody has seen, the median. */
  readonly ms: number;
  /** The same of loading stored ones, and of what an object's first use adds. */
  readonly loadMs: number;
  readonly firstUseMs: number;
  /** KB that a tenant holds whose objects and fields are called as no other's: when one of its objects is used, and all. */
  readonly kb: number;
  readonly allUsedKb: number;
  /** KB of a further tenant with the objects of others, all used. */
  readonly sameKb: number;
}

const { objects, fields, snapshots } = (await json(process.stdin)) as {
  objects: number;
  fields: number;
  snapshots: number;
};
const settings = {
  tenant: "bench",
  schema: "t_bench",
  locale: "en",
  timeZone: "UTC",
  currency: "USD",
  country: "US",
  fiscalYearStart: 1,
} as const;

/** A tenant's objects, each named after `tenant`, and so its fields. */
function stored(tenant: string) {
  let id = 1;
  return Array.from({ length: objects }, (_, i) =>
    storeDefinition(
      undefined,
      parseDefinition(wideObject(`${tenant}_${i}`, fields, `${tenant}_${i}_`)),
      "tenant",
      () => id++,
    ),
  );
}

/** As the database gives it: texts that nobody else holds. */
const texts = (tenant: string): string[] => stored(tenant).map((object) => JSON.stringify(object));
const use = (snapshot: Snapshot, count: number): unknown[] =>
  [...snapshot.objects.values()].slice(0, count).map((object) => [object.fields, object.rules]);

/** ms that `work` takes for each tenant, the median; `keep` holds its results. */
function timed<T>(tenants: readonly T[], work: (tenant: T, n: number) => void): number {
  return median(
    tenants.map((tenant, n) => {
      const started = performance.now();
      work(tenant, n);
      return performance.now() - started;
    }),
  );
}

const collect = globalThis.gc;
if (!collect) throw new Error("start this with --expose-gc");
/** What is held weakly lives until the current job ends, and what it leaves behind until a later one: hence some rounds. */
async function heapKb(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await setImmediate();
    collect?.();
  }
  return process.memoryUsage().heapUsed / 1_024;
}

const tenants = (prefix: string): string[] => Array.from({ length: snapshots }, (_, n) => `${prefix}${n}`);
/** KB that each of `snapshots` tenants holds, of which `count` objects were used. */
async function memory(make: (n: number) => readonly string[], count: number): Promise<number> {
  const before = await heapKb();
  const held = tenants("").map((_, n) => loadSnapshot(settings, 1, make(n)));
  for (const snapshot of held) use(snapshot, count);
  return ((await heapKb()) - before) / held.length;
}

compileSnapshot(settings, 1, stored("warm"));
const ms = timed(tenants("new").map(stored), (definitions) => compileSnapshot(settings, 1, definitions));
const loaded: Snapshot[] = [];
const loadMs = timed(tenants("load").map(texts), (each) => loaded.push(loadSnapshot(settings, 1, each)));
const firstUseMs = timed(loaded, (snapshot) => use(snapshot, 1));
const kb = await memory((n) => texts(`one${n}`), 1);
const allUsedKb = await memory((n) => texts(`all${n}`), objects);
const shared = loadSnapshot(settings, 1, texts("same"));
use(shared, objects);
const sameKb = await memory(() => texts("same"), objects);
// The first of them must be there while the others are counted.
if (shared.objects.size !== objects) throw new Error("objects are missing");
process.stdout.write(JSON.stringify({ ms, loadMs, firstUseMs, kb, allUsedKb, sameKb } satisfies CompileCost));
