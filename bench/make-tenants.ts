// Makes tenants of 30 objects each: reads `{url, from, to}` as JSON, answers their keys and how long one took, in ms.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { automationTables, workflowsPart } from "@guanxi/automation";
import { bulkTables } from "@guanxi/bulk";
import { coreObjects, createKernel, type Plugin } from "@guanxi/kernel";
import { salesPlugin } from "@guanxi/sales";
import { createStore } from "@guanxi/store";
import { wideObject } from "./wide.ts";

export interface MadeTenants {
  readonly keys: readonly string[];
  readonly msEach: number;
}

const objectsEach = 30;
const ownFields = 12;
const missing = objectsEach - coreObjects.length - salesPlugin.objects.length;
const plugin: Plugin = {
  name: "bench",
  version: "1.0.0",
  objects: Array.from({ length: missing }, (_, i) => wideObject(`extra_${i}`, ownFields)),
};
/** The API's process gives a statement less time; a tenant's tables come in one transaction. */
const statementTimeoutMs = 60_000;

const { url, from, to } = (await json(process.stdin)) as { url: string; from: number; to: number };
const store = createStore({
  connection: url,
  maxConnections: 2,
  statementTimeoutMs,
  slowStatementMs: statementTimeoutMs,
  observe: () => {},
});
await store.registry.migrate();
const kernel = await createKernel({
  store,
  files: { folder: join(tmpdir(), "guanxi-bench-no-files") },
  observe: () => {},
  plugins: [salesPlugin, plugin],
  components: [automationTables, bulkTables],
  parts: [workflowsPart],
  maxTenantsCached: 10,
});
const keys: string[] = [];
const started = performance.now();
for (let n = from; n < to; n++) {
  const id = `many${n}`;
  const admin = { email: "admin@bench.example", name: "Administrator" };
  keys.push((await kernel.tenants.create({ id, name: id, admin, plugins: ["sales", "bench"] })).admin.key);
}
const msEach = (performance.now() - started) / Math.max(1, keys.length);
await kernel.close();
await store.close();
process.stdout.write(JSON.stringify({ keys, msEach } satisfies MadeTenants));
