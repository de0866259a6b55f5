export {
  type Automation,
  type AutomationOptions,
  type AutomationWorker,
  createAutomation,
  createWorkflowCheck,
  scriptPrelude,
} from "./automation.ts";
export { type QueueOptions, queuePlace } from "./queue/backend.ts";
export { createQueue } from "./queue/bullmq.ts";
export type { Queue, QueueBacklog, QueueJob, QueueWorker } from "./queue/queue.ts";
export type { RunStatus } from "./runs/run.ts";
export { type AutomationSettings, defaultSettings } from "./settings.ts";
export { automationTables } from "./tables.ts";
export type { ScriptTypes } from "./typecheck/check.ts";
export { scriptDeclarations } from "./typecheck/declarations.ts";
export type { Trigger, WorkflowDefinition } from "./workflows/definition.ts";
export { workflowSchema } from "./workflows/schema.ts";
export { workflowsPart } from "./workflows/part.ts";
export type { WorkerHealth } from "./worker.ts";
