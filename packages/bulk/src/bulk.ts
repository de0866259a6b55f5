import { noTracer, type Observe, type Tracer } from "@guanxi/base";
import type { Kernel, Route } from "@guanxi/kernel";
import { mappingKind } from "./mapping/kind.ts";
import { createMappingStore } from "./mapping/store.ts";
import { exportRoute } from "./routes/export.ts";
import { importRoute } from "./routes/import.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { mappingRoutes } from "./routes/mappings.ts";
import { type BulkSettings, defaultSettings } from "./settings.ts";
import { type BulkWorker, startWorker } from "./worker.ts";

export interface BulkOptions {
  /** Made with `bulkTables` among its components. */
  readonly kernel: Kernel;
  readonly observe: Observe;
  readonly tracer?: Tracer;
  readonly settings?: Partial<BulkSettings>;
}

/** Imports and exports. Uploads are stored by whichever process takes them; any process with a worker imports them. */
export interface Bulk {
  readonly routes: readonly Route[];
  startWorker(): Promise<BulkWorker>;
}

export function createBulk({ kernel, observe, tracer = noTracer, settings: given }: BulkOptions): Bulk {
  const settings = { ...defaultSettings, ...given };
  const mappings = createMappingStore(kernel);
  kernel.metadata.register(mappingKind);
  return {
    routes: [
      importRoute(kernel, settings, mappings),
      exportRoute(kernel),
      ...jobRoutes(kernel),
      ...mappingRoutes(mappings),
    ],
    startWorker: () => startWorker({ kernel, settings, observe, tracer }),
  };
}
