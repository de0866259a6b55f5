import { readFileSync } from "node:fs";
import { type Issue, type Locale, noTracer, type Observe, type Tracer } from "@guanxi/base";
import type { Hook, Kernel, Route, Session } from "@guanxi/kernel";
import type { Sandbox } from "@guanxi/sandbox";
import { createBeforeHook } from "./before.ts";
import type { Queue } from "./queue/queue.ts";
import { runRoutes } from "./routes/runs.ts";
import { workflowRoutes } from "./routes/workflows.ts";
import { type AutomationSettings, defaultSettings } from "./settings.ts";
import { type ScriptTypes, createTypeCheck } from "./typecheck/check.ts";
import { createCatalogue, workflowFaults, workflowKind } from "./workflows/publish.ts";
import { type Worker, type WorkerHealth, changesChannel, runsChannel, startWorker } from "./worker.ts";

/** What the sandbox must be created with for the scripts of workflows: an expression, hence without the semicolon of its file. */
export const scriptPrelude: string = readFileSync(new URL("./prelude.js", import.meta.url), "utf8").replace(
  /;\s*$/,
  "",
);

export interface AutomationOptions {
  /** Made with `automationTables` among its components and `workflowsPart` among its parts. */
  readonly kernel: Kernel;
  /** Made with `scriptPrelude`. */
  readonly sandbox: Sandbox;
  readonly queue: Queue;
  /** What scripts are checked against. */
  readonly scriptTypes: ScriptTypes;
  readonly settings?: Partial<AutomationSettings>;
  readonly observe: Observe;
  readonly tracer?: Tracer;
}

export interface AutomationWorker {
  /** Finishes what runs, gives back what does not end within `drainMs`. */
  stop(): Promise<void>;
  health(): WorkerHealth;
}

export interface Automation {
  /** Before-scripts; to be registered with the kernel in every process that writes records. */
  readonly hook: Hook;
  readonly routes: readonly Route[];
  /** Relays changes and works on runs in this process. Without it, changes are signalled to the processes that do. */
  startWorker(): Promise<AutomationWorker>;
}

/** Checks workflows as publishing does, types included, without a database. → their faults */
export function createWorkflowCheck(sandbox: Pick<Sandbox, "compile">, scriptTypes: ScriptTypes) {
  const tools = { compile: sandbox.compile, checkTypes: createTypeCheck(defaultSettings, scriptTypes) };
  return (session: Session, body: unknown, locale: Locale): Promise<readonly Issue[]> =>
    workflowFaults(session, body, locale, tools);
}

export function createAutomation(options: AutomationOptions): Automation {
  const { kernel, sandbox, queue, observe, tracer = noTracer } = options;
  const settings = { ...defaultSettings, ...options.settings };
  const checkTypes = createTypeCheck(settings, options.scriptTypes);
  const tools = { compile: sandbox.compile, checkTypes };
  const catalogue = createCatalogue(kernel, tools);
  kernel.metadata.register(workflowKind(tools));
  let worker: Worker | undefined;
  kernel.onCommitted((tenant) => (worker ? worker.signal(tenant) : kernel.store.signal(changesChannel, tenant)));
  // By the database and not by the queue, so that no request waits for it.
  const wake = (tenant: string): void => (worker ? worker.wake(tenant) : kernel.store.signal(runsChannel, tenant));
  return {
    hook: createBeforeHook(kernel, sandbox, settings, tracer),
    routes: [...workflowRoutes(catalogue), ...runRoutes(kernel, wake)],
    async startWorker() {
      const started = await startWorker({ kernel, sandbox, queue, settings, observe, tracer });
      worker = started;
      return {
        health: started.health,
        async stop() {
          worker = undefined;
          await started.stop();
        },
      };
    },
  };
}
