import {
  automationTables,
  createAutomation,
  createQueue,
  scriptDeclarations,
  scriptPrelude,
  workflowsPart,
} from "@guanxi/automation";
import { noTracer, type Observe, type Tracer } from "@guanxi/base";
import { bulkTables, createBulk } from "@guanxi/bulk";
import { createKernel, type Kernel, type KernelOptions, type MasterSecrets } from "@guanxi/kernel";
import { createApp, createScriptTypes } from "@guanxi/rest";
import { salesPlugin } from "@guanxi/sales";
import { createSandbox } from "@guanxi/sandbox";
import { createStore, type Store, type StoreSettings } from "@guanxi/store";
import { createMetrics, type Metrics } from "./metrics.ts";

export interface Parts {
  readonly database: StoreSettings["connection"];
  readonly redisUrl?: string | undefined;
  readonly operatorKey: string;
  readonly masterSecrets?: MasterSecrets | undefined;
  readonly connections: number;
  readonly statementTimeoutMs: number;
  readonly slowStatementMs: number;
  readonly bodyLimitBytes: number;
  /** Whether a demo tenant is made, of whose keys the reference page tells. */
  readonly demo?: boolean;
  /** Where contents of files are kept. */
  readonly files: KernelOptions["files"];
  /** What tenants may have; the standard ones unless said. */
  readonly plugins?: KernelOptions["plugins"];
  readonly tenantsCached: number;
  /** Change sets of a tenant that can be taken back. */
  readonly changeSetsKept?: number;
  readonly changes?: KernelOptions["changes"];
  readonly sandboxes: number;
  /** Whether this process relays events and runs workflows. */
  readonly worker: boolean;
  /** Whether it serves the API. */
  readonly api: boolean;
  readonly observe: Observe;
  readonly tracer?: Tracer;
}

export interface Health {
  /** Whether all is well. */
  readonly ok: boolean;
  /** Whether the process does what others rely on it for: a server answers, also while its worker waits for a queue that is gone. */
  readonly ready: boolean;
  readonly checks: Record<string, string>;
}

export interface Composition {
  readonly app: ReturnType<typeof createApp>;
  readonly kernel: Kernel;
  readonly store: Store;
  /** Every check of this process by name: `ok`, or what is wrong. */
  health(): Promise<Health>;
  /** What the process counts, as Prometheus text. */
  metrics(): ReturnType<Metrics["read"]>;
  /** From now on the process is well if its parts are. */
  ready(): void;
  /** From now on it says that it is not, because it is about to end. */
  ending(): void;
  /** Drains and ends everything, in reverse order of its beginning. */
  close(): Promise<void>;
}

/** A process is made anew after this many runs, and killed beyond this much memory; one waits for the next tenant. */
const sandboxSettings = { runsPerChild: 1_000, rssLimitMb: 300, spareChildren: 1 };

/** What has to end when the process does. */
export class Endings {
  readonly #ends: (() => Promise<void>)[] = [];

  push(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  async run(): Promise<void> {
    const faults: unknown[] = [];
    for (const end of this.#ends.splice(0).reverse()) await end().catch((e: unknown) => faults.push(e));
    if (faults.length > 0) throw new AggregateError(faults, "Not everything stopped cleanly.");
  }
}

/** Joins the rooms on one database. When anything fails, what was begun is ended again. */
export async function compose(parts: Parts): Promise<Composition> {
  const endings = new Endings();
  try {
    return await join(parts, endings);
  } catch (e) {
    await endings.run().catch((error: unknown) => parts.observe({ kind: "background_failed", task: "stop", error }));
    throw e;
  }
}

async function join(parts: Parts, endings: Endings): Promise<Composition> {
  const { database, tracer = noTracer } = parts;
  const counted = createMetrics(parts.observe);
  const observe: Observe = (o) => {
    counted.observe(o);
    parts.observe(o);
  };
  const store = createStore({
    connection: database,
    maxConnections: parts.connections,
    statementTimeoutMs: parts.statementTimeoutMs,
    slowStatementMs: parts.slowStatementMs,
    observe,
    tracer,
  });
  endings.push(() => store.close());
  await store.registry.migrate();
  const kernel = await createKernel({
    store,
    files: parts.files,
    observe,
    plugins: parts.plugins ?? [salesPlugin],
    components: [automationTables, bulkTables],
    parts: [workflowsPart],
    masterSecrets: parts.masterSecrets,
    maxTenantsCached: parts.tenantsCached,
    ...(parts.changeSetsKept === undefined ? {} : { changeSetsKept: parts.changeSetsKept }),
    changes: parts.changes,
  });
  endings.push(() => kernel.close());
  const queue = createQueue({
    postgres: database,
    ...(parts.redisUrl ? { redisUrl: parts.redisUrl } : {}),
    observe,
  });
  endings.push(() => queue.close());
  const sandbox = createSandbox({ ...sandboxSettings, maxChildren: parts.sandboxes, prelude: scriptPrelude, observe });
  endings.push(() => sandbox.close());
  const automation = createAutomation({
    kernel,
    sandbox,
    queue,
    observe,
    tracer,
    scriptTypes: createScriptTypes(parts.tenantsCached),
  });
  kernel.hooks.register(automation.hook);
  const worker = parts.worker ? await automation.startWorker() : undefined;
  if (worker) endings.push(() => worker.stop());
  const bulk = createBulk({ kernel, observe, tracer });
  const importer = parts.worker ? await bulk.startWorker() : undefined;
  if (importer) endings.push(() => importer.stop());
  const tenants = async (): Promise<string[]> => (await kernel.tenants.list()).map(({ id }) => id);
  const sweeps = parts.worker
    ? [kernel.files.startSweep(), kernel.retention.startSweep(), kernel.metadata.startSweep(tenants)]
    : [];
  for (const sweep of sweeps) endings.push(() => sweep.stop());
  let phase: "start" | "ready" | "end" = "start";
  const health = async () => {
    const database = await store.sql("SELECT 1").then(
      () => "ok",
      () => "does not answer",
    );
    const work = worker?.health();
    const checks: Record<string, string> = {
      start: phase === "start" ? "is under way" : "ok",
      ...(phase === "end" ? { end: "is under way" } : {}),
      database,
      ...(work ? { worker: work.ok ? "ok" : "does not work" } : {}),
    };
    const faults = Object.keys(checks).filter((name) => checks[name] !== "ok");
    return { ok: faults.length === 0, ready: faults.every((name) => parts.api && name === "worker"), checks };
  };
  const metrics = () =>
    counted.read({
      pool: () => store.usage(),
      snapshotsCached: () => kernel.snapshotsCached(),
      sandbox: () => sandbox.stats(),
      queue: () => queue.backlog(),
    });
  const app = createApp({
    kernel,
    operatorKey: parts.operatorKey,
    routes: [...automation.routes, ...bulk.routes],
    scriptDeclarations,
    observe,
    tracer,
    health,
    metrics,
    settings: { bodyLimitBytes: parts.bodyLimitBytes, demo: parts.demo ?? false },
  });
  return {
    app,
    kernel,
    store,
    health,
    metrics,
    ready: () => void (phase = "ready"),
    ending: () => void (phase = "end"),
    close: () => endings.run(),
  };
}
