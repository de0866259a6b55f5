// What a tenant's compiled metadata costs: reads `{objects, fields, snapshots}` as JSON; needs --expose-gc.
import { json } from "node:stream/consumers";
import { compileSnapshot, parseDefinition, type Snapshot, storeDefinition } from "@guanxi/meta";
import { wideObject } from "./wide.ts";

export interface CompileCost {
  /** ms of compiling one, the median. */
  readonly ms: number;
  /** KB that one holds in memory. */
  readonly kb: number;
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
let id = 1;
const definitions = Array.from({ length: objects }, (_, i) => parseDefinition(wideObject(`object_${i}`, fields)));

/** Metadata as it comes from the database: nothing of it is shared by two tenants. */
const stored = definitions.map((definition) =>
  JSON.stringify(storeDefinition(undefined, definition, "tenant", () => id++)),
);
const compile = (): Snapshot =>
  compileSnapshot(
    settings,
    1,
    stored.map((text) => JSON.parse(text)),
  );

compile();
const collect = globalThis.gc;
if (!collect) throw new Error("start this with --expose-gc");
collect();
const before = process.memoryUsage().heapUsed;
const times: number[] = [];
const held: Snapshot[] = [];
for (let i = 0; i < snapshots; i++) {
  const started = performance.now();
  held.push(compile());
  times.push(performance.now() - started);
}
collect();
const kb = (process.memoryUsage().heapUsed - before) / 1_024 / held.length;
times.sort((a, b) => a - b);
process.stdout.write(JSON.stringify({ ms: times[Math.floor(times.length / 2)] ?? 0, kb } satisfies CompileCost));
